//! What changes the index: runs that are taken up and runs that are forgotten, in one transaction.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Transaction, params};

use super::pages::{Key, Page, page_of};
use super::record::{self, Record};

/// A change of the index that is not committed yet.
///
/// Pages that were touched are held until [`Change::finish`], so that many runs write each of them
/// once.
pub(super) struct Change<'a> {
    write: Transaction<'a>,
    scenario: &'a str,
    pages: BTreeMap<Key, Page>,
}

/// Why a change could not be made.
pub(super) enum Failed {
    Sql(rusqlite::Error),
    /// A page is not what was written.
    Damaged,
}

impl From<rusqlite::Error> for Failed {
    fn from(e: rusqlite::Error) -> Self {
        Self::Sql(e)
    }
}

impl<'a> Change<'a> {
    pub(super) const fn of(write: Transaction<'a>, scenario: &'a str) -> Self {
        Self {
            write,
            scenario,
            pages: BTreeMap::new(),
        }
    }

    pub(super) fn forget(&mut self, run: i64) -> Result<(), Failed> {
        for metric in self.metrics()? {
            if self.page(metric, run)?.remove(run) {
                self.count(metric, -1)?;
            }
        }
        self.write
            .prepare_cached("DELETE FROM run WHERE number = ?1")?
            .execute([run])?;
        Ok(())
    }

    pub(super) fn take_up(&mut self, record: &Record) -> Result<(), Failed> {
        let known: Option<i64> = self
            .write
            .prepare_cached("SELECT number FROM run WHERE scenario = ?1 AND id = ?2")?
            .query_row(params![self.scenario, record.run.id], |row| row.get(0))
            .optional()?;
        if let Some(number) = known {
            self.forget(number)?;
        }
        let run = self.insert(record)?;
        for metric in &record.metrics {
            let key = self.metric(&metric.name)?;
            self.count(key, 1)?;
            self.page(key, run)?.put(run, metric.rounds.clone());
        }
        Ok(())
    }

    /// Writes the pages and commits.
    pub(super) fn finish(self) -> Result<(), Failed> {
        for (key, page) in &self.pages {
            let at = (key.metric, key.page);
            if page.is_empty() {
                self.write
                    .prepare_cached("DELETE FROM page WHERE metric = ?1 AND page = ?2")?
                    .execute(at)?;
            } else {
                self.write
                    .prepare_cached(
                        "INSERT OR REPLACE INTO page (metric, page, bytes) VALUES (?1, ?2, ?3)",
                    )?
                    .execute(params![key.metric, key.page, page.pack(*key)])?;
            }
        }
        // A metric that only forgotten runs had is none of the scenario any more.
        self.write
            .execute("DELETE FROM metric WHERE runs = 0", [])?;
        self.write.commit()?;
        Ok(())
    }

    /// The row of the run itself; its number is what names it elsewhere.
    fn insert(&self, record: &Record) -> Result<i64, Failed> {
        let run = &record.run;
        self.write
            .prepare_cached(
                "INSERT INTO run (scenario, id, started_at, version, revision, plan_hash, machine,
                                  standing, rounds, left_out, stamp, sum)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params![
                self.scenario,
                run.id,
                run.started_at,
                run.version,
                run.revision,
                run.plan_hash,
                run.machine,
                record::text_of(run.standing),
                run.rounds,
                run.left_out,
                record.stamp,
                record::sum(self.scenario, run, record.stamp.as_deref()),
            ])?;
        Ok(self.write.last_insert_rowid())
    }

    fn metrics(&self) -> Result<Vec<i64>, Failed> {
        let mut statement = self
            .write
            .prepare_cached("SELECT number FROM metric WHERE scenario = ?1")?;
        let numbers = statement.query_map([self.scenario], |row| row.get(0))?;
        Ok(numbers.collect::<Result<_, _>>()?)
    }

    /// The number of a metric, which is made when it is new.
    fn metric(&self, name: &str) -> Result<i64, Failed> {
        let known = self
            .write
            .prepare_cached("SELECT number FROM metric WHERE scenario = ?1 AND name = ?2")?
            .query_row(params![self.scenario, name], |row| row.get(0))
            .optional()?;
        if let Some(number) = known {
            return Ok(number);
        }
        self.write.execute(
            "INSERT INTO metric (scenario, name, runs, sum) VALUES (?1, ?2, 0, 0)",
            [self.scenario, name],
        )?;
        let number = self.write.last_insert_rowid();
        self.write.execute(
            "UPDATE metric SET sum = ?2 WHERE number = ?1",
            [number, record::sum_of_metric(self.scenario, name, number)],
        )?;
        Ok(number)
    }

    fn count(&self, metric: i64, by: i64) -> Result<(), Failed> {
        self.write
            .prepare_cached("UPDATE metric SET runs = runs + ?2 WHERE number = ?1")?
            .execute([metric, by])?;
        Ok(())
    }

    /// The page of a metric that has, or will have, the values of a run.
    fn page(&mut self, metric: i64, run: i64) -> Result<&mut Page, Failed> {
        let key = Key {
            metric,
            page: page_of(run),
        };
        if !self.pages.contains_key(&key) {
            let stored: Option<Vec<u8>> = self
                .write
                .prepare_cached("SELECT bytes FROM page WHERE metric = ?1 AND page = ?2")?
                .query_row([key.metric, key.page], |row| row.get(0))
                .optional()?;
            let page = match stored {
                Some(bytes) => Page::unpack(key, &bytes).ok_or(Failed::Damaged)?,
                None => Page::default(),
            };
            self.pages.insert(key, page);
        }
        Ok(self.pages.entry(key).or_default())
    }
}
