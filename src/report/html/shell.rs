//! What all pages have in common: head, policy, style, script, header and footer.

use minijinja::{Environment, context};
use sha2::{Digest, Sha256};

use crate::report::charts::css_variables;

const PAGE: &str = include_str!("page.html");
const MACROS: &str = include_str!("macros.html");
/// From the page of a run that is served to the list of runs.
pub(super) const LIST: &str = "../../";
const STYLE: &str = include_str!("report.css");
/// Changes between light and dark.
pub(super) const THEME: &str = include_str!("theme.js");

/// One page; all texts but `main` are escaped here.
#[derive(Debug, Default)]
pub(super) struct Shell<'a> {
    pub(super) title: String,
    /// What it is, beside our name.
    pub(super) what: &'a str,
    pub(super) footer: String,
    /// Beside the style and the script that all pages have.
    pub(super) style: &'a str,
    pub(super) script: &'a str,
    /// Seconds after which it is looked for again; None: it never changes, and asks for nothing.
    pub(super) every: Option<u32>,
    /// Where the list of runs is, from here.
    pub(super) list: Option<&'a str>,
    /// Markup.
    pub(super) main: String,
}

impl Shell<'_> {
    /// The whole page.
    pub(super) fn page(&self) -> String {
        let script = format!("{THEME}{}", self.script);
        let style = format!("{}{STYLE}{}", css_variables(), self.style);
        let values = context! {
            title => self.title.as_str(),
            what => self.what,
            footer => self.footer.as_str(),
            style_hash => hash(&style),
            style => style,
            script_hash => hash(&script),
            script => script,
            every => self.every,
            list => self.list,
            main => self.main.as_str(),
        };
        fill(("page.html", PAGE), values)
    }
}

/// Fills a template, given by name and text, that may import the macros of all pages.
///
/// # Panics
/// Never: templates and names are part of the program, and tests render every page.
pub(super) fn fill((name, template): (&str, &str), values: minijinja::Value) -> String {
    let mut environment = Environment::new();
    for (name, template) in [("macros.html", MACROS), (name, template)] {
        environment
            .add_template(name, template)
            .expect("the template is part of the program and parsed by its tests");
    }
    let template = environment
        .get_template(name)
        .expect("the template was just added");
    template
        .render(values)
        .expect("every name in the template is given, as its tests show")
}

/// What stands below a page that is served.
pub(super) fn served(version: &str) -> String {
    format!(
        "Shown by plimsoll {version}, to whoever has its address on this machine. It looks for itself again, and loads nothing else."
    )
}

/// SHA-256 in base 64, as a content security policy names style and script.
pub(super) fn hash(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digest = Sha256::digest(text.as_bytes());
    let mut out = String::new();
    for chunk in digest.chunks(3) {
        let bytes = [0, 1, 2].map(|i| usize::from(chunk.get(i).copied().unwrap_or(0)));
        let bits = bytes[0] << 16 | bytes[1] << 8 | bytes[2];
        for i in 0..4 {
            if i <= chunk.len() {
                out.push(char::from(LETTERS[bits >> (18 - 6 * i) & 63]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_written_as_policies_want_it() {
        // echo -n abc | openssl dgst -sha256 -binary | base64
        assert_eq!(hash("abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }

    #[test]
    fn only_a_page_that_is_looked_for_again_may_ask_for_anything() {
        let still = Shell::default().page();
        assert!(!still.contains("connect-src") && !still.contains("http-equiv=\"refresh\""));
        let live = Shell {
            every: Some(7),
            ..Shell::default()
        };
        let live = live.page();
        assert!(live.contains("connect-src 'self'; base-uri 'none'"));
        assert!(live.contains("<noscript><meta http-equiv=\"refresh\" content=\"7\"/></noscript>"));
    }
}
