//! The index of runs: `reports/.history.sqlite`, what a history asks of every run in one file.
//!
//! Everything in it is derived from the run folders. It is filled up before each question with the
//! runs that are new, and rid of those that are gone; where it is missing, of another schema,
//! damaged, or no index at all, it is built anew beside the old one and renamed. Each row carries
//! a checksum, so that a damaged file is noticed and not believed. A sealed run never changes and is
//! read once; one without its seal is read again when its files have changed. Where the file cannot
//! be written the same is done in memory.

mod pages;
mod record;
#[cfg(test)]
mod tests;
mod write;

use std::collections::HashSet;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::StoreError;
use super::runs::{self, LOG, MANIFEST, REPORTS};
use super::whole::{PREFIX, SUFFIX, check_name, sync_folder};
use crate::model::{Contribution, Manifest, Run, RunState, Standing};
use pages::Key;
use record::Record;
use write::{Change, Failed};

/// Name of the file below `reports/`; hidden, and no name of a scenario.
const FILE: &str = ".history.sqlite";
/// Marks the file as ours: "PLIX".
const APPLICATION: i64 = 0x504c_4958;
/// Raised whenever the tables, or what is taken from a run, change: other indices are built anew.
const SCHEMA: i64 = 3;
/// How long another process may hold the file.
const PATIENCE: Duration = Duration::from_secs(5);
/// Runs that are held in memory before they are written.
const BATCH: usize = 500;

const TABLES: &str = "
    CREATE TABLE run (
        number INTEGER PRIMARY KEY,
        scenario TEXT NOT NULL,
        id TEXT NOT NULL,
        started_at TEXT NOT NULL,
        version TEXT NOT NULL,
        revision TEXT NOT NULL,
        plan_hash TEXT NOT NULL,
        machine TEXT NOT NULL,
        standing TEXT,
        rounds INTEGER NOT NULL,
        left_out TEXT,
        stamp TEXT,
        sum INTEGER NOT NULL,
        UNIQUE (scenario, id)
    );
    CREATE TABLE metric (
        number INTEGER PRIMARY KEY,
        scenario TEXT NOT NULL,
        name TEXT NOT NULL,
        runs INTEGER NOT NULL,
        sum INTEGER NOT NULL,
        UNIQUE (scenario, name)
    );
    CREATE TABLE page (
        metric INTEGER NOT NULL,
        page INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (metric, page)
    );
";

/// Says what a run adds to a history.
pub type Contribute<'a> = dyn Fn(&Run) -> Contribution + 'a;

/// Hears how many of the new runs are read.
pub type Reading<'a> = dyn Fn(usize, usize) + 'a;

/// A run as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedRun {
    pub id: String,
    pub started_at: String,
    /// Of Plimsoll.
    pub version: Arc<str>,
    /// The commit; empty when unknown.
    pub revision: Arc<str>,
    pub plan_hash: Arc<str>,
    /// The kind of machine, from the hard part of the fingerprint.
    pub machine: Arc<str>,
    /// None: its record cannot be read.
    pub standing: Option<Standing>,
    /// Complete ones, of the side under test.
    pub rounds: u32,
    /// Why nothing of it enters a history.
    pub left_out: Option<String>,
}

/// A run as it lies in the file.
#[derive(Debug)]
struct Row {
    number: i64,
    run: IndexedRun,
    /// Of files that may still change.
    stamp: Option<String>,
}

/// An index that is true to the folders of one scenario.
#[derive(Debug)]
pub struct Index {
    db: Connection,
    path: PathBuf,
    scenario: String,
    /// Oldest first.
    runs: Vec<IndexedRun>,
    /// Number of a run in the tables and its place in `runs`, by number.
    places: Vec<(i64, usize)>,
}

/// Answers a question about the runs of a scenario from an index that was brought up to date.
///
/// An index that turns out to be damaged is built anew and asked again.
///
/// # Errors
/// When the scenario's name is no folder name, its folder cannot be listed, or the question fails.
pub fn ask<T>(
    root: &Path,
    scenario: &str,
    contribute: &Contribute<'_>,
    question: &dyn Fn(&Index) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    ask_telling(root, scenario, contribute, &|_, _| (), question)
}

/// The same, and tells how far it is.
///
/// # Errors
/// As [`ask`].
pub fn ask_telling<T>(
    root: &Path,
    scenario: &str,
    contribute: &Contribute<'_>,
    reading: &Reading<'_>,
    question: &dyn Fn(&Index) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    check_name("scenario", scenario)?;
    let index = |db: Connection, path: PathBuf| -> Result<Index, StoreError> {
        let mut index = Index {
            db,
            path,
            scenario: scenario.to_owned(),
            runs: Vec::new(),
            places: Vec::new(),
        };
        index.refresh(root, contribute, reading)?;
        Ok(index)
    };
    let path = root.join(REPORTS).join(FILE);
    let asked = open(&path)
        .and_then(|db| index(db, path.clone()))
        .and_then(|index| question(&index));
    let is_busy = match asked {
        Err(StoreError::Index { busy, .. }) => busy,
        done => return done,
    };
    if !is_busy && path.parent().is_some_and(Path::is_dir) {
        let asked = rebuild(&path, |db| index(db, path.clone()).map(drop))
            .and_then(|()| open(&path))
            .and_then(|db| index(db, path.clone()))
            .and_then(|index| question(&index));
        match asked {
            // A folder that cannot be written is no reason not to answer.
            Err(StoreError::Index { .. } | StoreError::Io { .. }) => {}
            done => return done,
        }
    }
    let db = Connection::open_in_memory().map_err(fault(&path))?;
    prepare(&db).map_err(fault(&path))?;
    question(&index(db, path.clone())?)
}

/// Opens an index of this schema and no other file.
fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if path.is_symlink() {
        return Err(not_ours(path, "it is a link"));
    }
    let db = Connection::open_with_flags(path, flags).map_err(fault(path))?;
    db.busy_timeout(PATIENCE).map_err(fault(path))?;
    let number = |pragma: &str| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let (application, schema) = number("application_id")
        .and_then(|a| Ok((a, number("user_version")?)))
        .map_err(fault(path))?;
    if (application, schema) != (APPLICATION, SCHEMA) {
        return Err(not_ours(path, "it is no index of this version"));
    }
    Ok(db)
}

fn prepare(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "application_id", APPLICATION)?;
    db.pragma_update(None, "user_version", SCHEMA)?;
    db.execute_batch(TABLES)
}

/// Builds a new index beside the old one and puts it in its place.
fn rebuild(
    path: &Path,
    fill: impl FnOnce(Connection) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let folder = super::whole::folder_of(path);
    let failed = || StoreError::io("write", path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    // The default of a temporary file is private; the umask still applies to this.
    builder.permissions(fs::Permissions::from_mode(0o666));
    let file = builder
        .tempfile_in(folder)
        .map_err(failed())?
        .into_temp_path();
    let db = Connection::open(&file).map_err(fault(path))?;
    // Nobody reads it before it is whole, so it needs no journal.
    let quick = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;";
    db.execute_batch(quick).map_err(fault(path))?;
    prepare(&db).map_err(fault(path))?;
    fill(db)?;
    File::open(&file)
        .and_then(|f| f.sync_all())
        .map_err(failed())?;
    // The journal of the index that was there would be played back into the new one.
    let journal = path.with_file_name(format!("{FILE}-journal"));
    match fs::remove_file(&journal) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed()(e)),
        _ => {}
    }
    file.persist(path).map_err(|e| failed()(e.error))?;
    sync_folder(folder)
}

impl Index {
    /// The runs of the scenario, oldest first.
    pub fn runs(&self) -> &[IndexedRun] {
        &self.runs
    }

    /// Reads them as they lie in the file.
    fn read_runs(&self) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        let mut last = [const { None::<Arc<str>> }; 4];
        // Runs that follow each other are mostly of one version, plan and machine.
        let mut shared = |at: usize, text: &str| -> Arc<str> {
            match &last[at] {
                Some(known) if **known == *text => known.clone(),
                _ => last[at].insert(text.into()).clone(),
            }
        };
        self.each(
            "SELECT number, id, started_at, version, revision, plan_hash, machine, standing, rounds,
                    left_out, stamp, sum
             FROM run WHERE scenario = ?1",
            &[&self.scenario],
            &mut |row| {
                let run = IndexedRun {
                    id: row.get(1)?,
                    started_at: row.get(2)?,
                    version: shared(0, row.get_ref(3)?.as_str()?),
                    revision: shared(1, row.get_ref(4)?.as_str()?),
                    plan_hash: shared(2, row.get_ref(5)?.as_str()?),
                    machine: shared(3, row.get_ref(6)?.as_str()?),
                    standing: record::standing(row.get_ref(7)?.as_str_or_null()?),
                    rounds: row.get(8)?,
                    left_out: row.get(9)?,
                };
                let number = row.get(0)?;
                let stamp: Option<String> = row.get(10)?;
                let is_whole =
                    record::sum(&self.scenario, &run, stamp.as_deref()) == row.get::<_, i64>(11)?;
                rows.push(Row { number, run, stamp });
                Ok(is_whole)
            },
        )?;
        Ok(rows)
    }

    /// Names of the metrics that any of its runs has, sorted.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn metrics(&self) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        self.each(
            "SELECT name, number, sum FROM metric WHERE scenario = ?1 ORDER BY name",
            &[&self.scenario],
            &mut |row| {
                let name: String = row.get(0)?;
                let is_whole = record::sum_of_metric(&self.scenario, &name, row.get(1)?)
                    == row.get::<_, i64>(2)?;
                names.push(name);
                Ok(is_whole)
            },
        )?;
        Ok(names)
    }

    /// Hands over the values of a metric in the rounds of a run, for every run that has it, with the
    /// place of the run in [`Index::runs`].
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn each_value(
        &self,
        metric: &str,
        take: &mut dyn FnMut(usize, &[f64]),
    ) -> Result<(), StoreError> {
        let (mut number, mut due) = (0_i64, 0_i64);
        self.each(
            "SELECT number, runs FROM metric WHERE scenario = ?1 AND name = ?2",
            &[&self.scenario, &metric],
            &mut |row| {
                (number, due) = (row.get(0)?, row.get(1)?);
                Ok(true)
            },
        )?;
        let mut values = Vec::new();
        // Pages and places are both in the order of the runs' numbers.
        let mut places = self.places.iter().peekable();
        let mut seen = 0;
        self.each(
            "SELECT page, bytes FROM page WHERE metric = ?1 ORDER BY page",
            &[&number],
            &mut |row| {
                let key = Key {
                    metric: number,
                    page: row.get(0)?,
                };
                let bytes = row.get_ref(1)?.as_blob().unwrap_or_default();
                let runs = pages::each(key, bytes, &mut values, &mut |run, values| {
                    while places.next_if(|(number, _)| *number < run).is_some() {}
                    if let Some((_, place)) = places.next_if(|(number, _)| *number == run) {
                        take(*place, values);
                        seen += 1;
                    }
                });
                Ok(runs.is_some())
            },
        )?;
        if seen == due {
            Ok(())
        } else {
            Err(not_ours(&self.path, "values are missing"))
        }
    }

    /// Runs a query; `row` says whether its row is what was written.
    fn each(
        &self,
        query: &str,
        parameters: &[&dyn rusqlite::ToSql],
        take: &mut dyn FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<bool>,
    ) -> Result<(), StoreError> {
        let mut walk = || -> rusqlite::Result<bool> {
            let mut statement = self.db.prepare(query)?;
            let mut rows = statement.query(parameters)?;
            while let Some(row) = rows.next()? {
                if !take(row)? {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        match walk() {
            Ok(true) => Ok(()),
            Ok(false) => Err(not_ours(&self.path, "a checksum does not agree")),
            Err(e) => Err(fault(&self.path)(e)),
        }
    }

    /// Takes up runs that are new or have changed, forgets those that are gone, and holds on to that
    /// state: all that is asked is answered from it, whoever writes in the meantime.
    fn refresh(
        &mut self,
        root: &Path,
        contribute: &Contribute<'_>,
        reading: &Reading<'_>,
    ) -> Result<(), StoreError> {
        self.execute("BEGIN")?;
        let rows = self.read_runs()?;
        let folder = root.join(REPORTS).join(&self.scenario);
        let mut there = folders(&folder)?;
        let is_stale = |row: &Row| {
            let stamp_now = || stamp_of(&folder.join(&row.run.id));
            row.stamp
                .as_ref()
                .is_some_and(|stamp| *stamp != stamp_now())
        };
        let (mut gone, mut news) = (Vec::new(), Vec::new());
        for row in &rows {
            match there.take(&row.run.id) {
                None => gone.push(row.number),
                Some(id) if is_stale(row) => news.push(id),
                Some(_) => {}
            }
        }
        news.extend(there);
        if gone.is_empty() && news.is_empty() {
            self.hold(rows);
            return Ok(());
        }
        news.sort_unstable();
        self.execute("COMMIT")?;
        let (path, scenario) = (self.path.clone(), self.scenario.clone());
        // Runs are read before the file is locked, so that no reader waits for it.
        for (i, ids) in news
            .chunks(BATCH)
            .enumerate()
            .chain(news.is_empty().then_some((0, &[][..])))
        {
            let read = ids.iter().zip(i * BATCH..).filter_map(|(id, done)| {
                reading(done, news.len());
                record_of(&folder, id, contribute)
            });
            let records: Vec<Record> = read.collect();
            let gone = if i == 0 { &gone[..] } else { &[] };
            let change = |db: &mut Connection| -> Result<(), Failed> {
                let all = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let mut change = Change::of(all, &scenario);
                for number in gone {
                    change.forget(*number)?;
                }
                for record in &records {
                    change.take_up(record)?;
                }
                change.finish()
            };
            change(&mut self.db).map_err(|failed| match failed {
                Failed::Sql(e) => fault(&path)(e),
                Failed::Damaged => not_ours(&path, "a checksum does not agree"),
            })?;
        }
        self.execute("BEGIN")?;
        let rows = self.read_runs()?;
        self.hold(rows);
        Ok(())
    }

    fn hold(&mut self, mut rows: Vec<Row>) {
        // They mostly lie in this order already.
        rows.sort_by(|a, b| (&a.run.started_at, &a.run.id).cmp(&(&b.run.started_at, &b.run.id)));
        let numbers = rows.iter().map(|row| row.number);
        self.places = numbers.zip(0..).collect();
        self.places.sort_unstable();
        self.runs = rows.into_iter().map(|row| row.run).collect();
    }

    fn execute(&self, statement: &str) -> Result<(), StoreError> {
        self.db.execute_batch(statement).map_err(fault(&self.path))
    }
}

/// Names of the folders of a scenario's runs; none when it was never run.
fn folders(folder: &Path) -> Result<HashSet<String>, StoreError> {
    let failed = || StoreError::io("list", folder);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(HashSet::new()),
        Err(e) => return Err(failed()(e)),
    };
    let mut names = HashSet::new();
    for entry in entries {
        let entry = entry.map_err(failed())?;
        // Told with the name, without a look at each folder.
        let is_folder = entry.file_type().is_ok_and(|t| t.is_dir());
        if is_folder
            && let Ok(name) = entry.file_name().into_string()
            && check_name("run", &name).is_ok()
        {
            names.insert(name);
        }
    }
    Ok(names)
}

/// Length and time of the files of a run.
fn stamp_of(dir: &Path) -> String {
    let one = |name: &str| {
        let Ok(file) = fs::metadata(dir.join(name)) else {
            return "-".to_owned();
        };
        let changed = file
            .modified()
            .ok()
            .and_then(|t| t.duration_since(UNIX_EPOCH).ok());
        format!("{}@{}", file.len(), changed.unwrap_or_default().as_nanos())
    };
    format!("{} {}", one(MANIFEST), one(LOG))
}

/// Reads a run; None when its folder went away in the meantime.
///
/// Of one that is being written no more than the manifest is read: it grows with every look.
fn record_of(folder: &Path, id: &str, contribute: &Contribute<'_>) -> Option<Record> {
    let dir = folder.join(id);
    let stamp = stamp_of(&dir);
    if runs::is_running(&dir) {
        let contribution = Contribution {
            standing: Some(Standing::Partial),
            left_out: Some("still being measured".to_owned()),
            ..Contribution::default()
        };
        // No run has such a stamp, so it is read when it is over, whatever has become of its files.
        let stamp = Some(format!("running {stamp}"));
        let manifest = runs::manifest(&dir).ok();
        return Some(record(id, manifest.as_ref(), contribution, stamp));
    }
    let unreadable = |why: &StoreError| Contribution {
        left_out: Some(match why {
            StoreError::Newer { .. } => "written by a newer Plimsoll".to_owned(),
            _ => "its record cannot be read".to_owned(),
        }),
        ..Contribution::default()
    };
    Some(match runs::read(&dir) {
        Ok(run) => {
            let contribution = contribute(&run);
            let stamp = (run.state == RunState::Partial).then_some(stamp);
            record(id, Some(&run.manifest), contribution, stamp)
        }
        Err(_) if !dir.is_dir() => return None,
        Err(e) => {
            let stamp = match e {
                // It may be read the next time, though the files stay as they are.
                StoreError::Io { .. } => "unread".to_owned(),
                _ => stamp,
            };
            let manifest = runs::manifest(&dir).ok();
            record(id, manifest.as_ref(), unreadable(&e), Some(stamp))
        }
    })
}

/// What is known of a run, as it is kept.
fn record(
    id: &str,
    manifest: Option<&Manifest>,
    contribution: Contribution,
    stamp: Option<String>,
) -> Record {
    let of = |f: fn(&Manifest) -> &str| manifest.map_or(String::new(), |m| f(m).to_owned());
    Record {
        run: IndexedRun {
            id: id.to_owned(),
            started_at: of(|m| &m.started_at),
            version: of(|m| &m.version).into(),
            revision: of(|m| m.revision.as_deref().unwrap_or_default()).into(),
            plan_hash: of(|m| &m.plan_hash).into(),
            machine: manifest
                .map_or(String::new(), |m| m.fingerprint.machine())
                .into(),
            standing: contribution.standing,
            rounds: contribution.rounds,
            left_out: contribution.left_out,
        },
        stamp,
        metrics: contribution.metrics,
    }
}

fn fault(path: &Path) -> impl FnOnce(rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    move |e| StoreError::Index {
        busy: matches!(
            e.sqlite_error_code(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
        ),
        path,
        reason: e.to_string(),
    }
}

fn not_ours(path: &Path, reason: &str) -> StoreError {
    StoreError::Index {
        path: path.to_owned(),
        reason: reason.to_owned(),
        busy: false,
    }
}
