//! The command line, end to end: exit codes, what is said where, and what is left on disk.

mod common;

use std::collections::BTreeSet;

use common::listener::{Asked, Listener, answer};
use common::{Manner, Server, Workplace, alive, descendants, eventually};

const SHORT: &str = r#"
name = "short"

[target]
command = ["plimsoll", "demo-target", "--port", "{port}"]
ready = { get = "/health", status = 200, within = "20s" }

[[step]]
name = "home"
request = "GET /"

[[phase]]
name = "steady"
rate = "100/s"
duration = "600ms"

[[threshold]]
metric = "errors.rate"
max = "50%"
"#;

/// A scenario long enough to be stopped in the middle.
fn long() -> String {
    SHORT
        .replace("\"short\"", "\"long\"")
        .replace("600ms", "60s")
}

#[test]
fn without_arguments_the_help_names_every_verb() {
    let ended = Workplace::new().run(&[]).exits(2);
    for verb in [
        "demo",
        "init",
        "doctor",
        "run",
        "check",
        "compare",
        "calibrate",
        "baseline",
        "history",
        "report",
        "serve",
        "validate",
        "explain",
        "generate",
        "import",
    ] {
        assert!(
            ended.stderr.contains(&format!("\n  {verb}")),
            "{verb}\n{}",
            ended.stderr
        );
    }
    assert!(ended.stdout.is_empty());
}

#[test]
fn the_options_of_a_quick_run_stand_under_their_headings() {
    let help = Workplace::new().run(&["run", "--help"]).exits(0).stdout;
    let below = |heading: &str| {
        let (_, rest) = help.split_once(heading).expect(heading);
        let flags = rest
            .lines()
            .skip(1)
            .take_while(|line| line.is_empty() || line.starts_with(' '));
        flags
            .filter_map(|line| line.trim_start().strip_prefix("--"))
            .map(|line| line.split_whitespace().next().unwrap_or_default())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        below("Quick run of a URL:"),
        "rate connections users pool for method body expect timeout"
    );
    assert_eq!(
        below("Connections of a quick run:"),
        "http2 streams coalesce no-keep-alive unix ca insecure"
    );
}

#[test]
fn a_quick_run_has_one_load_model() {
    let place = Workplace::new();
    for other in ["--rate=5/s", "--connections=5"] {
        let words = ["run", "http://127.0.0.1:9/", "--users=5", other];
        let said = place.run(&words).exits(2).stderr;
        assert!(said.contains("cannot be used with"), "{said}");
    }
}

#[test]
fn a_dry_run_says_how_connections_are_made() {
    let words = [
        "run",
        "https://localhost/items",
        "--dry-run",
        "--http2",
        "--streams=7",
        "--no-keep-alive",
        "--unix=/run/app.sock",
        "--insecure",
    ];
    let ended = Workplace::new().run(&words).exits(0);
    insta::assert_snapshot!(ended.stdout, @r"
    quick
      target     https://localhost:443
      connects   HTTP/2, 7 streams, to /run/app.sock, a connection for every request
      tls        the certificate is NOT verified
      step       request  GET /items  1 of 1
      phase      load  100/s poisson  10 s  1000 requests
      time       1 round of 10 s
    ");
    assert!(ended.stderr.contains("PL0133"), "{}", ended.stderr);
}

#[test]
fn a_quick_run_counts_every_request_the_server_saw() {
    let server = Server::start(Manner::Prompt);
    let place = Workplace::new();
    let ended = place
        .run(&[
            "run",
            &server.url(),
            "--rate",
            "200/s",
            "--for",
            "1s",
            "--json",
        ])
        .exits(0);
    let json = ended.json();
    let requests = &json["summary"]["now"];
    assert_eq!(requests["due"], 200, "{json:#}");
    assert_eq!(requests["sent"], 200);
    assert_eq!(requests["answered"], 200);
    assert_eq!(server.requests(), 200);
    let run = place.runs().pop().expect("a stored run");
    for file in ["manifest.json", "run.plog", "summary.json", "report.html"] {
        assert!(run.join(file).is_file(), "{file}");
    }
}

#[test]
fn a_target_that_is_not_there_is_said_and_nothing_is_sent() {
    let place = Workplace::new();
    let ended = place.run(&["run", "http://127.0.0.1:1/"]).exits(2);
    assert!(ended.stderr.contains("PL0401"), "{}", ended.stderr);
    assert!(place.runs().is_empty(), "an empty run would become `last`");
}

#[test]
fn a_host_beyond_this_machine_needs_permission() {
    let ended = Workplace::new().run(&["run", "http://192.0.2.1/"]).exits(2);
    assert!(ended.stderr.contains("--allow-host"), "{}", ended.stderr);
}

#[test]
fn a_check_without_a_baseline_is_no_pass() {
    let place = Workplace::new();
    place.write("scenarios/short.toml", SHORT);
    let ended = place.run(&["check", "short"]).exits(3);
    assert!(ended.stderr.contains("PL0210"), "{}", ended.stderr);
    assert!(place.runs().is_empty(), "nothing was measured");
}

#[test]
fn a_baseline_is_saved_shown_and_compared_with() {
    let place = Workplace::new();
    place.write("scenarios/short.toml", SHORT);
    place.run(&["run", "short", "--rounds", "3"]).exits(0);
    let saved = place
        .run(&["baseline", "save", "short", "--reason", "first"])
        .exits(0);
    assert!(saved.stdout.contains("revision 1"), "{}", saved.stdout);
    let shown = place.run(&["baseline", "show", "short"]).exits(0);
    assert!(
        shown.stdout.contains("first") && shown.stdout.contains("tester"),
        "{}",
        shown.stdout
    );
    assert!(
        place
            .run(&["baseline", "list"])
            .exits(0)
            .stdout
            .contains("@short")
    );
    // Whatever the machine does to the numbers, a judged check ends in one of these.
    let checked = place.run(&["check", "short", "--max-rounds", "2", "--json"]);
    assert!(matches!(checked.code, Some(0 | 1)), "{checked:?}");
    assert!(checked.json()["verdict"]["word"].is_string());
    let conflict = place.run(&[
        "baseline",
        "save",
        "short",
        "--reason",
        "late",
        "--expect-revision",
        "0",
    ]);
    let conflict = conflict.exits(2);
    assert!(conflict.stderr.contains("PL0207"), "{}", conflict.stderr);
}

#[test]
fn two_runs_compare_and_a_changed_plan_is_incomparable() {
    let place = Workplace::new();
    place.write("scenarios/short.toml", SHORT);
    place.run(&["run", "short", "--rounds", "2"]).exits(0);
    place.write("scenarios/short.toml", &SHORT.replace("100/s", "120/s"));
    place.run(&["run", "short", "--rounds", "2"]).exits(0);
    let ended = place.run(&["compare", "last~1", "last"]).exits(4);
    assert!(
        ended.stdout.to_lowercase().contains("incomparable"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_run_killed_in_the_middle_is_shown_as_partial_and_never_judged() {
    let place = Workplace::new();
    place.write("scenarios/short.toml", SHORT);
    place.write("scenarios/long.toml", &long());
    place.run(&["run", "short"]).exits(0);
    let mut child = place.command(&["run", "long"]).spawn().expect("starts");
    eventually("two intervals are recorded", || {
        place.runs().iter().any(|run| {
            run.to_string_lossy().contains("long")
                && std::fs::metadata(run.join("run.plog")).is_ok_and(|m| m.len() > 4000)
        })
    });
    child.kill().expect("kill -9");
    child.wait().expect("reaped");
    let shown = place.run(&["report", "last"]).exits(0);
    assert!(
        shown.stdout.to_lowercase().contains("partial"),
        "{}",
        shown.stdout
    );
    let compared = place.run(&["compare", "last~1", "last"]).exits(4);
    assert!(compared.stderr.contains("partial"), "{}", compared.stderr);
    place
        .run(&["baseline", "save", "long", "--reason", "x"])
        .exits(4);
}

#[test]
fn ctrl_c_ends_with_a_report_and_without_the_target() {
    let place = Workplace::new();
    place.write("scenarios/long.toml", &long());
    let mut child = place
        .command(&["run", "long"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("starts");
    let pid = child.id();
    eventually("the load runs", || {
        place.runs().first().is_some_and(|run| {
            std::fs::metadata(run.join("run.plog")).is_ok_and(|m| m.len() > 2000)
        })
    });
    let family = descendants(pid);
    assert!(family.len() > 1, "the target, and who watches it");
    let signal = std::process::Command::new("kill")
        .args(["-INT", &pid.to_string()])
        .status();
    assert!(signal.expect("kill runs").success());
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    eventually("the target is gone", || {
        !family.iter().any(|pid| alive(*pid))
    });
    let run = place.runs().pop().expect("a stored run");
    assert!(run.join("report.html").is_file());
    let shown = place.run(&["report", "last"]).exits(0);
    assert!(
        shown.stdout.to_lowercase().contains("interrupted"),
        "{}",
        shown.stdout
    );
}

#[test]
fn the_target_dies_with_us_even_by_kill_9() {
    let place = Workplace::new();
    place.write("scenarios/long.toml", &long());
    let mut child = place.command(&["run", "long"]).spawn().expect("starts");
    let pid = child.id();
    eventually("the target runs", || {
        !place.runs().is_empty() && descendants(pid).len() > 1
    });
    let family = descendants(pid);
    child.kill().expect("kill -9");
    child.wait().expect("reaped");
    eventually("the target is gone", || {
        !family.iter().any(|pid| alive(*pid))
    });
}

#[test]
fn two_saves_at_once_are_both_recorded_or_one_is_told() {
    let place = Workplace::new();
    place.write("scenarios/short.toml", SHORT);
    place.run(&["run", "short", "--rounds", "2"]).exits(0);
    for attempt in 0..50 {
        let reasons = [format!("a{attempt}"), format!("b{attempt}")];
        let children: Vec<_> = reasons
            .iter()
            .map(|reason| {
                place
                    .command(&["baseline", "save", "short", "--reason", reason])
                    .stdout(std::process::Stdio::null())
                    .stderr(std::process::Stdio::null())
                    .spawn()
                    .expect("starts")
            })
            .collect();
        let codes: Vec<_> = children
            .into_iter()
            .map(|mut c| c.wait().expect("ends").code())
            .collect();
        let shown = place.run(&["baseline", "show", "short"]).exits(0).stdout;
        for (reason, code) in reasons.iter().zip(codes) {
            let recorded = shown.contains(&format!("reason    {reason}\n"));
            match code {
                Some(0) => assert!(recorded, "{reason} was accepted and is lost:\n{shown}"),
                Some(2) => assert!(!recorded, "{reason} was refused and is there"),
                other => panic!("exit {other:?}"),
            }
        }
    }
}

#[test]
fn a_slowed_build_is_caught_and_no_other_step_blamed() {
    let place = Workplace::new();
    place.write(
        "scenarios/two.toml",
        &SHORT
            .replace("\"short\"", "\"two\"")
            .replace("GET /\"", "GET /items\"")
            .replace("[[phase]]", "[[step]]\nname = \"pay\"\nrequest = \"POST /pay\"\nexpect = { status = 201 }\n\n[[phase]]"),
    );
    let slowed = "plimsoll demo-target --port {port} --fault slow=pay:100%";
    let same = "plimsoll demo-target --port {port}";
    let ended = place
        .run(&[
            "check",
            "two",
            "--command",
            slowed,
            "--against-command",
            same,
            "--json",
        ])
        .exits(1);
    let json = ended.json();
    assert_eq!(json["verdict"]["word"], "regressed", "{json:#}");
    // On a busy machine it may be left open which step it is; the wrong one is never named.
    let blamed = json["moved"].as_array().expect("a list");
    let others = blamed
        .iter()
        .filter(|m| m["stands_out"] == true && m["step"] != "pay");
    assert_eq!(others.count(), 0, "{json:#}");
}

#[test]
fn every_format_is_written_where_asked() {
    let place = Workplace::new();
    place.write("scenarios/short.toml", SHORT);
    let ended = place
        .run(&[
            "run",
            "short",
            "-o",
            "out/report.html",
            "-o",
            "junit.xml",
            "-o",
            "comment.md",
            "-o",
            "run.json",
            "-o",
            "run.csv",
            "-o",
            "github:-",
        ])
        .exits(0);
    for file in [
        "out/report.html",
        "junit.xml",
        "comment.md",
        "run.json",
        "run.csv",
    ] {
        let path = place.path().join(file);
        assert!(
            std::fs::metadata(&path).is_ok_and(|m| m.len() > 40),
            "{file}"
        );
    }
    assert!(
        !ended.stdout.contains("latency.p50 "),
        "stdout belongs to the annotations"
    );
    place.run(&["run", "short", "-o", "result.xyz"]).exits(2);
}

#[test]
fn validate_shows_all_errors_of_all_files() {
    let place = Workplace::new();
    let bad = place.write(
        "bad.toml",
        "name = \"bad\"\nsede = 4\n[[phase]]\nrte = \"5/s\"\n",
    );
    let ended = place.run(&["validate", &bad.to_string_lossy()]).exits(2);
    assert!(
        ended.stderr.contains("sede") && ended.stderr.contains("rte"),
        "{}",
        ended.stderr
    );
    place.write("scenarios/short.toml", SHORT);
    let good = place.run(&["validate", "short"]).exits(0);
    assert!(good.stdout.contains("60 requests"), "{}", good.stdout);
}

#[test]
fn what_is_generated_is_what_is_committed_and_loads() {
    let place = Workplace::new();
    let schema = place.run(&["generate", "schema"]).exits(0).stdout;
    assert_eq!(schema, include_str!("../schemas/scenario.schema.json"));
    assert!(
        place
            .run(&["generate", "man"])
            .exits(0)
            .stdout
            .contains(".TH plimsoll")
    );
    let bash = place
        .run(&["generate", "completions", "bash"])
        .exits(0)
        .stdout;
    let script = place.write("complete.bash", &bash);
    let status = std::process::Command::new("bash")
        .arg("-n")
        .arg(script)
        .status();
    assert!(status.expect("bash runs").success());
}

#[test]
fn init_writes_a_scenario_for_each_question() {
    let place = Workplace::new();
    for kind in ["load", "stress", "soak", "spike", "concurrency"] {
        for (target, name) in [(&["--url", "http://127.0.0.1:9/"][..], "url"), (&[], "own")] {
            let name = format!("{kind}-{name}");
            let words = [&["init", &name, "--kind", kind][..], target].concat();
            place.run(&words).exits(0);
            place.run(&["validate", &name]).exits(0);
            let slo = format!("{name}-slo");
            let words = [
                &["init", &slo, "--kind", kind, "--preset", "service-slo"][..],
                target,
            ];
            place.run(&words.concat()).exits(0);
            place.run(&["validate", &slo]).exits(0);
        }
    }
    let read = |name: &str| {
        std::fs::read_to_string(place.path().join("scenarios").join(name)).expect("written")
    };
    let written = read("load-own-slo.toml");
    for limit in ["500ms", "0.1%", "256MiB", "70%"] {
        assert!(written.contains(limit), "{written}");
    }
    // Of a URL no process is known, so nothing of it can be limited.
    assert!(!read("load-url-slo.toml").contains("256MiB"));
    place
        .run(&["init", "small", "--kind", "constrained"])
        .exits(0);
    let validated = place.run(&["validate", "small"]).exits(0);
    let limits = "limits     256 MiB of memory, 128 open files, each process";
    assert!(validated.stdout.contains(limits), "{}", validated.stdout);
    // Nothing of what runs already can be limited.
    let url = "http://127.0.0.1:9/";
    place
        .run(&["init", "y", "--kind", "constrained", "--url", url])
        .exits(2);
    place.run(&["init", "x", "--kind", "chaos"]).exits(2);
}

#[test]
fn init_writes_what_validate_accepts_and_never_overwrites() {
    let place = Workplace::new();
    place
        .run(&["init", "shop", "--url", "http://127.0.0.1:8080/"])
        .exits(0);
    place.run(&["validate", "shop"]).exits(0);
    let again = place.run(&["init", "shop"]).exits(2);
    assert!(
        again.stderr.contains("never overwrites"),
        "{}",
        again.stderr
    );
    place.run(&["init"]).exits(0);
    place.run(&["validate", "quickstart"]).exits(0);
}

#[test]
fn a_part_needs_a_target_that_is_there_and_a_start_ahead() {
    let place = Workplace::new();
    place.write(
        "scenarios/short.toml",
        "name = \"short\"\n[target]\ncommand = [\"true\", \"{port}\"]\n\
         [[step]]\nname = \"home\"\nrequest = \"GET /\"\n\
         [[phase]]\nname = \"steady\"\nrate = \"50/s\"\nduration = \"1s\"\n",
    );
    let part = |name: &str, shard: &str, start: &str| {
        let args = ["run", name, "--shard", shard, "--start-at", start];
        place.run(&args).exits(2).stderr
    };
    let later = "2100-01-01T00:00:00Z";
    assert!(part("short", "1/2", later).contains("PL0150"));
    let url = "http://127.0.0.1:9/";
    assert!(
        part(url, "1/99", later).contains("PL0150"),
        "too few connections"
    );
    assert!(part(url, "1/2", "2001-01-01T00:00:00Z").contains("PL0151"));
    assert!(part(url, "3/2", later).contains("2/5"), "how to write it");
    assert!(part(url, "1/2", "noon").contains("2026-11-22T12:00:00Z"));
    let alone = place.run(&["run", url, "--shard", "1/2"]).exits(2);
    assert!(alone.stderr.contains("--start-at"), "{}", alone.stderr);
    // A part alone could never be a gate.
    place.run(&["check", "short", "--shard", "1/2"]).exits(2);
    assert!(place.runs().is_empty());
}

/// The shape of it only: how good the numbers are depends on the machine.
#[test]
fn the_instrument_is_held_against_targets_of_known_truth() {
    let place = Workplace::new();
    let args = ["doctor", "--instrument", "--for", "500ms", "--json"];
    let json = place.run(&args).exits(0).json();
    assert_eq!(json["schema"], 1, "{json:#}");
    let json = &json["instrument"];
    assert_eq!(json["schema"], 1, "{json:#}");
    let targets = json["targets"].as_array().expect("a list");
    let names: Vec<_> = targets.iter().map(|t| t["target"].clone()).collect();
    assert_eq!(
        names,
        ["instant", "fixed", "bimodal", "stalling", "hanging"]
    );
    for target in targets {
        // 500 requests are enough for p95 and too few for p99.
        let rows = target["rows"].as_array().expect("a list");
        assert_eq!(rows.len(), 3, "{target:#}");
        for row in rows {
            let (truth, measured) = (&row["truth"]["ns"], &row["measured"]["ns"]);
            let [truth, measured] = [truth, measured].map(|v| v.as_f64().expect("a time"));
            assert_eq!(row["error_ns"].as_f64(), Some(measured - truth), "{row:#}");
            // A server cannot answer before it does; buckets are a thousandth wide. Only how much of
            // a stall a request meets depends on when it comes.
            if target["target"] != "stalling" {
                assert!(measured >= truth * 0.998, "{row:#}");
            }
        }
    }
    assert!(json["ceiling"]["requests_per_second"].as_f64() > Some(0.0));
    assert_eq!(json["lateness"].as_array().map(Vec::len), Some(2));
    assert!(
        place.runs().is_empty(),
        "what is measured in passing is not kept"
    );
}

#[test]
fn two_files_of_round_values_are_compared() {
    let place = Workplace::new();
    place.write(
        "before.csv",
        "latency.p50,build\n10ms,3s\n10.1ms,3.1s\n9.9ms,3.05s\n10ms,3s\n10.05ms,3.02s\n",
    );
    place.write(
        "after.csv",
        "build,latency.p50\n3s,12ms\n3.1s,12.1ms\n3.05s,11.9ms\n3s,12ms\n3.02s,12.05ms\n",
    );
    let compare = |more: &[&str], exit| {
        let args = [&["compare", "--values", "before.csv", "after.csv"], more].concat();
        place.run(&args).exits(exit)
    };
    let shown = compare(&[], 1).stdout;
    assert!(shown.contains("REGRESSED"), "{shown}");
    assert!(shown.contains("latency.p50 rose 20.0 %"), "{shown}");
    assert!(shown.contains("3.03 s"), "{shown}");
    compare(&["--paired"], 1);
    compare(&["--allowed", "latency.p50=+40%"], 0);
    let json = compare(&["--json"], 1).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["verdict"]["word"], "regressed");
    assert_eq!(json["metrics"][1]["metric"], "latency.p50");
    compare(&["-o", "report.html", "-o", "junit.xml"], 1);
    assert!(place.path().join("report.html").exists());
    // Nothing was measured, so nothing is stored.
    assert!(!place.path().join("reports").exists());
}

#[test]
fn a_file_of_values_that_is_wrong_is_refused_with_its_places() {
    let place = Workplace::new();
    place.write("before.csv", "latency.p50,build\n10ms,3s\n");
    place.write("after.csv", "latency.p50\nNaN\n,\n");
    let args = ["compare", "--values", "before.csv", "after.csv"];
    let told = place.run(&args).exits(2).stderr;
    for part in ["PL0702", "after.csv:2:1", "PL0703", "after.csv:3:1"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    place.write("after.csv", "latency.p50\n11ms\n12ms\n");
    let told = place
        .run(&[&args[..], &["--paired"]].concat())
        .exits(2)
        .stderr;
    assert!(
        told.contains("`build` is in before.csv and not in after.csv"),
        "{told}"
    );
    assert!(told.contains("PL0708"), "{told}");
    let args = [
        "compare",
        "--values",
        "before.csv",
        "gone.csv",
        "--allowed",
        "x=+1%",
    ];
    assert!(place.run(&args).exits(2).stderr.contains("PL0701"));
}

/// A fixture of `import`.
fn foreign(name: &str) -> String {
    format!("{}/tests/data/import/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn results_of_another_tool_are_imported_shown_and_compared() {
    let place = Workplace::new();
    let files = [1, 2, 3].map(|i| foreign(&format!("wrk/wrk-{i}.txt")));
    let import = [
        &["import", "--scenario", "shop", "--tool-version", "4.1.0"][..],
        &files.each_ref().map(String::as_str),
    ]
    .concat();
    let shown = place.run(&import).exits(0).stdout;
    for part in [
        "MEASURED",
        "3 rounds measured by wrk 4.1.0",
        "service-time.p99",
        "nothing is known of its generator's lateness",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    place.run(&import).exits(0);
    let json = place.run(&["report", "last", "--json"]).exits(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["run"]["mode"], "imported");
    assert_eq!(json["run"]["origin"]["tool"]["version"], "4.1.0");
    assert_eq!(json["trust"]["measured_by"], "wrk 4.1.0");
    assert_eq!(json["rounds"][0]["due"], 10030);
    // The same files: nothing changed, though three rounds that scatter may not show it.
    let compared = place
        .run(&["compare", "last~1", "last", "-o", "md:-"])
        .exits(0);
    assert!(
        compared.stdout.contains("service-time.p50"),
        "{}",
        compared.stdout
    );
    assert!(compared.stdout.contains("wrk 4.1.0"), "{}", compared.stdout);
    let one = foreign("oha/oha.json");
    place.run(&["import", &one, "--scenario", "shop"]).exits(0);
    let other = place.run(&["compare", "last~1", "last"]).exits(4).stdout;
    assert!(other.contains("another load"), "{other}");
    // What nobody answered is no measurement.
    let dead = foreign("wrk/wrk-errors.txt");
    place.run(&["import", &dead]).exits(4);
    for run in place.runs() {
        assert!(run.join("report.html").exists());
    }
}

#[test]
fn an_imported_run_becomes_no_baseline() {
    let place = Workplace::new();
    let file = foreign("hyperfine/hyperfine-1.json");
    place.run(&["import", &file, "--scenario", "shop"]).exits(0);
    let args = ["baseline", "save", "shop", "--reason", "x"];
    let told = place.run(&args).exits(4).stderr;
    assert!(told.contains("measured by hyperfine"), "{told}");
}

#[test]
fn every_kind_of_result_is_imported_by_its_content() {
    let place = Workplace::new();
    for (name, kind) in [
        ("criterion/round-1", "criterion"),
        ("hyperfine/hyperfine-2.json", "hyperfine"),
        ("k6/k6-handle-summary.json", "k6"),
        ("wrk/wrk-1.txt", "wrk"),
        ("oha/oha.json", "oha"),
        ("hlog/java.hlog", "hlog"),
        ("jmeter/jmeter.jtl", "jmeter"),
    ] {
        place.run(&["import", &foreign(name)]).exits(0);
        assert!(place.path().join("reports").join(kind).is_dir(), "{kind}");
        for output in ["md:-", "csv:-", "junit:-", "github:-", "html:-"] {
            place.run(&["report", "last", "-o", output]).exits(0);
        }
    }
    let told = place
        .run(&["import", &foreign("README.md")])
        .exits(2)
        .stderr;
    assert!(told.contains("PL0709"), "{told}");
    place.run(&["import", "--from", "gatling", "x"]).exits(2);
}

/// What the shop of `tests/data/init` answers.
fn shop(asked: &Asked) -> String {
    let method = asked.head.split(' ').next().unwrap_or_default();
    let path = asked.path.split('?').next().unwrap_or_default();
    let status = match (method, path) {
        ("GET", "/v1/health") => "204 No Content",
        ("POST", "/v1/items") => "201 Created",
        ("POST", "/v1/orders") => "202 Accepted",
        ("GET", "/v1/items" | "/v1/orders" | "/v1/search") | ("POST", "/v1/login") => "200 OK",
        ("GET" | "PUT" | "PATCH", path) if path.starts_with("/v1/items/") => "200 OK",
        _ => "404 Not Found",
    };
    answer(status, "")
}

/// A visit of twelve requests, as a browser saves it.
fn recording(url: &str) -> String {
    const VISIT: [(&str, &str, u16, Option<&str>); 12] = [
        ("GET", "/v1/health", 204, None),
        ("GET", "/v1/items?page=1", 200, None),
        ("GET", "/v1/items?page=2", 200, None),
        ("GET", "/v1/items/7", 200, None),
        ("POST", "/v1/login", 200, Some("{\"user\":\"ada\"}")),
        ("GET", "/v1/search?q=tea", 200, None),
        ("POST", "/v1/items", 201, Some("{\"name\":\"a kettle\"}")),
        ("PUT", "/v1/items/8", 200, Some("{\"price\":19.5}")),
        ("PATCH", "/v1/items/8", 200, Some("{\"price\":20}")),
        ("GET", "/v1/items/8", 200, None),
        ("POST", "/v1/orders", 202, Some("{\"item\":8}")),
        ("GET", "/v1/orders", 200, None),
    ];
    let entries = VISIT
        .iter()
        .enumerate()
        .map(|(i, (method, path, status, body))| {
            let mut entry = serde_json::json!({
                "startedDateTime": format!("2026-01-01T00:00:00.{:03}Z", 20 * i),
                "time": 15,
                "request": {
                    "method": method,
                    "url": format!("{url}{path}"),
                    "headers": [
                        { "name": "Accept", "value": "application/json" },
                        { "name": "Authorization", "value": "Bearer s3cret" },
                    ],
                },
                "response": { "status": status, "content": { "mimeType": "application/json" } },
            });
            if let Some(body) = body {
                let data = serde_json::json!({ "mimeType": "application/json", "text": body });
                entry["request"]["postData"] = data;
            }
            entry
        });
    let entries: Vec<_> = entries.collect();
    serde_json::json!({ "log": { "version": "1.2", "entries": entries } }).to_string()
}

#[test]
fn a_scenario_learnt_from_a_description_or_a_recording_runs() {
    let place = Workplace::new();
    let server = Listener::answering(shop);
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/init");
    let described = std::fs::read_to_string(data.join("shop.openapi.yaml")).expect("a document");
    place.write("shop.openapi.yaml", &described);
    place.write("visit.har", &recording(&server.url()));
    for (file, name, rate, steps) in [
        ("shop.openapi.yaml", "shop", "300/s", 10),
        ("visit.har", "visit", "25/s", 12),
    ] {
        let url = server.url();
        let init: &[&str] = match name {
            // Where it was recorded is where it is.
            "visit" => &["init", file],
            _ => &["init", file, "--url", &url],
        };
        place.run(init).exits(0);
        let path = place.path().join(format!("scenarios/{name}.toml"));
        let text = std::fs::read_to_string(&path).expect("a scenario");
        assert!(!text.contains("s3cret"), "{text}");
        let short = text.replace("100/s", rate).replace("\"2s\"", "\"200ms\"");
        std::fs::write(&path, short.replace("\"10s\"", "\"1s\"")).expect("a shorter one");
        place.run(&["validate", name]).exits(0);
        let before = server.asked().len();
        // A step that was not measured would make the run invalid.
        let json = place.run(&["run", name, "--json"]).exits(0).json();
        let now = &json["summary"]["now"];
        assert!(now["due"].as_u64() > Some(250), "{json:#}");
        assert_eq!(now["answered"], now["due"], "{json:#}");
        let asked: BTreeSet<String> = server.asked()[before..]
            .iter()
            .map(|asked| {
                asked
                    .head
                    .split(" HTTP")
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect();
        assert_eq!(asked.len(), steps, "{asked:?}");
    }
    let refused = place
        .run(&["init", "again", "--from", "scenarios/visit.toml"])
        .exits(2);
    assert!(refused.stderr.contains("PL0509"), "{}", refused.stderr);
    assert!(!place.path().join("scenarios/again.toml").exists());
}

#[test]
fn a_server_that_runs_is_asked_what_it_is() {
    let place = Workplace::new();
    let server = Listener::answering(|asked| match asked.path.as_str() {
        "/metrics" => answer("200 OK", "pool_in_use{pool=\"a\"} 3\n"),
        "/shop" => answer("200 OK", ""),
        _ => answer("404 Not Found", ""),
    });
    let url = format!("{}/shop", server.url());
    let said = place.run(&["init", "shop", "--url", &url]).exits(0);
    assert!(said.stdout.contains("/shop answers 200"), "{}", said.stdout);
    let paths: Vec<String> = server.asked().into_iter().map(|a| a.path).collect();
    assert_eq!(paths, ["/shop", "/metrics"]);
    let read = |name: &str| std::fs::read_to_string(place.path().join(name)).expect("a file");
    let text = read("scenarios/shop.toml");
    for part in [
        &*format!("url = \"{}\"", server.url()),
        "metrics = [\"/metrics\"]",
        "process = { port = ",
        "request = \"GET /shop\"",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(read("plimsoll.toml").contains("\n#allow-hosts = ["));
    place.run(&["validate", "shop"]).exits(0);
    // Nobody is there: it is said, and no reason not to write.
    let said = place.run(&["init", "http://127.0.0.1:1/"]).exits(0);
    assert!(
        said.stdout.contains("nothing answers at"),
        "{}",
        said.stdout
    );
    place.run(&["validate", "local"]).exits(0);
}

#[test]
fn a_host_is_allowed_by_whoever_names_it_and_not_by_a_document() {
    let place = Workplace::new();
    let said = place.run(&["init", "http://shop.invalid/"]).exits(0);
    assert!(said.stdout.contains("was not asked"), "{}", said.stdout);
    let project = std::fs::read_to_string(place.path().join("plimsoll.toml")).expect("a file");
    assert!(
        project.contains("allow-hosts = [\"shop.invalid\"]"),
        "{project}"
    );
    place.run(&["validate", "shop"]).exits(0);
    // The file of the project is written once.
    let said = place.run(&["init", "http://other.invalid/"]).exits(0);
    assert!(said.stderr.contains("PL0120"), "{}", said.stderr);
    place.run(&["validate", "other"]).exits(2);
    let place = Workplace::new();
    place.write("visit.har", &recording("http://elsewhere.invalid"));
    let said = place.run(&["init", "visit.har"]).exits(0);
    assert!(said.stderr.contains("PL0120"), "{}", said.stderr);
    let project = std::fs::read_to_string(place.path().join("plimsoll.toml")).expect("a file");
    assert!(project.contains("\n#allow-hosts = ["), "{project}");
    // Nobody may be named who hands out credentials.
    let url = "http://169.254.169.254/";
    let refused = Workplace::new().run(&["init", url]).exits(2);
    assert!(refused.stderr.contains("PL0121"), "{}", refused.stderr);
}
