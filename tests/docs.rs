//! The documentation as text: its links lead somewhere, its generated parts are what the program gives, and
//! what it promises to install is there. Its commands are run by `readme`.
//!
//! `UPDATE_GOLDEN=1 cargo test --test docs` writes the generated parts anew.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use plimsoll::model::ErrorClass;
use plimsoll::scenario;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::Value;

/// More pages than these nobody finds their way in; RELIABILITY.md is the twelfth.
const MOST_PAGES: usize = 11;

#[test]
fn every_link_leads_somewhere() {
    let faults: Vec<String> = pages().iter().flat_map(|page| dead_links(page)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_dead_link_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.md");
    let text = "# A `page` of links\n## Twice\n## Twice\n\
        [a](#a-page-of-links) [b](#twice-1) [c](page.md#twice) [d](https://example.com/x) [e](.)\n\
        [f](#nowhere) [g](other.md) [h](page.md#twice-2)\n\n```sh\n[i](not-a-link.md)\n```\n";
    fs::write(&page, text).expect("a page");
    let faults = dead_links(&page).join("\n");
    let found: Vec<_> = faults
        .lines()
        .filter_map(|l| l.rsplit_once("no "))
        .collect();
    let found: Vec<_> = found.into_iter().map(|(_, target)| target).collect();
    assert_eq!(found, ["`#nowhere`", "`other.md`", "`page.md#twice-2`"]);
}

#[test]
fn pages_that_the_program_names_exist() {
    let mut named = 0;
    for folder in ["src", "schemas", "benches", "scenarios", "tests"] {
        for file in files(&root().join(folder)) {
            let Ok(text) = fs::read_to_string(&file) else {
                continue;
            };
            for (at, _) in text.match_indices("docs/") {
                let rest = &text[at..];
                let end = rest.find(|c: char| !(c.is_ascii_lowercase() || "/-.".contains(c)));
                let page = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
                let name = page.strip_suffix(".md").unwrap_or_default();
                if name.len() > "docs/".len() {
                    named += 1;
                    assert!(root().join(page).is_file(), "{}: {page}", file.display());
                }
            }
        }
    }
    assert!(named >= 5, "{named}");
}

#[test]
fn the_pages_are_few_and_the_readme_names_each() {
    let readme = read("README.md");
    let docs: Vec<_> = pages()
        .into_iter()
        .filter(|p| p.parent() == Some(&root().join("docs")))
        .collect();
    assert!(docs.len() <= MOST_PAGES, "{docs:?}");
    for page in docs {
        let name = page.file_name().expect("a name").to_string_lossy();
        assert!(readme.contains(&format!("(docs/{name})")), "{name}");
    }
}

#[test]
fn generated_parts_are_what_the_program_gives() {
    let mut stale = Vec::new();
    for (page, name, text) in [
        ("docs/scenario.md", "keys", keys()),
        ("docs/reference.md", "errors", errors()),
    ] {
        let before = read(page);
        let after = replaced(&before, name, &text);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(root().join(page), &after).expect("a page");
        } else if before != after {
            stale.push(page);
        }
    }
    assert!(
        stale.is_empty(),
        "{stale:?}: UPDATE_GOLDEN=1 cargo test --test docs"
    );
}

#[test]
fn only_what_is_between_the_marks_is_replaced() {
    let page = "a\n<!-- generated: x -->\nold\n<!-- end -->\nb <!-- end -->\n";
    let expected = "a\n<!-- generated: x -->\n\nnew\n\n<!-- end -->\nb <!-- end -->\n";
    assert_eq!(replaced(page, "x", "new\n"), expected);
    assert_eq!(replaced(expected, "x", "new\n"), expected);
}

#[test]
fn recipes_that_are_named_exist() {
    let justfile = read("justfile");
    let recipes: BTreeSet<&str> = justfile
        .lines()
        .filter(|line| !line.starts_with([' ', '#']))
        .filter_map(|line| line.split_once(':'))
        .filter_map(|(head, _)| head.split(' ').next())
        .collect();
    let mut named = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for (at, _) in text.match_indices("just ") {
            let is_command = text[..at].ends_with(['`', '\n']);
            let rest = &text[at + "just ".len()..];
            let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c == '-'));
            let recipe = &rest[..end.unwrap_or(rest.len())];
            if is_command && !recipe.is_empty() {
                named += 1;
                assert!(
                    recipes.contains(recipe),
                    "{}: just {recipe}",
                    page.display()
                );
            }
        }
    }
    assert!(named >= 4, "{named}");
}

#[test]
fn whoever_packs_and_whoever_installs_mean_the_same_files() {
    const TARGET: &str = "x86_64-unknown-linux-musl";
    let program = format!("target/{TARGET}/release/plimsoll");
    assert!(read("Dockerfile").contains(&format!("\nCOPY {program} ")));
    assert!(read(".dockerignore").contains(&format!("\n!{program}\n")));
    assert!(read("README.md").contains(&program));

    let package = read(".ci/package");
    assert!(package.contains("name=\"plimsoll-v$version-$target\""));
    assert!(package.contains("\"target/$name.tar.gz\""));
    let release = read(".github/workflows/release.yml");
    assert!(release.contains("run: .ci/package archive\n"));
    assert!(release.contains("cp target/plimsoll-*.tar.gz "));

    let manifest: toml::Value = toml::from_str(&read("Cargo.toml")).expect("a manifest");
    let version = manifest["package"]["version"].as_str().expect("a version");
    let binstall = &manifest["package"]["metadata"]["binstall"];
    let filled = |key: &str| {
        let template = binstall[key].as_str().expect("a text");
        [
            ("name", "plimsoll"),
            ("version", version),
            ("target", TARGET),
        ]
        .iter()
        .fold(template.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{ {name} }}"), value)
        })
    };
    let archive = format!("plimsoll-v{version}-{TARGET}");
    let url = format!("{{ repo }}/releases/download/v{version}/{archive}.tar.gz");
    assert_eq!(filled("pkg-url"), url);
    assert_eq!(filled("bin-dir"), format!("{archive}/{{ bin }}"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// All pages for readers.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("reports/README.md")];
    for folder in [root().to_owned(), root().join("docs")] {
        let entries = fs::read_dir(&folder).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        pages.extend(paths.filter(|path| path.extension().is_some_and(|e| e == "md")));
    }
    pages.sort();
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Links of a page to files or headings that there are not.
fn dead_links(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).expect("a page");
    let folder = page.parent().expect("a folder");
    let mut dead = Vec::new();
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
        let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event else {
            continue;
        };
        if dest_url.contains("://") || dest_url.starts_with("mailto:") {
            continue;
        }
        let (file, heading) = dest_url.split_once('#').unwrap_or((&dest_url, ""));
        let file = if file.is_empty() {
            page.to_owned()
        } else {
            folder.join(file)
        };
        let leads = file.exists()
            && (heading.is_empty()
                || fs::read_to_string(&file)
                    .is_ok_and(|text| anchors(&text).contains(&heading.to_owned())));
        if !leads {
            dead.push(format!("{}: no `{dest_url}`", page.display()));
        }
    }
    dead
}

/// The names of the headings, as forges make them of their words.
fn anchors(markdown: &str) -> Vec<String> {
    let mut anchors = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(words) = &mut heading {
                    words.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let words = heading.take().unwrap_or_default().to_lowercase();
                let anchor: String = words
                    .chars()
                    .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                    .map(|c| if c == ' ' { '-' } else { c })
                    .collect();
                let times = seen.entry(anchor.clone()).or_default();
                anchors.push(match *times {
                    0 => anchor,
                    n => format!("{anchor}-{n}"),
                });
                *times += 1;
            }
            _ => {}
        }
    }
    anchors
}

/// The page with another text between the marks of a generated part.
fn replaced(page: &str, name: &str, text: &str) -> String {
    let begin = format!("<!-- generated: {name} -->\n");
    let (before, rest) = page.split_once(&begin).expect("where it begins");
    let (_, after) = rest.split_once("<!-- end -->\n").expect("where it ends");
    format!("{before}{begin}\n{text}\n<!-- end -->\n{after}")
}

/// The table of error classes.
fn errors() -> String {
    let rows = ErrorClass::ALL.map(|class| format!("| `{class}` | {} |\n", class.describe()));
    format!("| class | |\n|---|---|\n{}", rows.concat())
}

/// The parts of a scenario in the order in which one writes them.
const SECTIONS: [(&str, &str); 10] = [
    ("target", "[target]"),
    ("health", "[[health]]"),
    ("step", "[[step]]"),
    ("journey", "[[journey]]"),
    ("data", "[data.NAME]"),
    ("phase", "[[phase]]"),
    ("threshold", "[[threshold]]"),
    ("guard", "[guard]"),
    ("fault", "[[fault]]"),
    ("alert", "[[alert]]"),
];

/// Every key of a scenario: a table for each of its parts.
fn keys() -> String {
    let schema = scenario::schema();
    let properties = schema["properties"].as_object().expect("keys");
    let mut text = String::from("### Of the file\n\n");
    let is_section = |name: &str| SECTIONS.iter().any(|(section, _)| *section == name);
    let mut own = schema.clone();
    own["properties"]
        .as_object_mut()
        .expect("keys")
        .retain(|name, _| !is_section(name));
    text += &table(&rows("", &own));
    let steps = rows("", &properties["step"]["items"]);
    for (name, title) in SECTIONS {
        let section = &properties[name];
        let description = section["description"].as_str().unwrap_or_default();
        for line in ["\n### `", title, "`\n\n", description, "\n\n"] {
            text += line;
        }
        let inner = [section, &section["items"], &section["additionalProperties"]]
            .into_iter()
            .find(|inner| inner["properties"].is_object())
            .expect("a table");
        let mut rows = rows("", inner);
        if name == "journey" {
            // What a step has anywhere is in its own table.
            rows.retain(|row| {
                let within = row.name.strip_prefix("step.");
                !within.is_some_and(|key| steps.iter().any(|step| step.name == key))
            });
        }
        text += &table(&rows);
    }
    let told = properties.keys().filter(|name| is_section(name)).count();
    assert_eq!(told, SECTIONS.len());
    text
}

/// One key.
struct Row {
    /// With the keys of the tables it is in.
    name: String,
    needed: bool,
    value: String,
    meaning: String,
}

fn table(rows: &[Row]) -> String {
    let lines = rows.iter().map(|row| {
        let mark = if row.needed { "**" } else { "" };
        let cell = |text: &str| text.replace('|', "\\|");
        format!(
            "| {mark}`{}`{mark} | {} | {} |\n",
            row.name,
            cell(&row.value),
            cell(&row.meaning)
        )
    });
    let lines: String = lines.collect();
    format!("| key | value | meaning |\n|---|---|---|\n{lines}")
}

/// The keys of a table and of those within it.
fn rows(prefix: &str, schema: &Value) -> Vec<Row> {
    let mut found = Vec::new();
    let needed = |name: &str| {
        let required = schema["required"].as_array();
        required.is_some_and(|names| names.iter().any(|n| n == name))
    };
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        let name = format!("{prefix}{key}");
        found.push(Row {
            needed: prefix.is_empty() && needed(key),
            value: value(inner),
            meaning: inner["description"].as_str().unwrap_or_default().to_owned(),
            name: name.clone(),
        });
        found.extend(
            tables_in(inner).flat_map(|(way, table)| rows(&format!("{name}.{way}"), table)),
        );
    }
    found
}

/// The tables that a value can be or hold, with what is to be written to get there.
fn tables_in(schema: &Value) -> impl Iterator<Item = (&'static str, &Value)> {
    let alternatives = schema["anyOf"].as_array().into_iter().flatten();
    alternatives
        .chain([schema])
        .flat_map(|one| {
            [
                ("", one),
                ("", &one["items"]),
                ("NAME.", &one["additionalProperties"]),
            ]
        })
        .filter(|(_, table)| table["properties"].is_object())
}

/// What may be written, in words.
fn value(schema: &Value) -> String {
    let texts = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.map(|v| {
            format!(
                "`{}`",
                v.as_str()
                    .map_or_else(|| v.to_string(), |s| format!("\"{s}\""))
            )
        })
        .collect()
    };
    if let Some(alternatives) = schema["anyOf"].as_array() {
        let mut words: Vec<_> = alternatives.iter().map(value).collect();
        words.dedup();
        return words.join(", or ");
    }
    match texts(&schema["enum"]) {
        many if many.len() > 20 => return "a [metric](reference.md#metrics)".to_owned(),
        some if !some.is_empty() => return some.join(" "),
        _ => {}
    }
    let example = texts(&schema["examples"]).concat();
    match schema["type"].as_str() {
        Some("string") if example.is_empty() => "text".to_owned(),
        Some("string") => format!("such as {example}"),
        Some("integer") => format!("{} to {}", schema["minimum"], schema["maximum"]),
        Some("number") => "a number".to_owned(),
        Some("boolean") => "`true` `false`".to_owned(),
        Some("array") => format!("a list: {}", value(&schema["items"])),
        Some("object") => "a table".to_owned(),
        _ => "any value".to_owned(),
    }
}
