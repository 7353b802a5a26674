# The steps of .ci/run by name, for those who have `just`.

# List the recipes.
default:
    @just --list

# Everything CI checks, the tests last.
ci:
    .ci/run

# Format the code.
format:
    cargo fmt

# Check the formatting.
fmt:
    .ci/run fmt

# Lints, as errors.
clippy:
    .ci/run clippy

# Licences, sources and advisories of dependencies.
deny:
    .ci/run deny

# What the program is made of, as CycloneDX JSON: target/plimsoll.cdx.json.
sbom:
    .ci/run sbom

# Build the library's documentation, warnings as errors.
doc:
    .ci/run doc

# All tests.
test:
    .ci/run test

# The promises of RELIABILITY.md, also those that take minutes, and each protection taken away in turn.
promises-long:
    cargo test --features mutants --test promises -- --include-ignored --skip an_hour --skip in_quiet --nocapture

# Two promises that nothing else on the machine may disturb, in half an hour.
promises-quiet:
    cargo test --release --features mutants --test promises in_quiet -- --ignored --nocapture --test-threads 1

# An hour of connections that are opened and closed: descriptors and memory stay where they are.
soak:
    cargo test --test promises an_hour -- --ignored --nocapture

# One static program that needs no library of the system: target/x86_64-unknown-linux-musl/release/plimsoll.
musl:
    .ci/package musl

# That program with man page, completions and licences: target/plimsoll-v*.tar.gz.
archive:
    .ci/package archive

# This checkout beside another commit, by Plimsoll's own gate: both built here, measured in turn.
self-gate base="origin/main":
    benches/self-gate/gate.py --against {{base}}

# Benchmarks of the program itself.
bench:
    cargo bench

# False alarms, power and change points of the judge, beside their bounds.
quality:
    cargo bench --bench judge-quality

# See a regression caught.
demo:
    cargo run --release -- demo
