//! A seed and a scenario are one plan, whoever measures it in however many parts.

use std::fmt::Write as _;
use std::path::Path;

use plimsoll::diagnostic::SourceFile;
use plimsoll::mutant::Mutant;
use plimsoll::random::mix;
use plimsoll::scenario::plan::{Load, Plan};
use plimsoll::scenario::{Loaded, parse};
use plimsoll::schedule::{Arrival, Lanes, Schedule, Shard, Task};

#[cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "read by mutants")
)]
pub(crate) const KILLS: &[(Mutant, &str)] = &[(
    Mutant::ShardsByCount,
    "plan::the_parts_of_a_plan_are_the_plan",
)];

/// The most parts that are tried.
const MOST: usize = 64;

/// Chance with a seed.
struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.thrown += 1;
        mix(self.seed, self.thrown) % sides
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        let number = self.below(all.len() as u64);
        all[usize::try_from(number).expect("small")]
    }

    fn heads(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// A scenario as anybody might write it.
fn scenario(number: u64) -> String {
    let dice = &mut Dice {
        seed: number,
        thrown: 0,
    };
    let seed = dice.below(1 << 40);
    let mut text = format!(
        "name = \"any\"\nseed = {seed}\n[target]\nurl = \"http://127.0.0.1:80\"\nhttp = {{ connections = {} }}\n",
        64 + dice.below(100)
    );
    for step in 0..=dice.below(4) {
        let weight = 1 + dice.below(7);
        let _ = write!(
            text,
            "[[step]]\nname = \"step-{step}\"\nrequest = \"GET /{step}\"\nweight = {weight}\n"
        );
    }
    for journey in 0..dice.below(3) {
        let weight = 1 + dice.below(5);
        let _ = write!(
            text,
            "[[journey]]\nname = \"way-{journey}\"\nweight = {weight}\n"
        );
        for step in ["first", "then"] {
            let _ = write!(
                text,
                "[[journey.step]]\nname = \"{step}-{journey}\"\nrequest = \"POST /{step}\"\n"
            );
        }
    }
    for phase in 0..=dice.below(2) {
        let (low, high) = (5 + dice.below(15), 20 + dice.below(30));
        let _ = write!(text, "[[phase]]\nname = \"phase-{phase}\"\n");
        if phase > 0 && dice.heads() {
            text.push_str("start-after = \"700ms\"\n");
        }
        if phase > 0 && dice.below(4) == 0 {
            let speed = dice.one_of(&["0.5", "1.0", "2.0"]);
            let _ = writeln!(
                text,
                "replay = {{ file = \"access.csv\", speed = {speed} }}"
            );
            continue;
        }
        let rate = match dice.below(5) {
            0 | 1 => format!("\"{high}/s\""),
            2 => format!("{{ from = \"{low}/s\", to = \"{high}/s\" }}"),
            3 => format!(
                "{{ from = \"{low}/s\", to = \"{}/s\", step = \"{low}/s\", every = \"300ms\" }}",
                3 * low
            ),
            _ => format!(
                "{{ base = \"{low}/s\", peak = \"{high}/s\", at = \"200ms\", for = \"300ms\" }}"
            ),
        };
        let arrivals = dice.one_of(&["\"poisson\"", "\"constant\"", "{ burst = 3 }"]);
        let duration = 900 + 100 * dice.below(12);
        let _ = write!(
            text,
            "rate = {rate}\narrivals = {arrivals}\nduration = \"{duration}ms\"\n"
        );
    }
    for (key, most) in [("connections", 64), ("users", 200)] {
        if dice.below(4) == 0 {
            let count = 64 + dice.below(most);
            let _ = write!(
                text,
                "[[phase]]\nname = \"{key}\"\n{key} = {count}\nduration = \"1s\"\n"
            );
        }
    }
    text
}

#[track_caller]
fn plan(text: &str, base: &Path) -> Plan {
    let file = SourceFile {
        name: "any.toml".to_owned(),
        text: text.into(),
    };
    match parse(&file, base, &|_| None) {
        Ok(Loaded { plan, .. }) => plan,
        Err(found) => panic!("{}\n{text}", plimsoll::diagnostic::render(&found, false)),
    }
}

/// An arrival as bytes, so that nothing that differs is taken for the same.
fn bytes(arrival: &Arrival) -> [u8; 33] {
    let (kind, index) = match arrival.task {
        Task::Journey(index) => (0, index),
        Task::Recorded(index) => (1, index),
    };
    let mut out = [0; 33];
    out[..8].copy_from_slice(&arrival.at.0.to_le_bytes());
    out[8..16].copy_from_slice(&arrival.number.to_le_bytes());
    out[16..24].copy_from_slice(&arrival.phase.to_le_bytes());
    out[24] = kind;
    out[25..].copy_from_slice(&index.to_le_bytes());
    out
}

fn whole(plan: &Plan) -> Vec<[u8; 33]> {
    Schedule::new(plan, Lanes::all())
        .map(|a| bytes(&a))
        .collect()
}

/// What all workers of all parts send, in the order of its numbers.
fn together(plan: &Plan, parts: usize, workers: usize) -> Vec<[u8; 33]> {
    let mut all: Vec<Arrival> = Vec::new();
    for part in 0..parts {
        let shard = Shard::new(part, parts).expect("a part");
        for worker in 0..workers {
            all.extend(Schedule::new(plan, Lanes::of_shard(shard, worker, workers)));
        }
    }
    all.sort_by_key(|arrival| arrival.number);
    all.iter().map(bytes).collect()
}

/// Connections and users are dealt out without one too many or too few.
fn counted(plan: &Plan, parts: usize) {
    for phase in &plan.phases {
        let total = match &phase.load {
            Load::Connections(count) => *count,
            Load::Users(users) => users.count,
            _ => continue,
        };
        let shares: Vec<usize> = (0..parts)
            .map(|part| Shard::new(part, parts).expect("a part").share(total))
            .collect();
        assert_eq!(shares.iter().sum::<usize>(), total);
        let (least, most) = (shares.iter().min(), shares.iter().max());
        assert!(most.unwrap() - least.unwrap() <= 1, "{shares:?}");
    }
}

/// Tries so many scenarios, each in all numbers of parts or in some.
#[expect(clippy::print_stdout, reason = "a promise says its figures")]
fn scenarios(count: u64, all_parts_of_every: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let recording: String = (0..40)
        .map(|i| format!("{}.{:02},GET,/recorded/{i}\n", i / 20, i % 20 * 5))
        .collect();
    let recording = format!("time,method,path\n{recording}");
    std::fs::write(folder.path().join("access.csv"), recording).expect("a recording");
    let (mut divided, mut arrivals) = (0, 0);
    for number in 0..count {
        let text = scenario(number);
        let first = plan(&text, folder.path());
        let again = plan(&text, folder.path());
        assert_eq!(first.hash(), again.hash(), "{text}");
        let expected = whole(&first);
        assert_eq!(whole(&again), expected, "the same plan twice:\n{text}");
        let dice = &mut Dice {
            seed: !number,
            thrown: 0,
        };
        let some = |dice: &mut Dice| 2 + usize::try_from(dice.below(62)).expect("small");
        let parts: Vec<usize> = if number.is_multiple_of(all_parts_of_every) {
            (1..=MOST).collect()
        } else {
            vec![1, some(dice), some(dice), MOST]
        };
        for parts in parts {
            let workers = 1 + usize::try_from(dice.below(3)).expect("small");
            let sent = together(&first, parts, workers);
            assert!(
                sent == expected,
                "{parts} parts of {workers} workers:\n{text}"
            );
            counted(&first, parts);
            divided += 1;
        }
        arrivals += expected.len();
    }
    println!(
        "A9: {count} of {count} random scenarios: the same plan twice, and in {divided} divisions among 1 to 64 parts, byte for byte; {arrivals} arrivals"
    );
}

#[test]
fn the_parts_of_a_plan_are_the_plan() {
    scenarios(300, 25);
}

#[test]
#[ignore = "minutes: just promises-long"]
fn the_parts_of_ten_thousand_plans_are_the_plans() {
    scenarios(10_000, 25);
}
