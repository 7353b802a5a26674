//! Scenario files by path and by name.

use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, SourceFile, scenario as codes};

use super::check::{Loaded, parse_in};
use super::problems::Problems;
use super::project::Project;
use super::said::{Said, said};
use super::shape::short;
use super::template::Environment;
use super::text::read;
use super::{suggest, tree};

/// Reads and checks a scenario file; `environment` looks up the variables of its secrets.
///
/// # Errors
/// Why it cannot be read, or everything that is wrong with it.
pub fn load(path: &Path, environment: Environment<'_>) -> Result<Loaded, Vec<Diagnostic>> {
    load_in(&Project::default(), path, environment)
}

/// The same in a project, which has defaults for what the scenario does not say.
///
/// # Errors
/// Why it cannot be read, or everything that is wrong with it.
pub fn load_in(
    project: &Project,
    path: &Path,
    environment: Environment<'_>,
) -> Result<Loaded, Vec<Diagnostic>> {
    let text = read(path).map_err(|diagnostic| vec![diagnostic])?;
    let file = SourceFile {
        name: path.display().to_string(),
        text: text.into(),
    };
    let base = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    parse_in(project, &file, base, environment)
}

/// Every value that a scenario file gives.
///
/// # Errors
/// Why it cannot be read as TOML.
pub fn said_in(path: &Path) -> Result<Vec<Said>, Vec<Diagnostic>> {
    let text = read(path).map_err(|diagnostic| vec![diagnostic])?;
    let file = SourceFile {
        name: path.display().to_string(),
        text: text.into(),
    };
    let tree = tree::parse(&file)?;
    Ok(said(&Problems::new(&file), &tree))
}

/// Finds the file of a scenario: a path that ends in `.toml`, or the name of one in `scenarios/`
/// below `root`.
///
/// # Errors
/// When there is none, with the names that come near.
pub fn locate(name: &str, root: &Path) -> Result<PathBuf, Vec<Diagnostic>> {
    let is_path = Path::new(name)
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    // `./scenarios/x.toml` says nothing that `scenarios/x.toml` does not.
    let root = root.strip_prefix(".").unwrap_or(root);
    let folder = root.join("scenarios");
    let path = if is_path {
        root.join(name)
    } else {
        folder.join(format!("{name}.toml"))
    };
    let inside = is_path || Path::new(name).components().count() == 1;
    if inside && path.is_file() {
        return Ok(path);
    }
    let known = names(&folder);
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str());
    let near = suggest::nearest(stem.unwrap_or(name), known.iter().map(String::as_str));
    let help = match near {
        _ if is_address(name) => {
            let rest = name.split_once("://").map_or(name, |(_, rest)| rest);
            format!("did you mean `http://{}`?", short(rest))
        }
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "plimsoll init writes a scenario".to_owned(),
        None => format!(
            "there is {}",
            suggest::list(known.iter().map(String::as_str))
        ),
    };
    let shown = short(name);
    let diagnostic = if is_path {
        Diagnostic::error(&codes::NOT_FOUND, format!("there is no file {shown}"))
    } else {
        Diagnostic::error(&codes::NOT_FOUND, format!("there is no scenario `{shown}`"))
            .because(format!("scenarios/{shown}.toml does not exist"))
    };
    Err(vec![diagnostic.help(help)])
}

/// True for what is meant as a URL: `127.0.0.1:8080`, `localhost:80/items`, `htp://shop`.
fn is_address(name: &str) -> bool {
    let port = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    name.contains("://") || name.split_once(':').is_some_and(|(_, rest)| port(rest))
}

/// Names of the scenarios in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let is_toml = path.extension()? == "toml";
            is_toml.then(|| path.file_stem()?.to_str().map(str::to_owned))?
        })
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render;
    use crate::scenario::limits;

    #[test]
    fn a_scenario_is_found_by_path_and_by_name() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("scenarios");
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("checkout.toml");
        std::fs::write(&file, "").unwrap();
        assert_eq!(locate("checkout", root.path()).unwrap(), file);
        assert_eq!(
            locate("scenarios/checkout.toml", root.path()).unwrap(),
            file
        );
        assert_eq!(
            locate(file.to_str().unwrap(), Path::new("/")).unwrap(),
            file
        );

        let shown = |name: &str| render(&locate(name, root.path()).unwrap_err(), false);
        insta::assert_snapshot!(shown("chekout"), @"
        error[PL0101]: there is no scenario `chekout`
         |
         = note: scenarios/chekout.toml does not exist
         = help: did you mean `checkout`?
        ");
        insta::assert_snapshot!(shown("scenarios/soak.toml"), @"
        error[PL0101]: there is no file scenarios/soak.toml
         |
         = help: there is `checkout`
        ");
        insta::assert_snapshot!(shown("127.0.0.1:8080"), @"
        error[PL0101]: there is no scenario `127.0.0.1:8080`
         |
         = note: scenarios/127.0.0.1:8080.toml does not exist
         = help: did you mean `http://127.0.0.1:8080`?
        ");
        assert!(shown("htp://shop/items").contains("did you mean `http://shop/items`?"));
        assert!(locate("../scenarios/checkout", root.path()).is_err());
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        std::fs::write(path("latin.toml"), b"name = \"x\"\nd = \"\xe4\"\n").unwrap();
        std::fs::File::create(path("big.toml"))
            .unwrap()
            .set_len(limits::FILE + 1)
            .unwrap();
        let reason = |name: &str| {
            let d = load(&path(name), &|_| None).unwrap_err().remove(0);
            (
                d.code.id,
                d.message.replace(&*path("").to_string_lossy(), ""),
            )
        };
        assert_eq!(
            reason("none.toml"),
            ("PL0101", "there is no file none.toml".to_owned())
        );
        assert_eq!(
            reason("big.toml"),
            ("PL0116", "big.toml is larger than 1 MiB".to_owned())
        );
        assert_eq!(
            reason("latin.toml"),
            ("PL0116", "latin.toml is not UTF-8".to_owned())
        );
        assert_eq!(reason("."), ("PL0116", ". is a folder".to_owned()));
    }
}
