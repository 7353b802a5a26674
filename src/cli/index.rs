//! `plimsoll report --index`.

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path};

use super::Context;
use super::exit::{Exit, Failure};
use super::show;
use crate::diagnostic::{Diagnostic, output};
use crate::model::{Event, ListedRun, ListedState, Overview};
use crate::report::{self, IndexPlace};
use crate::session::{self, Watcher};

/// Writes the list of all runs, to its place or to a file, and prints its path.
pub(super) fn write(context: &Context, file: Option<&Path>) -> Result<Exit, Failure> {
    let mut overview = session::overview(&context.session)?;
    complete(context, &mut overview);
    let path = match file {
        None => {
            let page = report::index(&overview, IndexPlace::File(""));
            session::write_index(&context.session, &page)?
        }
        Some(file) => {
            let folder = file.parent().unwrap_or(Path::new(""));
            let way =
                way(folder, &session::reports(&context.session)).map_err(|e| lost(file, &e))?;
            let page = report::index(&overview, IndexPlace::File(&way));
            session::write_output(file, page.as_bytes())?;
            file.to_owned()
        }
    };
    let shown = path.strip_prefix(".").unwrap_or(&path).display();
    context.terminal.out(&format!("{shown}\n"))?;
    context
        .terminal
        .say("next: open it in a browser; plimsoll serve shows the same as it changes");
    Ok(Exit::Passed)
}

/// Gives each run that can be read the report that its link leads to. Where one cannot be written, its
/// run and those after it stand in the list without a link.
fn complete(context: &Context, overview: &mut Overview) {
    let failed = show::analysed(context, |watcher| write_missing(context, overview, watcher));
    if let Err(failure) = failed {
        context.terminal.warn(&failure.diagnostics());
    }
}

fn write_missing(
    context: &Context,
    overview: &mut Overview,
    watcher: &mut Watcher<'_>,
) -> Result<(), Failure> {
    let lacks = |run: &ListedRun| !run.has_report && matches!(run.state, ListedState::Ended(_));
    let all = |overview: &Overview| {
        let runs = overview.scenarios.iter().flat_map(|s| &s.runs);
        runs.filter(|run| lacks(run)).count()
    };
    let of = all(overview);
    let mut done = 0;
    for scenario in &mut overview.scenarios {
        for run in scenario.runs.iter_mut().filter(|run| lacks(run)) {
            done += 1;
            let what = "reports written";
            watcher(&Event::Analysed { what, done, of });
            run.has_report = keep(context, &scenario.name, &run.point.run)?;
        }
    }
    Ok(())
}

/// False when the run is not there any more.
fn keep(context: &Context, scenario: &str, id: &str) -> Result<bool, Failure> {
    let Some(outcome) = session::reread_exactly(&context.session, scenario, id)? else {
        return Ok(false);
    };
    show::keep_html(context, &outcome)?;
    Ok(true)
}

/// The way from one folder to another as a browser goes it, by names alone: with a slash at its end, and
/// empty when they are the same.
fn way(from: &Path, to: &Path) -> io::Result<String> {
    let (from, to) = (names(from)?, names(to)?);
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[common..].iter().map(|_| "..".to_owned());
    let down = to[common..]
        .iter()
        .map(|n| n.to_string_lossy().into_owned());
    Ok(up.chain(down).map(|name| name + "/").collect())
}

/// The names of a path from the root on.
fn names(path: &Path) -> io::Result<Vec<OsString>> {
    // The empty path, of a bare file name, is no path to the library.
    let path = std::path::absolute(Path::new(".").join(path))?;
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name.to_owned()),
            Component::ParentDir => drop(names.pop()),
            _ => {}
        }
    }
    Ok(names)
}

fn lost(file: &Path, error: &io::Error) -> Failure {
    Failure::Output(
        Diagnostic::error(
            &output::UNWRITABLE,
            format!(
                "no way is known from {} to the runs: {error}",
                file.display()
            ),
        )
        .help("plimsoll report --index writes the list beside them"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_goes_up_to_what_is_common_and_down_again() {
        for (from, to, expected) in [
            ("reports", "./reports", ""),
            ("", "reports", "reports/"),
            (".", "reports", "reports/"),
            ("out/pages", "reports", "../../reports/"),
            ("out/../reports/x", "reports", "../"),
            ("/a/b", "/a/c/reports", "../c/reports/"),
            ("/", "/reports", "reports/"),
        ] {
            let found = way(Path::new(from), Path::new(to)).expect("a way");
            assert_eq!(found, expected, "{from} to {to}");
        }
    }
}
