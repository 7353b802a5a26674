//! HdrHistogram interval logs (`.hlog`, version 1.3): a line an interval, each with a histogram in
//! the V2 compressed encoding. Every tag is a step; untagged lines are the step `all`.
//!
//! Nothing in an encoded histogram is believed before it is checked: what it unpacks to, how many
//! counts it can have, and how large they are. Values are taken as the middle of their buckets, so a
//! percentile is right to the precision that was recorded, and the mean with it.

use std::collections::BTreeMap;
use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;

use super::counted::Counted;
use super::measured::{self, Measured, Part, Reason, times_to_judge};
use crate::model::Metric;
use crate::mutant::{self, Mutant};
use crate::units::Nanos;

const COMPRESSED: u32 = 0x1c84_9304;
const PLAIN: u32 = 0x1c84_9303;
/// Length of the head of an unpacked histogram.
const HEAD: usize = 40;
/// An unpacked histogram: five digits over the widest range stay far below.
const MOST: u64 = 16 << 20;

/// Reads a log in which one count of a value stands for `unit`.
pub(super) fn parse(bytes: &[u8], unit: Nanos) -> Result<Measured, Reason> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text")?;
    let mut tags: BTreeMap<String, (Counted, u64)> = BTreeMap::new();
    let mut span: Option<(f64, f64)> = None;
    let mut started = None;
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("#[StartTime:") {
            let seconds = rest
                .split_whitespace()
                .next()
                .and_then(|s| s.parse::<f64>().ok());
            started = started.or(seconds);
        }
        if line.is_empty() || line.starts_with('#') || line.starts_with('"') {
            continue;
        }
        let interval = interval(line).map_err(|e| format!("line {}: {e}", i + 1))?;
        let (first, last) = span.unwrap_or((interval.start, interval.start));
        let end = interval.start + interval.length;
        span = Some((first.min(interval.start), last.max(end)));
        let (counted, n) = tags.entry(interval.tag.to_owned()).or_default();
        let added = decode(interval.histogram, unit, counted)
            .map_err(|e| format!("line {}: {e}", i + 1))?;
        *n = n
            .checked_add(added)
            .filter(|n| *n < measured::MOST)
            .ok_or("it counts too many values")?;
    }
    let (first, last) = span.ok_or("it has no interval")?;
    let mut parts = Vec::new();
    for (tag, (counted, n)) in tags {
        let mut part = Part::counted(&tag, n, &[])?;
        part.cell.service = counted.finish()?;
        parts.push(part);
    }
    let counts = parts.iter().map(|p| p.cell.tally.due);
    let values = counts.fold(0, u64::saturating_add);
    if values == 0 {
        return Err("its histograms are empty".into());
    }
    let lasted = Nanos::from_secs_f64(last - first);
    let mut gates = times_to_judge(values);
    let mut given = Vec::new();
    if lasted > Nanos::ZERO {
        given.push((Metric::ThroughputOk, values as f64 / lasted.as_secs_f64()));
        gates.push(Metric::ThroughputOk);
    }
    Ok(Measured {
        tool: "HdrHistogram",
        started_at: started.and_then(moment),
        duration: lasted,
        given,
        gates,
        parts,
        ..Measured::default()
    })
}

/// One line: `[Tag=NAME,]start,length,max,histogram`.
struct Interval<'a> {
    tag: &'a str,
    /// Seconds.
    start: f64,
    length: f64,
    histogram: &'a str,
}

fn interval(line: &str) -> Result<Interval<'_>, &'static str> {
    let (tag, rest) = match line.strip_prefix("Tag=") {
        Some(tagged) => tagged.split_once(',').ok_or("nothing follows the tag")?,
        None => ("all", line),
    };
    let mut fields = rest.splitn(4, ',');
    let mut number = || {
        let field = fields.next()?.trim().parse::<f64>().ok()?;
        // A century of seconds, and room for the epoch.
        (0.0..1e10).contains(&field).then_some(field)
    };
    let (Some(start), Some(length), Some(_max)) = (number(), number(), number()) else {
        return Err("an interval begins with its start, length and greatest value");
    };
    let histogram = fields.next().ok_or("it ends before its histogram")?;
    Ok(Interval {
        tag,
        start,
        length,
        histogram: histogram.trim(),
    })
}

fn moment(seconds: f64) -> Option<String> {
    let millis = Nanos::from_secs_f64(seconds).0 / 1_000_000;
    let moment = jiff::Timestamp::from_millisecond(i64::try_from(millis).ok()?).ok()?;
    Some(moment.to_string())
}

/// Adds the values of an encoded histogram; how many there are.
fn decode(encoded: &str, unit: Nanos, into: &mut Counted) -> Result<u64, Reason> {
    let bytes = STANDARD
        .decode(encoded)
        .map_err(|_| "its histogram is not in base 64")?;
    let (cookie, rest) = u32_of(&bytes)?;
    if cookie & !0xf0 != COMPRESSED & !0xf0 {
        return Err("its histogram is not in the V2 compressed encoding".into());
    }
    let (length, packed) = u32_of(rest)?;
    let packed = packed
        .get(..length as usize)
        .ok_or("its histogram is cut off")?;
    let mut plain = Vec::new();
    let most = if mutant::is_on(Mutant::UnpackedWithoutLimit) {
        u64::MAX - 1
    } else {
        MOST
    };
    ZlibDecoder::new(packed)
        .take(most + 1)
        .read_to_end(&mut plain)
        .map_err(|_| "its histogram cannot be unpacked")?;
    if plain.len() as u64 > MOST {
        return Err("its histogram unpacks to more than any can hold".into());
    }
    let scale = Scale::read(&plain)?;
    let counts = plain
        .get(HEAD..HEAD + scale.payload)
        .ok_or("its counts are cut off")?;
    scale.add(counts, unit, into)
}

/// How indices become values.
struct Scale {
    payload: usize,
    /// Bits that the least value leaves out.
    unit_magnitude: u32,
    /// Half of the linear steps in a bucket, as a power of two.
    half_magnitude: u32,
}

impl Scale {
    fn read(plain: &[u8]) -> Result<Self, Reason> {
        let (cookie, rest) = u32_of(plain)?;
        if cookie & !0xf0 != PLAIN & !0xf0 {
            return Err("its histogram is not in the V2 encoding".into());
        }
        let (payload, rest) = u32_of(rest)?;
        // Where a histogram in memory begins to count; written counts are in order all the same.
        let (_offset, rest) = u32_of(rest)?;
        let (digits, rest) = u32_of(rest)?;
        let least = rest.first_chunk().map(|b| u64::from_be_bytes(*b));
        let least = least.ok_or("its histogram is cut off")?;
        if digits > 5 || least == 0 || least > 1 << 40 {
            return Err("its histogram has a scale that none has".into());
        }
        let steps = 2 * 10_u64.pow(digits);
        Ok(Self {
            payload: payload as usize,
            unit_magnitude: least.ilog2(),
            half_magnitude: steps.next_power_of_two().ilog2() - 1,
        })
    }

    /// Middle of the values that an index stands for.
    fn value(&self, index: u64) -> Option<u64> {
        let half = 1_u64 << self.half_magnitude;
        let bucket = index >> self.half_magnitude;
        let (shift, step) = match u32::try_from(bucket).ok()? {
            0 => (self.unit_magnitude, index),
            b => (self.unit_magnitude + b - 1, (index & (half - 1)) + half),
        };
        let low = step.checked_shl(shift).filter(|low| low >> shift == step)?;
        low.checked_add((1_u64 << shift) / 2)
    }

    /// Adds the values that these counts are of.
    fn add(&self, mut counts: &[u8], unit: Nanos, into: &mut Counted) -> Result<u64, Reason> {
        let mut index = 0_u64;
        let mut sum = 0_u64;
        while !counts.is_empty() {
            let (count, rest) = zig_zag(counts)?;
            counts = rest;
            if count <= 0 {
                // So many zeros in a row, at least one.
                index = index.saturating_add(count.unsigned_abs().max(1));
                continue;
            }
            let value = self.value(index).ok_or("a value is out of range")?;
            let value = value.saturating_mul(unit.0);
            into.add(Nanos(value), count.unsigned_abs());
            sum = sum
                .checked_add(count.unsigned_abs())
                .filter(|n| *n < measured::MOST)
                .ok_or("it counts too many values")?;
            index = index.saturating_add(1);
        }
        Ok(sum)
    }
}

fn u32_of(bytes: &[u8]) -> Result<(u32, &[u8]), Reason> {
    let (head, rest) = bytes
        .split_first_chunk()
        .ok_or("its histogram is cut off")?;
    Ok((u32::from_be_bytes(*head), rest))
}

/// A number of the ZigZag LEB128-64b9B encoding: seven bits a byte, all eight of the ninth.
fn zig_zag(bytes: &[u8]) -> Result<(i64, &[u8]), Reason> {
    let mut value = 0_u64;
    for (i, &byte) in bytes.iter().take(9).enumerate() {
        let last = i == 8 || byte & 0x80 == 0;
        let bits = if i == 8 { byte } else { byte & 0x7f };
        value |= u64::from(bits) << (7 * i);
        if last {
            let halved = i64::try_from(value >> 1).unwrap_or(i64::MAX);
            let signed = if value & 1 == 0 { halved } else { -halved - 1 };
            return Ok((signed, &bytes[i + 1..]));
        }
    }
    Err("a count is cut off".into())
}
