//! Limits on the target, seen from within it.

mod common;

use common::Workplace;

/// A shell that notes what it may do, then becomes the demo target.
fn scenario(limits: &str) -> String {
    let plimsoll = env!("CARGO_BIN_EXE_plimsoll");
    format!(
        r#"
name = "constrained"

[target]
command = ["sh", "-c", '''
    {{ ulimit -n; ulimit -Hn; ulimit -d; }} > limits.txt
    dd if=/dev/zero of=/dev/null bs=256M count=1 2> dd.txt
    echo $? > allocated.txt
    exec {plimsoll} demo-target --port {{port}}
''']
{limits}

[[step]]
name = "home"
request = "GET /"

[[phase]]
name = "steady"
rate = "20/s"
duration = "1s"
"#
    )
}

fn noted(place: &Workplace, name: &str) -> String {
    std::fs::read_to_string(place.path().join(name)).expect("noted")
}

#[test]
fn the_target_has_the_limits_that_the_report_names() {
    let place = Workplace::new();
    let limits = r#"limits = { memory = "128MiB", open-files = 64 }"#;
    let file = place.write("constrained.toml", &scenario(limits));
    let ended = place.run(&["run", &file.to_string_lossy(), "--json"]);
    let json = ended.exits(0).json();
    assert_eq!(noted(&place, "limits.txt"), "64\n64\n131072\n");
    assert_ne!(
        noted(&place, "allocated.txt"),
        "0\n",
        "256 MiB do not fit into 128"
    );
    assert_eq!(json["run"]["limits"]["open_files"], 64, "{json:#}");
    assert_eq!(json["run"]["limits"]["memory"], 128 << 20, "{json:#}");
    place.run(&["report", "last", "-o", "run.html"]).exits(0);
    let page = noted(&place, "run.html");
    let told = "each process: 128 MiB of memory, 64 open files";
    assert!(page.contains(told), "{page}");
}

#[test]
fn without_limits_the_target_has_those_of_everybody() {
    let place = Workplace::new();
    let file = place.write("constrained.toml", &scenario(""));
    let ended = place.run(&["run", &file.to_string_lossy(), "--json"]);
    let json = ended.exits(0).json();
    let told = noted(&place, "dd.txt");
    assert_eq!(noted(&place, "allocated.txt"), "0\n", "{told}");
    assert!(json["run"]["limits"].is_null(), "{json:#}");
}

#[test]
fn more_than_we_have_ourselves_is_refused_before_anything_starts() {
    let place = Workplace::new();
    let limits = "limits = { open-files = 100 }";
    let file = place.write("constrained.toml", &scenario(limits));
    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 99 && exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["run", &file.to_string_lossy()])
        .current_dir(place.path())
        .output()
        .expect("a shell");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("PL0413"), "{told}");
    assert!(!place.path().join("limits.txt").exists());
}
