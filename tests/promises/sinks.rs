//! Text from outside stays text, in every place it is shown; and no line of ours is a command to the CI
//! runner that reads it.

#![expect(
    clippy::print_stdout,
    reason = "the figures of a promise are told where it is tested"
)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use pulldown_cmark::{Event, Options, Parser, Tag};
use roxmltree::{Document, Node, ParsingOptions};

use plimsoll::diagnostic::render;
use plimsoll::launch::LaunchError;
use plimsoll::model::{
    History, ListedRun, ListedState, Measure, OtherSeries, Overview, Point, ScenarioRuns, Series,
    SeriesName, Shift, Trend,
};
use plimsoll::mutant::Mutant;
use plimsoll::observe::read_metrics;
use plimsoll::report::{self, IndexPlace, TextStyle, Verbosity, View};
use plimsoll::untrusted::Untrusted;

use crate::common::Workplace;
use crate::forms::runner_command;
use crate::made::{named, profiled};

#[cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "read by mutants")
)]
pub(crate) const KILLS: &[(Mutant, &str)] = &[
    (Mutant::MarkupUnescaped, "sinks::xml"),
    (Mutant::MarkdownUnescaped, "sinks::markdown"),
    (Mutant::CellUnescaped, "sinks::csv"),
    (Mutant::JsonForScripts, "sinks::json_in_a_script"),
    (Mutant::LabelUnescaped, "sinks::prometheus_label"),
    (Mutant::ControlsSent, "sinks::terminal"),
    (
        Mutant::RunnerCommands,
        "sinks::nothing_from_a_target_is_a_command_to_a_runner",
    ),
];

/// What each of them tries to leave, or to become.
pub(crate) const PAYLOADS: [&str; 64] = [
    // HTML text and attributes.
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)",
    "' onfocus='alert(1)' autofocus='",
    "` onload=`alert(1)",
    "<img src=//e.com/x>",
    "<!-- ",
    "--><script>",
    "<![CDATA[",
    "]]><x>",
    "&lt;b&gt;",
    "&#60;script&#62;",
    "&amp;amp;",
    "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>",
    "&xxe;",
    "javascript:alert(1)",
    "</textarea></noscript></template>",
    // SVG.
    "</text></svg><script>1</script>",
    "<foreignObject><b>x</b></foreignObject>",
    "<animate onbegin=alert(1)>",
    "url(#x);fill:red}*{display:none",
    // Markdown.
    "[x](http://e.com)",
    "![x](http://e.com/x.png)",
    "<http://e.com>",
    "http://e.com/?a=b",
    "www.e.com",
    "WwW.e.com/x",
    "@everyone @org/team",
    "| a | b |",
    "**bold** _em_ ~~gone~~ `code`",
    "# heading",
    "- item",
    "1. item",
    "    code",
    "```sh",
    "---",
    "===",
    "> quote",
    "[^1]: note",
    "[x]: http://e.com",
    "$x^2$ $$y$$",
    "\\*a\\* \\",
    "<details><summary>x</summary>",
    // CSV.
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    " =1+1",
    "\u{ff1d}1+1",
    "a;=1+1;\"",
    "a,\"=1+1\",b",
    // JSON, in a script or not.
    "\u{2028}alert(1)\u{2029}",
    "\\u003c/script\\u003e",
    "\"};alert(1);//",
    // Prometheus.
    "a\"} 1\nb{c=\"",
    "a\\",
    // Terminals.
    "\u{1b}[2J\u{1b}]0;title\u{7}",
    "\u{9b}31m\u{90}q\u{9c}",
    "a\u{202e}txt.exe\u{2066}b\u{2069}\u{61c}\u{200f}",
    "over\rwritten\u{8}\u{8}\u{7f}",
    "\u{e0041}\u{e0042}\u{200b}\u{feff}\u{ad}",
    // CI.
    "%0A::error::x%0D\n::set-output name=a::b",
];

/// Before a payload, so that it is found again; letters alone, so that it changes nothing.
const MARK: &str = "qzx";

/// What is shown of a text.
fn visible(text: &str) -> String {
    Untrusted::from(text).terminal()
}

/// Characters that no output of ours may hold: a line feed is ours.
fn is_hidden(c: char) -> bool {
    c != '\n' && c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Looks at each payload alone, and says how many there were.
fn each(sink: &str, look: impl Fn(&str)) {
    for payload in PAYLOADS {
        look(payload);
    }
    println!("S1: {sink}: {0} of {0} stay text", PAYLOADS.len());
}

fn page(name: &str) -> String {
    let run = named(name);
    report::html(&View::new(&run, None).profiled(&profiled(name)))
}

fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(page, options).unwrap_or_else(|e| panic!("{e}\n{page}"))
}

/// Elements and the names of their attributes, in order, of drawings or of what is around them.
fn structure(document: &Document<'_>, drawings: bool) -> Vec<String> {
    let elements = document.descendants().filter(Node::is_element);
    elements
        .filter(|e| is_in_drawing(*e) == drawings)
        .map(|e| {
            let names: Vec<&str> = e.attributes().map(|a| a.name()).collect();
            format!("{} {}", e.tag_name().name(), names.join(" "))
        })
        .collect()
}

/// The first place where two structures differ.
fn differ(ours: &[String], theirs: &[String]) -> Option<String> {
    let at = (0..ours.len().max(theirs.len())).find(|i| ours.get(*i) != theirs.get(*i))?;
    Some(format!(
        "{at}: {:?} and not {:?}",
        theirs.get(at),
        ours.get(at)
    ))
}

fn is_in_drawing(node: Node<'_, '_>) -> bool {
    node.ancestors().any(|a| a.has_tag_name("svg"))
}

/// HTML text, attributes and drawings are parts of one page.
#[test]
fn html_text_attributes_and_drawings() {
    let plain = page(MARK);
    let plain = parsed(&plain);
    // How much of a name is drawn depends on its length, and how many lines; of what does not.
    let drawn = |document: &Document<'_>| -> BTreeSet<String> {
        structure(document, true).into_iter().collect()
    };
    let (plain, plain_drawings) = (structure(&plain, false), drawn(&plain));
    let texts = |payload: &str| {
        // What is between backticks is set as code, so the pieces are looked for.
        let name = format!("{MARK}{payload}");
        let page = page(&name);
        assert!(!page.contains(is_hidden), "{payload:?}");
        let document = parsed(&page);
        let payload_has_code = payload.contains('`');
        let found = structure(&document, false);
        if !payload_has_code {
            assert_eq!(differ(&plain, &found), None, "{payload:?}");
        }
        assert!(drawn(&document).is_subset(&plain_drawings), "{payload:?}");
        for forbidden in [
            "img",
            "foreignObject",
            "animate",
            "iframe",
            "textarea",
            "template",
        ] {
            assert!(
                document.descendants().all(|n| !n.has_tag_name(forbidden)),
                "{payload:?}"
            );
        }
        let scripts = document.descendants().filter(|n| n.has_tag_name("script"));
        assert_eq!(scripts.count(), 1, "{payload:?}");
        let shown = visible(&name);
        let is_shown = |drawn: bool| {
            let all = document.descendants().filter(Node::is_text);
            let mut all = all.filter(|n| is_in_drawing(*n) == drawn);
            all.any(|n| n.text().is_some_and(|t| t.contains(&shown)))
        };
        let heading = document.descendants().find(|n| n.has_tag_name("h1"));
        assert_eq!(heading.and_then(|h| h.text()), Some(shown.as_str()));
        assert!(is_shown(true), "{payload:?} in a drawing");
        // In quotes, as every attribute of ours is.
        let attribute = format!("<a title=\"{}\"/>", Untrusted::from(name.as_str()).markup());
        let element = Document::parse(&attribute).expect("well-formed");
        let root = element.root_element();
        assert_eq!(root.attributes().count(), 1);
        assert_eq!(root.attribute("title"), Some(shown.as_str()));
    };
    each("HTML text, attribute and SVG", texts);
}

/// A list of runs in which every text from outside is this one.
fn list(name: &str) -> String {
    let point = Point {
        run: name.to_owned(),
        at: name.to_owned(),
        version: name.into(),
        revision: name.into(),
    };
    let measure = Measure::named(name);
    let trend = Trend {
        series: Series {
            measure: measure.clone(),
            values: vec![1.0, 2.0],
            accepted: None,
        },
        shifts: vec![Shift {
            at: 1,
            before: 1.0,
            after: 2.0,
            is_worse: true,
            p: 0.001,
            candidate: false,
            accepted: false,
        }],
        present: None,
        note: None,
    };
    let run = ListedRun {
        point: point.clone(),
        state: ListedState::Unreadable,
        rounds: 1,
        left_out: Some(name.to_owned()),
        values: vec![1.0],
        has_report: true,
    };
    let history = History {
        name: name.to_owned(),
        points: vec![point.clone(), point],
        trends: vec![trend],
        others: vec![OtherSeries {
            runs: 2,
            until: name.to_owned(),
            differs: vec![name.to_owned()],
        }],
        left_out: vec![(name.to_owned(), 2)],
    };
    let scenario = ScenarioRuns {
        name: name.to_owned(),
        runs: vec![run],
        history: Some(history),
        measures: vec![measure],
    };
    let overview = Overview {
        scenarios: vec![scenario],
    };
    report::index(&overview, IndexPlace::File(name))
}

#[test]
fn the_list_of_runs_and_a_run_in_progress() {
    for (what, make) in [
        ("the list of runs", list as fn(&str) -> String),
        ("a run in progress", |name| report::live(&named(name))),
    ] {
        let plain = make(MARK);
        let plain = structure(&parsed(&plain), false);
        each(what, |payload| {
            let name = format!("{MARK}{payload}");
            let page = make(&name);
            assert!(!page.contains(is_hidden), "{payload:?}");
            let document = parsed(&page);
            assert_eq!(
                differ(&plain, &structure(&document, false)),
                None,
                "{payload:?}"
            );
            let shown = visible(&name);
            let mut texts = document.descendants().filter_map(|n| n.text());
            assert!(texts.any(|t| t.contains(&shown)), "{payload:?}");
        });
    }
}

#[test]
fn xml() {
    let plain = report::junit(&View::new(&named(MARK), None));
    let plain = structure(&parsed(&plain), false);
    each("XML", |payload| {
        let name = format!("{MARK}{payload}");
        let xml = report::junit(&View::new(&named(&name), None));
        let document = Document::parse(&xml).unwrap_or_else(|e| panic!("{payload:?}: {e}"));
        assert_eq!(
            differ(&plain, &structure(&document, false)),
            None,
            "{payload:?}"
        );
        let suite = document.descendants().find(|n| n.has_tag_name("testsuite"));
        assert_eq!(
            suite.and_then(|s| s.attribute("name")),
            Some(visible(&name).as_str())
        );
        assert!(!xml.contains(is_hidden), "{payload:?}");
    });
}

/// What a renderer makes of a text: tags in order, and all text.
fn rendered(text: &str) -> (Vec<String>, String) {
    let mut tags = Vec::new();
    let mut shown = String::new();
    for event in Parser::new_ext(text, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
        match event {
            Event::Start(Tag::Link { .. } | Tag::Image { .. }) => tags.push("link".to_owned()),
            Event::Start(tag) => tags.push(format!("{:?}", tag.to_end())),
            Event::Text(text) => shown.push_str(&text),
            Event::Code(code) => {
                tags.push("code".to_owned());
                shown.push_str(&code);
            }
            Event::Html(html) | Event::InlineHtml(html) => tags.push(html.trim().to_owned()),
            Event::End(_) | Event::SoftBreak | Event::HardBreak => shown.push('\n'),
            other => tags.push(format!("{other:?}")),
        }
    }
    (tags, shown)
}

#[test]
fn markdown() {
    // At the beginning of a line, of a cell and within.
    let comment = |name: &str| {
        let run = named(name);
        let text = Untrusted::from(name).markdown();
        let report = report::markdown(&View::new(&run, None).profiled(&profiled(name)));
        // The mark by which a later comment finds this one is no text; it has letters and digits alone.
        let (report, mark) = report.split_once("<!-- plimsoll:").expect("a mark");
        let mark = mark.strip_suffix(" -->\n").expect("nothing after it");
        assert!(
            mark.chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)),
            "{mark:?}"
        );
        format!("{text}\n\n{report}")
    };
    let (plain, _) = rendered(&comment(MARK));
    each("Markdown", |payload| {
        for name in [payload.to_owned(), format!("{MARK}{payload}")] {
            let text = comment(&name);
            let (tags, shown) = rendered(&text);
            assert_eq!(differ(&plain, &tags), None, "{name:?}\n{text}");
            let trimmed = visible(&name);
            assert!(shown.contains(trimmed.trim()), "{name:?}\n{shown}");
            assert!(!text.contains(is_hidden), "{name:?}");
            // What GitHub makes a link of by itself, beyond the renderer here.
            let lower = text.to_ascii_lowercase();
            assert!(!lower.contains("www.") && !lower.contains("p://"), "{text}");
            assert!(!text.contains('@'), "{text}");
        }
    });
}

#[test]
fn csv() {
    each("CSV", |payload| {
        // What begins the cell decides.
        let out = report::csv(&View::new(&named(payload), None));
        let mut reader = csv::Reader::from_reader(out.as_bytes());
        let mut seen = 0;
        for row in reader.records() {
            let row = row.expect("a row");
            assert_eq!(row.len(), 18, "{payload:?}");
            seen += row
                .iter()
                .filter(|c| c.ends_with(&visible(payload)))
                .count();
            for cell in &row {
                let is_ours = cell.parse::<f64>().is_ok();
                let parts = cell.split([';', '\t']);
                for part in parts.map(|p| p.trim_start_matches([' ', '"'])) {
                    let starts = part.starts_with(['=', '+', '-', '@', '\u{ff1d}']);
                    assert!(is_ours || !starts, "{payload:?}: {cell:?}");
                }
            }
        }
        assert!(
            seen >= 2 || payload.contains(';'),
            "{payload:?} is nowhere in\n{out}"
        );
        assert!(!out.contains(is_hidden), "{payload:?}");
    });
}

#[test]
fn json_in_a_script() {
    each("JSON in a script", |payload| {
        let json = report::json(&View::new(&named(payload), None));
        assert!(!json.contains(['<', '>']), "{payload:?}");
        assert!(
            !json.contains(is_hidden) && !json.contains("##"),
            "{payload:?}"
        );
        let page = format!("<script>{}</script>", json.replace('&', "&amp;"));
        let document = Document::parse(&page).expect("one element");
        assert_eq!(document.descendants().filter(Node::is_element).count(), 1);
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(value["verdict"]["headline"], payload);
        assert_eq!(value["run"]["scenario"], payload);
    });
}

#[test]
fn prometheus_label() {
    each("Prometheus label", |payload| {
        let series = SeriesName::new("pool_in_use", &[("pool", payload), ("z", "1")]);
        let read = read_metrics(&format!("{series} 7\n"), 10);
        assert_eq!((read.scraped.len(), read.strange), (1, 0), "{payload:?}");
        assert_eq!(read.scraped[0].series, series);
    });
}

#[test]
fn terminal() {
    each("terminal", |payload| {
        let run = named(payload);
        let view = View::new(&run, None).profiled(&profiled(payload));
        for (colour, unicode) in [(false, true), (true, true), (true, false)] {
            let style = TextStyle {
                width: 80,
                colour,
                unicode,
                verbosity: Verbosity::Verbose,
            };
            let out = report::text(&view, style);
            // Our own colours are all the escapes there are.
            let mut pieces = out.split("\u{1b}[");
            let first = pieces.next().unwrap_or_default();
            let rest = pieces.map(|piece| {
                let digits = piece.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
                digits
                    .strip_prefix('m')
                    .unwrap_or_else(|| panic!("{payload:?}: {piece}"))
            });
            let text: String = std::iter::once(first).chain(rest).collect();
            assert!(!text.contains(is_hidden), "{payload:?}: {text:?}");
            assert!(
                colour || !unicode || text.contains(&visible(payload)),
                "{payload:?}\n{text}"
            );
        }
    });
    println!("S3: {0} of {0} are shown, not sent", PAYLOADS.len());
}

#[test]
fn ci_line() {
    each("CI line", |payload| {
        let out = report::github(&View::new(&named(payload), None));
        let mut found = 0;
        for line in out.lines() {
            assert!(line.starts_with("::"), "{line}");
            let read = runner_command(line).expect("a command");
            assert!(
                ["error", "warning", "notice"].contains(&&*read.name),
                "{line}"
            );
            for key in read.properties.keys() {
                assert!(["file", "line", "title"].contains(&&**key), "{line}");
            }
            let shown = visible(payload);
            found += usize::from(read.message.contains(&shown));
            found += usize::from(read.properties.values().any(|v| v.contains(&shown)));
        }
        assert!(
            found >= 2 && out.lines().count() <= 10,
            "{payload:?}\n{out}"
        );
        assert!(!out.contains(is_hidden), "{payload:?}");
    });
    // Seven of the sinks have a test of their own, and three share one.
    println!("S1: 640 of 640");
}

/// Beginnings of commands of GitHub (both grammars), Azure DevOps and `TeamCity`, as they are, indented by
/// whatever a runner trims, behind line ends of every kind, and with characters it passes over.
fn commands() -> Vec<String> {
    let commands = [
        "::error::x",
        "::add-mask::x",
        "::set-output name=a::b",
        "::stop-commands::x",
        "##[error]x",
        "##[add-path]/x",
        "##vso[task.setvariable variable=x]y",
        "##teamcity[buildStatus text='x']",
    ];
    let before = [
        "",
        " \t\u{a0}\u{2003}",
        "a\r\n",
        "a\u{85}\u{2028}\u{b}",
        "\u{200d}\u{ad}",
    ];
    let all = before
        .iter()
        .flat_map(|b| commands.map(|c| format!("{b}{c}")));
    all.collect()
}

/// The commands that a runner would find: it trims lines, ends them in many ways, and compares without
/// regard to characters that have no shape. `ours` are levels that we write ourselves.
fn found_by_runners(text: &str, ours: &[&str]) -> Vec<String> {
    let has_shape = |c: &char| !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}');
    let is_end = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let lines = text
        .split(is_end)
        .map(|line| line.chars().filter(has_shape).collect::<String>());
    let is_command = |line: &String| {
        let begins = line.trim_start();
        let is_ours = ours
            .iter()
            .any(|level| begins.starts_with(&format!("::{level} ")));
        begins.starts_with("::") && !is_ours
            || ["##[", "##vso[", "##teamcity["]
                .iter()
                .any(|c| line.contains(c))
    };
    lines.filter(is_command).collect()
}

#[test]
fn nothing_from_a_target_is_a_command_to_a_runner() {
    let mut tried = 0;
    for payload in commands() {
        assert!(
            !found_by_runners(&payload, &[]).is_empty(),
            "no command: {payload:?}"
        );
        let run = named(&payload);
        let view = View::new(&run, None).profiled(&profiled(&payload));
        let style = TextStyle {
            width: 60,
            colour: false,
            unicode: true,
            verbosity: Verbosity::Verbose,
        };
        let refused = LaunchError::NotReady {
            within: plimsoll::units::Nanos::SECOND,
            last: payload.clone(),
            output: Some(Untrusted::from(payload.as_str())),
        };
        let levels = ["error", "warning", "notice"];
        let outputs = [
            ("stdout", report::text(&view, style), &[][..]),
            ("stderr", render(&[refused.diagnostic()], false), &[]),
            ("-o github", report::github(&view), &levels),
            ("the job summary", report::markdown(&view), &[]),
        ];
        for (name, out, ours) in &outputs {
            assert_eq!(found_by_runners(out, ours), [""; 0], "{name}: {payload:?}");
            tried += 1;
        }
        for out in [
            report::json(&view),
            report::csv(&view),
            report::junit(&view),
            report::html(&view),
        ] {
            assert_eq!(found_by_runners(&out, &[]), [""; 0], "{payload:?}");
        }
    }
    assert_eq!(tried, 160);
    println!("S2: 0 of {tried} are commands");
}

/// Answers every request with the same metrics.
fn metrics(body: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let body = body.clone();
            thread::spawn(move || {
                let mut writer = stream.try_clone().expect("a socket");
                for line in BufReader::new(stream).lines() {
                    let Ok(line) = line else { return };
                    let head = "HTTP/1.1 200 OK\r\nX-Y: ::error::x\r\nContent-Length: ";
                    if line.is_empty()
                        && write!(writer, "{head}{}\r\n\r\n{body}", body.len()).is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    port
}

/// The same through the program: labels of metrics in the summary of an alert, and what a target that
/// does not start wrote.
#[test]
fn nothing_that_the_program_says_is_a_command_to_a_runner() {
    let place = Workplace::new();
    let payloads: Vec<String> = commands().iter().map(|c| c.replace('\r', "")).collect();
    let escaped = |p: &str| {
        p.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    };
    let lines = payloads
        .iter()
        .map(|p| format!("pool_in_use{{pool=\"{}\"}} 9\n", escaped(p)));
    let port = metrics(lines.collect());
    place.write(
        "scenarios/told.toml",
        &format!(
            "name = \"told\"\n[target]\nurl = \"http://127.0.0.1:{port}\"\nmetrics = [\"/metrics\"]\n[[step]]\nname = \"a\"\n\
             request = \"GET /\"\n[[phase]]\nname = \"p\"\nrate = \"20/s\"\nduration = \"3s\"\n[[alert]]\nname = \"Pool\"\n\
             expr = \"pool_in_use > 1\"\nannotations = {{ summary = \"{{{{ $labels.pool }}}}\" }}\n"
        ),
    );
    let run = place.run(&["run", "told", "-o", "github:-", "-o", "summary.md"]);
    let summary = std::fs::read_to_string(place.path().join("summary.md")).unwrap_or_default();
    assert!(
        run.stderr.contains("Pool") || run.stdout.contains("Pool"),
        "{run:?}"
    );
    let levels = ["error", "warning", "notice"];
    assert_eq!(found_by_runners(&run.stdout, &levels), [""; 0]);
    assert_eq!(found_by_runners(&run.stderr, &[]), [""; 0]);
    assert_eq!(found_by_runners(&summary, &[]), [""; 0]);
    let shown = place.run(&["report", "last", "--verbose"]);
    assert!(shown.stdout.contains("Pool"), "{shown:?}");
    assert_eq!(found_by_runners(&shown.stdout, &[]), [""; 0]);

    let said = place.write("said.txt", &payloads.join("\n"));
    let script = format!("cat {0}; cat {0} >&2; exit 3", said.display());
    place.write(
        "scenarios/dies.toml",
        &format!(
            "name = \"dies\"\n[target]\nurl = \"http://127.0.0.1:1\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\n[[step]]\nname = \"a\"\n\
             request = \"GET /\"\n[[phase]]\nname = \"p\"\nrate = \"20/s\"\nduration = \"1s\"\n"
        ),
    );
    let died = place.run(&["run", "dies"]);
    assert!(died.stderr.contains("teamcity"), "{died:?}");
    assert_eq!(found_by_runners(&died.stderr, &[]), [""; 0]);
    assert_eq!(found_by_runners(&died.stdout, &[]), [""; 0]);
}
