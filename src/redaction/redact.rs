//! Takes secrets out of bytes, however they are written.
//!
//! A secret is looked for as it is, in base64 at any alignment, in hexadecimal, and all of these in
//! every text that comes out of undoing escapes, one inside the other: percent-encoding, backslashes,
//! markup. What matched is cut out where it stood; of base64, all that it is a part of.

use std::ops::Range;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::decode::{Decoded, Escape};
use crate::mutant::{self, Mutant};

/// What stands in the place of a secret.
const MARK: &[u8] = b"[redacted]";

/// What is shorter is looked for as a word only: elsewhere it would be met by chance.
const SHORT: usize = 6;

/// What is shorter is not looked for in base64, of which too few characters would be sure.
const SHORTEST_ENCODED: usize = 4;

/// Escapes that are undone one inside the other.
const DEPTH: usize = 2;

/// Passes after which a text that still holds a secret is given up.
const PASSES: usize = 3;

/// What was looked for, and how far a match reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// The match itself.
    Exact,
    /// The match, where no letter or digit adjoins it.
    Word,
    /// All characters of base64 around it.
    Encoded,
}

/// Finds secrets. Without any it lets every text through as it is.
#[derive(Clone)]
pub struct Redactor {
    automaton: Option<AhoCorasick>,
    reaches: Vec<Reach>,
}

/// A text without secrets.
#[derive(Debug, PartialEq, Eq)]
pub struct Redacted {
    pub bytes: Vec<u8>,
    /// Places that were cut out.
    pub places: usize,
}

impl std::fmt::Debug for Redactor {
    /// What is looked for is not shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor { .. }")
    }
}

impl Default for Redactor {
    fn default() -> Self {
        Self::new([])
    }
}

impl Redactor {
    /// Looks for these; empty ones are no secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut patterns: Vec<(Vec<u8>, Reach)> = Vec::new();
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            let secret = secret.as_bytes();
            let reach = if secret.len() < SHORT {
                Reach::Word
            } else {
                Reach::Exact
            };
            patterns.push((secret.to_vec(), reach));
            if secret.len() >= SHORTEST_ENCODED {
                let hex: String = secret.iter().map(|b| format!("{b:02x}")).collect();
                patterns.push((hex.to_uppercase().into_bytes(), Reach::Exact));
                patterns.push((hex.into_bytes(), Reach::Exact));
                let encoded = aligned(secret).map(|text| (text, Reach::Encoded));
                patterns.extend(encoded);
            }
        }
        let (texts, reaches): (Vec<_>, Vec<_>) = patterns.into_iter().unzip();
        Self {
            // Without it nothing is known to be free of secrets, see `scrub`.
            automaton: AhoCorasick::new(texts).ok(),
            reaches,
        }
    }

    /// True when there is nothing to look for.
    pub fn is_idle(&self) -> bool {
        self.reaches.is_empty() || mutant::is_on(Mutant::NoRedaction)
    }

    /// The text without secrets; nothing of one that cannot be freed of them.
    pub fn text(&self, text: &str) -> String {
        if self.is_idle() || self.is_plainly_free(text) {
            return text.to_owned();
        }
        let clean = self.scrub(text.as_bytes());
        clean.map_or_else(String::new, |clean| {
            String::from_utf8_lossy(&clean.bytes).into_owned()
        })
    }

    /// The text without secrets; None when it cannot be freed of them.
    pub fn scrub(&self, text: &[u8]) -> Option<Redacted> {
        let mut bytes = text.to_vec();
        let mut places = 0;
        if self.is_idle() {
            return Some(Redacted { bytes, places });
        }
        for _ in 0..PASSES {
            let found = self.find(&bytes)?;
            if found.is_empty() {
                return Some(Redacted { bytes, places });
            }
            places += found.len();
            bytes = without(&bytes, &found);
        }
        None
    }

    /// True for most texts, and soon found out: no secret stands there, and no escape that could hide one.
    fn is_plainly_free(&self, text: &str) -> bool {
        let escaped = text
            .bytes()
            .any(|b| matches!(b, b'%' | b'+' | b'\\' | b'&'));
        let found = |automaton: &AhoCorasick| automaton.is_match(text);
        !escaped && self.automaton.as_ref().is_some_and(|a| !found(a))
    }

    /// Where secrets stand, in order, without overlap; None when there is no telling.
    fn find(&self, text: &[u8]) -> Option<Vec<Range<usize>>> {
        let automaton = self.automaton.as_ref()?;
        let mut found = Vec::new();
        self.look(automaton, &Decoded::plain(text), DEPTH, &mut found);
        found.sort_unstable_by_key(|range| range.start);
        let mut merged: Vec<Range<usize>> = Vec::new();
        for range in found {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        Some(merged)
    }

    fn look(
        &self,
        automaton: &AhoCorasick,
        text: &Decoded,
        depth: usize,
        found: &mut Vec<Range<usize>>,
    ) {
        for hit in automaton.find_overlapping_iter(&text.bytes) {
            let reach = self.reaches[hit.pattern().as_usize()];
            let range = reached(&text.bytes, hit.range(), reach);
            found.extend(range.map(|range| text.origin(range)));
        }
        if depth == 0 {
            return;
        }
        for escape in Escape::ALL {
            if let Some(inner) = text.undo(escape) {
                self.look(automaton, &inner, depth - 1, found);
            }
        }
    }
}

/// How far a match reaches; None for what only looks like one.
fn reached(text: &[u8], hit: Range<usize>, reach: Reach) -> Option<Range<usize>> {
    let before = |holds: fn(u8) -> bool| {
        text[..hit.start]
            .iter()
            .rev()
            .take_while(move |b| holds(**b))
            .count()
    };
    let after = |holds: fn(u8) -> bool| {
        text[hit.end..]
            .iter()
            .take_while(move |b| holds(**b))
            .count()
    };
    match reach {
        Reach::Exact => Some(hit),
        Reach::Word => {
            let letter: fn(u8) -> bool = |b| b.is_ascii_alphanumeric();
            (before(letter) + after(letter) == 0).then_some(hit)
        }
        Reach::Encoded => {
            let of_base64: fn(u8) -> bool =
                |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=');
            Some(hit.start - before(of_base64)..hit.end + after(of_base64))
        }
    }
}

/// What is sure of a secret in base64, after none, one or two bytes of something else, in both
/// alphabets.
fn aligned(secret: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut texts = Vec::new();
    for before in 0..3 {
        let bytes = [&vec![0; before], secret].concat();
        let bits = |n: usize| n * 8;
        let sure = bits(before).div_ceil(6)..bits(bytes.len()) / 6;
        for encoded in [STANDARD.encode(&bytes), URL_SAFE.encode(&bytes)] {
            texts.push(encoded.as_bytes()[sure.clone()].to_vec());
        }
    }
    texts.sort_unstable();
    texts.dedup();
    texts.into_iter()
}

fn without(text: &[u8], places: &[Range<usize>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for place in places {
        out.extend_from_slice(&text[from..place.start]);
        out.extend_from_slice(MARK);
        from = place.end;
    }
    out.extend_from_slice(&text[from..]);
    out
}
