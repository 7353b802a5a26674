//! What is read has limits, names lead nowhere, and what is written stays below the project's root.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::read::GzDecoder;

use plimsoll::alert::{Expression, parse_rules};
use plimsoll::diagnostic::{Diagnostic, SourceFile, render};
use plimsoll::import;
use plimsoll::model::{INSTRUMENT_SCHEMA, InstrumentError, LevelAcceptance};
use plimsoll::mutant::Mutant;
use plimsoll::observe::read_metrics;
use plimsoll::scenario;
use plimsoll::session::alert_rules;
use plimsoll::store::runs::RunWriter;
use plimsoll::store::{Expect, Ledger, StoreError, bundles, instrument, levels, runs};
use plimsoll::units::Nanos;

use crate::cost;
use crate::made::golden;

#[cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "read by mutants")
)]
pub(crate) const KILLS: &[(Mutant, &str)] = &[
    (
        Mutant::LinksFollowed,
        "budgets::a_link_leads_nothing_out_of_the_project",
    ),
    (
        Mutant::NamesUnchecked,
        "budgets::a_name_leads_nothing_out_of_the_project",
    ),
    (
        Mutant::NestedTooDeep,
        "budgets::a_scenario_is_not_nested_without_end",
    ),
    (
        Mutant::TooLargeFilesRead,
        "budgets::files_have_a_greatest_size",
    ),
];

const MOST_MEMORY: usize = 64 << 20;

fn source(text: &str) -> SourceFile {
    SourceFile {
        name: "x".to_owned(),
        text: text.into(),
    }
}

fn parse_scenario(text: &str) -> Vec<Diagnostic> {
    scenario::parse(&source(text), Path::new("/nowhere"), &|_| None)
        .err()
        .unwrap_or_default()
}

/// Names that would lead elsewhere, hide, or be taken for another.
fn names() -> Vec<String> {
    let names = [
        "",
        ".",
        "..",
        "../x",
        "../../../../etc/passwd",
        "/etc/passwd",
        "a/b",
        "a\\b",
        ".hidden",
        "-x",
        "a\0b",
        "a b",
        "a\nb",
        "~",
        "$HOME",
        "%2e%2e%2f",
        "..%c0%af",
        "café",
        "сheckout",
        "a\u{2044}b",
        "a\u{ff0f}b",
        "\u{202e}a",
        "a\u{200b}",
        "aux:",
        "c:\\x",
        "/dev/null",
        "a*",
        "a;b",
        "`id`",
        "$(id)",
        "a|b",
        "a\u{301}",
    ];
    let long = ["a".repeat(81), "a".repeat(255), "a".repeat(100_000)];
    names.map(str::to_owned).into_iter().chain(long).collect()
}

/// All there is below a folder, but for what it began with.
fn all(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            found.push(entry.path());
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                open.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

fn level(scenario: &str) -> LevelAcceptance {
    LevelAcceptance {
        schema: 1,
        scenario: scenario.to_owned(),
        reason: "right".to_owned(),
        accepted_by: "a tester".to_owned(),
        accepted_at: "2026-11-22T09:00:00Z".to_owned(),
        run: "x".to_owned(),
        revision: None,
        plan_hash: "00ff".to_owned(),
        fingerprint: golden().manifest.fingerprint,
        levels: Vec::new(),
    }
}

#[test]
fn a_name_leads_nothing_out_of_the_project() {
    let outer = tempfile::tempdir().expect("a folder");
    let root = outer.path().join("a/b/c/project");
    fs::create_dir_all(&root).expect("a folder");
    let begun = all(outer.path());
    let run = {
        let mut manifest = golden().manifest;
        manifest.outline.name = "sound".to_owned();
        let other = tempfile::tempdir().expect("a folder");
        let writer = RunWriter::create(other.path(), &manifest).expect("a sound name");
        (writer.dir().to_owned(), other)
    };
    let names = names();
    for name in &names {
        let is_name = |error: Option<StoreError>| {
            assert!(
                matches!(error, Some(StoreError::Name { .. })),
                "{name:?}: {error:?}"
            );
        };
        let mut manifest = golden().manifest;
        manifest.outline.name.clone_from(name);
        is_name(RunWriter::create(&root, &manifest).err());
        let mut manifest = golden().manifest;
        manifest.id.clone_from(name);
        is_name(RunWriter::create(&root, &manifest).err());
        is_name(Ledger::new(&root, name).err());
        is_name(levels::accept(&root, level(name)).err());
        is_name(levels::accepted(&root, name).err());
        is_name(runs::write_report(&run.0, name, b"x").err());
        let file = (name.clone(), Vec::new());
        let packed = bundles::write_by_hand(&root, &[file]);
        // What is no name of a folder may be one within a bundle, below its own.
        let is_below = !name.starts_with(['.', '/']) && !name.contains("..") && name.is_ascii();
        assert!(packed.is_err() || is_below, "{name:?}");
        let quoted = toml::Value::from(name.as_str()).to_string();
        let scenario = format!("name = {quoted}\n[target]\nurl = \"http://127.0.0.1:1\"\n");
        let told = render(&parse_scenario(&scenario), false);
        assert!(
            told.contains("PL01") && told.contains("name"),
            "{name:?}: {told}"
        );
        if !name.contains('/') || name.contains("..") || name.starts_with('/') {
            assert!(scenario::locate(name, &root).is_err(), "{name:?}");
        }
    }
    fs::remove_dir_all(root.join("reports/bundles")).ok();
    fs::remove_dir(root.join("reports")).ok();
    assert_eq!(all(outer.path()), begun, "nothing was written");
    println!("S5: {} names in 8 places, 0 files beside them", names.len());
}

#[test]
fn a_link_leads_nothing_out_of_the_project() {
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("kept.json"), "kept").expect("writes");
    let before = all(outside.path());
    let is_outside = |what: &str, error: Option<StoreError>| {
        assert!(
            matches!(error, Some(StoreError::Outside { .. })),
            "{what}: {error:?}"
        );
        let shown = error.expect("an error").diagnostic();
        assert_eq!(shown.code.id, "PL0235");
    };
    let instrument_error = InstrumentError {
        schema: INSTRUMENT_SCHEMA,
        measured_at: "x".to_owned(),
        machine: "m".to_owned(),
        errors: [].into(),
    };
    let acceptance = |root: &Path| {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store/v1");
        let like = Ledger::new(&golden, "checkout").expect("a name");
        let like = like.load().expect("reads").expect("is there").members[0]
            .1
            .clone();
        let ledger = Ledger::new(root, "checkout").expect("a name");
        ledger.save(like, Expect::Any)
    };
    for (link, at) in [
        ("reports", "reports"),
        ("reports/checkout", "reports"),
        ("baselines", "baselines"),
        ("baselines/checkout", "baselines"),
        ("baselines/checkout/levels", "levels"),
    ] {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        let path = root.join(link);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        symlink(outside.path(), &path).expect("a link");
        let manifest = golden().manifest;
        if at == "reports" {
            is_outside(link, RunWriter::create(root, &manifest).err());
        }
        if link == "reports" {
            is_outside(link, instrument::keep(root, &instrument_error).err());
            is_outside(link, bundles::write_by_hand(root, &[]).err());
        }
        if at == "baselines" {
            is_outside(link, acceptance(root).err());
        }
        if at != "reports" {
            is_outside(link, levels::accept(root, level("checkout")).err());
        }
    }
    // Links in place of files are replaced, or refused, and never followed.
    let root = tempfile::tempdir().expect("a folder");
    let victim = outside.path().join("kept.json");
    for link in ["reports/.instrument.json", "baselines/checkout/HEAD.json"] {
        let path = root.path().join(link);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        symlink(&victim, &path).expect("a link");
    }
    instrument::keep(root.path(), &instrument_error).expect("is replaced");
    acceptance(root.path()).expect("is replaced");
    let lock = root.path().join("baselines/checkout/.lock");
    fs::remove_file(&lock).expect("a lock");
    symlink(outside.path().join("made"), &lock).expect("a link");
    assert!(matches!(
        acceptance(root.path()),
        Err(StoreError::Io { .. })
    ));
    assert_eq!(fs::read_to_string(&victim).expect("reads"), "kept");
    assert_eq!(all(outside.path()), before, "nothing was written");
    // A link that stays below the root is the user's own business.
    let root = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(root.path().join("big/reports")).expect("folders");
    symlink("big/reports", root.path().join("reports")).expect("a link");
    RunWriter::create(root.path(), &golden().manifest).expect("is written");
    println!("S5: 5 folders and 3 files that are links, 0 bytes outside");
}

#[test]
fn files_have_a_greatest_size() {
    let root = tempfile::tempdir().expect("a folder");
    let sized = |name: &str, bytes: u64| {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::File::create(&path)
            .expect("a file")
            .set_len(bytes)
            .expect("a size");
        path
    };
    let large = |said: String| {
        assert!(said.contains("larger than"), "{said}");
    };
    let scenario = sized("big.toml", (1 << 20) + 1);
    let (found, mut worst) = cost::of(|| scenario::load(&scenario, &|_| None));
    large(render(&found.expect_err("refused"), false));
    let rules = sized("big.yml", (1 << 20) + 1);
    large(render(&alert_rules(&rules).expect_err("refused"), false));
    // A file that has no end.
    let endless = Path::new("/dev/zero");
    assert!(scenario::load(endless, &|_| None).is_err());
    assert!(alert_rules(endless).is_err());
    let import = sized("big.hlog", (64 << 20) + 1);
    large(render(
        &[import::text(&import).expect_err("refused")],
        false,
    ));
    let run = sized("reports/x/y/manifest.json", (16 << 20) + 1);
    let run = run.parent().expect("a folder");
    let (found, cost) = cost::of(|| runs::read(run));
    worst = worst.max(cost);
    large(found.expect_err("refused").to_string());
    sized("reports/x/y/profile.json", (1 << 20) + 1);
    large(runs::read_profiles(run).expect_err("refused").to_string());
    let hash = "0".repeat(64);
    sized(&format!("baselines/x/levels/{hash}.json"), (16 << 20) + 1);
    large(
        levels::accepted(root.path(), "x")
            .expect_err("refused")
            .to_string(),
    );
    sized("baselines/x/HEAD.json", (1 << 20) + 1);
    let ledger = Ledger::new(root.path(), "x").expect("a name");
    large(ledger.load().expect_err("refused").to_string());
    assert!(worst.memory <= MOST_MEMORY, "{worst:?}");
    println!("S6: 9 kinds of files have a greatest size");
}

#[test]
fn a_scenario_is_not_nested_without_end() {
    let nested = |depth: usize| format!("x = {}{}\n", "[".repeat(depth), "]".repeat(depth));
    let told = |text: &str| render(&parse_scenario(text), false);
    assert!(told(&nested(33)).contains("nested deeper than 32 levels"));
    assert!(!told(&nested(31)).contains("nested"));
    // As deep as a file may be long: by lists, by tables in a line, by dotted keys and by heads.
    let most = (1 << 20) - 100;
    let files = [
        ("lists", "x = ".to_owned() + &"[".repeat(most)),
        ("tables", "x = ".to_owned() + &"{a=".repeat(most / 3)),
        ("keys", "a".to_owned() + &".a".repeat(most / 2 - 2) + "=1\n"),
        (
            "heads",
            "[a".to_owned() + &".a".repeat(most / 2 - 2) + "]\n",
        ),
        (
            "heads of lists",
            "[[a".to_owned() + &".a".repeat(most / 2 - 4) + "]]\n",
        ),
        ("errors", "]\n".repeat(most / 2)),
        (
            "unknown keys",
            (0..20_000).map(|i| format!("k{i:07} = 1\n")).collect(),
        ),
    ];
    for (what, text) in files {
        assert!(text.len() <= 1 << 20);
        let (problems, cost) = cost::of(|| parse_scenario(&text));
        println!(
            "S6: 1 MiB of {what}: {} problems, {} MiB, {} ms of CPU",
            problems.len(),
            cost.memory >> 20,
            cost.cpu.as_millis()
        );
        assert!(
            (1..=101).contains(&problems.len()),
            "{what}: {}",
            problems.len()
        );
    }
}

#[test]
fn rules_expressions_and_metrics_have_budgets() {
    let told = |text: &str| {
        let (found, cost) = cost::of(|| parse_rules(&source(text)));
        assert!(cost.memory <= 4 * MOST_MEMORY, "{cost:?}");
        assert!(cost.cpu < Duration::from_secs(20), "{cost:?}");
        render(&found.expect_err("refused")[..1], false)
    };
    let most = (1 << 20) - 100;
    let deep: String = (0..1000).map(|i| " ".repeat(i) + "a:\n").collect();
    for text in [deep, "[".repeat(most), "{a: ".repeat(most / 4)] {
        let told = told(&text);
        assert!(
            told.contains("nested too deep") || told.contains("no YAML"),
            "{told:.300}"
        );
    }
    assert!(told(&"[".repeat(30)).contains("nested too deep"));
    let keys: String = (0..most / 10).map(|i| format!("k{i:05}: 1\n")).collect();
    assert!(!told(&keys).is_empty());
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
    assert!(told(bomb).contains("an alias is not supported"));

    for (text, reason) in [
        ("(".repeat(5_000) + "1", "deep"),
        ("-".repeat(5_000) + "1", "deep"),
        ("1".to_owned() + &"+1".repeat(7_000), "deep"),
        ("a".repeat(20_000), "long"),
        (format!("a{{b=~\"{}\"}}", "(a{1000}){1000}"), ""),
    ] {
        let (found, cost) = cost::of(|| Expression::parse(&text));
        let fault = found.expect_err("refused");
        assert!(fault.message.contains(reason), "{}", fault.message);
        assert!(cost.memory <= MOST_MEMORY, "{reason}: {cost:?}");
    }

    let series: String = (0..100_000)
        .map(|i| format!("m{{i=\"{i}\"}} {i}\n"))
        .collect();
    let (found, cost) = cost::of(|| read_metrics(&series, 5_000));
    assert_eq!((found.scraped.len(), found.left_out), (5_000, 95_000));
    assert!(cost.memory <= MOST_MEMORY, "{cost:?}");
    let labels: String = (0..200_000).map(|i| format!("l{i}=\"v\",")).collect();
    let (found, cost) = cost::of(|| read_metrics(&format!("m{{{labels}}} 1\n"), 5_000));
    assert!(
        found.scraped.len() <= 1 && cost.memory <= MOST_MEMORY,
        "{cost:?}"
    );

    let rows = "a,b\n".to_owned() + &"1,2\n".repeat(100_001);
    let found = import::values::Sheet::read(source(&rows)).expect_err("refused");
    assert!(render(&found, false).contains("100,000 rows"));
    let wrong = "a,b\n".to_owned() + &"x\n".repeat(99_999);
    let found = import::values::Sheet::read(source(&wrong)).expect_err("refused");
    assert!(found.len() <= 25, "{}", found.len());
    let json = "[".repeat(1 << 20);
    for kind in import::Kind::ALL {
        let parsed = kind.parse(json.as_bytes(), Nanos(1));
        assert!(parsed.is_err(), "{}", kind.name());
    }
    println!("S6: rule files, expressions, metrics and imports keep to their budgets");
}

#[test]
fn a_bundle_holds_regular_files_below_its_folder_and_no_more_than_its_size() {
    let root = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: usize| (name.to_owned(), vec![b' '; bytes]);
    for bad in ["../x", "/x", "a/../../x", "a//x", ".x", "a\0x", "", "a/"] {
        let written = bundles::write_by_hand(root.path(), &[file(bad, 1)]);
        assert!(written.is_err(), "{bad:?}");
    }
    let large = [file("a", 40 << 20), file("b", 40 << 20)];
    let error = bundles::write_by_hand(root.path(), &large).expect_err("too large");
    assert!(error.to_string().contains("64 MiB of a bundle"), "{error}");
    let sound = [file("index.html", 1 << 20), file("target/x.txt", 10)];
    let path = bundles::write_by_hand(root.path(), &sound).expect("writes");
    assert!(path.starts_with(root.path().join("reports/bundles")));
    let packed = fs::read(&path).expect("reads");
    let mut archive = tar::Archive::new(GzDecoder::new(packed.as_slice()));
    let mut size = 0;
    for entry in archive.entries().expect("entries") {
        let entry = entry.expect("an entry");
        assert_eq!(entry.header().entry_type(), tar::EntryType::Regular);
        let path = entry.path().expect("a path").into_owned();
        assert!(path.is_relative() && path.components().count() >= 2);
        size += entry.size();
    }
    assert_eq!(size, (1 << 20) + 10);
    println!("S12: 8 names refused, regular files only, at most 64 MiB unpacked");
}
