//! A `plimsoll.toml` in which every key is explained and none is set, made from the table of keys.

use std::fmt::Write as _;

use super::grammar::{Kind, Table};
use super::project_keys::PROJECT;
use super::shape::example;

const HEAD: &str = "\
# What holds for all scenarios of this project. A scenario's own values go before these, then the
# environment (PLIMSOLL_MAX_ROUNDS and the like), then flags: plimsoll explain config

";

/// Columns of its comments.
const WIDTH: usize = 96;

/// The text of the file.
pub fn project_sample() -> String {
    let mut text = HEAD.to_owned();
    let (tables, values): (Vec<_>, Vec<_>) = PROJECT
        .keys
        .iter()
        .partition(|key| matches!(key.kind, Kind::Table(_)));
    for key in values {
        value(&mut text, key.name, &key.kind, key.describe);
    }
    for key in tables {
        if let Kind::Table(table) = &key.kind {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n[{}]\n", key.name);
            below(&mut text, table);
        }
    }
    text
}

fn below(text: &mut String, table: &Table) {
    for key in table.keys {
        value(text, key.name, &key.kind, key.describe);
    }
}

/// What a key is for, and how it would be written.
fn value(text: &mut String, name: &str, kind: &Kind, describe: &str) {
    let mut line = String::from("#");
    for word in describe.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            text.push_str(&line);
            text.push_str("\n#");
            line.clear();
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = write!(text, "{line}\n#{name} = {}\n", example(kind));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{SourceFile, render};
    use crate::scenario::project::{Project, parse_project};

    fn read(text: String) -> Project {
        let file = SourceFile {
            name: "plimsoll.toml".to_owned(),
            text: text.into(),
        };
        parse_project(&file).unwrap_or_else(|found| panic!("{}", render(&found, false)))
    }

    #[test]
    fn it_sets_nothing_and_every_key_of_it_may_be_set() {
        let sample = project_sample();
        insta::assert_snapshot!(sample);
        assert_eq!(read(sample.clone()).said, Vec::new());
        // A comment has a blank behind its mark, a key has none.
        let set: Vec<String> = sample
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
                _ => line.to_owned(),
            })
            .collect();
        let project = read(set.join("\n"));
        assert!(project.said.len() >= 13, "{:?}", project.said);
    }
}
