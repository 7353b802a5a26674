//! Scenario files, good and bad: a case per file.
//!
//! `tests/scenarios/valid/*.toml` and `scenarios/*.toml` must load without a word. Each
//! `tests/scenarios/invalid/NAME.toml` must be refused with the text of `NAME.stderr`, each file in
//! `warned` loads with such a text of warnings;
//! `UPDATE_GOLDEN=1 cargo test --test scenarios` writes these anew, to be read before they are
//! committed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use plimsoll::diagnostic::{Diagnostic, SourceFile, render};
use plimsoll::scenario;
use plimsoll::scenario::plan::{Overflow, Plan, RetryOn, Version};
use plimsoll::units::Nanos;
use proptest::prelude::*;

/// Invalid files that no JSON Schema can refuse, and why.
const BEYOND_A_SCHEMA: &[(&str, &str)] = &[
    ("alert-expressions", "reads a language of its own"),
    ("alert-texts", "reads gaps in texts"),
    ("auth-twice", "compares a header with another key"),
    ("body-file-missing", "looks at the disk"),
    ("body-file-outside", "looks at the disk"),
    (
        "command-one-word",
        "a program may have spaces in its name; looks at the disk",
    ),
    (
        "command-without-port",
        "looks for {port} in arguments and environment",
    ),
    ("duplicate-names", "compares tables with each other"),
    ("expectation-of-a-value", "braces are legal in most texts"),
    ("fault-in-a-search", "depends on the phases"),
    ("fault-of-a-socket-file", "depends on another key"),
    ("faults-in-conflict", "compares times and shares"),
    (
        "guard-never-opens",
        "compares a share and a time with their units",
    ),
    ("http-coalesce-too-long", "compares a time with its unit"),
    ("http-connect-to-metadata-service", "reads an address"),
    (
        "http-lifetime-of-one-request",
        "depends on the value of another key",
    ),
    ("http-source-is-no-address", "reads an address"),
    ("http-streams-of-one", "depends on the value of another key"),
    ("json-not-a-number", "the value has no form in JSON"),
    (
        "multipart-with-content-type",
        "compares a header with another key",
    ),
    ("no-request-at-all", "multiplies a rate by a time"),
    ("no-steps", "depends on the phases"),
    ("only-warm-up", "looks at all phases together"),
    ("pauses-too-long", "adds times"),
    ("placeholders-unknown", "braces are legal in most texts"),
    ("placeholders", "braces are legal in most texts"),
    ("process-cgroup-outside", "looks at the parts of a path"),
    ("ramp-goes-nowhere", "compares two rates"),
    ("recordings", "looks at the disk"),
    ("recovery-of-a-part", "depends on the metric"),
    ("recovery-without-a-fault", "looks at other tables"),
    ("replay-without-a-step", "looks at the disk"),
    ("search-as-warm-up", "depends on the value of another key"),
    ("search-beside-a-phase", "looks at all phases together"),
    ("search-by-cpu", "depends on the metric"),
    ("search-by-throughput", "depends on the metric"),
    ("search-downwards", "compares two rates"),
    ("search-of-nothing", "multiplies a rate by a time"),
    ("search-of-too-many", "multiplies a rate by a time"),
    ("search-too-fine", "compares a share with its unit"),
    ("search-too-short", "compares two times"),
    ("search-under-nothing", "depends on the metric"),
    ("search-units", "depends on the metric"),
    ("secrets", "looks at the environment and the disk"),
    ("spike-beyond-phase", "compares two times"),
    ("spike-downwards", "compares two rates"),
    ("stairs-longer-than-phase", "compares two times"),
    ("stairs-too-short", "compares a time with its unit"),
    ("think-backwards", "compares two times"),
    ("threshold-direction", "depends on the metric"),
    ("threshold-lateness-of-connections", "depends on the phases"),
    ("threshold-of-process-by-journey", "depends on the metric"),
    ("threshold-of-process-by-step", "depends on the metric"),
    ("threshold-of-process-over", "depends on the metric"),
    (
        "threshold-of-unknown-journey",
        "looks for names of other tables",
    ),
    ("threshold-over-longer-than-phase", "compares two times"),
    (
        "threshold-over-parts-of-seconds",
        "compares a time with its unit",
    ),
    ("threshold-scope", "looks for names of other tables"),
    ("threshold-twice", "compares tables with each other"),
    ("timeouts-unreachable", "compares two times"),
    ("tls-ca-unverified", "depends on the value of another key"),
    ("tls-files-outside", "looks at the disk"),
    ("tls-files", "looks at the disk"),
    ("tls-over-http-of-a-command", "depends on another key"),
    ("tls-over-http", "depends on another key"),
    ("tls-timeout-unreachable", "compares two times"),
    ("too-fast", "compares a rate with its unit"),
    ("too-long", "compares a time with its unit"),
    ("too-many-requests", "multiplies a rate by a time"),
    ("unix-and-address", "depends on another key"),
    ("unix-too-long", "counts bytes"),
    ("url-hidden-address", "reads an address"),
    ("url-metadata-service", "reads an address"),
    ("url-port-out-of-range", "compares a number within a text"),
    ("url-port-without-command", "depends on another key"),
    ("users-ramp-too-long", "compares two times"),
];

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    files
}

/// The environment that the scenarios are read in.
fn environment(name: &str) -> Option<OsString> {
    match name {
        "SHOP_TOKEN" => Some("t0p/s3cret".into()),
        "SHOP_PASSWORD" => Some("pä\"ss".into()),
        "TWO_LINES" => Some("a\nb".into()),
        "EMPTY" => Some("".into()),
        _ => None,
    }
}

fn load(path: &Path) -> Result<scenario::Loaded, Vec<Diagnostic>> {
    scenario::load(path, &environment)
}

fn valid() -> Vec<PathBuf> {
    let mut all = files("scenarios");
    all.extend(files("tests/scenarios/valid"));
    // Built without virtual users, nothing with them is valid.
    all.retain(|path| cfg!(feature = "users") || stem(path) != "load-models");
    all
}

fn invalid() -> Vec<PathBuf> {
    files("tests/scenarios/invalid")
}

fn stem(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

/// What a user sees, with paths that do not depend on where the test runs.
fn shown(path: &Path, found: &[Diagnostic]) -> String {
    let folder = format!("{}/", path.parent().unwrap().display());
    render(found, false).replace(&folder, "")
}

/// Compares each text with the `.stderr` beside its file, or writes that.
fn check_goldens(texts: impl IntoIterator<Item = (PathBuf, String)>) {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut differences = String::new();
    for (path, found) in texts {
        let golden = path.with_extension("stderr");
        if update {
            fs::write(&golden, &found).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            let name = stem(&path);
            let both = [
                "--- expected of ",
                name,
                "\n",
                &expected,
                "\n--- found\n",
                &found,
                "\n",
            ];
            differences.extend(both);
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn valid_files_load_without_a_word() {
    for path in valid() {
        match load(&path) {
            Ok(loaded) => assert!(
                loaded.warnings.is_empty(),
                "{}",
                render(&loaded.warnings, false)
            ),
            Err(found) => panic!("{}", render(&found, false)),
        }
    }
    assert!(files("tests/scenarios/valid").len() >= 5);
}

#[test]
fn the_scenarios_that_come_along_are_named_like_their_files() {
    for path in files("scenarios") {
        let plan = load(&path).unwrap().plan;
        assert_eq!(plan.name, stem(&path));
        assert!(!plan.thresholds.is_empty(), "{} judges nothing", plan.name);
        let source = fs::read_to_string(&path).unwrap();
        assert!(source.starts_with("#:schema ../schemas/scenario.schema.json\n"));
    }
}

#[test]
fn invalid_files_are_refused_as_recorded() {
    assert!(invalid().len() >= 35);
    check_goldens(invalid().into_iter().map(|path| {
        let text = match load(&path) {
            Ok(_) => "accepted, but should be refused".to_owned(),
            Err(found) => shown(&path, &found),
        };
        (path, text)
    }));
}

#[test]
fn doubtful_files_load_with_the_warnings_recorded() {
    check_goldens(files("tests/scenarios/warned").into_iter().map(|path| {
        let text = match load(&path) {
            Ok(loaded) => shown(&path, &loaded.warnings),
            Err(found) => format!("refused:\n{}", shown(&path, &found)),
        };
        assert!(!text.is_empty(), "{} is not doubtful", stem(&path));
        (path, text)
    }));
}

#[test]
fn every_message_says_what_to_do() {
    for path in invalid() {
        for problem in load(&path).unwrap_err() {
            let name = stem(&path);
            assert!(problem.help.is_some(), "{name}: {}", problem.message);
            assert!(problem.place.is_some(), "{name}: {}", problem.message);
            assert!(problem.code.id.starts_with("PL01"), "{name}");
        }
    }
}

#[test]
fn the_committed_schema_is_the_one_the_grammar_gives() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/scenario.schema.json");
    let text = serde_json::to_string_pretty(&scenario::schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "schemas/scenario.schema.json is out of date: run `plimsoll generate schema`"
    );
}

#[test]
fn the_schema_of_a_project_is_committed_and_holds_its_files() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/project.schema.json");
    let text = scenario::project_schema_text();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "schemas/project.schema.json is out of date: run `plimsoll generate schema project`"
    );
    let schema = jsonschema::draft7::new(&scenario::project_schema()).unwrap();
    let holds = |text: &str| {
        let value: toml::Value = toml::from_str(text).unwrap();
        schema.is_valid(&serde_json::to_value(value).unwrap())
    };
    assert!(holds(&scenario::project_sample()));
    assert!(holds(
        "[check]\nmax-rounds = 7\non-inconclusive = \"fail\"\n"
    ));
    for wrong in [
        "[check]\nmax-rounds = 700\n",
        "[check]\nmax-round = 7\n",
        "[check]\njudge = \"me\"\n",
        "[target]\ntimeouts = { total = 3 }\n",
        "allow-hosts = []\n",
    ] {
        assert!(!holds(wrong), "{wrong}");
    }
}

#[test]
fn the_schema_accepts_what_loads_and_refuses_what_it_can() {
    let schema = jsonschema::draft7::new(&scenario::schema()).unwrap();
    let json = |path: &Path| -> Option<serde_json::Value> {
        let text = fs::read_to_string(path).ok()?;
        let value: toml::Value = toml::from_str(&text).ok()?;
        serde_json::to_value(value).ok()
    };
    for path in valid() {
        let errors: Vec<_> = schema
            .iter_errors(&json(&path).unwrap())
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
    }
    let excused: Vec<_> = BEYOND_A_SCHEMA.iter().map(|(name, _)| *name).collect();
    let accepted: Vec<_> = invalid()
        .iter()
        .filter(|path| json(path).is_some_and(|json| schema.is_valid(&json)))
        .map(|path| stem(path).to_owned())
        .collect();
    assert_eq!(
        accepted, excused,
        "accepted by the schema, against the list of those it cannot see"
    );
}

#[test]
fn line_ends_of_another_system_change_nothing() {
    for path in valid().into_iter().chain(invalid()) {
        let text = fs::read_to_string(&path).unwrap();
        let codes = |text: &str| match parse(text, path.parent().unwrap()) {
            Ok(_) => Vec::new(),
            Err(found) => {
                let mut codes: Vec<_> = found.iter().map(|d| d.code.id).collect();
                codes.dedup();
                codes
            }
        };
        let unix = codes(&text);
        assert_eq!(
            codes(&text.replace('\n', "\r\n")),
            unix,
            "{}",
            path.display()
        );
    }
}

#[test]
fn what_is_observed_does_not_change_the_plan() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/valid");
    let text = fs::read_to_string(folder.join("observed.toml")).unwrap();
    let plan = |text: &str| parse(text, &folder).unwrap().plan;
    let observed = plan(&text);
    assert_eq!(observed.target.metrics.len(), 2);
    assert_eq!(observed.health.len(), 2);
    let [database, cache] = &observed.health[..] else {
        panic!("two");
    };
    assert_eq!((database.status, cache.status), (Some(204), None));
    assert_eq!(database.timeout, Nanos::from_millis(500));
    assert_eq!(
        (cache.every, cache.timeout),
        (Nanos::from_secs(5), Nanos::SECOND)
    );
    let (begin, end) = (
        text.find("process =").unwrap(),
        text.find("[[step]]").unwrap(),
    );
    let plain = plan(&format!("{}{}", &text[..begin], &text[end..]));
    assert_eq!((&plain.target.process, plain.health.len()), (&None, 0));
    assert_eq!(plain.hash(), observed.hash());
}

fn parse(text: &str, folder: &Path) -> Result<scenario::Loaded, Vec<Diagnostic>> {
    let file = SourceFile {
        name: "any.toml".to_owned(),
        text: text.into(),
    };
    scenario::parse(&file, folder, &environment)
}

/// Reads a text as a scenario and shows what is wrong with it, which must work for any text. What
/// loads, the schema accepts.
fn survives(text: &str) {
    static SCHEMA: LazyLock<jsonschema::Validator> =
        LazyLock::new(|| jsonschema::draft7::new(&scenario::schema()).unwrap());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/valid");
    match parse(text, &folder) {
        Ok(loaded) => {
            assert!(loaded.plan.phases.iter().any(|phase| !phase.warm_up));
            assert!(!loaded.plan.steps.is_empty());
            render(&loaded.warnings, false);
            let value: toml::Value = toml::from_str(text).unwrap();
            let json = serde_json::to_value(value).unwrap();
            let errors: Vec<_> = SCHEMA.iter_errors(&json).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{errors:#?} in {text}");
        }
        Err(found) => {
            assert!(!found.is_empty(), "refused without a word: {text}");
            render(&found, false);
        }
    }
}

/// Valid files that between them have every key.
const SOURCES: [&str; 8] = [
    include_str!("scenarios/valid/everything.toml"),
    include_str!("scenarios/valid/https.toml"),
    include_str!("scenarios/valid/connections-in-detail.toml"),
    include_str!("scenarios/valid/journeys.toml"),
    include_str!("scenarios/valid/load-models.toml"),
    include_str!("scenarios/valid/replay-beside-steps.toml"),
    include_str!("scenarios/valid/search.toml"),
    include_str!("scenarios/valid/observed.toml"),
];

/// A valid file with pieces of it cut out, doubled or replaced by what does not belong there.
fn mutated() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(String::new()),
        proptest::sample::select(vec![
            "\"",
            "'",
            "=",
            "[",
            "]",
            "{",
            "}",
            ",",
            "\n",
            "\\u0000",
            "0",
            "-1",
            "nan",
            "1e400",
            "9999999999999999999999",
            "true",
            "\"0s\"",
            "\"1h\"",
            "\"\"",
            "\"{port}\"",
            "\"{{x}}\"",
            "[[step]]",
            "[target]",
            "2026-01-01",
            "ä",
            "\u{1f600}",
            "step",
            "to",
            "pp",
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
    ];
    let edit = (any::<prop::sample::Index>(), 0_usize..24, piece);
    let edits = proptest::collection::vec(edit, 1..6);
    (proptest::sample::select(&SOURCES), edits).prop_map(|(source, edits)| {
        let mut chars: Vec<char> = source.chars().collect();
        for (at, cut, piece) in edits {
            let start = at.index(chars.len() + 1);
            let end = (start + cut).min(chars.len());
            chars.splice(start..end, piece.chars());
        }
        chars.into_iter().collect()
    })
}

/// A valid file with one value replaced by another of the files or by one of the wrong kind.
fn revalued() -> impl Strategy<Value = String> {
    let values: Vec<&str> = SOURCES
        .iter()
        .flat_map(|source| source.lines())
        .filter_map(|line| Some(line.split_once(" = ")?.1))
        .chain([
            "0",
            "-1",
            "1e300",
            "inf",
            "[]",
            "{}",
            "[[]]",
            "\"0/s\"",
            "\"1000000/s\"",
            "\"8760h\"",
        ])
        .collect();
    let edit = (
        any::<prop::sample::Index>(),
        proptest::sample::select(values),
    );
    let edits = proptest::collection::vec(edit, 1..4);
    (proptest::sample::select(&SOURCES), edits).prop_map(|(source, edits)| {
        let mut lines: Vec<String> = source.lines().map(str::to_owned).collect();
        for (at, value) in edits {
            let at = at.index(lines.len());
            if let Some((key, _)) = lines[at].split_once(" = ") {
                lines[at] = format!("{key} = {value}");
            }
        }
        lines.join("\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_without_panic(text in "(?s).{0,200}") {
        survives(&text);
    }

    #[test]
    fn any_mutation_is_read_without_panic(text in mutated()) {
        survives(&text);
    }

    #[test]
    fn any_exchange_of_values_is_read_without_panic(text in revalued()) {
        survives(&text);
    }
}

#[test]
fn a_file_of_nothing_but_mistakes_is_shown_in_part() {
    let text: String = (0..20_000)
        .flat_map(|i| ["key".to_owned(), i.to_string(), " = 1\n".to_owned()])
        .collect();
    let file = SourceFile {
        name: "many.toml".to_owned(),
        text: text.into(),
    };
    let found = scenario::parse(&file, Path::new("."), &environment).unwrap_err();
    assert_eq!(found.len(), 101);
    assert_eq!(found[100].message, "and 19904 more problems");
}

#[test]
fn hostile_files_do_not_overflow_the_stack() {
    let deep = 30_000;
    survives(&format!("step = {}", "[".repeat(deep)));
    survives(&format!("step = {}1{}", "[".repeat(deep), "]".repeat(deep)));
    survives(&format!("step = {}", "{a=".repeat(deep)));
    survives(&format!("{}a = 1", "a.".repeat(deep)));
    survives(&format!("[step.json.{}a]\nb = 1", "a.".repeat(deep)));
    survives(&format!("[[step]]\njson.{}a = 1", "a.".repeat(deep)));
    survives(&"[[a]]\n".repeat(deep));
    survives(&"[[step]]\n".repeat(deep));
    survives(&"[[threshold]]\nmetric = \"latency.p99\"\nmax = \"1s\"\n".repeat(deep / 5));
    let headers: String = (0..10_000)
        .flat_map(|i| ["h".to_owned(), i.to_string(), "=\"\"\n".to_owned()])
        .collect();
    survives(&format!("[[step]]\n[step.headers]\n{headers}"));
    survives(&"x".repeat(1 << 20));
    survives(&format!("a = \"{}\"", "x".repeat(1 << 20)));
}

#[test]
fn values_arrive_in_the_plan_as_written() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/valid/everything.toml");
    let plan = load(&path).unwrap().plan;
    assert_eq!(plan.seed, 7);
    let target = &plan.target;
    assert_eq!(target.url.to_string(), "http://localhost:{port}/api");
    assert_eq!(target.command.as_ref().unwrap().env["PORT"], "{port}");
    assert_eq!(target.ready.get, Some(("/health".to_owned(), 204)));
    assert_eq!(target.timeouts.first_byte, Nanos::from_millis(1500));
    assert_eq!(target.http.connections, 10_000);

    let steps: Vec<_> = plan
        .steps
        .iter()
        .zip(&plan.journeys)
        .map(|(step, journey)| {
            let request = &step.request;
            let headers: Vec<_> = request
                .headers
                .iter()
                .map(|(k, v)| format!("{k}: {v}"))
                .collect();
            let body = &request.body;
            format!(
                "{} {} {} {headers:?} {body}",
                journey.weight, request.method, request.path
            )
        })
        .collect();
    insta::assert_snapshot!(steps.join("\n"), @r#"
    3 GET /items?page=1&q=red%20shoes%20%26%20more&size=42&price=1.5&sale=true&tag=a&tag=b ["Accept: text/html, */*;q=0.1", "X-Empty: "] 
    1 POST /pay ["content-type: application/json"] {"item":7,"list":[1,{"a":1.5}],"nothing":{},"when":"2026-01-01"}
    1 PUT /text [] {{ not a placeholder: spaces }}
    1 PATCH /file [] {"item": 7}
    "#);
    assert_eq!(plan.steps[0].expect.status, [200, 304]);
    assert_eq!(plan.steps[0].expect.body_contains.as_deref(), Some("ok"));
    let pointers: Vec<_> = plan.steps[1]
        .expect
        .json
        .iter()
        .map(|(p, _)| p.as_str())
        .collect();
    assert_eq!(pointers, ["", "/a~1b", "/ok"]);

    let phases: Vec<_> = plan
        .outline()
        .phases
        .iter()
        .map(|p| format!("{} {} {} {:?}", p.name, p.load, p.warm_up, p.asked))
        .collect();
    insta::assert_snapshot!(phases.join("\n"), @r"
    warm-up 0/s → 1000/s poisson true Some(5000)
    steady 1000/s even false Some(60000)
    stairs 400/s → 100/s by 150/s every 20 s poisson false Some(15000)
    full 64 connections, saturated false None
    ");

    let thresholds: Vec<_> = plan
        .thresholds
        .iter()
        .map(|t| {
            format!(
                "{}{} {:?} {:?} {:?} line {:?}",
                t.metric, t.scope, t.max, t.max_change, t.min_change, t.line
            )
        })
        .collect();
    insta::assert_snapshot!(thresholds.join("\n"), @r"
    latency.p99 [phase steady, step pay] Some(250000000.0) Some(Relative(0.1)) Some(2000000.0) line Some(60)
    throughput.ok Some(190.0) Some(Relative(0.03)) Some(1.0) line Some(68)
    errors.timeout-total Some(0.001) Some(Points(0.001)) Some(0.0005) line Some(74)
    cpu.utilisation None Some(Points(0.05)) Some(0.01) line Some(80)
    memory.rss.slope Some(65536.0) None None line Some(85)
    fds.peak Some(64.0) None None line Some(89)
    threads.peak Some(64.0) None None line Some(93)
    ");
}

fn loaded(name: &str) -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/scenarios/valid")
        .join(name);
    load(&path).unwrap().plan
}

#[test]
fn connections_arrive_in_the_plan_as_written() {
    let target = loaded("connections-in-detail.toml").target;
    insta::assert_debug_snapshot!(target.http, @r#"
    Http {
        version: Http1,
        connections: 100,
        streams: 100,
        keep_alive: true,
        requests_per_connection: Some(
            1000,
        ),
        lifetime: Some(
            Nanos(
                30000000000,
            ),
        ),
        nodelay: false,
        coalesce: Some(
            Nanos(
                500000,
            ),
        ),
        source: Some(
            127.0.0.2,
        ),
        connect_to: Some(
            (
                "::1",
                8080,
            ),
        ),
        max_in_flight: Some(
            5000,
        ),
        overflow: Drop,
        max_rate: Some(
            MostRate {
                rate: Rate(
                    250.0,
                ),
                burst: 20,
            },
        ),
    }
    "#);
    let target = loaded("https.toml").target;
    assert_eq!(target.url.to_string(), "https://shop.test:8443/api");
    assert_eq!(target.timeouts.tls, Nanos::from_millis(500));
    assert_eq!(target.http.version, Version::Http2);
    assert_eq!(target.http.streams, 50);
    let tls = target.tls;
    assert_eq!(tls.server_name.as_deref(), Some("api.shop.test"));
    assert!(tls.ca.unwrap().starts_with(b"-----BEGIN CERTIFICATE"));
    let key = tls.certificate.unwrap().key;
    assert!(key.starts_with(b"-----BEGIN PRIVATE KEY"));
    assert!(!tls.unverified);

    let target = loaded("unix-socket.toml").target;
    assert_eq!(target.url.to_string(), "http://localhost:80");
    assert_eq!(target.unix.as_deref(), Some(Path::new("/run/app.sock")));
    assert_eq!(target.http.overflow, Overflow::Queue);
    assert_eq!(loaded("https-by-default.toml").target.url.port, 443);
}

#[cfg(feature = "users")]
#[test]
fn load_models_arrive_in_the_plan_as_written() {
    let plan = loaded("load-models.toml");
    let starts = plan.starts();
    let phases: Vec<_> = plan
        .phases
        .iter()
        .zip(starts)
        .map(|(p, start)| format!("{start}: {:?}, {} and {}", p.load, p.duration, p.cooldown))
        .collect();
    insta::assert_snapshot!(phases.join("\n"), @r"
    0 ns: Users(Users { count: 5, ramp: Nanos(0) }), 20 s and 2 s
    27 s: Users(Users { count: 50, ramp: Nanos(10000000000) }), 30 s and 60 s
    117 s: Users(Users { count: 50, ramp: Nanos(0) }), 30 s and 0 ns
    147 s: Rate { profile: Spike { base: Rate(100.0), peak: Rate(1000.0), at: Nanos(20000000000), length: Nanos(10000000000) }, arrivals: Poisson }, 30 s and 0 ns
    177 s: Rate { profile: Spike { base: Rate(0.0), peak: Rate(50.0), at: Nanos(0), length: Nanos(10000000000) }, arrivals: Poisson }, 30 s and 0 ns
    207 s: Rate { profile: Constant(Rate(200.0)), arrivals: Burst(20) }, 20 s and 0 ns
    ");
    insta::assert_debug_snapshot!(plan.guard, @r"
    Some(
        Guard {
            errors_over: 0.5,
            within: Nanos(
                5000000000,
            ),
            action: SlowDown,
            rest: Nanos(
                2000000000,
            ),
            openings: 10,
        },
    )
    ");
    let limits: Vec<_> = plan
        .thresholds
        .iter()
        .map(|t| {
            format!(
                "{}{} {:?} {:?} {}",
                t.metric, t.scope, t.max, t.over, t.abort
            )
        })
        .collect();
    insta::assert_snapshot!(limits.join("\n"), @r"
    latency.p99 [phase bursts] Some(250000000.0) Some(Nanos(10000000000)) true
    latency.p99 [phase spike, journey pay] Some(250000000.0) None false
    throughput.ok Some(10.0) Some(Nanos(20000000000)) false
    errors.rate Some(0.1) None true
    errors.rate Some(0.2) Some(Nanos(5000000000)) false
    ");
}

#[test]
fn a_preset_of_retries_fills_in_what_is_not_given() {
    let plan = loaded("retry-presets.toml");
    let retry = |i: usize| plan.steps[i].retry.clone().expect("a retry");
    assert_eq!(retry(0), retry(1));
    let (named, own) = (retry(0), retry(2));
    assert_eq!((named.max, own.max), (5, 2));
    assert_eq!((named.factor, own.factor), (1.5, 1.5));
    // A longer first pause raises the longest one with it.
    assert_eq!(
        (own.base_delay, own.max_delay),
        (Nanos::from_secs(3), Nanos::from_secs(3))
    );
    assert_eq!(own.on, [RetryOn::Status(500)]);
    assert!(own.jitter);
}

#[test]
fn searches_and_guards_have_defaults() {
    insta::assert_debug_snapshot!(loaded("search.toml").phases[1].load, @r"
    Search(
        Search {
            metric: Latency(
                P99,
            ),
            under: 250000000.0,
            from: Rate(
                100.0,
            ),
            to: Rate(
                20000.0,
            ),
            arrivals: Burst(
                10,
            ),
            rounds: 5,
            precision: 0.025,
            max_duration: Some(
                Nanos(
                    3600000000000,
                ),
            ),
        },
    )
    ");
    insta::assert_debug_snapshot!(loaded("search-by-errors.toml").phases[0].load, @r"
    Search(
        Search {
            metric: ErrorsRate,
            under: 0.001,
            from: Rate(
                100.0,
            ),
            to: Rate(
                20000.0,
            ),
            arrivals: Poisson,
            rounds: 3,
            precision: 0.05,
            max_duration: None,
        },
    )
    ");
    insta::assert_debug_snapshot!(loaded("guard-by-default.toml").guard, @r"
    Some(
        Guard {
            errors_over: 1.0,
            within: Nanos(
                10000000000,
            ),
            action: Stop,
            rest: Nanos(
                5000000000,
            ),
            openings: 3,
        },
    )
    ");
}
