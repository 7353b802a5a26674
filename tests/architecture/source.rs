//! Source files as the rules see them: without test code, comments and strings, as paths.
//!
//! Works on tokens and not on a syntax tree, so that a path inside `format!(…)` or a macro
//! definition counts like any other. What a macro builds out of pieces is not seen.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path as FilePath;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// All files below `src/` that are not test code.
pub(crate) struct Tree {
    pub(crate) files: Vec<SourceFile>,
    modules: BTreeSet<Vec<String>>,
}

/// One file.
pub(crate) struct SourceFile {
    /// Relative to `src/`, with `/`.
    pub(crate) name: String,
    pub(crate) text: String,
    /// `["scenario", "plan"]`; `["main"]` for `main.rs`, empty for `lib.rs`.
    pub(crate) module: Vec<String>,
    /// Every path named outside test code.
    pub(crate) paths: Vec<Path>,
    /// Lines outside test code.
    pub(crate) lines: usize,
}

/// A path as written, its `{…}` unfolded: `use a::{b, c::*}` is `a::b` and `a::c::*`.
///
/// A macro call ends in `!`, a renaming import in the segment `as`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// Inline modules around it, inside the file's own module.
    scope: Vec<String>,
}

impl Tree {
    /// Reads the files below `root`.
    pub(crate) fn read(root: &FilePath) -> Self {
        let mut found = Vec::new();
        collect_files(root, root, &mut found);
        Self::parse(found)
    }

    /// Takes the files as (name, text).
    pub(crate) fn parse(sources: Vec<(String, String)>) -> Self {
        let mut files = Vec::new();
        let mut test_modules = Vec::new();
        for (name, text) in sources {
            let module = module_of(&name);
            let tokens: TokenStream = text
                .parse()
                .unwrap_or_else(|e| panic!("{name} is not Rust: {e}"));
            let mut tests = Tests::default();
            let kept = tests.strip(tokens);
            for test_module in tests.modules {
                test_modules.push([module.clone(), vec![test_module]].concat());
            }
            let mut paths = Vec::new();
            collect_paths(kept, &[], &mut paths);
            files.push(SourceFile {
                lines: text.lines().count() - tests.lines.len(),
                name,
                text,
                module,
                paths,
            });
        }
        files.retain(|f| !test_modules.iter().any(|t| f.module.starts_with(t)));
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let modules = files.iter().map(|f| f.module.clone()).collect();
        Self { files, modules }
    }

    /// True when a file of its own holds this module.
    pub(crate) fn has_module(&self, module: &[String]) -> bool {
        self.modules.contains(module)
    }

    /// Names of the modules directly below the crate root, `main` included.
    pub(crate) fn top_modules(&self) -> BTreeSet<&str> {
        self.files
            .iter()
            .filter_map(|f| f.module.first().map(String::as_str))
            .collect()
    }
}

impl SourceFile {
    /// The path from the crate root, when the written one leads there or climbs out of its module.
    pub(crate) fn absolute(&self, path: &Path) -> Option<Vec<String>> {
        let (first, mut rest) = path.segments.split_first()?;
        if rest.is_empty() {
            return None;
        }
        let mut base = match first.as_str() {
            "crate" | "plimsoll" => Vec::new(),
            "self" | "super" => [self.module.clone(), path.scope.clone()].concat(),
            _ => return None,
        };
        if first == "super" {
            base.pop();
            while let [next, after @ ..] = rest
                && next == "super"
            {
                base.pop();
                rest = after;
            }
        }
        Some([base, rest.to_vec()].concat())
    }

    /// True for the module `top` and everything in it.
    pub(crate) fn is_in(&self, top: &str) -> bool {
        self.module.first().is_some_and(|m| m == top)
    }
}

impl Path {
    /// True when the path has these segments in a row, or takes all there is below the first.
    pub(crate) fn names(&self, wanted: &[&str]) -> bool {
        let taken = |found: &[String]| {
            let (last, before) = wanted.split_last().expect("at least one segment");
            let (found_last, found_before) = found.split_last().expect("same length");
            found_before == before
                && (found_last == last
                    || (!before.is_empty() && (found_last == "*" || found_last == "as")))
        };
        self.segments.windows(wanted.len()).any(taken)
    }

    pub(crate) fn text(&self) -> String {
        self.segments.join("::")
    }
}

fn collect_files(root: &FilePath, dir: &FilePath, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).expect("a readable directory") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            collect_files(root, &path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let name = path.strip_prefix(root).expect("below the root");
            let name = name.to_str().expect("UTF-8 file names").to_owned();
            let text = fs::read_to_string(&path).expect("UTF-8 text");
            found.push((name, text));
        }
    }
}

fn module_of(name: &str) -> Vec<String> {
    let stem = name.strip_suffix(".rs").unwrap_or(name);
    if stem == "lib" {
        return Vec::new();
    }
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    stem.split('/').map(str::to_owned).collect()
}

/// What test code was found and left out.
#[derive(Default)]
struct Tests {
    lines: BTreeSet<usize>,
    /// `#[cfg(test)] mod name;`
    modules: Vec<String>,
}

impl Tests {
    fn strip(&mut self, tokens: TokenStream) -> TokenStream {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let mut kept = Vec::new();
        let mut at = 0;
        while at < trees.len() {
            if let Some(end) = test_item_end(&trees, at) {
                let item = &trees[at..end];
                let last = item.last().expect("an item has tokens");
                self.lines
                    .extend(item[0].span().start().line..=last.span().end().line);
                if let Some(name) = declared_module(item) {
                    self.modules.push(name);
                }
                at = end;
                continue;
            }
            kept.push(match &trees[at] {
                TokenTree::Group(group) => {
                    let inner = self.strip(group.stream());
                    let mut stripped = proc_macro2::Group::new(group.delimiter(), inner);
                    stripped.set_span(group.span());
                    stripped.into()
                }
                other => other.clone(),
            });
            at += 1;
        }
        kept.into_iter().collect()
    }
}

/// The end of the item that `#[cfg(test)]` at `at` stands before, if it does.
fn test_item_end(trees: &[TokenTree], at: usize) -> Option<usize> {
    if !attribute(trees, at).is_some_and(is_cfg_test) {
        return None;
    }
    let mut begin = at + 2;
    while attribute(trees, begin).is_some() {
        begin += 2;
    }
    let keywords = || {
        trees[begin..].iter().filter_map(|t| match t {
            TokenTree::Ident(word) => Some(word.to_string()),
            _ => None,
        })
    };
    let first = keywords().find(|w| w != "pub")?;
    let to_semicolon = match first.as_str() {
        "use" | "static" | "type" | "let" => true,
        "const" => !keywords().any(|w| w == "fn"),
        "fn" | "mod" | "impl" | "struct" | "enum" | "trait" | "async" | "unsafe" | "extern"
        | "macro_rules" => false,
        // A field, an arm or an expression: left in, the rules then apply to it.
        _ => return None,
    };
    let length = trees[begin..].iter().position(|t| match t {
        TokenTree::Punct(p) => p.as_char() == ';',
        TokenTree::Group(g) => !to_semicolon && g.delimiter() == Delimiter::Brace,
        _ => false,
    })?;
    Some(begin + length + 1)
}

fn attribute(trees: &[TokenTree], at: usize) -> Option<&proc_macro2::Group> {
    match (trees.get(at)?, trees.get(at + 1)?) {
        (TokenTree::Punct(p), TokenTree::Group(g))
            if p.as_char() == '#' && g.delimiter() == Delimiter::Bracket =>
        {
            Some(g)
        }
        _ => None,
    }
}

/// `cfg(test)` and `cfg(all(test, …))`; not `cfg(any(test, …))`, which is also other code.
fn is_cfg_test(attribute: &proc_macro2::Group) -> bool {
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

fn declared_module(item: &[TokenTree]) -> Option<String> {
    match item {
        [
            ..,
            TokenTree::Ident(word),
            TokenTree::Ident(name),
            TokenTree::Punct(_),
        ] if word == "mod" => Some(name.to_string()),
        _ => None,
    }
}

fn collect_paths(tokens: TokenStream, scope: &[String], out: &mut Vec<Path>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < trees.len() {
        match &trees[at..] {
            [
                TokenTree::Ident(word),
                TokenTree::Ident(name),
                TokenTree::Group(body),
                ..,
            ] if word == "mod" => {
                let inner = [scope, &[name.to_string()]].concat();
                collect_paths(body.stream(), &inner, out);
                at += 3;
            }
            [TokenTree::Ident(_), ..] => at = unfold(&trees, at, &[], scope, out),
            [TokenTree::Group(group), ..] => {
                collect_paths(group.stream(), scope, out);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// Reads the path that begins at `at`, below `prefix`; returns where it ends.
fn unfold(
    trees: &[TokenTree],
    mut at: usize,
    prefix: &[String],
    scope: &[String],
    out: &mut Vec<Path>,
) -> usize {
    let line = trees[at].span().start().line;
    let mut segments = prefix.to_vec();
    let path = |segments| Path {
        segments,
        line,
        scope: scope.to_vec(),
    };
    loop {
        match trees.get(at) {
            Some(TokenTree::Ident(word)) if word == "self" && !segments.is_empty() => {}
            Some(TokenTree::Ident(word)) => segments.push(word.to_string()),
            Some(TokenTree::Punct(star)) if star.as_char() == '*' => segments.push("*".into()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let branches: Vec<TokenTree> = group.stream().into_iter().collect();
                let is_comma =
                    |t: &TokenTree| matches!(t, TokenTree::Punct(p) if p.as_char() == ',');
                for branch in branches.split(is_comma).filter(|b| !b.is_empty()) {
                    unfold(branch, 0, &segments, scope, out);
                }
                return at + 1;
            }
            _ => {
                out.push(path(segments));
                return at;
            }
        }
        at += 1;
        if !is_path_separator(trees, at) {
            break;
        }
        at += 2;
    }
    match (trees.get(at), trees.get(at + 1)) {
        (Some(TokenTree::Punct(bang)), Some(TokenTree::Group(_))) if bang.as_char() == '!' => {
            if let Some(name) = segments.last_mut() {
                name.push('!');
            }
        }
        (Some(TokenTree::Ident(word)), _) if word == "as" => {
            segments.push("as".into());
            at += 1;
        }
        _ => {}
    }
    out.push(path(segments));
    at
}

fn is_path_separator(trees: &[TokenTree], at: usize) -> bool {
    let is_colon =
        |t: Option<&TokenTree>| matches!(t, Some(TokenTree::Punct(p)) if p.as_char() == ':');
    is_colon(trees.get(at)) && is_colon(trees.get(at + 1))
}
