//! When a fault is active: a stretch of the time line that the first real request begins.

use crate::units::Nanos;

/// From `at`, for `lasts` or to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// From the first request other than probes, so that the time line of the load decides.
    pub at: Nanos,
    pub lasts: Option<Nanos>,
}

impl Span {
    /// The end, where there is one.
    pub fn end(self) -> Option<Nanos> {
        self.lasts
            .map(|lasts| Nanos(self.at.0.saturating_add(lasts.0)))
    }

    pub fn contains(self, time: Nanos) -> bool {
        self.at <= time && self.end().is_none_or(|end| time < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_holds_its_beginning_and_not_its_end() {
        let at = Nanos::from_secs(10);
        let open = Span { at, lasts: None };
        let closed = Span {
            at,
            lasts: Some(Nanos::from_secs(5)),
        };
        let inside = |span: Span| [9, 10, 14, 15].map(|s| span.contains(Nanos::from_secs(s)));
        assert_eq!(inside(open), [false, true, true, true]);
        assert_eq!(inside(closed), [false, true, true, false]);
        assert!(Span::default().contains(Nanos::ZERO));
    }
}
