//! The rows of the index, and the checksums that hold them to what was written.

use super::IndexedRun;
use crate::model::MetricRounds;

/// Bytes of the checksum before the values.
const SUM: usize = 4;

/// A run on its way into the index.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) run: IndexedRun,
    /// Of files that may still change.
    pub(super) stamp: Option<String>,
    pub(super) metrics: Vec<MetricRounds>,
}

/// Checksum over all that a row says of a run; its number is the index's own.
pub(super) fn sum(scenario: &str, run: &IndexedRun, stamp: Option<&str>) -> i64 {
    let texts = [
        scenario,
        &run.id,
        &run.started_at,
        &run.version,
        &run.revision,
        &run.plan_hash,
        &run.machine,
        run.left_out.as_deref().unwrap_or("\u{1}"),
        stamp.unwrap_or("\u{1}"),
    ];
    sum_of_texts(&texts)
}

/// Checksum over what names a metric.
pub(super) fn sum_of_metric(scenario: &str, name: &str, number: i64) -> i64 {
    sum_of_texts(&[scenario, name, &number.to_string()])
}

fn sum_of_texts(texts: &[&str]) -> i64 {
    let sum = texts.iter().fold(0, |sum, text| {
        crc32c::crc32c_append(crc32c::crc32c_append(sum, text.as_bytes()), &[0])
    });
    i64::from(sum)
}

/// The values of one metric in one run as bytes, after a checksum over them and their key.
pub(super) fn pack(metric: i64, run: i64, at_least: bool, rounds: &[f64]) -> Vec<u8> {
    let mut bytes = vec![0; SUM];
    bytes.extend(rounds.iter().flat_map(|v| v.to_le_bytes()));
    let sum = sum_of_value(metric, run, at_least, &bytes[SUM..]);
    bytes[..SUM].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// Unpacks into `rounds`; false when the bytes are not those that were packed under this key.
pub(super) fn unpack(
    metric: i64,
    run: i64,
    at_least: bool,
    bytes: &[u8],
    rounds: &mut Vec<f64>,
) -> bool {
    rounds.clear();
    let Some((sum, values)) = bytes.split_first_chunk::<SUM>() else {
        return false;
    };
    let (values, rest) = values.as_chunks::<8>();
    rounds.extend(values.iter().map(|v| f64::from_le_bytes(*v)));
    let is_whole = rest.is_empty() && !rounds.is_empty();
    is_whole && u32::from_le_bytes(*sum) == sum_of_value(metric, run, at_least, &bytes[SUM..])
}

fn sum_of_value(metric: i64, run: i64, at_least: bool, values: &[u8]) -> u32 {
    let mut key = [0; 17];
    key[..8].copy_from_slice(&metric.to_le_bytes());
    key[8..16].copy_from_slice(&run.to_le_bytes());
    key[16] = u8::from(at_least);
    crc32c::crc32c_append(crc32c::crc32c(&key), values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_byte_that_changed_is_noticed() {
        let packed = pack(3, 7, false, &[1.5, 2.5]);
        let mut rounds = Vec::new();
        assert!(unpack(3, 7, false, &packed, &mut rounds));
        assert_eq!(rounds, [1.5, 2.5]);
        for i in 0..packed.len() {
            let mut bytes = packed.clone();
            bytes[i] ^= 1;
            assert!(!unpack(3, 7, false, &bytes, &mut rounds), "byte {i}");
        }
        assert!(!unpack(3, 8, false, &packed, &mut rounds));
        assert!(!unpack(3, 7, true, &packed, &mut rounds));
        assert!(!unpack(3, 7, false, &packed[..12], &mut rounds));
        assert!(!unpack(3, 7, false, &[], &mut rounds));
    }
}
