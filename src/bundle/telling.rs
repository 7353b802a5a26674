//! Names that tell that a secret follows: `--token`, `password=`, `authorization:`.

use std::sync::LazyLock;

use regex::Regex;
use regex::bytes::Regex as BytesRegex;

use crate::untrusted::Untrusted;

/// Words in the names of what must not be shown.
const WORDS: &str = r"pass(?:word|wd|phrase|code)|\bpwd\b|secret|token|(?:api|access|private|signing|encryption|account)[-_]?key|credential|authorization|cookie|\bjwt\b|\bdsn\b|session[-_]?id|connection[-_]?string";

static NAME: LazyLock<Regex> = LazyLock::new(|| compiled(WORDS));

/// `password: "abc"`, `&token=abc`, `TOKEN=abc`
static ASSIGNED: LazyLock<BytesRegex> = LazyLock::new(|| {
    bytes(&format!(
        r#"(?P<name>[\w.-]*(?:{WORDS})[\w.-]*\\?["']?\s*[:=]\s*\\?["']?(?:(?:basic|bearer|digest|negotiate)\s+)?)(?P<value>[^\s"'&,;\\<>\[\]][^\s"'&,;\\<>]*)"#
    ))
});

/// `postgres://shop:abc@host`
static IN_URL: LazyLock<BytesRegex> =
    LazyLock::new(|| bytes(r"(?P<name>[a-z][a-z0-9+.-]*://)(?P<value>[^\s/@?#]+)(?P<after>@)"));

fn compiled(pattern: &str) -> Regex {
    Regex::new(&format!("(?i){pattern}")).expect("the patterns are constants, and tested")
}

fn bytes(pattern: &str) -> BytesRegex {
    BytesRegex::new(&format!("(?i-u){pattern}")).expect("the patterns are constants, and tested")
}

/// True for a name whose value must not be shown.
pub(super) fn is_telling(name: &str) -> bool {
    NAME.is_match(name)
}

/// A text of somebody else's without what follows such a name, or stands before the host of a URL.
pub(super) fn without_told(text: &[u8]) -> Vec<u8> {
    let text = IN_URL.replace_all(text, &b"${name}[redacted]@"[..]);
    ASSIGNED
        .replace_all(&text, &b"${name}[redacted]"[..])
        .into_owned()
}

/// What stands in such places of a text.
pub(super) fn told(text: &str) -> Vec<String> {
    let of = |pattern: &BytesRegex| -> Vec<String> {
        pattern
            .captures_iter(text.as_bytes())
            .filter_map(|c| Some(String::from_utf8_lossy(c.name("value")?.as_bytes()).into_owned()))
            .collect()
    };
    let users = of(&IN_URL).into_iter().filter_map(|user| {
        let password = user
            .split_once(':')
            .map(|(_, password)| password.to_owned());
        // Without a colon it is a name, or a token in its place.
        password.or(Some(user))
    });
    users.chain(of(&ASSIGNED)).collect()
}

/// The secrets among the arguments of a command, by the options they follow.
pub(super) fn arguments(arguments: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut follows = false;
    for argument in arguments {
        let option = argument.starts_with('-') && is_telling(argument);
        match argument.split_once('=') {
            Some((name, value)) if is_telling(name) => found.push(value.to_owned()),
            _ if follows && !argument.starts_with('-') => found.push((*argument).to_owned()),
            _ => found.extend(told(argument)),
        }
        follows = option && !argument.contains('=');
    }
    found.retain(|value| !value.is_empty());
    found
}

/// A command line without secrets, an argument a line.
pub(super) fn command_line(words: &[Untrusted]) -> String {
    let raw: Vec<&str> = words.iter().map(Untrusted::raw).collect();
    let mut follows = false;
    let mut out = String::new();
    for word in raw {
        let shown = match word.split_once('=') {
            Some((name, _)) if is_telling(name) => format!("{name}=[redacted]"),
            _ if follows && !word.starts_with('-') => "[redacted]".to_owned(),
            _ => String::from_utf8_lossy(&without_told(word.as_bytes())).into_owned(),
        };
        follows = word.starts_with('-') && is_telling(word) && !word.contains('=');
        out.push_str(&Untrusted::new(shown).terminal());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_telling_name_is_taken_out() {
        for (text, expected) in [
            ("password=abc&user=x", "password=[redacted]&user=x"),
            (
                r#"{"api_key":"abc","n":1}"#,
                r#"{"api_key":"[redacted]","n":1}"#,
            ),
            (
                "Authorization: Bearer abc.def",
                "Authorization: Bearer [redacted]",
            ),
            ("DB_PASSWORD=abc next", "DB_PASSWORD=[redacted] next"),
            ("postgres://shop:abc@db/x", "postgres://[redacted]@db/x"),
            (
                "see http://host/a@b and me@host",
                "see http://host/a@b and me@host",
            ),
            (
                "an author, a tokeniser of text",
                "an author, a tokeniser of text",
            ),
            ("password: [redacted]", "password: [redacted]"),
        ] {
            let shown = String::from_utf8(without_told(text.as_bytes())).unwrap();
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn arguments_are_secrets_by_the_options_before_them() {
        let line = [
            "shop",
            "--port",
            "80",
            "--token",
            "abc",
            "--db-password=def",
            "-H",
            "Cookie: id=ghi",
            "--db",
            "redis://u:jkl@h/0",
            "SECRET=mno",
            "--secrets",
            "--quiet",
        ];
        let found = arguments(&line);
        for secret in ["abc", "def", "jkl", "mno"] {
            assert!(found.contains(&secret.to_owned()), "{secret} in {found:?}");
        }
        let shown = command_line(&line.map(Untrusted::from));
        for secret in ["abc", "def", "ghi", "jkl", "mno"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        for kept in ["shop\n--port\n80\n", "--secrets\n--quiet\n", "@h/0"] {
            assert!(shown.contains(kept), "{shown}");
        }
    }

    #[test]
    fn arguments_cannot_write_lines_of_their_own() {
        let shown = command_line(&[Untrusted::from("a\nb"), Untrusted::from("c")]);
        assert_eq!(shown.lines().count(), 2);
    }
}
