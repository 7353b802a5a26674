//! A search for capacity on a target whose capacity is known: workers by service time.

use std::path::{Path, PathBuf};

use plimsoll::diagnostic::SourceFile;
use plimsoll::model::{Capacity, Event, Knee, KneeInterval, Metric, Stat};
use plimsoll::scenario::plan::{Arrivals, Load, Plan, Search};
use plimsoll::session::{Outcome, Session, Stop, measure};
use plimsoll::units::Rate;

/// 8 workers by 20 ms: 400/s.
const CEILING: f64 = 400.0;

fn plan(lasts: &str, search: Search, threshold: &str) -> Plan {
    let file = SourceFile {
        name: "capacity.toml".into(),
        text: format!(
            r#"
name = "capacity"
[target]
command = ["plimsoll", "demo-target", "--workers", "8", "--port", "{{port}}"]
ready = {{ get = "/health", status = 200, within = "10s" }}
[[step]]
name = "slot"
request = "GET /slot?ms=20"
[[phase]]
name = "search"
rate = "100/s"
duration = "{lasts}"
{threshold}"#
        )
        .into(),
    };
    let mut plan = plimsoll::scenario::parse(&file, Path::new("."))
        .unwrap_or_else(|e| panic!("{e:?}"))
        .plan;
    plan.phases[0].load = Load::Search(search);
    plan
}

fn searching(metric: Metric, under: f64) -> Search {
    Search {
        metric,
        under,
        from: Rate(100.0),
        to: Rate(5_000.0),
        arrivals: Arrivals::Constant,
        rounds: 3,
        precision: 0.05,
    }
}

fn session(root: PathBuf) -> Session {
    Session {
        root,
        executable: Some(env!("CARGO_BIN_EXE_plimsoll").into()),
        stop: Stop::default(),
        workers: None,
    }
}

fn capacity(outcome: &Outcome) -> &Capacity {
    let comparison = outcome.run.comparison.as_ref().expect("judged");
    comparison.capacity.as_deref().expect("a search")
}

fn said(outcome: &Outcome) -> String {
    let mut text = outcome
        .run
        .comparison
        .as_ref()
        .expect("judged")
        .decision
        .headline
        .clone();
    for level in &capacity(outcome).levels {
        text += &format!(
            "\n  {:>7.1}/s {:10} answered {:.3} throughput {:>6.1} n {:>5.1?} {:?}",
            level.rate,
            level.verdict.name(),
            level.answered.unwrap_or(f64::NAN),
            level.throughput,
            level.concurrency,
            level.rounds.iter().map(|r| r.outcome).collect::<Vec<_>>()
        );
    }
    text + &format!("\n  {:?}", capacity(outcome).law)
}

/// The demonstration: `PLIMSOLL_SEARCHES=20 cargo test --release --test capacity -- --ignored`.
#[test]
#[ignore = "takes a minute a search; its figures stand in docs/statistics.md"]
fn the_knee_is_close_to_the_ceiling_and_its_interval_covers_it() {
    let searches: u32 =
        std::env::var("PLIMSOLL_SEARCHES").map_or(1, |n| n.parse().expect("a number"));
    let mut covered = 0;
    for number in 0..searches {
        let folder = tempfile::tempdir().expect("a folder");
        let search = searching(Metric::Latency(Stat::P95), 60e6);
        let began = std::time::Instant::now();
        let outcome = measure(
            &session(folder.path().to_owned()),
            plan("3s", search, ""),
            1,
            &mut |event| {
                if let Event::RoundEnded { contamination, .. } = event
                    && !contamination.is_empty()
                {
                    println!(
                        "    {}",
                        contamination
                            .iter()
                            .map(ToString::to_string)
                            .collect::<Vec<_>>()
                            .join(", ")
                    );
                }
            },
        )
        .unwrap_or_else(|e| panic!("{e}"));
        println!(
            "{number} ({:.0} s): {}",
            began.elapsed().as_secs_f64(),
            said(&outcome)
        );
        if let Knee::Found(KneeInterval {
            rate, low, high, ..
        }) = capacity(&outcome).knee
        {
            let near = (rate / CEILING - 1.0).abs() < 0.05;
            covered += u32::from(near && low <= CEILING && CEILING <= high);
        }
    }
    println!("{covered} of {searches} within 5 % and covered");
    assert!(10 * covered >= 9 * searches, "{covered} of {searches}");
}
