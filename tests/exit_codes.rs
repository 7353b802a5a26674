//! How every verb that judges ends: a situation, and the exit code that CI sees.

mod common;

use common::{Ended, Manner, Server, Workplace, eventually};

/// A scenario of one step for a third of a second, with `rest` of its tables.
fn scenario(url: &str, rest: &str) -> String {
    let url = url.trim_end_matches('/');
    format!(
        r#"
name = "gate"
[target]
url = "{url}"
timeouts = {{ total = "1s" }}
[[step]]
name = "home"
request = "GET /"
[[phase]]
name = "steady"
rate = "200/s"
duration = "300ms"
{rest}
"#
    )
}

fn threshold(metric: &str, limit: &str) -> String {
    format!("[[threshold]]\nmetric = \"{metric}\"\n{limit}\n")
}

/// A place whose scenario `gate` loads a server that answers at once.
fn place(rest: &str) -> (Workplace, Server) {
    let server = Server::start(Manner::Prompt);
    let place = Workplace::new();
    place.write("scenarios/gate.toml", &scenario(&server.url(), rest));
    (place, server)
}

#[track_caller]
fn says(ended: &Ended, what: &str) {
    assert!(
        ended.stdout.contains(what) || ended.stderr.contains(what),
        "{what}\nstdout:\n{}\nstderr:\n{}",
        ended.stdout,
        ended.stderr
    );
}

#[test]
fn what_cannot_be_done_is_2() {
    let (place, server) = place("");
    place.write("scenarios/bad.toml", "name = 1");
    let unknown = threshold("latency.p98", "max = \"1s\"");
    place.write("scenarios/unknown.toml", &scenario(&server.url(), &unknown));
    for (args, code) in [
        (&["check"][..], "Usage"),
        (&["check", "nowhere"], "PL01"),
        (&["check", "bad"], "PL01"),
        (&["check", "unknown"], "latency.p98"),
        (&["check", "gate", "--max-rounds", "0"], "--max-rounds"),
        (&["check", "http://127.0.0.1:1/"], "PL01"),
        (&["run", "gate", "-o", "report.xyz"], "PL0501"),
        (&["run", "gate", "--json", "-o", "md:-"], "PL0505"),
        (&["report"], "PL0201"),
        (&["compare", "last", "last"], "PL0201"),
        (&["baseline", "save", "gate", "--reason", "-"], "PL0201"),
        (&["--root", "nowhere", "doctor"], "PL06"),
        // The last, because it leaves a run that was begun.
        (&["run", "http://127.0.0.1:1/"], "PL0401"),
    ] {
        says(&place.run(args).exits(2), code);
    }
    assert_eq!(server.requests(), 0, "nothing was sent");
}

#[test]
fn limits_decide_a_run() {
    for (rest, code, word) in [
        (String::new(), 0, "MEASURED"),
        (threshold("errors.rate", "max = \"50%\""), 0, "KEPT"),
        (threshold("latency.max", "max = \"1us\""), 1, "BROKEN"),
        (
            threshold("latency.p99.9", "max = \"1s\""),
            0,
            "INCONCLUSIVE",
        ),
        (threshold("cpu.per-request", "max = \"1s\""), 4, "INVALID"),
    ] {
        let (place, _server) = place(&rest);
        says(&place.run(&["run", "gate"]).exits(code), word);
    }
    // Answers, and none of them the expected one.
    let server = Server::start(Manner::Prompt);
    let ended = Workplace::new().run(&["run", &server.url(), "--for", "300ms", "--expect", "201"]);
    says(&ended.exits(4), "PL0302");
}

#[test]
fn a_missing_or_damaged_baseline_never_passes_in_silence() {
    let (place, server) = place("");
    says(&place.run(&["check", "gate"]).exits(3), "PL0210");
    assert_eq!(server.requests(), 0);
    let allowed = [
        "check",
        "gate",
        "--allow-missing-baseline",
        "--max-rounds",
        "2",
    ];
    says(&place.run(&allowed).exits(0), "nothing was judged");
    place
        .run(&["baseline", "save", "gate", "--reason", "first"])
        .exits(0);
    let folder = place.path().join("baselines/gate");
    for entry in std::fs::read_dir(folder).expect("a ledger").flatten() {
        if entry.file_name().len() == 64 + ".json".len() {
            std::fs::write(entry.path(), "{}").expect("damage");
        }
    }
    says(&place.run(&["check", "gate"]).exits(2), "PL0204");
    says(&place.run(&allowed).exits(2), "PL0204");
}

#[test]
fn a_change_of_errors_decides_a_check() {
    let (place, server) = place(&threshold("errors.rate", "max-change = \"+5pp\""));
    let hanging = Server::start(Manner::Hanging { every: 2 });
    let check = ["check", "gate", "--max-rounds", "3"];
    let against =
        |url: &str, more: &[&str]| place.run(&[&check[..], &["--against-url", url], more].concat());
    says(&against(&server.url(), &[]).exits(0), "UNCHANGED");
    let url = hanging.url();
    let regressed = against(&server.url(), &["--url", &url]).exits(1);
    says(&regressed, "REGRESSED");
    says(&regressed, url.trim_end_matches('/'));

    // What regressed may be accepted, and is not accepted in silence.
    let saved = place.run(&["baseline", "save", "gate", "--reason", "slow is fine"]);
    says(&saved.exits(0), "regressed");
}

#[test]
fn another_plan_is_4_unless_it_is_allowed() {
    let rest = threshold("errors.rate", "max-change = \"+5pp\"");
    let (place, server) = place(&rest);
    place.run(&["run", "gate", "--rounds", "2"]).exits(0);
    place
        .run(&["baseline", "save", "gate", "--reason", "first"])
        .exits(0);
    let check = ["check", "gate", "--max-rounds", "2"];
    says(&place.run(&check).exits(0), "UNCHANGED");
    let before = place.run(&["report", "last", "-o", "md:-"]).exits(0).stdout;

    let other = scenario(&server.url(), &rest).replace("200/s", "220/s");
    place.write("scenarios/gate.toml", &other);
    says(&place.run(&check).exits(4), "PL03");
    let allowed = place.run(&[&check[..], &["--allow-mismatch"]].concat());
    says(&allowed.exits(0), "as advice");
    says(
        &place.run(&["compare", "last~2", "last"]).exits(4),
        "INCOMPARABLE",
    );

    // A stored check reads the same whatever became of the baseline.
    place
        .run(&["baseline", "save", "gate", "--reason", "new rate"])
        .exits(0);
    let after = place
        .run(&["report", "last~2", "-o", "md:-"])
        .exits(0)
        .stdout;
    assert_eq!(before, after);
}

#[test]
fn inconclusive_warns_or_fails_as_asked() {
    let (place, server) = place(&threshold("latency.p99.9", "max-change = \"+10%\""));
    let url = server.url();
    let check = ["check", "gate", "--max-rounds", "10", "--against-url", &url];
    says(&place.run(&check).exits(0), "INCONCLUSIVE");
    let rounds = place.run(&["report", "last", "--json"]).exits(0).json();
    let rounds = rounds["rounds"].as_array().expect("rounds").len();
    assert!(
        rounds < 20,
        "more rounds do not make a round longer: {rounds}"
    );
    let fail = ["--on-inconclusive", "fail"];
    place.run(&[&check[..], &fail].concat()).exits(3);
    place
        .run(&[&["compare", "last~1", "last"], &fail[..]].concat())
        .exits(3);
}

#[test]
fn an_output_that_cannot_be_written_is_2_and_the_run_is_stored() {
    let (place, _server) = place("");
    let ended = place.run(&["run", "gate", "-o", "/proc/report.html", "-o", "run.json"]);
    let ended = ended.exits(2);
    says(&ended, "PL0502");
    says(&ended, "MEASURED");
    assert!(place.path().join("run.json").is_file());
    place.run(&["report", "last"]).exits(0);
}

#[test]
fn a_dry_run_is_0_and_sends_nothing() {
    let (place, server) = place("");
    let url = server.url();
    let ended = place.run(&["check", "gate", "--dry-run", "--against-url", &url]);
    let ended = ended.exits(0);
    says(&ended, &format!("against    {url}  measured now"));
    says(&ended, "up to 20 rounds of 300 ms");
    assert_eq!(server.requests(), 0);
    assert!(place.runs().is_empty());
}

/// Starts a check, interrupts it once its record is open, and gives its exit code.
fn interrupted(place: &Workplace, least_bytes: u64) -> Option<i32> {
    let mut child = place
        .command(&["check", "gate", "--allow-missing-baseline"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("starts");
    eventually("the record is open", || {
        place.runs().first().is_some_and(|run| {
            std::fs::metadata(run.join("run.plog")).is_ok_and(|m| m.len() >= least_bytes)
        })
    });
    let signal = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(signal.expect("kill runs").success());
    child.wait().expect("ends").code()
}

#[test]
fn an_interrupted_check_is_130_and_nothing_comes_of_it() {
    let (place, server) = place("");
    let long = scenario(&server.url(), "").replace("300ms", "60s");
    place.write("scenarios/gate.toml", &long);
    assert_eq!(interrupted(&place, 2000), Some(130));
    let save = ["baseline", "save", "gate", "--reason", "hurry"];
    says(&place.run(&save).exits(4), "interrupted");
    place.run(&["compare", "last", "last"]).exits(4);
    let junit = place.run(&["report", "last", "-o", "junit:-"]).exits(0);
    assert!(
        !junit.stdout.contains("failures=\"0\" errors=\"0\""),
        "{}",
        junit.stdout
    );
}

#[test]
fn waiting_for_a_target_can_be_interrupted() {
    let (place, server) = place("");
    let url = format!("url = \"{}\"", server.url().trim_end_matches('/'));
    let never = "command = [\"sleep\", \"60\", \"{port}\"]\nready = { get = \"/\", status = 200, within = \"60s\" }";
    let text = scenario(&server.url(), "").replace(&url, never);
    place.write("scenarios/gate.toml", &text);
    assert_eq!(interrupted(&place, 0), Some(130));
}
