//! Drafts of a document that was written for it, and of a recording that a browser saved.

use std::path::Path;

use serde_json::json;

use super::{Draft, draft, quoted};
use crate::diagnostic::SourceFile;
use crate::scenario;

fn text(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/init");
    std::fs::read_to_string(folder.join(name)).expect("a file")
}

/// The tables, which must be those of a scenario.
fn checked(draft: &Draft) -> String {
    let tables = draft.tables();
    let whole = format!(
        "name = \"x\"\n[target]\nurl = {}\n\n{tables}\n\
         [[phase]]\nname = \"steady\"\nrate = \"10/s\"\nduration = \"1s\"\n",
        quoted(draft.server.as_deref().unwrap_or("http://127.0.0.1:1"))
    );
    let file = SourceFile {
        name: "x.toml".to_owned(),
        text: whole.as_str().into(),
    };
    if let Err(problems) = scenario::parse(&file, Path::new("."), &|_| None) {
        panic!("{problems:?}\n{whole}");
    }
    tables
}

#[test]
fn every_operation_that_can_be_sent_is_a_step() {
    let draft = draft("shop.yaml", &text("shop.openapi.yaml")).expect("a draft");
    assert_eq!(draft.server.as_deref(), Some("http://127.0.0.1:8080/v1"));
    assert_eq!(draft.base(), "/v1");
    insta::assert_snapshot!(checked(&draft));
}

#[test]
fn a_recording_is_one_visit_without_its_credentials() {
    let text = text("shop.har");
    assert!(text.contains("s3cret"), "the recording holds one");
    let draft = draft("shop.har", &text).expect("a draft");
    let tables = checked(&draft);
    assert!(!tables.contains("s3cret"), "{tables}");
    insta::assert_snapshot!(tables);
}

#[test]
fn what_is_neither_is_refused_with_the_reason() {
    for (name, text, reason) in [
        ("a.txt", "just words", "`openapi`"),
        ("a.json", "{\"log\": {}}", "`log.entries`"),
        ("a.json", "{", "EOF"),
        ("a.yaml", "openapi: 3.0.0\npaths: {}\n", "no operation"),
        ("a.yaml", "a: &x 1\nb: *x\n", "alias"),
    ] {
        let error = draft(name, text).expect_err(text);
        assert_eq!(error.code.id, "PL0509");
        let said = error.reason.unwrap_or_default();
        assert!(said.contains(reason), "{text}: {said}");
    }
}

#[test]
fn a_schema_that_holds_itself_ends() {
    let document = json!({
        "openapi": "3.0.0",
        "paths": { "/a": { "post": { "requestBody": { "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/Node" } } } } } } },
        "components": { "schemas": { "Node": {
            "type": "object", "properties": { "next": { "$ref": "#/components/schemas/Node" } } } } },
    });
    let draft = draft("a.json", &document.to_string()).expect("a draft");
    assert!(checked(&draft).contains("next"));
}

#[test]
fn any_document_is_a_draft_or_an_error() {
    use proptest::prelude::*;
    let document = text("shop.openapi.yaml");
    proptest!(ProptestConfig::with_cases(200), |(at in 0..document.len(), with in "[ -~\n]{0,4}")| {
        let at = (0..=at).rev().find(|i| document.is_char_boundary(*i)).unwrap_or(0);
        let changed = format!("{}{with}{}", &document[..at], &document[at..]);
        if let Ok(draft) = draft("a.yaml", &changed) {
            checked(&draft);
        }
    });
}
