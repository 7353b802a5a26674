//! JSON that ends with the hash of all bytes before it, for files whose name and folder say nothing of
//! their content. The seal is a member like any other, so every reader of JSON reads such a file.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::whole::{check_schema, parse, read_whole, sha256_hex, write_whole};
use crate::mutant::{self, Mutant};

/// Before the hash, and behind it.
const SEAL: &str = ",\n  \"sha256\": \"";
const END: &str = "\"\n}\n";

/// Of a kind of file: the schema written today, the first that has a seal, and the most bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) schema: u32,
    pub(super) sealed_since: u32,
    pub(super) limit: u64,
}

/// Writes a structure that has members.
pub(super) fn write(path: &Path, content: &impl Serialize) -> Result<(), StoreError> {
    let json = serde_json::to_string_pretty(content).map_err(|e| StoreError::Unfit {
        path: path.to_owned(),
        reason: e.to_string(),
    })?;
    let body = json.strip_suffix("\n}").unwrap_or(&json);
    let hash = sha256_hex(body.as_bytes());
    write_whole(path, format!("{body}{SEAL}{hash}{END}").as_bytes())
}

/// Reads it back; None when there is no file.
pub(super) fn read<T: DeserializeOwned>(path: &Path, kind: Kind) -> Result<Option<T>, StoreError> {
    let Some(bytes) = read_whole(path, kind.limit)? else {
        return Ok(None);
    };
    let schema = check_schema(path, &bytes, kind.schema)?;
    if schema >= u64::from(kind.sealed_since) && !mutant::is_on(Mutant::SealsUnchecked) {
        check(path, &bytes)?;
    }
    parse(path, &bytes).map(Some)
}

fn check(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let sealed = bytes.strip_suffix(END.as_bytes()).and_then(|bytes| {
        let (rest, hash) = bytes.split_last_chunk::<64>()?;
        Some((rest.strip_suffix(SEAL.as_bytes())?, hash))
    });
    match sealed {
        None => Err(StoreError::damaged(
            path,
            bytes.len(),
            "it does not end with its seal",
        )),
        Some((body, hash)) if sha256_hex(body).as_bytes() != hash => Err(StoreError::damaged(
            path,
            0,
            "the content does not have the hash that seals it",
        )),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind {
        schema: 2,
        sealed_since: 2,
        limit: 1000,
    };

    #[test]
    fn what_is_sealed_reads_back_and_nothing_else_does() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("x.json");
        let content = serde_json::json!({ "schema": 2, "list": [{}, [[]]], "z": {"a": 1} });
        write(&path, &content).expect("writes");
        let read_back = || read::<serde_json::Value>(&path, KIND);
        let found = read_back().expect("reads").expect("is there");
        assert_eq!(found["list"], content["list"]);
        let bytes = std::fs::read(&path).expect("reads");
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &damaged).expect("writes");
            if let Ok(found) = read_back() {
                // Taken for a file of the first schema, which had no seal.
                assert_eq!(found.expect("is there")["list"], content["list"], "{bit}");
            }
        }
        std::fs::write(&path, "{\"schema\": 2}").expect("writes");
        let error = read_back().expect_err("no seal").to_string();
        assert!(
            error.ends_with("at byte 13: it does not end with its seal"),
            "{error}"
        );
        std::fs::write(&path, "{\"schema\": 1}").expect("writes");
        assert!(read_back().is_ok(), "older files have none");
    }
}
