//! A change cannot loosen the gate that it has to pass.

use std::process::{Command, Stdio};

use plimsoll::mutant::Mutant;

use crate::common::listener::{Listener, answer};
use crate::common::{Ended, Workplace, every_output, unbroken};

#[cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "read by mutants")
)]
pub(crate) const KILLS: &[(Mutant, &str)] = &[
    (
        Mutant::PolicyFromCheckout,
        "policy::a_change_that_loosens_its_gate_fails_all_the_same",
    ),
    (
        Mutant::SymlinksFollowed,
        "policy::links_and_submodules_of_the_commit_are_not_followed",
    ),
];

const SCENARIO: &str = r#"
name = "shop"
[target]
url = "URL"
[[step]]
name = "good"
request = "GET /good"
[[step]]
name = "bad"
request = "GET /bad"
[[phase]]
name = "steady"
rate = "40/s"
duration = "300ms"
[[threshold]]
metric = "errors.rate"
step = "bad"
phase = "steady"
max = "1%"
"#;

/// A repository with a scenario in its first commit, and a target half of whose answers are failures.
struct Repository {
    place: Workplace,
    target: Listener,
}

impl Repository {
    /// None where there is no git.
    #[expect(clippy::print_stdout, reason = "a test that skips says so")]
    fn new() -> Option<Self> {
        let git = Command::new("git").arg("--version").output();
        if !git.is_ok_and(|git| git.status.success()) {
            println!("skipped: there is no git");
            return None;
        }
        let target = Listener::answering(|asked| match asked.path.as_str() {
            "/bad" => answer("500 Broken", ""),
            _ => answer("200 OK", ""),
        });
        let repository = Self {
            place: Workplace::new(),
            target,
        };
        repository.git(&["init", "-q", "-b", "main"]);
        repository.scenario(|text| text);
        repository.place.write(".gitignore", "reports/\n");
        repository.commit("the gate");
        repository.git(&["checkout", "-q", "-b", "change"]);
        Some(repository)
    }

    #[track_caller]
    fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=Tester", "-c", "user.email=t@example.com"])
            .args([
                "-c",
                "commit.gpgsign=false",
                "-c",
                "core.hooksPath=/dev/null",
            ])
            .args(args)
            .current_dir(self.place.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .stdin(Stdio::null())
            .output()
            .expect("git starts");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?}: {complaint}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn commit(&self, why: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", why]);
    }

    /// Writes the scenario, changed.
    fn scenario(&self, change: impl Fn(String) -> String) {
        let text = SCENARIO.replace("URL", &self.target.url());
        self.place.write("scenarios/shop.toml", &change(text));
    }

    fn run(&self, more: &[&str]) -> Ended {
        self.place.run(&[&["run", "shop"], more].concat())
    }
}

/// What is written in the place of a scenario.
type Change = fn(String) -> String;

#[test]
fn a_change_that_loosens_its_gate_fails_all_the_same() {
    let Some(repository) = Repository::new() else {
        return;
    };
    repository.run(&[]).exits(1);
    repository.scenario(|text| text.replace("max = \"1%\"", "max = \"100%\""));
    repository.run(&[]).exits(0);
    let ended = repository.run(&["--policy-from", "main"]).exits(1);
    let said = unbroken(&ended.stdout);
    assert!(said.contains("departs from the policy"), "{said}");
    assert!(
        said.contains("limit 100 % here, and limit 1 % judges"),
        "{said}"
    );
}

#[test]
fn no_change_of_the_gate_gets_through() {
    let Some(repository) = Repository::new() else {
        return;
    };
    let without: Change = |text| {
        let (kept, _) = text.split_once("[[threshold]]").expect("one");
        kept.to_owned()
    };
    let mut attempts = 0;
    let mut tried = |what: &str, change: Change, code: i32, said: &str| {
        repository.scenario(change);
        let lax = repository.run(&[]);
        assert_eq!(lax.code, Some(0), "{what}: it would pass: {}", lax.stderr);
        let ended = repository.run(&["--policy-from", "main"]).exits(code);
        let all = unbroken(&(ended.stdout + &ended.stderr));
        assert!(all.contains(said), "{what}: {all}");
        attempts += 1;
    };
    tried(
        "the threshold is gone",
        without,
        1,
        "has no threshold here any more, and is held to limit 1 %",
    );
    tried(
        "another step",
        |text| text.replace("step = \"bad\"", "step = \"good\""),
        1,
        "has a threshold here alone",
    );
    tried(
        "the step has another name",
        |text| {
            text.replace("\"bad\"", "\"worse\"")
                .replace("max = \"1%\"", "max = \"100%\"")
        },
        2,
        "limits errors.rate [phase steady, step bad], and this checkout has no such step `bad`",
    );
    tried(
        "the phase is a warm-up",
        |text| {
            let warm = "name = \"steady\"\nwarm-up = true";
            let text = text.replacen("name = \"steady\"", warm, 1);
            let text = text.replace("phase = \"steady\"\nmax = \"1%\"", "max = \"100%\"");
            text + "[[phase]]\nname = \"other\"\nrate = \"40/s\"\nduration = \"300ms\"\n"
        },
        2,
        "no such measured phase `steady`",
    );
    tried(
        "the scenario has another name",
        |text| {
            text.replace("\"shop\"", "\"pohs\"")
                .replace("max = \"1%\"", "max = \"100%\"")
        },
        1,
        "is called `pohs` here and `shop` there",
    );
    tried(
        "the load is another one",
        |text| {
            text.replace("\"40/s\"", "\"44/s\"")
                .replace("max = \"1%\"", "max = \"100%\"")
        },
        1,
        "the load differs",
    );
    // A file of the checkout that leads to a laxer one of the commit.
    repository.git(&["checkout", "-q", "-f", "main"]);
    repository.place.write(
        "scenarios/lax.toml",
        &without(SCENARIO.replace("URL", &repository.target.url())),
    );
    repository.commit("a lax one");
    let link = repository.place.path().join("scenarios/shop.toml");
    std::fs::remove_file(&link).expect("removed");
    std::os::unix::fs::symlink("lax.toml", &link).expect("a link");
    repository.run(&[]).exits(0);
    repository.run(&["--policy-from", "main"]).exits(1);
    println!(
        "S8: {} of {} ways to loosen a gate failed",
        attempts + 1,
        attempts + 1
    );
}

#[test]
fn every_report_lists_where_the_checkout_departs() {
    let Some(repository) = Repository::new() else {
        return;
    };
    repository.scenario(|text| text.replace("max = \"1%\"", "max = \"100%\""));
    repository
        .place
        .write("plimsoll.toml", "allow-hosts = [\"shop.invalid\"]\n");
    let args = ["run", "shop", "--policy-from", "main", "-v"];
    let said = every_output(&repository.place, &args, 1);
    let stored = repository.place.runs()[0].join("report.html");
    let again = repository.place.run(&["report", "last"]).exits(0);
    let kept = [
        (
            "page that is kept",
            std::fs::read_to_string(stored).expect("a page"),
        ),
        ("report of the record", again.stdout),
    ];
    let said = said.into_iter().filter(|(what, _)| *what != "stderr");
    for (what, text) in said.chain(kept) {
        let text = unbroken(&text).replace('\\', "").replace("%25", "%");
        for said in [
            "departs from the policy",
            "limit 1 % judges",
            "shop.invalid",
        ] {
            assert!(text.contains(said), "{what} lacks `{said}`:\n{text}");
        }
    }
    println!("S8: departures are listed in 9 of 9 outputs");
}

#[test]
fn a_policy_needs_no_secrets_and_only_the_files_it_names() {
    let Some(repository) = Repository::new() else {
        return;
    };
    repository.git(&["checkout", "-q", "main"]);
    let told = "name = \"good\"\nheaders = { x-key = \"{{file.keys/a.txt}} {{env.KEY}}\" }\nbody-file = \"b.json\"";
    repository.scenario(|text| text.replace("name = \"good\"", told));
    let place = &repository.place;
    place.write(".gitignore", "reports/\nkeys/\n");
    place.write("scenarios/b.json", "{}\n");
    place.write("scenarios/keys/a.txt", "secret\n");
    repository.commit("secrets, and a body");
    repository.git(&["checkout", "-q", "-b", "secret-change"]);
    // What the load of the checkout sends is its own; the commit is read with the body that it had.
    place.write("scenarios/b.json", "{\"more\":1}\n");
    let mut command = place.command(&["run", "shop", "--policy-from", "main"]);
    let output = command.env("KEY", "another").output().expect("it starts");
    let ended = Ended::from(output).exits(1);
    assert!(
        unbroken(&ended.stdout).contains("the load differs"),
        "{}",
        ended.stdout
    );
    let url = repository.target.url();
    let ended = place.run(&["run", &url, "--policy-from", "main"]).exits(2);
    assert!(
        ended.stderr.contains("a URL has no policy"),
        "{}",
        ended.stderr
    );
}

#[test]
fn hosts_are_those_of_the_commit() {
    let Some(repository) = Repository::new() else {
        return;
    };
    let elsewhere = |text: String| text.replace(&repository.target.url(), "http://shop.invalid");
    repository.scenario(elsewhere);
    repository
        .place
        .write("plimsoll.toml", "allow-hosts = [\"shop.invalid\"]\n");
    repository.run(&["--dry-run"]).exits(0);
    let policy = ["--dry-run", "--policy-from", "main"];
    let ended = repository.run(&policy).exits(2);
    assert!(ended.stderr.contains("PL0120"), "{}", ended.stderr);
    // Listed there and not here, it may be loaded; and whoever starts the check may allow more.
    repository.commit("the host");
    repository.git(&["branch", "-q", "-f", "main"]);
    repository.place.write("plimsoll.toml", "");
    repository.run(&["--dry-run"]).exits(2);
    repository.run(&policy).exits(0);
    let flag = [
        "--dry-run",
        "--policy-from",
        "main~1",
        "--allow-host",
        "shop.invalid",
    ];
    repository.run(&flag).exits(0);
}

#[test]
fn the_gate_of_the_project_file_is_that_of_the_commit() {
    let Some(repository) = Repository::new() else {
        return;
    };
    let place = &repository.place;
    let check = |more: &[&str]| {
        let args = [&["check", "shop", "--max-rounds", "1", "--json"], more].concat();
        place.run(&args)
    };
    // The change would pass without a baseline; the commit says nothing, so that is no pass.
    place.write("plimsoll.toml", "[check]\nallow-missing-baseline = true\n");
    let ended = check(&["--policy-from", "main"]).exits(3);
    assert!(ended.stderr.contains("PL0210"), "{}", ended.stderr);
    // Here alone it is measured, and what a file of the commit allows is allowed.
    assert_ne!(check(&[]).code, Some(3));
    repository.commit("a laxer gate");
    repository.git(&["branch", "-q", "-f", "main"]);
    place.write("plimsoll.toml", "[check]\nstrict = true\n");
    let ended = check(&["--policy-from", "main"]);
    assert_ne!(ended.code, Some(3), "{}", ended.stderr);
    let said = unbroken(&ended.stdout);
    assert!(
        said.contains(
            "check.allow-missing-baseline of plimsoll.toml is not set here, and `true` there"
        ),
        "{said}"
    );
    assert!(
        said.contains("check.strict of plimsoll.toml is `true` here, and not set there"),
        "{said}"
    );
}

#[test]
fn baselines_are_those_of_the_commit() {
    let Some(repository) = Repository::new() else {
        return;
    };
    let place = &repository.place;
    let check = |more: &[&str]| {
        let args = [&["check", "shop", "--max-rounds", "1", "--json"], more].concat();
        place.run(&args)
    };
    let revision = |ended: &Ended| {
        let id = ended.json()["run"]["id"].as_str().map(str::to_owned);
        let id = id.or_else(|| ended.json()["id"].as_str().map(str::to_owned));
        let runs = place.runs();
        let run = runs
            .iter()
            .find(|dir| id.as_ref().is_some_and(|id| dir.ends_with(id)))
            .or(runs.last())
            .expect("a run");
        let manifest = plimsoll::store::runs::manifest(run).expect("a manifest");
        manifest.baseline.map(|baseline| baseline.revision)
    };
    repository.git(&["checkout", "-q", "main"]);
    repository.run(&[]).exits(1);
    place
        .run(&["baseline", "save", "shop", "--reason", "first"])
        .exits(0);
    repository.commit("accepted");
    repository.git(&["checkout", "-q", "-B", "change"]);
    // The change accepts what it brings.
    repository.run(&[]).exits(1);
    place
        .run(&["baseline", "save", "shop", "--reason", "mine"])
        .exits(0);
    assert_eq!(revision(&check(&[])), Some(2));
    let ended = check(&["--policy-from", "main"]);
    assert_eq!(revision(&ended), Some(1), "{}", ended.stderr);
    assert!(
        ended
            .stdout
            .contains("revision 1 of the policy is compared with")
    );
    // The change takes it away.
    std::fs::remove_dir_all(place.path().join("baselines")).expect("removed");
    let ended = check(&["--policy-from", "main", "--allow-missing-baseline"]);
    assert_eq!(revision(&ended), Some(1), "{}", ended.stderr);
    // Where the commit has none, none is made up.
    check(&["--policy-from", "main~1"]).exits(3);
}

#[test]
fn links_and_submodules_of_the_commit_are_not_followed() {
    let Some(repository) = Repository::new() else {
        return;
    };
    let path = repository.place.path().join("scenarios/shop.toml");
    // The link in the commit leads to a file that the change can write.
    let lax = SCENARIO.replace("URL", &repository.target.url());
    repository
        .place
        .write("lax.toml", &lax.replace("max = \"1%\"", "max = \"100%\""));
    std::fs::remove_file(&path).expect("removed");
    std::os::unix::fs::symlink("../lax.toml", &path).expect("a link");
    repository.commit("a link");
    let ended = repository.run(&["--policy-from", "change"]).exits(2);
    assert!(
        ended.stderr.contains("is no regular file"),
        "{}",
        ended.stderr
    );
    // A submodule in its place.
    let commit = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["rm", "-q", "--cached", "scenarios/shop.toml"]);
    let entry = format!("160000,{commit},scenarios/shop.toml");
    repository.git(&["update-index", "--add", "--cacheinfo", &entry]);
    repository.git(&["commit", "-q", "-m", "a submodule"]);
    let ended = repository.run(&["--policy-from", "change"]).exits(2);
    assert!(
        ended.stderr.contains("is no regular file"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_is_no_commit_is_no_gate() {
    let Some(repository) = Repository::new() else {
        return;
    };
    for reference in [
        "--upload-pack=touch pwned",
        "-o/etc/passwd",
        "--output=pwned",
        "",
        "nowhere",
        "main:scenarios/shop.toml",
        "main;touch pwned",
        "$(touch pwned)",
        "main pwned",
        "main^{tree}",
        ":/the",
        "\u{1b}[31m",
    ] {
        let policy = format!("--policy-from={reference}");
        let ended = repository.run(&[&policy]).exits(2);
        assert!(
            ended.stderr.contains("PL0236"),
            "{reference}: {}",
            ended.stderr
        );
        assert!(!ended.stderr.contains('\u{1b}'), "{reference:?}");
    }
    assert!(!repository.place.path().join("pwned").exists());
    assert_eq!(repository.target.asked().len(), 0, "nothing was sent");
    // By branch, tag and hash.
    repository.git(&["tag", "gate", "main"]);
    let hash = repository.git(&["rev-parse", "main"]);
    for reference in [
        "main",
        "gate",
        "HEAD",
        &hash,
        &hash[..10],
        "refs/heads/main",
    ] {
        let args = ["--dry-run", "--policy-from", reference];
        repository.run(&args).exits(0);
    }
    // A scenario that the commit does not have, and one that is wrong there.
    let text = SCENARIO.replace("URL", &repository.target.url());
    repository
        .place
        .write("scenarios/new.toml", &text.replace("\"shop\"", "\"new\""));
    let ended = repository
        .place
        .run(&["run", "new", "--policy-from", "main"])
        .exits(2);
    assert!(
        ended.stderr.contains("`main` has no scenarios/new.toml"),
        "{}",
        ended.stderr
    );
    repository.scenario(|text| text.replace("max", "mux"));
    repository.commit("wrong");
    repository.scenario(|text| text);
    let ended = repository.run(&["--policy-from", "change"]).exits(2);
    assert!(
        ended.stderr.contains("change:scenarios/shop.toml"),
        "{}",
        ended.stderr
    );
    // Outside a repository.
    let place = Workplace::new();
    place.write("scenarios/shop.toml", &text);
    let ended = place
        .run(&["run", "shop", "--policy-from", "main"])
        .exits(2);
    assert!(ended.stderr.contains("PL0236"), "{}", ended.stderr);
}
