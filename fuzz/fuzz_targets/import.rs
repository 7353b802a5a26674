//! Any bytes for the parser `import`; what must hold is in `tests/promises/entries.rs`.

#![no_main]

#[path = "../../tests/promises/entries.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entries::parse("import", bytes));
