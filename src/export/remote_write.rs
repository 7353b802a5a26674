//! Prometheus remote-write 1.0: `prometheus.WriteRequest` in protocol buffers, in Snappy's block
//! format. The specification is at <https://prometheus.io/docs/specs/prw/remote_write_spec/>.

use prost::Message;

use super::exposed::{Exposed, exposed};
use crate::model::Run;

/// Samples in one request; receivers take some tens of thousands.
const AT_ONCE: usize = 10_000;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    pub(super) labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    pub(super) samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Label {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Sample {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "2")]
    pub(super) timestamp: i64,
}

pub(super) fn documents(run: &Run) -> Vec<Vec<u8>> {
    let mut requests = vec![WriteRequest::default()];
    let mut samples = 0;
    for series in exposed(run) {
        if samples + series.points.len() > AT_ONCE && samples > 0 {
            requests.push(WriteRequest::default());
            samples = 0;
        }
        samples += series.points.len();
        if let Some(request) = requests.last_mut() {
            request.timeseries.push(written(series));
        }
    }
    requests.iter().map(compressed).collect()
}

fn compressed(request: &WriteRequest) -> Vec<u8> {
    let mut encoder = snap::raw::Encoder::new();
    encoder
        .compress_vec(&request.encode_to_vec())
        .expect("ten thousand samples are less than the 4 GiB that Snappy takes")
}

/// Labels in the order of their names, as a receiver may demand; `__name__` sorts before letters.
fn written(series: Exposed) -> TimeSeries {
    let mut labels = vec![Label {
        name: "__name__".to_owned(),
        value: series.name.metric,
    }];
    let named = |(name, value)| Label { name, value };
    labels.extend(series.name.labels.into_iter().map(named));
    labels.sort_by(|a, b| a.name.cmp(&b.name));
    let samples = series
        .points
        .into_iter()
        .map(|(timestamp, value)| Sample { value, timestamp })
        .collect();
    TimeSeries { labels, samples }
}
