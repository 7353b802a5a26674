//! Text from outside: the target, a header, a file somebody else wrote.
//!
//! [`Untrusted`] has no `Display`. It can reach an output only through the escaper of that output,
//! so forgetting to escape is a compile error and not a vulnerability.

use serde::{Deserialize, Serialize};

/// A text that must be escaped for the place it is shown in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// For a terminal: control characters and bidirectional marks are shown, not sent.
    pub fn terminal(&self) -> String {
        self.0.chars().map(visible).collect()
    }

    /// For several lines of our own wording around outside text: line ends stay, the rest is shown.
    pub fn lines(text: &str) -> String {
        text.chars()
            .map(|c| if c == '\n' { c } else { visible(c) })
            .collect()
    }

    /// For HTML and XML text and quoted attributes.
    pub fn markup(&self) -> String {
        let mut out = String::with_capacity(self.0.len());
        for c in self.0.chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                c => out.push(visible(c)),
            }
        }
        out
    }

    /// For Markdown as GitHub and GitLab render it: no markup, mention, link or table survives.
    pub fn markdown(&self) -> String {
        let mut out = String::with_capacity(self.0.len());
        for c in self.0.chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '@' => out.push_str("&#64;"),
                '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!'
                | '|' | '~' | ':' => {
                    out.push('\\');
                    out.push(c);
                }
                c => out.push(visible(c)),
            }
        }
        out
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

    /// For the value of a label in the text formats of Prometheus, between its quotes.
    pub fn prometheus_label(&self) -> String {
        self.0
            .replace('\\', "\\\\")
            .replace('\n', "\\n")
            .replace('"', "\\\"")
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

/// Replaces what a terminal or a reader could be misled by.
fn visible(c: char) -> char {
    match c {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{200e}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}'
        | '\u{fffe}'..='\u{ffff}' => '\u{fffd}',
        c => c,
    }
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
    fn a_workflow_command_cannot_be_continued() {
        let text = Untrusted::new("x\n::set-output name=a::b");
        assert!(!text.workflow_message().contains('\n'));
        assert!(!text.workflow_property().contains(':'));
    }
}
