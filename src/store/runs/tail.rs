//! The latest that a log says, as JSON: for people and other tools, while it is still written too.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::LOG;
use super::frame::{self, HEAD, Kind, MOST};
use super::log::HEADER;
use crate::store::StoreError;

/// A line of JSON for each of the latest frames, in their order: `{"sample":{…}}`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// What was counted: numbers of our own.
    pub intervals: Vec<u8>,
    /// Everything else, the texts of the target among it.
    pub others: Vec<u8>,
    /// Frames before them.
    pub left_out: usize,
}

/// The latest frames of the log in a folder, `most` bytes of either kind. Only what is kept is read and
/// unpacked, however long the log is. A log that is not there has none.
///
/// # Errors
/// When it cannot be read.
pub fn tail(dir: &Path, most: usize) -> Result<Tail, StoreError> {
    let path = dir.join(LOG);
    let mut log = match File::open(&path) {
        Ok(log) => log,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Tail::default()),
        Err(e) => return Err(StoreError::io("read", &path)(e)),
    };
    let places = places(&mut log).map_err(StoreError::io("read", &path))?;
    let mut lines: Vec<(Kind, Vec<u8>)> = Vec::new();
    let (mut of_intervals, mut of_others) = (0, 0);
    let mut left_out = 0;
    for (place, length) in places.into_iter().rev() {
        if of_intervals >= most && of_others >= most {
            left_out += 1;
            continue;
        }
        let mut bytes = vec![0; length];
        log.seek(SeekFrom::Start(place))
            .and_then(|_| log.read_exact(&mut bytes))
            .map_err(StoreError::io("read", &path))?;
        let whole = frame::split(&bytes).map_err(|broken| broken.reason().to_owned());
        let unpacked = whole.and_then(|whole| whole.unpack());
        // What is torn is at the end, and still being written.
        let Ok((kind, json)) = unpacked else { continue };
        let size = if kind == Kind::Interval {
            &mut of_intervals
        } else {
            &mut of_others
        };
        if *size + json.len() > most {
            *size = most;
            left_out += 1;
            continue;
        }
        *size += json.len();
        lines.push((kind, json));
    }
    let mut tail = Tail {
        left_out,
        ..Tail::default()
    };
    for (kind, json) in lines.into_iter().rev() {
        let text = match kind {
            Kind::Interval => &mut tail.intervals,
            _ => &mut tail.others,
        };
        text.extend_from_slice(format!("{{\"{}\":", kind.name()).as_bytes());
        text.extend_from_slice(&json);
        text.extend_from_slice(b"}\n");
    }
    Ok(tail)
}

/// Where frames begin, and how long they are.
fn places(log: &mut File) -> std::io::Result<Vec<(u64, usize)>> {
    let end = log.metadata()?.len();
    let mut at = HEADER as u64;
    let mut places = Vec::new();
    while at + HEAD as u64 <= end {
        let mut length = [0; 4];
        log.seek(SeekFrom::Start(at))?;
        log.read_exact(&mut length)?;
        let payload = u32::from_le_bytes(length) as usize;
        let length = HEAD + payload;
        if payload > MOST || at + length as u64 > end {
            break;
        }
        places.push((at, length));
        at += length as u64;
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::super::{Frame, RunWriter};
    use super::*;
    use crate::store::sample;

    #[test]
    fn the_latest_frames_are_lines_of_json() {
        let root = tempfile::tempdir().expect("a folder");
        let mut run = RunWriter::create(root.path(), &sample::manifest()).expect("creates");
        assert_eq!(tail(run.dir(), 1000).expect("reads"), Tail::default());
        for second in 0..5 {
            let sample = crate::model::Sample {
                at: crate::units::Nanos::from_secs(second),
                ..crate::model::Sample::default()
            };
            run.append(&Frame::Sample(sample)).expect("appends");
            run.append(&Frame::Interval(sample::interval(0, second)))
                .expect("appends");
        }
        let dir = run.dir().to_owned();
        let all = tail(&dir, 1 << 20).expect("reads");
        assert_eq!(all.left_out, 0);
        let lines = |bytes: &[u8]| -> Vec<serde_json::Value> {
            let text = std::str::from_utf8(bytes).expect("text");
            text.lines()
                .map(|line| serde_json::from_str(line).expect("JSON"))
                .collect()
        };
        assert_eq!(
            (lines(&all.intervals).len(), lines(&all.others).len()),
            (5, 5)
        );
        assert_eq!(lines(&all.others)[3]["sample"]["at"], 3_000_000_000_u64);
        // As much as two samples are.
        let most = all.others.len() / 5 * 2;
        let some = tail(&dir, most).expect("reads");
        let kept = lines(&some.others);
        assert_eq!(
            kept.last(),
            lines(&all.others).last(),
            "the latest are kept"
        );
        assert!(kept.len() < 5 && some.left_out > 0);
        // The end of it is still being written.
        let path = dir.join(LOG);
        let bytes = std::fs::read(&path).expect("reads");
        std::fs::write(&path, &bytes[..bytes.len() - 3]).expect("writes");
        let torn = tail(&dir, 1 << 20).expect("reads");
        assert_eq!(lines(&torn.intervals).len(), 4);
    }
}
