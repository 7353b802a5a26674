//! The `plimsoll` binary: everything it does is `cli::run`.

use std::process::ExitCode;

fn main() -> ExitCode {
    plimsoll::cli::run(std::env::args_os())
}
