//! The rules. Each takes what it judges and returns one line for every breach.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Path, SourceFile, Tree};
use super::table::LayerTable;

/// Non-test lines a file may have.
pub(crate) const MOST_LINES: usize = 600;
/// Lines `main.rs` may have.
pub(crate) const MOST_MAIN_LINES: usize = 20;

/// Modules whose results depend on their arguments alone.
const PURE: [&str; 13] = [
    "stats",
    "model",
    "schedule",
    "journey",
    "guard",
    "judge",
    "series",
    "alert",
    "diagnose",
    "bundle",
    "export",
    "fitness",
    "redaction",
];

const PRINTS: &[&[&str]] = &[
    &["println!"],
    &["print!"],
    &["eprintln!"],
    &["eprint!"],
    &["dbg!"],
    &["io", "stdout"],
    &["io", "stderr"],
    &["anstream", "stdout"],
    &["anstream", "stderr"],
];

const READS_ENVIRONMENT: &[&[&str]] = &[
    &["env", "var"],
    &["env", "var_os"],
    &["env", "vars"],
    &["env", "vars_os"],
    &["env", "args"],
    &["env", "args_os"],
    &["env", "set_var"],
    &["env", "remove_var"],
];

const ENDS_PROCESS: &[&[&str]] = &[&["process", "exit"], &["process", "abort"]];

const WRITES_FILES: &[&[&str]] = &[
    &["fs", "write"],
    &["fs", "rename"],
    &["fs", "copy"],
    &["fs", "hard_link"],
    &["fs", "create_dir"],
    &["fs", "create_dir_all"],
    &["fs", "remove_file"],
    &["fs", "remove_dir"],
    &["fs", "remove_dir_all"],
    &["File", "create"],
    &["File", "create_new"],
    &["File", "options"],
    &["OpenOptions"],
];

const IMPURE: &[&[&str]] = &[
    &["std", "fs"],
    &["std", "net"],
    &["std", "env"],
    &["std", "process"],
    &["std", "thread"],
    &["Instant"],
    &["SystemTime"],
    &["Timestamp", "now"],
    &["Zoned", "now"],
    &["tokio"],
    &["mio"],
    &["rustix"],
];

/// A module imports what its row of the table grants, and nothing else.
pub(crate) fn imports(tree: &Tree, table: &LayerTable) -> Vec<String> {
    each_import(tree)
        .filter(|(file, _, target)| {
            let from = &file.module[0];
            target[0] != *from && !table.allows(from, target)
        })
        .map(|(file, path, target)| {
            let from = &file.module[0];
            breach(
                file,
                path,
                &format!("`{from}` may not import `{}`", target.join("::")),
            )
        })
        .collect()
}

/// The table names every module there is, and no other.
pub(crate) fn coverage(tree: &Tree, table: &LayerTable) -> Vec<String> {
    let (in_tree, in_table) = (tree.top_modules(), table.modules());
    let unlisted = in_tree
        .difference(&in_table)
        .map(|m| format!("module `{m}` is not in the layer table"));
    let missing = in_table
        .difference(&in_tree)
        .map(|m| format!("module `{m}` of the layer table does not exist"));
    unlisted.chain(missing).collect()
}

/// No ring of imports: between top-level modules, and between the files of one module.
///
/// Within a module only paths that name the sibling count. What a `mod.rs` re-exports is the
/// module's common vocabulary and may be used by all its files.
pub(crate) fn cycles(tree: &Tree) -> Vec<String> {
    let mut graphs: BTreeMap<Vec<String>, Graph> = BTreeMap::new();
    for (file, _, target) in each_import(tree) {
        let common = file
            .module
            .iter()
            .zip(&target)
            .take_while(|(a, b)| a == b)
            .count();
        let (Some(from), Some(to)) = (file.module.get(common), target.get(common)) else {
            continue;
        };
        if tree.has_module(&target[..=common]) {
            let graph = graphs.entry(file.module[..common].to_vec()).or_default();
            graph.entry(from.clone()).or_default().insert(to.clone());
        }
    }
    graphs
        .iter()
        .filter_map(|(parent, graph)| {
            let ring = find_ring(graph)?;
            let within = if parent.is_empty() {
                "the crate".to_owned()
            } else {
                format!("`{}`", parent.join("::"))
            };
            Some(format!("in {within}: {}", ring.join(" → ")))
        })
        .collect()
}

/// No file outgrows a reader.
pub(crate) fn lengths(tree: &Tree) -> Vec<String> {
    let too_long = |file: &&SourceFile| {
        file.lines > MOST_LINES
            || (file.name == "main.rs" && file.text.lines().count() > MOST_MAIN_LINES)
    };
    let files = tree.files.iter().filter(too_long);
    files
        .map(|f| format!("{}: {} lines", f.name, f.lines))
        .collect()
}

/// Every file says first what it is for, and leaves no note of work undone.
pub(crate) fn documentation(tree: &Tree) -> Vec<String> {
    let without_doc = tree
        .files
        .iter()
        .filter(|f| !f.text.starts_with("//! "))
        .map(|f| format!("{}: does not begin with `//!`", f.name));
    let notes = tree.files.iter().flat_map(|f| {
        let lines = f.text.lines().enumerate();
        lines
            .filter(|(_, line)| line.contains("TODO") || line.contains("FIXME"))
            .map(|(i, line)| format!("{}:{}: {}", f.name, i + 1, line.trim()))
    });
    without_doc.chain(notes).collect()
}

/// Printing, reading the environment and ending the process belong to `cli`.
pub(crate) fn terminal(tree: &Tree) -> Vec<String> {
    let rules = [
        (PRINTS, "prints"),
        (READS_ENVIRONMENT, "reads the environment"),
        (ENDS_PROCESS, "ends the process"),
    ];
    named(tree, &rules, |file, path| {
        let own_arguments = file.name == "main.rs" && path.names(&["env", "args_os"]);
        let build_for_tests = file.is_in("mutant") && path.names(&["env", "var"]);
        file.is_in("cli") || own_arguments || build_for_tests
    })
}

/// Writing files belongs to `store`, and to `init`, which writes what the user then owns.
pub(crate) fn writing(tree: &Tree) -> Vec<String> {
    named(tree, &[(WRITES_FILES, "writes files")], |file, _| {
        let is_init =
            file.is_in("cli") && file.module.get(1).is_some_and(|m| m.starts_with("init"));
        file.is_in("store") || is_init
    })
}

/// The centre does no input or output and reads no clock.
pub(crate) fn purity(tree: &Tree) -> Vec<String> {
    named(tree, &[(IMPURE, "is not pure")], |file, _| {
        !PURE.iter().any(|m| file.is_in(m))
    })
}

/// Libraries that could spread have one home each.
pub(crate) fn homes(tree: &Tree, homes: &[(String, Vec<String>)]) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in &tree.files {
        for path in file.paths.iter().filter(|p| p.segments.len() > 1) {
            for (library, modules) in homes {
                let at_home = modules.iter().any(|m| file.is_in(m));
                if path.segments[0] == *library && !at_home {
                    breaches.push(breach(
                        file,
                        path,
                        &format!("`{library}` is not at home here"),
                    ));
                }
            }
        }
    }
    breaches
}

/// No file names a place that a reader of the project does not have.
pub(crate) fn words(files: &[(String, String)], forbidden: &[String]) -> Vec<String> {
    let mut breaches = Vec::new();
    for (name, text) in files {
        for (i, line) in text.lines().enumerate() {
            for word in forbidden.iter().filter(|w| line.contains(*w)) {
                breaches.push(format!("{name}:{}: names `{word}`", i + 1));
            }
        }
    }
    breaches
}

type Graph = BTreeMap<String, BTreeSet<String>>;

/// Every path that leads to the crate root or out of a module, with where it leads.
fn each_import(tree: &Tree) -> impl Iterator<Item = (&SourceFile, &Path, Vec<String>)> {
    let files = tree.files.iter().filter(|f| !f.module.is_empty());
    files.flat_map(|file| {
        let paths = file.paths.iter();
        paths.filter_map(move |path| {
            let target = file.absolute(path)?;
            (!target.is_empty()).then_some((file, path, target))
        })
    })
}

fn named(
    tree: &Tree,
    rules: &[(&[&[&str]], &str)],
    allowed: impl Fn(&SourceFile, &Path) -> bool,
) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in &tree.files {
        for path in &file.paths {
            for (names, what) in rules {
                if names.iter().any(|n| path.names(n)) && !allowed(file, path) {
                    breaches.push(breach(file, path, &format!("{what}: `{}`", path.text())));
                }
            }
        }
    }
    breaches
}

fn breach(file: &SourceFile, path: &Path, what: &str) -> String {
    format!("{}:{}: {what}", file.name, path.line)
}

/// A ring of the graph, its first node repeated at the end.
fn find_ring(graph: &Graph) -> Option<Vec<String>> {
    let mut finished = BTreeSet::new();
    graph.keys().find_map(|start| {
        let mut trail = Vec::new();
        walk(graph, start, &mut trail, &mut finished)
    })
}

fn walk<'a>(
    graph: &'a Graph,
    node: &'a str,
    trail: &mut Vec<&'a str>,
    finished: &mut BTreeSet<&'a str>,
) -> Option<Vec<String>> {
    if let Some(begin) = trail.iter().position(|n| *n == node) {
        let ring = trail[begin..].iter().chain([&node]);
        return Some(ring.map(|n| (*n).to_owned()).collect());
    }
    if finished.contains(node) {
        return None;
    }
    trail.push(node);
    let mut next = graph.get(node).into_iter().flatten();
    let ring = next.find_map(|to| walk(graph, to, trail, finished));
    trail.pop();
    finished.insert(node);
    ring
}
