//! What journeys, data, placeholders and recordings of a scenario file become in the plan.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use plimsoll::scenario::load;
use plimsoll::scenario::plan::{Load, Part, Plan, Template};
use plimsoll::units::Nanos;

const TOKEN: &str = "t0p/s3cret";
const PASSWORD: &str = "pä\"ss";

fn environment(name: &str) -> Option<OsString> {
    match name {
        "SHOP_TOKEN" => Some(TOKEN.into()),
        "SHOP_PASSWORD" => Some(PASSWORD.into()),
        _ => None,
    }
}

fn file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/valid");
    folder.join(name)
}

fn plan(name: &str) -> Plan {
    load(&file(name), &environment).unwrap().plan
}

/// A template with its gaps as they are filled, fixed parts apart from each other.
fn parts(template: &Template) -> String {
    let shown = template.parts.iter().map(|part| match part {
        Part::Fixed(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Part::Secret(secret) => format!("⟨{} as {:?}⟩", secret.name, secret.value),
        Part::Gap {
            source, encoding, ..
        } => format!("⟨{source:?} {encoding:?}⟩"),
    });
    shown.collect::<Vec<_>>().join("|")
}

#[test]
fn placeholders_become_parts_encoded_for_their_place() {
    let plan = plan("journeys.toml");
    let mut text = String::new();
    for step in &plan.steps {
        let request = &step.request;
        let _ = writeln!(
            text,
            "{}: {} {}",
            step.name,
            request.method,
            parts(&request.path)
        );
        for (name, value) in &request.headers {
            let _ = writeln!(text, "  {name}: {}", parts(value));
        }
        for line in parts(&request.body).lines() {
            let _ = writeln!(text, "{}", format!("  > {line}").trim_end());
        }
    }
    insta::assert_snapshot!(text, @r#"
    home: GET /hello/|⟨Field { data: 1, column: 0 } Percent⟩|?visit=|⟨Visit Percent⟩
    login: POST /login
      authorization: Basic |⟨{{file.data/key.txt}}:{{env.SHOP_PASSWORD}} in base64 as "ZmlsZS1zM2NyZXQ6cMOkInNz"⟩
      content-type: application/x-www-form-urlencoded
      > name=|⟨Field { data: 1, column: 0 } Percent⟩|&tags=a%20b&tags=|⟨env.SHOP_TOKEN as "t0p%2Fs3cret"⟩|&n=1
    browse: GET /items/|⟨Variable(0) Percent⟩|?cart=|⟨Field { data: 0, column: 0 } Percent⟩|&owner%20name=|⟨Field { data: 0, column: 1 } Percent⟩
      x-sid: s=|⟨Variable(0) Header⟩
    pay: POST /pay/|⟨Variable(2) Percent⟩
      authorization: Bearer |⟨env.SHOP_TOKEN as "t0p/s3cret"⟩
      content-type: application/json
      > {"cart":1.5,"item":"|⟨Variable(2) Json⟩|","list":[1,"|⟨Visit Json⟩|"],"note":"by \"|⟨Field { data: 1, column: 0 } Json⟩|\" {{item}}","secret":"|⟨env.SHOP_PASSWORD as "pä\\\"ss"⟩|"}
    send: POST /upload
      content-type: multipart/form-data; boundary=plimsoll-4bddea880b11f095009b3bde7e648940
      > --plimsoll-4bddea880b11f095009b3bde7e648940
      > content-disposition: form-data; name="file %221%22"; filename="a.png"
      > content-type: image/png
      >
      > �PNG
      > --plimsoll-4bddea880b11f095009b3bde7e648940
      > content-disposition: form-data; name="note"
      >
      > hi |⟨Field { data: 1, column: 0 } Plain⟩|
      > --plimsoll-4bddea880b11f095009b3bde7e648940--
    confirm: PUT /upload
      > {"item": "|⟨Variable(0) Plain⟩|", "n": |⟨Visit Plain⟩|}
    "#);
}

#[test]
fn journeys_hold_their_steps_and_what_these_hand_on() {
    let plan = plan("journeys.toml");
    let mut text = String::new();
    for journey in &plan.journeys {
        let _ = writeln!(
            text,
            "{} weight {} steps {:?} variables {} cookies {}",
            journey.name, journey.weight, journey.steps, journey.variables, journey.cookies
        );
        for step in &plan.steps[journey.steps.clone()] {
            let captures: Vec<_> = step
                .captures
                .iter()
                .map(|c| format!("{} = {} {:?}", c.variable, c.name, c.find))
                .collect();
            let _ = writeln!(
                text,
                "  {} {captures:?} {:?} {:?} redirects {} gzip {}",
                step.name, step.think, step.retry, step.redirects, step.gzip
            );
        }
    }
    for set in &plan.data {
        let _ = writeln!(
            text,
            "{} {:?} {:?} {:?}",
            set.name, set.order, set.columns, set.rows
        );
    }
    insta::assert_snapshot!(text, @r#"
    home weight 2 steps 0..1 variables 0 cookies false
      home [] None Some(Retry { max: 3, base_delay: Nanos(25000000), factor: 2.0, max_delay: Nanos(1000000000), jitter: true, on: [Transport, Timeout, Status(429), Status(503)] }) redirects 5 gzip true
    buy weight 3 steps 1..4 variables 3 cookies true
      login ["0 = sid Cookie(\"sid\")", "1 = token Header(\"x-token\")"] Some(Think { min: Nanos(0), max: Nanos(1000000000) }) Some(Retry { max: 2, base_delay: Nanos(50000000), factor: 1.0, max_delay: Nanos(2000000000), jitter: false, on: [Transport, Status(429)] }) redirects 0 gzip false
      browse ["2 = item Json(\"/items/0/id\")", "0 = sid Regex(Regex(\"sid=(\\\\d+)\"))"] Some(Think { min: Nanos(500000000), max: Nanos(500000000) }) None redirects 0 gzip false
      pay [] None None redirects 0 gzip false
    upload weight 1 steps 4..6 variables 1 cookies false
      send ["0 = item Json(\"\")"] None None redirects 0 gzip false
      confirm [] None None redirects 0 gzip false
    carts Unique ["id", "owner"] [["1", "ada"], ["2", "b, c"]]
    users Sequential ["name", "vip", "age"] [["ada", "true", "36"], ["ümit", "false", "7"]]
    "#);

    let outline = plan.outline();
    let journeys: Vec<_> = outline.journeys.iter().map(|j| j.name.as_str()).collect();
    assert_eq!(journeys, ["buy", "upload"]);
    assert_eq!(outline.journey("home"), Some(0..1));
    assert_eq!(outline.journey("pay"), None, "it is a part of a journey");
    assert_eq!(
        outline.phases[0].asked, None,
        "a visit may end before its last step"
    );
}

#[test]
fn a_secret_is_on_the_wire_and_nowhere_else() {
    let plan = plan("journeys.toml");
    let other = load(&file("journeys.toml"), &|name| {
        environment(name).map(|_| "another".into())
    });
    assert_eq!(plan.hash(), other.unwrap().plan.hash());
    let shown = format!("{plan:?} {:?} {}", plan.outline(), plan.source);
    let encoded = "t0p%2Fs3cret";
    for secret in [TOKEN, PASSWORD, encoded, "file-s3cret", "cMOkInNz"] {
        assert!(!shown.contains(secret), "{secret}");
    }
    let pay = plan.steps.iter().find(|s| s.name == "pay").unwrap();
    let bearer = &pay.request.headers[0].1;
    assert_eq!(bearer.constant(), format!("Bearer {TOKEN}").into_bytes());
    assert_eq!(bearer.to_string(), "Bearer {{env.SHOP_TOKEN}}");
}

#[test]
fn the_hash_tells_apart_what_is_sent_differently() {
    let folder = tempfile::tempdir().unwrap();
    let hash = |row: &str, password: &str, column: &str| {
        std::fs::write(folder.path().join("rows.csv"), format!("id,no\n{row}\n")).unwrap();
        let text = format!(
            r#"
            name = "shop"
            target = {{ url = "http://127.0.0.1:80" }}
            data = {{ rows = {{ file = "rows.csv" }} }}
            [[step]]
            name = "a"
            request = "GET /{{{{row.{column}}}}}"
            auth = {{ basic = {{ user = "u", password = "{password}" }} }}
            [[phase]]
            name = "steady"
            rate = "1/s"
            duration = "1s"
            "#
        );
        let path = folder.path().join("shop.toml");
        std::fs::write(&path, text).unwrap();
        load(&path, &environment).unwrap().plan.hash()
    };
    let hashes = [
        hash("1,2", "{{env.SHOP_TOKEN}}", "id"),
        hash("1,3", "{{env.SHOP_TOKEN}}", "id"),
        hash("1,2", "{{env.SHOP_PASSWORD}}", "id"),
        hash("1,2", "plain", "id"),
        hash("1,2", "{{env.SHOP_TOKEN}}", "no"),
    ];
    for (i, a) in hashes.iter().enumerate() {
        assert!(!hashes[i + 1..].contains(a), "{i}");
    }
}

/// The phases with their entries: time, step, request.
fn replayed(plan: &Plan) -> String {
    let mut text = String::new();
    for (phase, outline) in plan.phases.iter().zip(plan.outline().phases) {
        let _ = writeln!(
            text,
            "{}: {}, {}, asked {:?}",
            phase.name, outline.load, phase.duration, outline.asked
        );
        let Load::Replay(recording) = &phase.load else {
            continue;
        };
        for entry in recording.entries.iter() {
            let request = &recording.requests[entry.request];
            let kind = request.headers.first();
            let line = format!(
                "  {} {}: {} {} {} {}",
                entry.at,
                plan.steps[entry.step].name,
                request.method,
                request.path,
                kind.map_or_else(String::new, |(_, kind)| kind.to_string()),
                request.body
            );
            let _ = writeln!(text, "{}", line.trim_end());
        }
        let distinct = recording.requests.len();
        let _ = writeln!(text, "  {distinct} distinct");
    }
    text
}

#[test]
fn recordings_bring_their_own_steps() {
    let plan = plan("replay-alone.toml");
    assert!(plan.journeys.is_empty());
    insta::assert_snapshot!(replayed(&plan), @r#"
    day: replay of recordings/shop.csv, 1.88 s, asked Some(6)
      0 ns get.items: GET /items?page=1
      250 ms get.items: GET /items?page=1
      500 ms get.items.id: GET /items/17
      1.25 s pay: POST /pay application/x-www-form-urlencoded item=17
      1.75 s get.items.id: GET /items/18
      1.88 s health: GET /status
      5 distinct
    log: replay of recordings/access.log, 1 s, asked Some(4)
      0 ns get.items: GET /items
      250 ms get.items.id: GET /items/0aef12b4
      500 ms get.search-page.x: GET /Search%20Page/x
      1 s delete.items.id: DELETE /items/3?force
      4 distinct
    "#);
    let names: Vec<_> = plan.steps.iter().map(|s| s.name.as_str()).collect();
    insta::assert_snapshot!(names.join(" "), @r#"get.items get.items.id pay health get.search-page.x delete.items.id"#);
}

#[test]
fn recordings_count_under_declared_steps() {
    let plan = plan("replay-beside-steps.toml");
    insta::assert_snapshot!(replayed(&plan), @r#"
    day: replay of recordings/shop.csv, 5 s, asked Some(6)
      0 ns get.items: GET /items?page=1
      250 ms get.items: GET /items?page=1
      500 ms get.items.id: GET /items/17
      1.25 s pay: POST /pay application/x-www-form-urlencoded item=17
      1.75 s get.items.id: GET /items/18
      1.88 s health: GET /status
      5 distinct
    lines: replay of recordings/shop.jsonl, 1 s, asked Some(3)
      0 ns get.items: GET /items
      500 ms get.items: GET /items?page=2
      1 s post.pay: POST /pay application/json {"item":7}
      3 distinct
    steady: 10/s poisson, 5 s, asked Some(50)
    "#);
    assert_eq!(plan.steps[0].request.path.to_string(), "/pay");
    assert_eq!(plan.journeys.len(), 1, "only what is declared is visited");
    assert!(plan.outline().journeys.is_empty());
}

#[test]
fn rare_kinds_of_requests_are_counted_together() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..60)
        .flat_map(|i| std::iter::repeat_n(format!("{i},/kind-{i}/{i}\n"), 61 - i))
        .collect();
    let recording = format!("time,path\n{rows}");
    std::fs::write(folder.path().join("kinds.csv"), recording).unwrap();
    let path = folder.path().join("kinds.toml");
    let text = "name = \"kinds\"\ntarget = { url = \"http://127.0.0.1:80\" }\n\
                [[phase]]\nname = \"all\"\nreplay = \"kinds.csv\"\n";
    std::fs::write(&path, text).unwrap();
    let plan = load(&path, &environment).unwrap().plan;
    assert_eq!(plan.steps.len(), 40);
    assert_eq!(plan.steps[38].name, "get.kind-38.id");
    assert_eq!(plan.steps[39].name, "others");
    let Load::Replay(recording) = &plan.phases[0].load else {
        panic!("no replay");
    };
    assert_eq!(recording.requests.len(), 60);
    assert_eq!(recording.entries.len(), (2..=61).sum::<usize>());
    // 61 requests of the first second, evenly over it.
    assert_eq!(recording.entries[1].at, Nanos(1_000_000_000 / 61));
}
