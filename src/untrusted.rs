//! Text from outside: the target, a header, a file somebody else wrote.
//!
//! [`Untrusted`] has no `Display`. It can reach an output only through the escaper of that output,
//! so forgetting to escape is a compile error and not a vulnerability.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::mutant::{self, Mutant};

/// A text that must be escaped for the place it is shown in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// For a terminal: control characters and bidirectional marks are shown, not sent, and no line of
    /// it is a command to a CI runner.
    pub fn terminal(&self) -> String {
        shown(&self.0)
    }

    /// For several lines of our own wording around outside text: line ends stay, the rest is shown.
    pub fn lines(text: &str) -> String {
        text.split('\n').map(shown).collect::<Vec<_>>().join("\n")
    }

    /// For HTML and XML text and quoted attributes.
    pub fn markup(&self) -> String {
        let shown = shown(&self.0);
        if mutant::is_on(Mutant::MarkupUnescaped) {
            return shown;
        }
        let mut out = String::with_capacity(shown.len());
        for c in shown.chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                c => out.push(c),
            }
        }
        out
    }

    /// For Markdown as GitHub and GitLab render it: no markup, mention, link or table survives,
    /// wherever in a line the text stands.
    pub fn markdown(&self) -> String {
        let shown = shown(&self.0);
        if mutant::is_on(Mutant::MarkdownUnescaped) {
            return shown;
        }
        let text = shown.trim_start_matches(' ');
        // Four blanks at the beginning of a line would make it code.
        let mut out = "&#32;".repeat(shown.len() - text.len());
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        for (at, c) in text.char_indices() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '@' => out.push_str("&#64;"),
                '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!'
                | '|' | '~' | ':' | '$' => {
                    out.push('\\');
                    out.push(c);
                }
                // A list, a rule, a heading by underlining; `1.`; `www.`, which is a link by itself.
                '-' | '=' if at == 0 => out.extend(['\\', c]),
                '.' if at == digits && at > 0 && ends_word(&text[at + 1..])
                    || is_www(&text[..at]) =>
                {
                    out.push_str("\\.");
                }
                c => out.push(c),
            }
        }
        out
    }

    /// For the value of a label in the text format of Prometheus, within its quotes.
    pub fn label(&self) -> String {
        if mutant::is_on(Mutant::LabelUnescaped) {
            return self.0.clone();
        }
        let escaped = self.0.replace('\\', "\\\\").replace('"', "\\\"");
        escaped.replace('\n', "\\n")
    }

    /// For a cell of a table that a spreadsheet may open: nothing it would run as a formula, also
    /// where it takes a semicolon or a tab for the end of a cell.
    pub fn cell(&self) -> String {
        let shown = shown(&self.0);
        if mutant::is_on(Mutant::CellUnescaped) {
            return shown;
        }
        let cells = shown.split_inclusive(';').map(|cell| {
            let begins = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '"');
            if begins.starts_with([
                '=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
            ]) {
                format!("'{cell}")
            } else {
                cell.to_owned()
            }
        });
        cells.collect()
    }

    /// For the message of a GitHub workflow command.
    pub fn workflow_message(&self) -> String {
        self.terminal().replace('%', "%25")
    }

    /// For a property of a GitHub workflow command, such as `title=`.
    pub fn workflow_property(&self) -> String {
        self.workflow_message()
            .replace(':', "%3A")
            .replace(',', "%2C")
    }

    /// So many characters of it at most, with a mark where more was.
    pub fn clipped(&self, most: usize) -> Self {
        match self.0.char_indices().nth(most) {
            None => self.clone(),
            Some((end, _)) => Self(format!("{}…", &self.0[..end])),
        }
    }

    /// The text itself, for comparing and for formats that escape by themselves (JSON).
    pub fn raw(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// JSON in which no text can end a script element, begin a command, or change how the rest is shown.
/// A reader of JSON gets the same values.
pub fn json(text: &str) -> String {
    if mutant::is_on(Mutant::JsonForScripts) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    // Outside of its texts JSON has none of these.
    for c in text.chars() {
        let is_told = c != '\n' && visible(c) != c;
        if is_told || matches!(c, '<' | '>') || c == '#' && before == '#' {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
        before = c;
    }
    out
}

/// Breaks what a CI runner would take for a command to it, in a text of any number of lines: `::` at
/// the beginning of a line or behind a blank, where a line may come to begin, and `##vso[`,
/// `##teamcity[` or `##[` anywhere. Runners trim lines and pass over characters that have no shape.
pub fn inert(text: &str) -> String {
    if mutant::is_on(Mutant::RunnerCommands) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for (at, c) in text.char_indices() {
        let rest = || text[at + c.len_utf8()..].trim_start_matches(is_shapeless);
        let breaks = match c {
            ':' => begins && rest().starts_with(':'),
            '#' => is_bracketed(rest()),
            _ => false,
        };
        out.push(c);
        if breaks {
            out.push(' ');
        }
        begins = breaks || c.is_whitespace() || begins && is_shapeless(c);
    }
    out
}

/// True when a `#`, letters and an opening bracket follow.
fn is_bracketed(rest: &str) -> bool {
    let command = rest.strip_prefix('#');
    command.is_some_and(|c| {
        c.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || is_shapeless(c))
            .starts_with('[')
    })
}

fn ends_word(rest: &str) -> bool {
    rest.chars().next().is_none_or(char::is_whitespace)
}

fn is_www(before: &str) -> bool {
    let last = before.bytes().rev().take(3);
    last.filter(|b| b.eq_ignore_ascii_case(&b'w')).count() == 3
}

fn shown(text: &str) -> String {
    inert(&text.chars().map(visible).collect::<String>())
}

/// Replaces what a terminal or a reader could be misled by.
fn visible(c: char) -> char {
    if mutant::is_on(Mutant::ControlsSent) {
        return c;
    }
    match c {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{fffe}'..='\u{ffff}' => '\u{fffd}',
        c if is_shapeless(c) && !matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}') => {
            '\u{fffd}'
        }
        c => c,
    }
}

/// Has no shape of its own: joins, marks directions, hides. Those that join letters of many scripts and
/// colour emoji are shown as they are.
const fn is_shapeless(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_escape_sequence_reaches_a_terminal() {
        let text = Untrusted::new("\u{1b}[31mred\u{7}\u{202e}evil\n::error::x");
        assert!(!text.terminal().chars().any(char::is_control));
        assert_eq!(text.terminal(), "␛[31mred␇\u{fffd}evil␊::error::x");
    }

    #[test]
    fn markup_cannot_open_a_tag_or_leave_an_attribute() {
        let text = Untrusted::new("\"><script>alert('x')</script>");
        let shown = text.markup();
        assert!(!shown.contains(['<', '>', '"', '\'']));
    }

    #[test]
    fn markdown_cannot_mention_link_or_break_a_table() {
        let shown = Untrusted::new("@team [x](http://e) | `a`").markdown();
        assert_eq!(shown, "&#64;team \\[x\\]\\(http\\://e\\) \\| \\`a\\`");
    }

    #[test]
    fn markdown_is_text_wherever_in_a_line_it_stands() {
        for (text, expect) in [
            ("- x", "\\- x"),
            ("a - b", "a - b"),
            ("12. x 1.5", "12\\. x 1.5"),
            ("    code", "&#32;&#32;&#32;&#32;code"),
            ("see WWW.e.com", "see WWW\\.e.com"),
            ("===", "\\==="),
            ("$x$", "\\$x\\$"),
        ] {
            assert_eq!(Untrusted::from(text).markdown(), expect);
        }
    }

    #[test]
    fn no_line_is_a_command_to_a_runner() {
        for (text, expect) in [
            ("::error::x", ": :error::x"),
            ("  ::error::x", "  : :error::x"),
            ("a\u{a0}:::x", "a\u{a0}: : :x"),
            ("\u{200d}:\u{200d}:x", "\u{200d}: \u{200d}:x"),
            ("std::thread::spawn", "std::thread::spawn"),
            ("a ##vso[task.x]y", "a # #vso[task.x]y"),
            ("###[group]", "## #[group]"),
            ("## heading", "## heading"),
            ("a\n::x", "a\n: :x"),
        ] {
            assert_eq!(inert(text), expect, "{text:?}");
        }
        assert_eq!(Untrusted::lines("a\n\t::x\u{7}"), "a\n␉::x␇");
    }

    #[test]
    fn json_for_a_page_has_the_same_values() {
        let text = "</script><!-- \u{2028}\u{9b}\u{202e}\u{e0041}##vso[x]";
        let written = serde_json::to_string(text).expect("JSON");
        let safe = json(&written);
        assert!(!safe.contains(['<', '\u{2028}', '\u{9b}', '\u{202e}']) && !safe.contains("##"));
        assert_eq!(serde_json::from_str::<String>(&safe).expect("JSON"), text);
    }

    #[test]
    fn a_cell_is_never_a_formula_and_a_label_never_leaves_its_quotes() {
        let cell = |text: &str| Untrusted::from(text).cell();
        assert_eq!(cell("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(cell(" \u{ff1d}1+1"), "' \u{ff1d}1+1");
        assert_eq!(cell("a;\"-1\";b"), "a;'\"-1\";b");
        assert_eq!(cell("a\nb"), "a␊b");
        assert_eq!(Untrusted::from("a\"b\\\n").label(), "a\\\"b\\\\\\n");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        let cut = |most| Untrusted::from("größe").clipped(most).0;
        assert_eq!([cut(2), cut(3), cut(5)], ["gr…", "grö…", "größe"]);
    }

    #[test]
    fn a_workflow_command_cannot_be_continued() {
        let text = Untrusted::new("x\n::set-output name=a::b");
        assert!(!text.workflow_message().contains('\n'));
        assert!(!text.workflow_property().contains(':'));
    }
}
