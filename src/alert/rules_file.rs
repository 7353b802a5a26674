//! Files of alert rules as Prometheus has them.

use std::ops::Range;

use super::expression::Expression;
use super::rule::{Alert, Wording};
use super::token::{Fault, duration};
use crate::diagnostic::{Diagnostic, SourceFile, foreign as codes};
use crate::units::Nanos;
use crate::yaml::{self, Content, Entry, Node};

/// Alerts that a file may have.
const MOST: usize = 200;

/// Reads the alerts of a file.
///
/// # Errors
/// Everything that is wrong with it, in its order.
pub fn parse(file: &SourceFile) -> Result<Vec<Alert>, Vec<Diagnostic>> {
    let mut reader = Reader {
        file,
        alerts: Vec::new(),
        problems: Vec::new(),
    };
    match yaml::parse(&file.text) {
        Err(unread) => reader.problem(&unread.span, unread.message, "here"),
        Ok(None) => reader.problem(&(0..0), "the file is empty", "no groups"),
        Ok(Some(root)) => reader.root(&root),
    }
    if reader.problems.is_empty() && reader.alerts.is_empty() {
        reader.problem(&(0..0), "the file has no alerts", "no rules");
    }
    if reader.problems.is_empty() {
        Ok(reader.alerts)
    } else {
        Err(reader.problems)
    }
}

struct Reader<'a> {
    file: &'a SourceFile,
    alerts: Vec<Alert>,
    problems: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn problem(&mut self, span: &Range<usize>, message: impl Into<String>, label: &str) {
        let diagnostic = Diagnostic::error(&codes::BAD_RULES, message);
        self.add(diagnostic, span, label);
    }

    fn add(&mut self, diagnostic: Diagnostic, span: &Range<usize>, label: &str) {
        // A block ends where the next begins: what is shown is its first line.
        let text = &self.file.text[span.clone()];
        let length = text.find('\n').unwrap_or(text.len());
        let span = span.start..span.start + length;
        self.problems.push(diagnostic.at(self.file, span, label));
    }

    fn fault(&mut self, fault: &Fault, node: &Node, text: &str) {
        let span = fault.within(&self.file.text, &node.span, text.trim_end());
        self.add(fault.diagnostic(), &span, fault.label);
    }

    fn root(&mut self, root: &Node) {
        for entry in self.entries(root, "a file of rules", &["groups"]) {
            for group in self.items(&entry.node, "`groups`") {
                self.group(group);
            }
        }
    }

    fn group(&mut self, group: &Node) {
        let known = ["name", "interval", "rules"];
        let entries = self.entries(group, "a group", &known);
        let every = match find(entries, "interval") {
            None => Nanos::SECOND,
            Some(node) => self.time(node),
        };
        if every < Nanos::SECOND || every.0 % Nanos::SECOND.0 != 0 {
            let span = find(entries, "interval").map_or(0..0, |n| n.span.clone());
            let message = "an interval is whole seconds, at least 1s";
            self.problem(&span, message, "not whole seconds");
        }
        for required in ["name", "rules"] {
            if find(entries, required).is_none() && matches!(group.content, Content::Map(_)) {
                let message = format!("the group has no `{required}`");
                self.problem(&group.span, message, "this group");
            }
        }
        if let Some(rules) = find(entries, "rules") {
            for rule in self.items(rules, "`rules`") {
                self.rule(rule, every);
            }
        }
    }

    fn rule(&mut self, rule: &Node, every: Nanos) {
        let known = ["alert", "expr", "for", "labels", "annotations", "record"];
        let entries = self.entries(rule, "a rule", &known);
        if let Some(record) = entries.iter().find(|e| e.key == "record") {
            let diagnostic =
                Diagnostic::error(&codes::BAD_RULES, "recording rules are not supported")
                    .help("write the expression of the record into the alerts that use it");
            self.add(diagnostic, &record.key_span.clone(), "a recording rule");
            return;
        }
        if self.alerts.len() == MOST {
            let message = format!("more than {MOST} alerts");
            self.problem(&rule.span, message, "one too many");
        }
        let before = self.problems.len();
        let [name, expr] = ["alert", "expr"].map(|key| match find(entries, key) {
            Some(node) => Some((node, self.text(node))),
            None if matches!(rule.content, Content::Map(_)) => {
                self.problem(&rule.span, format!("the rule has no `{key}`"), "this rule");
                None
            }
            None => None,
        });
        if let Some((node, name)) = &name
            && (name.is_empty() || name.chars().any(char::is_control) || name.len() > 200)
        {
            let message = "the name of an alert is a line of at most 200 bytes";
            self.problem(&node.span, message, "no name");
        }
        let parsed = expr.and_then(|(node, text)| match Expression::parse(text.trim_end()) {
            Ok(parsed) => Some(parsed),
            Err(fault) => {
                self.fault(&fault, node, &text);
                None
            }
        });
        let hold = find(entries, "for").map_or(Nanos::ZERO, |node| self.time(node));
        let labels = self.wording(find(entries, "labels"), "`labels`");
        let annotations = self.wording(find(entries, "annotations"), "`annotations`");
        if let (Some((_, name)), Some(expr), true) = (name, parsed, self.problems.len() == before) {
            self.alerts.push(Alert {
                name,
                expr,
                hold,
                every,
                labels,
                annotations,
            });
        }
    }

    fn wording(&mut self, node: Option<&Node>, what: &str) -> Wording {
        let mut wording = Wording::default();
        let Some(node) = node else { return wording };
        let Content::Map(entries) = &node.content else {
            self.problem(&node.span, format!("{what} are keys with texts"), "no keys");
            return wording;
        };
        for entry in entries {
            let text = self.text(&entry.node);
            if let Err(fault) = wording.add(&entry.key, &text) {
                self.fault(&fault, &entry.node, &text);
            }
        }
        wording
    }

    /// The entries of a map; what it may not have is a problem.
    fn entries<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> &'n [Entry] {
        let Content::Map(entries) = &node.content else {
            let message = format!("{what} is keys with values: {}", known.join(", "));
            self.problem(&node.span, message, "no keys");
            return &[];
        };
        for entry in entries.iter().filter(|e| !known.contains(&e.key.as_str())) {
            let message = format!("{what} has no key `{}`", entry.key.escape_debug());
            self.problem(&entry.key_span, message, "unknown");
        }
        entries
    }

    fn items<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        if let Content::List(items) = &node.content {
            return items;
        }
        self.problem(&node.span, format!("{what} is a list"), "no list");
        &[]
    }

    fn text(&mut self, node: &Node) -> String {
        if let Content::Text(text) = &node.content {
            return text.clone();
        }
        self.problem(&node.span, "a text is expected", "no text");
        String::new()
    }

    fn time(&mut self, node: &Node) -> Nanos {
        let text = self.text(node);
        let ms = match text.as_str() {
            "0" => Some(0),
            text => duration(text),
        };
        if let Some(ms) = ms.and_then(|ms| u64::try_from(ms).ok()) {
            return Nanos::from_millis(ms);
        }
        self.problem(&node.span, "a time is written 30s, 5m, 1h30m", "no time");
        Nanos::SECOND
    }
}

fn find<'n>(entries: &'n [Entry], key: &str) -> Option<&'n Node> {
    entries.iter().find(|e| e.key == key).map(|e| &e.node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render;

    fn read(text: &str) -> Result<Vec<Alert>, String> {
        let file = SourceFile {
            name: "rules.yml".to_owned(),
            text: text.into(),
        };
        parse(&file).map_err(|problems| render(&problems, false))
    }

    #[test]
    fn rules_of_prometheus_are_read() {
        let alerts = read(
            "groups:
- name: pools
  interval: 15s
  rules:
  - alert: PoolNearlyFull
    expr: |
      pool_in_use
        / pool_size > 0.8
    for: 1m30s
    labels: {severity: warning}
    annotations:
      summary: 'pool {{ $labels.pool }} at {{ $value | humanizePercentage }}'
",
        )
        .expect("rules");
        let [alert] = &alerts[..] else { panic!("one") };
        assert_eq!(alert.expr.text(), "pool_in_use\n  / pool_size > 0.8");
        assert_eq!(alert.hold, Nanos::from_secs(90));
        assert_eq!(alert.every, Nanos::from_secs(15));
    }

    #[test]
    fn everything_that_is_wrong_is_shown_where_it_is() {
        let wrong = read(
            "groups:
- name: a
  limit: 3
  rules:
  - record: job:x
    expr: sum(x)
  - alert: A
    expr: rate(x) > 1
    for: soon
  - alert: B
    expr: |
      sum(x)
        > mad_over_time(y[5m])
    annotations:
      summary: \"{{ query `x` }}\"
",
        );
        insta::assert_snapshot!(wrong.expect_err("wrong"));
    }
}
