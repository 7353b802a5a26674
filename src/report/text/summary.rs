//! What a run without a reference says: latencies, throughput, errors, resources, steps.

use crate::model::{Estimate, Metric, Stat};
use crate::report::table::{Column, Table};
use crate::report::view::{Part, Summary, View};
use crate::report::words;
use crate::units::Unit;
use crate::untrusted::Untrusted;

use super::page::Page;
use super::{Verbosity, detail};

/// Parts of the mean latency below this share are not told of.
const LEAST_TOLD: f64 = 0.005;

/// Writes the blocks that have something to say.
pub(super) fn summary(page: &mut Page, view: &View) {
    page.blank();
    if view.trust.origin.is_some() {
        taken_over(page, view);
        return;
    }
    if view.now.tally.due == 0 {
        page.labelled("requests", "none was due in a measured phase");
        return;
    }
    let is_verbose = page.style.verbosity == Verbosity::Verbose;
    latencies(page, view);
    if is_verbose {
        detail::histogram(page, &view.now);
    }
    page.blank();
    throughput(page, &view.now);
    errors(page, view);
    resources(page, &view.now);
    parts(page, "step", &view.steps);
    parts(page, "phase", &view.phases);
    if is_verbose {
        detail::rounds(page, view);
    }
    page.blank();
    page.labelled("lateness", &view.trust.lateness());
    page.labelled(
        "machine",
        &format!(
            "steal {}, {}generator {} cores",
            Unit::Share.format(view.trust.steal),
            view.trust
                .cpu_pressure
                .map(|p| format!("CPU pressure {}, ", Unit::Share.format(p)))
                .unwrap_or_default(),
            Unit::Count.format(view.trust.own_cpu),
        ),
    );
}

/// What another tool measured: every value it gave, and what follows from its requests.
fn taken_over(page: &mut Page, view: &View) {
    let mut table = Table::new(&[
        Column::left(""),
        Column::right("value"),
        Column::left("").spare(1),
    ]);
    for row in &view.rows {
        let cells = [row.label.terminal(), row.now.clone(), row.note.terminal()];
        table.row(cells.iter().map(|c| page.letters(c)).collect());
    }
    page.table(&table);
    if !view.now.service.is_empty() {
        page.blank();
        latencies(page, view);
    }
    page.blank();
    if view.now.tally.due > 0 {
        requests(page, &view.now);
        errors(page, view);
    }
    page.labelled("trust", &view.trust.lateness());
}

fn latencies(page: &mut Page, view: &View) {
    let now = &view.now;
    let mut columns = vec![
        Column::left(""),
        Column::right("latency"),
        Column::right("service time").spare(1),
        Column::right("wait").spare(2),
        Column::right("lateness").spare(3),
    ];
    let is_verbose = page.style.verbosity == Verbosity::Verbose;
    let mut rows = if is_verbose {
        detail::percentiles(page, now)
    } else {
        detail::usual(page, now)
    };
    let intervals = is_verbose.then(|| detail::intervals(page, &view.bands));
    let intervals = intervals.flatten();
    if let Some(cells) = &intervals {
        columns.insert(2, Column::right("95 % interval"));
        for (row, cell) in rows.iter_mut().zip(cells) {
            row.insert(2, cell.clone());
        }
    }
    let mut table = Table::new(&columns);
    for row in rows {
        table.row(row);
    }
    page.table(&table);
    if intervals.is_some() {
        page.blank();
        page.labelled("95 %", words::OF_ONE_RUN);
    }
    let spent: Vec<String> = now
        .breakdown()
        .into_iter()
        .filter(|(_, _, share)| *share >= LEAST_TOLD)
        .map(|(name, mean, share)| {
            format!(
                "{name} {} ({})",
                Unit::Time.format(mean),
                Unit::Share.format(share)
            )
        })
        .collect();
    if !spent.is_empty() {
        page.blank();
        page.labelled("spent", &format!("{} on average", spent.join(", ")));
    }
    if let Some((stat, value)) = too_few(now) {
        let text = format!(
            "{} needs more requests: {}",
            stat.name(),
            words::estimate(value, Unit::Time)
        );
        page.blank();
        page.labelled("samples", &text);
    }
    if now.timed_rounds < now.rounds {
        page.labelled(
            "times",
            &format!(
                "from the {} clean of {}",
                now.timed_rounds,
                words::plural(now.rounds, "round")
            ),
        );
    }
}

/// The first of the usual percentiles that the requests are too few for.
fn too_few(now: &Summary) -> Option<(Stat, Estimate)> {
    let of = |stat| (stat, now.value(Metric::Latency(stat)));
    let mut all = Stat::ALL.into_iter().map(of);
    all.find(|(_, value)| matches!(value, Estimate::TooFew { .. }))
}

/// `1,000 due, 1,000 sent, 998 answered, 2 failed`
fn requests(page: &mut Page, now: &Summary) {
    let t = &now.tally;
    let requests = format!(
        "{} due, {} sent, {} answered, {} failed",
        words::count(t.due),
        words::count(t.sent),
        words::count(t.answered),
        words::count(t.failures.total())
    );
    page.labelled("requests", &requests);
}

fn throughput(page: &mut Page, now: &Summary) {
    let show = |metric: Metric| words::estimate(now.value(metric), metric.unit());
    let rates = format!(
        "{} asked, {} sent, {} ok",
        show(Metric::ThroughputAsked),
        show(Metric::ThroughputSent),
        show(Metric::ThroughputOk)
    );
    page.labelled("rate", &rates);
    requests(page, now);
    let t = &now.tally;
    if !t.retried.is_empty() {
        let classes: Vec<_> = t
            .retried
            .0
            .iter()
            .map(|(class, n)| format!("{} {class}", words::count(*n)))
            .collect();
        let attempts = format!(
            "{} attempts failed and were tried again: {}",
            words::count(t.retried.total()),
            classes.join(", ")
        );
        page.labelled("retries", &attempts);
    }
    let bytes = format!(
        "{} received, {} sent",
        Unit::Bytes.format(t.bytes_in.0 as f64),
        Unit::Bytes.format(t.bytes_out.0 as f64)
    );
    page.labelled("bytes", &bytes);
}

fn errors(page: &mut Page, view: &View) {
    let now = &view.now;
    let rate = now.error_rate().unwrap_or_default();
    page.labelled("errors", &Unit::Share.format(rate));
    if now.tally.failures.total() == 0 {
        return;
    }
    let mut table = Table::new(&[
        Column::left("         "),
        Column::right("count"),
        Column::right("share"),
        Column::left("class"),
        Column::left("kind").spare(2),
        Column::left("first seen").spare(1),
    ]);
    let is_verbose = page.style.verbosity == Verbosity::Verbose;
    let mut classes: Vec<_> = now.tally.failures.0.iter().collect();
    classes.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    for (class, &n) in classes {
        let share = now.value(Metric::Errors(*class));
        let first = view.firsts.get(class).filter(|_| is_verbose);
        table.row(vec![
            String::new(),
            words::count(n),
            words::estimate(share, Unit::Share),
            class.name().to_owned(),
            category(*class).to_owned(),
            page.letters(&first.map_or_else(String::new, |f| f.place().terminal())),
        ]);
    }
    page.table(&table);
    if !table.fits(page.room()) {
        for (class, first) in view.firsts.iter().filter(|_| is_verbose) {
            page.labelled("first", &format!("{class}: {}", first.place().terminal()));
        }
    }
}

/// The category in a word, or whose fault it is.
pub(in crate::report) fn category(class: crate::model::ErrorClass) -> &'static str {
    use crate::model::Category;
    if class.is_generators() {
        return "the generator's own";
    }
    match class.category() {
        Category::Transient => "transient",
        Category::Permanent => "permanent",
        Category::Resource => "resource",
        Category::Logic => "logic",
    }
}

fn resources(page: &mut Page, now: &Summary) {
    let Some(usage) = now.usage else {
        return;
    };
    let show = |metric: Metric| words::estimate(now.value(metric), metric.unit());
    let cpu = format!(
        "{} per request, {} of one core",
        show(Metric::CpuPerRequest),
        show(Metric::CpuUtilisation)
    );
    page.labelled("cpu", &cpu);
    let slope = usage
        .rss_slope
        .map(|s| format!(", growth {}", Unit::BytesPerSecond.format(s)))
        .unwrap_or_default();
    let memory = format!(
        "{} peak, {} at the end{slope}",
        show(Metric::RssPeak),
        show(Metric::RssEnd)
    );
    page.labelled("memory", &memory);
    let open = format!(
        "{}, {} at most",
        words::plural(
            usize::try_from(usage.fds_peak).unwrap_or(usize::MAX),
            "descriptor"
        ),
        words::plural(
            usize::try_from(usage.threads_peak).unwrap_or(usize::MAX),
            "thread"
        )
    );
    page.labelled("open", &open);
}

fn parts(page: &mut Page, noun: &'static str, parts: &[Part]) {
    if parts.len() < 2 {
        return;
    }
    let mut table = Table::new(&[
        Column::left(noun),
        Column::right("requests").spare(3),
        Column::right("ok").spare(1),
        Column::right("errors"),
        Column::right("p50"),
        Column::right("p95").spare(2),
        Column::right("p99"),
        Column::right("max").spare(4),
    ]);
    for part in parts {
        let now = &part.now;
        let show = |metric: Metric| words::short_estimate(now.value(metric), metric.unit());
        let cells = [
            Untrusted::terminal(&part.name),
            words::count(now.tally.due),
            show(Metric::ThroughputOk),
            show(Metric::ErrorsRate),
            show(Metric::Latency(Stat::P50)),
            show(Metric::Latency(Stat::P95)),
            show(Metric::Latency(Stat::P99)),
            show(Metric::Latency(Stat::Max)),
        ];
        table.row(cells.iter().map(|c| page.letters(c)).collect());
    }
    page.blank();
    page.table(&table);
}
