//! What a target says of itself: Prometheus text format 0.0.4 and `OpenMetrics` text 1.0.
//!
//! Both are lines of `name{label="value"} number`, so one grammar reads either. Comments, types,
//! timestamps and exemplars are passed over, numbers that are not finite are dropped, and so is a line
//! that is not of this form: one bad metric is no reason to lose the others. One pass, no backtracking.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>,
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>.

use std::collections::{BTreeMap, HashSet};

use crate::model::{Scraped, SeriesName};

/// What one answer held.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exposition {
    /// Each series once, in the order of the answer.
    pub scraped: Vec<Scraped>,
    /// Series beyond the most that are kept.
    pub left_out: usize,
    /// Lines that are not of the format.
    pub strange: usize,
}

impl Exposition {
    /// True for an answer that is something else: an error page, say.
    pub fn is_foreign(&self) -> bool {
        self.scraped.is_empty() && self.strange > 0
    }
}

/// Reads an answer, up to so many series.
pub fn read(text: &str, most: usize) -> Exposition {
    let mut found = Exposition::default();
    let mut seen = HashSet::new();
    for line in text.split('\n') {
        let line = line.trim_matches([' ', '\t', '\r']);
        if line == "# EOF" {
            break;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match sample(line) {
            None => found.strange += 1,
            Some((_, value)) if !value.is_finite() => {}
            Some(_) if found.scraped.len() == most => found.left_out += 1,
            Some((series, value)) => {
                // A series that stands twice has no value; the first is taken.
                if seen.insert(series.clone()) {
                    found.scraped.push(Scraped { series, value });
                }
            }
        }
    }
    found
}

fn sample(line: &str) -> Option<(SeriesName, f64)> {
    let (metric, rest) = name(line, true)?;
    let rest = blank(rest);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
    let value = number(words.next()?)?;
    // What follows may be a timestamp, and an exemplar behind `#`.
    match words.next() {
        Some("#") | None => {}
        Some(time) => {
            number(time)?;
            if words.next().is_some_and(|word| word != "#") {
                return None;
            }
        }
    }
    let series = SeriesName {
        metric: metric.to_owned(),
        labels,
    };
    Some((series, value))
}

/// A name at the beginning, and what follows it. Only metrics may have colons.
fn name(text: &str, colons: bool) -> Option<(&str, &str)> {
    let belongs = |c: char| c.is_ascii_alphanumeric() || c == '_' || colons && c == ':';
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let begins = name.starts_with(|c: char| !c.is_ascii_digit());
    begins.then_some((name, rest))
}

/// Labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = blank(rest);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (label, after) = name(rest, false)?;
        let after = blank(blank(after).strip_prefix('=')?).strip_prefix('"')?;
        let (value, after) = quoted(after)?;
        // An empty label is the same as none.
        if !value.is_empty() && labels.insert(label.to_owned(), value).is_some() {
            return None;
        }
        rest = blank(after);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.starts_with('}') => {}
            None => return None,
        }
    }
}

/// A value up to the closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut from = 0;
    let bytes = text.as_bytes();
    let mut at = 0;
    // Quotes and backslashes are ASCII, and so never lie within another character.
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                value.push_str(&text[from..at]);
                return Some((value, &text[at + 1..]));
            }
            b'\\' => {
                value.push_str(&text[from..at]);
                let escaped = match bytes.get(at + 1)? {
                    b'n' => "\n",
                    b'"' => "\"",
                    // Itself, or before what is not of the format and taken as it stands.
                    _ => "\\",
                };
                value.push_str(escaped);
                let known = matches!(bytes[at + 1], b'n' | b'"' | b'\\');
                at += if known { 2 } else { 1 };
                from = at;
            }
            _ => at += 1,
        }
    }
    None
}

fn number(word: &str) -> Option<f64> {
    word.parse().ok()
}

fn blank(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let read = read(text, 5000);
        let series = read.scraped.iter();
        let mut lines: Vec<_> = series
            .map(|s| format!("{} {}", s.series, s.value))
            .collect();
        if read.strange > 0 {
            lines.push(format!("{} strange", read.strange));
        }
        lines
    }

    #[test]
    fn the_example_of_the_prometheus_format_is_read() {
        let text = r#"
# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47

# A weird metric from before the epoch:
something_weird{problem="division by zero"} +Inf -3982045

# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320
rpc_duration_seconds{quantile="0.01"} 3102
rpc_duration_seconds{quantile="0.99"} NaN
"#;
        insta::assert_snapshot!(shown(text).join("\n"), @r#"
        http_requests_total{code="200",method="post"} 1027
        http_requests_total{code="400",method="post"} 3
        msdos_file_access_time_seconds{error="Cannot find file:\n\"FILE.TXT\"",path="C:\\DIR\\FILE.TXT"} 1458255915
        metric_without_timestamp_and_labels 12.47
        http_request_duration_seconds_bucket{le="0.05"} 24054
        http_request_duration_seconds_bucket{le="+Inf"} 144320
        http_request_duration_seconds_sum 53423
        http_request_duration_seconds_count 144320
        rpc_duration_seconds{quantile="0.01"} 3102
        "#);
    }

    #[test]
    fn the_example_of_openmetrics_is_read() {
        let text = r#"# TYPE acme_http_router_request_seconds summary
# UNIT acme_http_router_request_seconds seconds
# HELP acme_http_router_request_seconds Latency though all of ACME's HTTP request router.
acme_http_router_request_seconds_sum{path="/api/v1",method="GET"} 9036.32
acme_http_router_request_seconds_count{path="/api/v1",method="GET"} 807283.0
acme_http_router_request_seconds_created{path="/api/v1",method="GET"} 1605281325.0
# TYPE go_goroutines gauge
go_goroutines 69
# TYPE foo histogram
foo_bucket{le="0.1"} 8.0 # {} 0.054
foo_bucket{le="1.0"} 11.0 1520879607.789 # {trace_id="KOO5S4vxi0o"} 0.67 1520879607.7
# EOF
beyond_the_end 1
"#;
        insta::assert_snapshot!(shown(text).join("\n"), @r#"
        acme_http_router_request_seconds_sum{method="GET",path="/api/v1"} 9036.32
        acme_http_router_request_seconds_count{method="GET",path="/api/v1"} 807283
        acme_http_router_request_seconds_created{method="GET",path="/api/v1"} 1605281325
        go_goroutines 69
        foo_bucket{le="0.1"} 8
        foo_bucket{le="1.0"} 11
        "#);
    }

    #[test]
    fn lines_are_taken_one_by_one() {
        let cases = [
            ("a 1\r\nb 2", vec!["a 1", "b 2"]),
            ("a{} 1", vec!["a 1"]),
            ("a { b = \"x\" , } 1", vec!["a{b=\"x\"} 1"]),
            ("a{b=\"}\",c=\"#\"}\t1e3", vec!["a{b=\"}\",c=\"#\"} 1000"]),
            ("a{b=\"\"} 1", vec!["a 1"]),
            ("a:b:c 1", vec!["a:b:c 1"]),
            ("a{b=\"\\x\"} 1", vec!["a{b=\"\\\\x\"} 1"]),
            ("größe 1", vec!["1 strange"]),
            ("a{b=\"größe\"} 1", vec!["a{b=\"größe\"} 1"]),
            ("a -1 5\na 2\nb 0", vec!["a -1", "b 0"]),
            ("<html>\n<b>not found</b>\n</html>", vec!["3 strange"]),
            (
                "a\na{\na{b\na{b=\na{b=\"\na{b=\"\\\na{b=\"x\" c=\"y\"} 1",
                vec!["7 strange"],
            ),
            (
                "a{b=\"1\",b=\"2\"} 1\n9a 1\na 1 2 3\na one",
                vec!["4 strange"],
            ),
            ("{a=\"b\"} 1\n= 1", vec!["2 strange"]),
            ("", vec![]),
        ];
        for (text, expect) in cases {
            assert_eq!(shown(text), expect, "{text}");
        }
    }

    #[test]
    fn what_is_beyond_the_most_is_counted() {
        let text: String = (0..12).map(|i| format!("m{{i=\"{i}\"}} {i}\n")).collect();
        let found = read(&text, 10);
        assert_eq!((found.scraped.len(), found.left_out), (10, 2));
        assert!(!found.is_foreign());
        assert!(read("<html>", 10).is_foreign());
        assert!(!read("", 10).is_foreign());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "(?s).{0,400}") {
            read(&text, 3);
        }

        #[test]
        fn any_text_of_the_alphabet_is_read_without_panic(text in "[ab_:{}=\",\\\\ #\\n1é.+IN-]{0,200}") {
            let found = read(&text, 3);
            prop_assert!(found.scraped.iter().all(|s| s.value.is_finite()));
        }

        #[test]
        fn what_is_written_is_read(
            metric in "[a-z_:][a-z0-9_:]{0,10}",
            labels in proptest::collection::btree_map("[a-z_][a-z0-9_]{0,5}", "(?s).{1,10}", 0..4),
            value in proptest::num::f64::NORMAL,
        ) {
            let escaped = |v: &str| v.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
            let pairs: Vec<_> = labels.iter().map(|(k, v)| format!("{k}=\"{}\"", escaped(v))).collect();
            let found = read(&format!("{metric}{{{}}} {value}\n", pairs.join(",")), 9);
            let series = SeriesName { metric, labels };
            prop_assert_eq!(found.scraped, vec![Scraped { series, value }]);
        }
    }
}
