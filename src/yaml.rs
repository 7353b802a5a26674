//! The part of YAML that alert rules and API documents are written in: maps, lists and texts, each with
//! its place.
//!
//! A value is the text it is written as, whatever it looks like. Aliases are refused, so that what is
//! read is never larger than the file.

use std::collections::HashSet;
use std::ops::Range;

use saphyr_parser::{Event, Parser, Span};

/// Deeper files are refused.
const DEEPEST: usize = 16;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) content: Content,
    /// In bytes.
    pub(crate) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    pub(crate) node: Node,
}

/// What cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) message: String,
    pub(crate) span: Range<usize>,
}

/// Reads a file of one document, no deeper than files of rules are; None of an empty one.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, Unread> {
    parse_within(text, DEEPEST)
}

/// The same of a file that may be nested as deep as is said.
pub(crate) fn parse_within(text: &str, deepest: usize) -> Result<Option<Node>, Unread> {
    let mut reader = Reader {
        deepest,
        events: Parser::new_from_str(text),
        places: Places::of(text),
    };
    let mut document = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(document),
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
            _ if document.is_some() => {
                return Err(Unread {
                    message: "the file has several documents".to_owned(),
                    span,
                });
            }
            event => document = Some(reader.node(event, span, 0)?),
        }
    }
}

struct Reader<'a> {
    deepest: usize,
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    places: Places,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Range<usize>), Unread> {
        match self.events.next_event() {
            Some(Ok((event, span))) => Ok((event, self.places.bytes(&span))),
            Some(Err(error)) => {
                let at = self.places.byte(error.marker().index());
                Err(Unread {
                    message: format!("the file is no YAML: {}", error.info()),
                    span: at..at,
                })
            }
            None => Ok((Event::StreamEnd, 0..0)),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Range<usize>, depth: usize) -> Result<Node, Unread> {
        let refused = |message: &str, span: Range<usize>| Unread {
            message: message.to_owned(),
            span,
        };
        if depth > self.deepest {
            return Err(refused("the file is nested too deep", span));
        }
        let start = span.start;
        let (content, end) = match event {
            Event::Scalar(text, ..) => (Content::Text(text.into_owned()), span.end),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    match event {
                        Event::SequenceEnd => break (Content::List(items), span.end),
                        event => items.push(self.node(event, span, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut entries: Vec<Entry> = Vec::new();
                let mut keys = HashSet::new();
                loop {
                    let (event, key_span) = self.next()?;
                    let key = match event {
                        Event::MappingEnd => break (Content::Map(entries), key_span.end),
                        Event::Scalar(key, ..) => key.into_owned(),
                        _ => return Err(refused("a key is a plain text", key_span)),
                    };
                    if !keys.insert(key.clone()) {
                        return Err(refused(&format!("`{key}` stands twice"), key_span));
                    }
                    let (event, span) = self.next()?;
                    let node = self.node(event, span, depth + 1)?;
                    entries.push(Entry {
                        key,
                        key_span,
                        node,
                    });
                }
            }
            Event::Alias(_) => return Err(refused("an alias is not supported", span)),
            _ => return Err(refused("the file ends too early", span)),
        };
        Ok(Node {
            content,
            span: start..end.max(start),
        })
    }
}

/// Bytes of characters, by which the parser counts.
struct Places(Vec<usize>);

impl Places {
    fn of(text: &str) -> Self {
        let starts = text.char_indices().map(|(at, _)| at);
        Self(starts.chain([text.len()]).collect())
    }

    fn byte(&self, character: usize) -> usize {
        let last = self.0.len() - 1;
        self.0[character.min(last)]
    }

    fn bytes(&self, span: &Span) -> Range<usize> {
        let (start, end) = (self.byte(span.start.index()), self.byte(span.end.index()));
        start..end.max(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_texts_with_places() {
        let text = "a: yes\nb:\n  - \"ä: 1\"\n  - 0x10\n";
        let Some(Node {
            content: Content::Map(entries),
            ..
        }) = parse(text).expect("read")
        else {
            panic!("a map")
        };
        assert_eq!(entries[0].node.content, Content::Text("yes".to_owned()));
        let Content::List(items) = &entries[1].node.content else {
            panic!("a list")
        };
        assert_eq!(items[0].content, Content::Text("ä: 1".to_owned()));
        assert_eq!(&text[items[0].span.clone()], "\"ä: 1\"");
        assert_eq!(&text[items[1].span.clone()], "0x10");
    }

    #[test]
    fn what_could_grow_is_refused() {
        for (text, message) in [
            ("a: &x [1, 1]\nb: [*x, *x]\n", "an alias is not supported"),
            ("a: 1\na: 2\n", "`a` stands twice"),
            ("a: 1\n---\nb: 2\n", "the file has several documents"),
            (&"[".repeat(40), "the file is nested too deep"),
        ] {
            assert_eq!(parse(text).expect_err(text).message, message);
        }
        let error = parse("a: \"b\n").expect_err("no end");
        assert!(
            error.message.starts_with("the file is no YAML"),
            "{error:?}"
        );
        assert_eq!(parse("").expect("empty"), None);
    }
}
