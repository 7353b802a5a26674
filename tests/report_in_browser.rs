//! Opens a report as its reader does: in a browser, alone in a folder, without a network.
//!
//! Needs `/usr/bin/chromium`; without it the checks say so and pass, since no Rust toolchain
//! brings a browser. `.ci/run` installs it where it can.

mod common;
#[path = "common/history.rs"]
mod runs_made;
#[path = "common/served.rs"]
mod served;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const BROWSER: &str = "/usr/bin/chromium";

/// Keeps the browser itself quiet, and every name but loopback unresolved.
const FLAGS: [&str; 14] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--enable-logging=stderr",
    "--v=0",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
];

/// What a page did when it was opened.
#[derive(Debug)]
struct Opened {
    /// The document after its scripts ran.
    dom: String,
    /// Every line it wrote to the console. A report has nothing to say there.
    console: Vec<String>,
    /// Every address it asked for, beyond the file itself.
    requests: Vec<String>,
}

#[test]
fn the_committed_report_opens_without_a_word_or_a_request() {
    let Some(report) = committed_report() else {
        println!("skipped: there is no reports/example/*.html");
        return;
    };
    let Some(opened) = open(&report) else { return };
    assert!(opened.dom.contains("<svg"), "its charts are in the page");
    assert_eq!(opened.console, [""; 0], "console of {}", report.display());
    assert_eq!(opened.requests, [""; 0], "requests of {}", report.display());
}

/// What the page beside the report finds, with the report in a frame of its own.
const LOOK: &str = r##"<!doctype html><title>looking</title><pre id="found"></pre>
<iframe id="frame" src="page.html" style="width:1280px;height:900px;border:0"></iframe>
<script>
addEventListener("load", function () {
  var frame = document.getElementById("frame");
  var page = frame.contentDocument;
  var view = frame.contentWindow;
  var all = function (selector) { return Array.from(page.querySelectorAll(selector)); };
  var found = { overflow: [], faint: [], marks: 0, texts: 0 };

  found.landmarks = ["main", "nav", "header", "footer", "h1", "button"].map(function (tag) {
    return tag + " " + all(tag).length;
  });
  found.unnamed = all("section, [role=region], nav, [role=img], button, input").filter(function (e) {
    var by = (e.getAttribute("aria-labelledby") || "").split(" ").map(function (id) {
      var label = page.getElementById(id);
      return label ? label.textContent : "";
    }).join("");
    var label = e.closest("label");
    return !(e.getAttribute("aria-label") || by.trim() || label);
  }).map(function (e) { return e.outerHTML.slice(0, 80); });
  found.unfocusable = all(".scroll").filter(function (e) { return e.tabIndex !== 0; }).length;

  [380, 641, 1280].forEach(function (width) {
    frame.style.width = width + "px";
    frame.getBoundingClientRect();
    var root = page.documentElement;
    if (root.scrollWidth > root.clientWidth) {
      var wide = all("body *").filter(function (e) {
        return e.getBoundingClientRect().right > root.clientWidth + 1 ? !e.closest(".scroll") : false;
      });
      found.overflow.push(width + ": " + root.scrollWidth + " " + wide.slice(0, 3).map(function (e) {
        return e.outerHTML.slice(0, 60);
      }).join(" "));
    }
    var shown = all("figure svg").filter(function (e) { return e.getBoundingClientRect().width > 0; });
    found["drawings at " + width] = Array.from(new Set(shown.map(function (e) {
      return e.getAttribute("class");
    }))).sort().join(" ");
  });

  function channels(colour) { return colour.match(/[\d.]+/g).map(Number); }
  function luminance(colour) {
    var c = channels(colour).slice(0, 3).map(function (v) {
      v /= 255;
      return v > 0.04045 ? Math.pow((v + 0.055) / 1.055, 2.4) : v / 12.92;
    });
    return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
  }
  function ratio(a, b) {
    var x = luminance(a), y = luminance(b);
    return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  }
  function ground(element) {
    for (var e = element; e; e = e.parentElement) {
      var colour = view.getComputedStyle(e).backgroundColor;
      var alpha = channels(colour)[3];
      if (alpha === undefined || alpha === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  }
  var marks = ["now", "tail", "before", "good", "warn", "bad"];
  var grounds = {};
  ["light", "dark"].forEach(function (theme) {
    page.documentElement.setAttribute("data-theme", theme);
    grounds[theme] = view.getComputedStyle(page.body).backgroundColor;
    var walker = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      var parent = walker.currentNode.parentElement;
      var text = walker.currentNode.data.trim();
      if (!text || parent.closest("script, style, title, desc")) continue;
      var style = view.getComputedStyle(parent);
      var ink = parent instanceof view.SVGElement ? style.fill : style.color;
      var contrast = ratio(ink, ground(parent));
      found.texts += 1;
      if (contrast < 4.5) found.faint.push(theme + " " + contrast.toFixed(2) + ": " + text.slice(0, 40));
    }
    all("figure svg *").forEach(function (e) {
      ["stroke", "fill"].forEach(function (which) {
        var name = (e.getAttribute(which) || "").replace(/var\(--|\)/g, "");
        if (e.hasAttribute("fill-opacity") || marks.indexOf(name) === -1) return;
        found.marks += 1;
        var contrast = ratio(view.getComputedStyle(e)[which], ground(e));
        if (contrast < 3) found.faint.push(theme + " " + contrast.toFixed(2) + ": " + name);
      });
    });
  });
  found.themes = grounds.light !== grounds.dark;

  var button = page.getElementById("theme");
  button.click();
  found.button = [button.hidden, page.documentElement.getAttribute("data-theme"), button.textContent];

  var told = page.querySelector(".told");
  var drawing = all("#latency svg.wide[data-span]")[0];
  var box = drawing.getBoundingClientRect();
  var at = { clientX: box.left + box.width * 0.5, clientY: box.top + 20, bubbles: true };
  drawing.dispatchEvent(new view.PointerEvent("pointermove", at));
  var rows = Array.from(drawing.closest("figure").querySelectorAll("tr[data-at]"));
  var names = rows.map(function (row) { return row.cells[0].textContent; });
  found.pointed = [told.hidden, names.indexOf(told.firstChild.textContent) >= 0, told.childNodes.length];
  drawing.dispatchEvent(new view.KeyboardEvent("keydown", { key: "Home", bubbles: true }));
  found.home = told.firstChild.textContent === names[0];
  drawing.dispatchEvent(new view.KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  found.right = told.firstChild.textContent === names[1];
  drawing.dispatchEvent(new view.KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  found.escape = told.hidden;

  var table = all("table").filter(function (t) { return t.tBodies[0].rows.length > 8; })[0];
  var input = table.closest("figure, section").querySelector(".filter input");
  var first = table.tBodies[0].rows[3].cells[0].textContent;
  input.value = first;
  input.dispatchEvent(new view.Event("input"));
  var left = Array.from(table.tBodies[0].rows).filter(function (row) { return !row.hidden; });
  found.filtered = left.every(function (row) { return row.textContent.indexOf(first) >= 0; });
  found.kept = left.length > 0 ? table.tBodies[0].rows.length > left.length : false;
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script>"##;

#[test]
fn the_committed_report_can_be_read_in_both_themes_at_any_width_and_with_any_hand() {
    let Some(report) = committed_report() else {
        println!("skipped: there is no reports/example/*.html");
        return;
    };
    let text = fs::read_to_string(report).expect("a readable report");
    let pages = [("look.html", LOOK), ("page.html", text.as_str())];
    let Some(opened) = open_first(&pages, &["--allow-file-access-from-files"]) else {
        return;
    };
    assert_eq!(opened.console, [""; 0]);
    assert_eq!(opened.requests, [""; 0]);
    let found = opened
        .dom
        .split_once("<pre id=\"found\">")
        .expect("a place");
    let found = found.1.split_once("</pre>").expect("its end").0;
    let found = found
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let found: serde_json::Value = serde_json::from_str(&found).expect("what it looks like");
    let landmarks = [
        "main 1", "nav 1", "header 1", "footer 1", "h1 1", "button 1",
    ];
    assert_eq!(found["landmarks"], serde_json::json!(landmarks));
    for (what, wanted) in [
        ("unnamed", serde_json::json!([])),
        ("unfocusable", 0.into()),
        ("overflow", serde_json::json!([])),
        ("drawings at 380", "narrow panel".into()),
        ("drawings at 641", "panel wide".into()),
        ("drawings at 1280", "panel wide".into()),
        ("faint", serde_json::json!([])),
        ("themes", true.into()),
        ("button", serde_json::json!([false, "light", "Dark"])),
        ("home", true.into()),
        ("right", true.into()),
        ("escape", true.into()),
        ("filtered", true.into()),
        ("kept", true.into()),
    ] {
        assert_eq!(found[what], wanted, "{what}: {found:#}");
    }
    assert_eq!(found["pointed"][0], false, "{found:#}");
    assert_eq!(found["pointed"][1], true, "{found:#}");
    let many = |what: &str| found[what].as_u64().unwrap_or(0);
    assert!(many("texts") > 500 && many("marks") > 50, "{found:#}");
}

#[test]
fn a_page_that_keeps_to_itself_is_recognised() {
    let page = "<!doctype html><title>x</title><script>document.title = 'ran'</script>";
    let Some(opened) = open_text(page) else {
        return;
    };
    assert!(opened.dom.contains("<title>ran</title>"), "{}", opened.dom);
    assert_eq!(opened.console, [""; 0]);
    assert_eq!(opened.requests, [""; 0]);
}

#[test]
fn a_page_that_calls_out_or_complains_is_found() {
    let page = "<!doctype html><title>x</title>
        <link rel=stylesheet href='http://127.0.0.1:9/a.css'>
        <img src='https://example.invalid/b.png'>
        <script>console.error('alas'); noSuchFunction()</script>";
    let Some(opened) = open_text(page) else {
        return;
    };
    let said = |what: &str| opened.console.iter().any(|line| line.contains(what));
    assert!(said("alas") && said("noSuchFunction"), "{opened:?}");
    let mut requests = opened.requests.clone();
    requests.sort_unstable();
    assert_eq!(
        requests,
        ["http://127.0.0.1:9/a.css", "https://example.invalid/b.png"]
    );
}

#[test]
fn the_list_of_runs_can_be_narrowed_and_asks_for_nothing() {
    let place = common::Workplace::new();
    runs_made::write_many(place.path(), "checkout", 12);
    place.run(&["report", "--index"]).exits(0);
    let Some(opened) = open(&place.path().join("reports/index.html")) else {
        return;
    };
    assert!(
        opened
            .dom
            .contains("<output id=\"found\" aria-live=\"polite\">12 runs</output>"),
        "{}",
        opened.dom
    );
    assert_eq!(opened.console, [""; 0]);
    assert_eq!(opened.requests, [""; 0]);
}

#[test]
fn what_is_served_asks_for_itself_alone_and_is_renewed() {
    let place = common::Workplace::new();
    runs_made::write_many(place.path(), "checkout", 12);
    let target = common::Server::start(common::Manner::Prompt);
    let mut command = place.command(&["run", &target.url(), "--rate", "50/s", "--for", "600s"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let running = served::Running(command.spawn().expect("it starts"));
    let served = served::Served::start(&place);
    let mut live = String::new();
    common::eventually("the run is seen", || {
        let list = served.gets("").body;
        let begins = list.find("<ul class=\"now\">").map(|at| &list[at..]);
        let href = begins.and_then(|rest| rest.split("href=\"").nth(1));
        live = href
            .and_then(|rest| rest.split('"').next())
            .unwrap_or_default()
            .to_owned();
        !live.is_empty()
    });
    // Its clock goes on as soon as nothing is waited for, so that a page is renewed some times.
    let patient = ["--virtual-time-budget=11000"];
    for page in [String::new(), live] {
        let address = format!("{}{page}", served.url);
        let Some(opened) = open_address(&address, &patient) else {
            break;
        };
        assert_eq!(opened.console, [""; 0], "{address}");
        let strange: Vec<_> = opened.requests.iter().filter(|r| **r != address).collect();
        assert!(strange.is_empty(), "{address} asked for {strange:?}");
        assert!(
            opened.requests.len() > 1,
            "it was renewed: {:?}",
            opened.requests
        );
        assert!(opened.dom.contains(">Pause</button>"), "{}", opened.dom);
        assert!(opened.dom.contains("running"), "{}", opened.dom);
    }
    drop(running);
}

fn committed_report() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/example");
    let mut files = fs::read_dir(folder).ok()?.flatten().map(|e| e.path());
    files.find(|path| path.extension().is_some_and(|e| e == "html"))
}

/// Opens a file in the browser; None, with a message, where there is no browser.
fn open(file: &Path) -> Option<Opened> {
    open_text(&fs::read_to_string(file).expect("a readable report"))
}

fn open_text(page: &str) -> Option<Opened> {
    open_first(&[("page.html", page)], &[])
}

/// Opens the first of some pages in one folder.
fn open_first(pages: &[(&str, &str)], flags: &[&str]) -> Option<Opened> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, page) in pages {
        fs::write(folder.path().join(name), page).expect("the page is written");
    }
    let file = folder.path().join(pages[0].0);
    open_address(&format!("file://{}", file.display()), flags)
}

/// Opens an address, with more flags of the browser.
#[expect(clippy::print_stdout, reason = "a skipped check says so")]
fn open_address(address: &str, flags: &[&str]) -> Option<Opened> {
    if !Path::new(BROWSER).exists() {
        println!("skipped: there is no {BROWSER}");
        return None;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("net.json");

    let output = Command::new(BROWSER)
        .args(FLAGS)
        .arg(format!(
            "--user-data-dir={}/profile",
            folder.path().display()
        ))
        .arg(format!("--log-net-log={}", log.display()))
        .args(flags)
        .arg("--dump-dom")
        .arg(address)
        .env("HOME", folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("the browser starts");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "the browser failed:\n{stderr}");

    let console = stderr.lines().filter(|line| line.contains(":CONSOLE"));
    Some(Opened {
        dom: String::from_utf8_lossy(&output.stdout).into_owned(),
        console: console.map(str::to_owned).collect(),
        requests: requests(&fs::read_to_string(log).expect("a log of the network")),
    })
}

/// Addresses a page asked for, from Chromium's network log.
///
/// The browser has errands of its own; they have no page behind them and carry the initiator
/// `not an origin`.
fn requests(log: &str) -> Vec<String> {
    let log: serde_json::Value = serde_json::from_str(log)
        .or_else(|_| serde_json::from_str(&format!("{}]}}", log.trim_end().trim_end_matches(','))))
        .expect("JSON, or JSON cut off after an event");
    let start = &log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"];
    assert!(start.is_number(), "the log names its event types");
    let events = log["events"].as_array().expect("a list of events");
    let params = events
        .iter()
        .filter(|event| &event["type"] == start)
        .map(|event| &event["params"]);
    params
        .filter(|p| p["initiator"] != "not an origin")
        .filter_map(|p| p["url"].as_str().map(str::to_owned))
        .collect()
}
