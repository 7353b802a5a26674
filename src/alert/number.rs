//! Numbers in the forms that templates ask for, as Go writes them.

/// As `%v`: the shortest digits that mean the number.
pub(super) fn shortest(value: f64) -> String {
    if let Some(word) = special(value) {
        return word.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..21).contains(&exponent) {
        value.to_string()
    } else {
        format!("{digits}e{}", power(exponent))
    }
}

/// As `%.4g`: four digits that count, without zeros at the end.
pub(super) fn general(value: f64) -> String {
    const DIGITS: u8 = 4;
    if let Some(word) = special(value) {
        return word.to_owned();
    }
    let scientific = format!("{value:.*e}", usize::from(DIGITS - 1));
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let places = usize::try_from(i32::from(DIGITS) - 1 - exponent);
    match places {
        Ok(places) if exponent >= -4 => trimmed(&format!("{value:.places$}")),
        _ => format!("{}e{}", trimmed(digits), power(exponent)),
    }
}

/// As `%.Nf`.
pub(super) fn fixed(value: f64, places: usize) -> String {
    special(value).map_or_else(|| format!("{value:.places$}"), str::to_owned)
}

/// As `%.Ne`.
pub(super) fn scientific(value: f64, places: usize) -> String {
    if let Some(word) = special(value) {
        return word.to_owned();
    }
    let text = format!("{value:.places$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{digits}e{}", power(exponent.parse().unwrap_or(0)))
}

/// With a prefix of powers of a thousand: `1.235k`.
pub(super) fn humanize(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return general(value);
    }
    if value.abs() < 1.0 {
        return small(value, "");
    }
    large(value, 1000.0, ["k", "M", "G", "T", "P", "E", "Z", "Y"])
}

/// With a prefix of powers of 1024: `1.5Mi`.
pub(super) fn humanize_1024(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return general(value);
    }
    let prefixes = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
    large(value, 1024.0, prefixes)
}

/// Of seconds: `1h 2m 3s`, `12.5ms`.
pub(super) fn humanize_duration(value: f64) -> String {
    if !value.is_finite() {
        return general(value);
    }
    if value == 0.0 {
        return "0s".to_owned();
    }
    if value.abs() < 1.0 {
        return small(value, "s");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what is beyond is shown as the greatest there is"
    )]
    let whole = value.abs() as u64;
    let sign = if value < 0.0 { "-" } else { "" };
    let (s, m) = (whole % 60, whole / 60 % 60);
    let (h, d) = (whole / 3600 % 24, whole / 86400);
    if d > 0 {
        format!("{sign}{d}d {h}h {m}m {s}s")
    } else if h > 0 {
        format!("{sign}{h}h {m}m {s}s")
    } else if m > 0 {
        format!("{sign}{m}m {s}s")
    } else {
        format!("{}s", general(value))
    }
}

/// Of a share of one: `12.34%`.
pub(super) fn humanize_percentage(value: f64) -> String {
    format!("{}%", general(value * 100.0))
}

fn large(mut value: f64, step: f64, prefixes: [&str; 8]) -> String {
    let mut prefix = "";
    for next in prefixes {
        if value.abs() < step {
            break;
        }
        prefix = next;
        value /= step;
    }
    format!("{}{prefix}", general(value))
}

fn small(mut value: f64, unit: &str) -> String {
    let mut prefix = "";
    for next in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = next;
        value *= 1000.0;
    }
    format!("{}{prefix}{unit}", general(value))
}

fn special(value: f64) -> Option<&'static str> {
    match value {
        v if v.is_nan() => Some("NaN"),
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

fn trimmed(digits: &str) -> String {
    if !digits.contains('.') {
        return digits.to_owned();
    }
    digits
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

/// `+07`
fn power(exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_go_writes_them() {
        for (value, v, g) in [
            (0.0, "0", "0"),
            (0.875, "0.875", "0.875"),
            (1234.5678, "1234.5678", "1235"),
            (99_999.0, "99999", "1e+05"),
            (0.000_012_34, "1.234e-05", "1.234e-05"),
            (1e21, "1e+21", "1e+21"),
            (123_456_789.0, "123456789", "1.235e+08"),
            (f64::INFINITY, "+Inf", "+Inf"),
        ] {
            assert_eq!((shortest(value).as_str(), general(value).as_str()), (v, g));
        }
        assert_eq!(fixed(2.0 / 3.0, 2), "0.67");
        assert_eq!(scientific(12_345.0, 1), "1.2e+04");
    }

    #[test]
    fn people_get_prefixes_and_units() {
        for (value, plain, binary, duration) in [
            (0.0, "0", "0", "0s"),
            (1.0, "1", "1", "1s"),
            (1_234_567.0, "1.235M", "1.177Mi", "14d 6h 56m 7s"),
            (0.0125, "12.5m", "0.0125", "12.5ms"),
            (75.5, "75.5", "75.5", "1m 15s"),
            (-3661.0, "-3.661k", "-3.575ki", "-1h 1m 1s"),
        ] {
            assert_eq!(humanize(value), plain);
            assert_eq!(humanize_1024(value), binary);
            assert_eq!(humanize_duration(value), duration);
        }
        assert_eq!(humanize_percentage(0.123_456), "12.35%");
    }
}
