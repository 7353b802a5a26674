//! The page from top to bottom.

use crate::report::view::View;

use super::page::Page;
use super::summary::summary;
use super::{TextStyle, Verbosity};

/// Renders the summary; every line ends in a line feed.
pub fn text(view: &View, style: TextStyle) -> String {
    let mut page = Page::new(style);
    if style.verbosity == Verbosity::Quiet {
        page.headline(view);
        page.verdicts(view);
        return page.finish();
    }
    page.title(view);
    page.blank();
    page.headline(view);
    page.remarks(view);
    page.rows(view);
    page.capacity(view);
    page.faults(view);
    page.alerts(view);
    page.profile(view);
    if style.verbosity == Verbosity::Verbose {
        page.detector(view);
    }
    if !view.compares() || style.verbosity == Verbosity::Verbose {
        summary(&mut page, view);
    }
    page.blank();
    page.last_lines(view);
    page.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::report::table::width;

    fn show(run: &crate::model::Run, width: usize, unicode: bool, verbosity: Verbosity) -> String {
        let style = TextStyle {
            width,
            colour: false,
            unicode,
            verbosity,
        };
        text(&View::new(run, None), style)
    }

    #[test]
    fn a_check_at_120_columns() {
        insta::assert_snapshot!(show(&fixture::run(), 120, true, Verbosity::Normal));
    }

    #[test]
    fn a_check_at_80_columns() {
        insta::assert_snapshot!(show(&fixture::run(), 80, true, Verbosity::Normal));
    }

    #[test]
    fn a_check_at_60_columns() {
        insta::assert_snapshot!(show(&fixture::run(), 60, true, Verbosity::Normal));
    }

    #[test]
    fn a_check_in_ascii() {
        let page = show(&fixture::run(), 100, false, Verbosity::Normal);
        assert!(page.is_ascii());
        insta::assert_snapshot!(page);
    }

    #[test]
    fn a_plain_run_at_100_columns() {
        insta::assert_snapshot!(show(&fixture::plain_run(), 100, true, Verbosity::Normal));
    }

    #[test]
    fn a_plain_run_at_60_columns() {
        insta::assert_snapshot!(show(&fixture::plain_run(), 60, true, Verbosity::Normal));
    }

    #[test]
    fn a_search_shows_its_levels_and_the_knee() {
        insta::assert_snapshot!(show(&fixture::search_run(), 80, true, Verbosity::Normal));
    }

    #[test]
    fn a_partial_run_says_so_first() {
        insta::assert_snapshot!(show(&fixture::partial_run(), 80, true, Verbosity::Normal));
    }

    #[test]
    fn an_interrupted_first_round_says_what_its_part_measured() {
        let page = show(&fixture::interrupted_run(), 80, true, Verbosity::Normal);
        assert!(!page.contains("0 rounds"), "{page}");
        insta::assert_snapshot!(page);
    }

    #[test]
    fn an_interrupted_warm_up_has_measured_nothing() {
        let mut run = fixture::interrupted_run();
        run.intervals
            .retain(|i| i.start < crate::units::Nanos::from_secs(5));
        run.rounds[0].cells.retain(|c| c.phase == 0);
        let page = show(&run, 80, true, Verbosity::Normal);
        assert!(page.contains("until then nothing was measured"), "{page}");
    }

    #[test]
    fn everything_of_a_run_at_60_columns() {
        insta::assert_snapshot!(show(&fixture::plain_run(), 60, true, Verbosity::Verbose));
    }

    #[test]
    fn everything_of_a_run_at_80_columns() {
        insta::assert_snapshot!(show(&fixture::plain_run(), 80, true, Verbosity::Verbose));
    }

    #[test]
    fn everything_of_a_check_at_120_columns() {
        insta::assert_snapshot!(show(&fixture::run(), 120, true, Verbosity::Verbose));
    }

    #[test]
    fn everything_of_a_run_in_ascii() {
        let page = show(&fixture::plain_run(), 80, false, Verbosity::Verbose);
        assert!(page.is_ascii(), "{page}");
        insta::assert_snapshot!(page);
    }

    #[test]
    fn a_check_in_colour() {
        let style = TextStyle {
            width: 80,
            colour: true,
            ..TextStyle::default()
        };
        let page = text(&View::new(&fixture::run(), None), style);
        insta::assert_snapshot!(page.replace('\u{1b}', "␛"));
    }

    #[test]
    fn an_invalid_run_names_cause_and_way_out() {
        insta::assert_snapshot!(show(&fixture::invalid_run(), 80, true, Verbosity::Normal));
    }

    #[test]
    fn a_guard_that_opened_leads_the_page() {
        let page = show(&fixture::guarded_run(), 100, true, Verbosity::Normal);
        let told = "✘ BROKEN\n  the guard opened after 12 s: 63 % of 1000 requests failed";
        assert!(page.contains(told), "{page}");
    }

    #[test]
    fn a_part_says_so_and_passes_nothing() {
        let page = show(&fixture::part_of_run(), 100, true, Verbosity::Normal);
        assert!(page.contains("PART   2 of 5 was measured"), "{page}");
        assert!(page.contains("not passed"), "{page}");
        assert!(page.contains("plimsoll merge RUN RUN"), "{page}");
    }

    #[test]
    fn quiet_are_the_verdicts() {
        insta::assert_snapshot!(show(&fixture::run(), 100, true, Verbosity::Quiet), @r"
        ✘ REGRESSED
          latency.p99 rose 13.7 %  (95 % interval +9.8 to +17.9 %, allowed +10 %), confidence 0.998
          ✔ unchanged     latency.p50       8.2 ms   +0.9 %  allowed +5 %, ≤ 50 ms
          ✘ regressed     latency.p99      46.6 ms  +13.7 %  allowed +10 %
          ✔ unchanged     throughput.ok    199.8/s   −0.1 %  allowed −3 %
          ? inconclusive  cpu.per-request  1.42 ms   +8.2 %  allowed +3 %
        ");
        insta::assert_snapshot!(show(&fixture::run(), 60, false, Verbosity::Quiet), @r"
        FAIL REGRESSED
          latency.p99 rose 13.7 %  (95 % interval +9.8 to +17.9 %,
          allowed +10 %), confidence 0.998
          ok unchanged    latency.p50       8.2 ms   +0.9 %
          FAIL regressed  latency.p99      46.6 ms  +13.7 %
          ok unchanged    throughput.ok    199.8/s   -0.1 %
          ? inconclusive  cpu.per-request  1.42 ms   +8.2 %
        ");
    }

    #[test]
    fn ranks_are_told_when_asked_for_more() {
        let page = show(&fixture::run(), 120, true, Verbosity::Verbose);
        let told =
            "latency.p99: Hodges–Lehmann +13.7 %, worse in 96 % of pairings, exact rank p 0.008";
        assert!(page.contains(told), "{page}");
        let short = show(&fixture::run(), 120, true, Verbosity::Normal);
        assert!(!short.contains("rank"), "{short}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let runs = [
            fixture::run(),
            fixture::plain_run(),
            fixture::partial_run(),
            fixture::interrupted_run(),
            fixture::invalid_run(),
            fixture::search_run(),
        ];
        for run in &runs {
            for (columns, unicode) in [(60, true), (80, true), (100, false), (120, true)] {
                let page = show(run, columns, unicode, Verbosity::Verbose);
                for line in page.lines() {
                    assert!(width(line) <= columns, "{columns}: {line}");
                }
            }
        }
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        let view = View::new(&fixture::run(), None);
        let style = TextStyle::default();
        let coloured = text(
            &view,
            TextStyle {
                colour: true,
                ..style
            },
        );
        assert!(coloured.contains("\u{1b}["));
        assert_eq!(
            anstream::adapter::strip_str(&coloured).to_string(),
            text(&view, style)
        );
    }

    #[test]
    fn no_name_reaches_the_terminal_unescaped() {
        let page = show(&fixture::hostile_run(), 100, true, Verbosity::Verbose);
        assert!(!page.contains(['\u{1b}', '\u{202e}']));
        assert!(!page.lines().any(|l| l.starts_with("::error")));
    }
}
