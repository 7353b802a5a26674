//! The list of all runs: what the index knows of each, and the history of every scenario.

use crate::judge::level;
use crate::model::{
    History, ListedRun, ListedState, Measure, Overview, ScenarioRuns, Standing, Threshold, Trend,
};
use crate::store::index::{Index, IndexedRun, ask};
use crate::store::{StoreError, runs};

use super::history::{Excerpt, Gathered, contribution, gather, point, traced};
use super::{Session, SessionError};

/// Metrics of a scenario that are followed in a list.
const TRENDS: usize = 6;
/// Of these, the ones whose value stands beside each run.
const COLUMNS: usize = 3;

/// What one look at the index says of a scenario.
struct Looked {
    runs: Vec<IndexedRun>,
    gathered: Gathered,
    /// By run, then by metric that has a column.
    values: Vec<Vec<f64>>,
}

/// All runs there are. A scenario without one is left out.
pub fn overview(session: &Session) -> Result<Overview, SessionError> {
    let mut scenarios = Vec::new();
    for name in runs::scenarios(&session.root)? {
        scenarios.extend(of_scenario(session, name)?);
    }
    let newest = |s: &ScenarioRuns| s.runs.first().map(|r| r.point.at.clone());
    scenarios.sort_by_key(|s| std::cmp::Reverse(newest(s)));
    Ok(Overview { scenarios })
}

/// A text that changes whenever a run begins, ends, gets its report or goes away, and costs less to have
/// than the list.
pub fn state_of_runs(session: &Session) -> Result<String, SessionError> {
    Ok(runs::pulse(&session.root)?)
}

fn of_scenario(session: &Session, name: String) -> Result<Option<ScenarioRuns>, SessionError> {
    let looked = ask(&session.root, &name, &contribution, &|index: &Index| {
        look(session, index, &name)
    })?;
    if looked.runs.is_empty() {
        return Ok(None);
    }
    let history = match looked.gathered {
        Gathered::Found(found) => {
            let (history, latest) = *found;
            Some(traced(session, history, &latest, &Excerpt::default())?)
        }
        Gathered::NoRun(_) | Gathered::NoMetric(..) => None,
    };
    let measures = history.as_ref().map(columns).unwrap_or_default();
    let listed = looked.runs.into_iter().zip(looked.values);
    let mut runs: Vec<ListedRun> = listed
        .map(|(run, values)| listed_run(session, &name, &run, values))
        .collect();
    runs.reverse();
    Ok(Some(ScenarioRuns {
        name,
        runs,
        history,
        measures,
    }))
}

fn look(session: &Session, index: &Index, scenario: &str) -> Result<Looked, StoreError> {
    let mut gathered = gather(session, index, scenario, &Excerpt::default())?;
    if let Gathered::Found(found) = &mut gathered {
        let (history, latest) = &mut **found;
        let dir = runs::folder(&session.root, scenario, &latest.id);
        let outline = runs::manifest(&dir).map(|m| m.outline);
        leave(history, &outline.map(|o| o.thresholds).unwrap_or_default());
    }
    let runs = index.runs().to_vec();
    let mut values = vec![Vec::new(); runs.len()];
    if let Gathered::Found(found) = &gathered {
        let measures = columns(&found.0);
        values = vec![vec![f64::NAN; measures.len()]; runs.len()];
        for (column, measure) in measures.iter().enumerate() {
            index.each_value(&measure.name, &mut |run, rounds| {
                values[run][column] = level(rounds);
            })?;
        }
    }
    Ok(Looked {
        runs,
        gathered,
        values,
    })
}

/// Leaves what the scenario sets a threshold on, or else what a history usually shows.
fn leave(history: &mut History, thresholds: &[Threshold]) {
    let names = thresholds
        .iter()
        .map(|t| format!("{}{}", t.metric, t.scope));
    let gated: Vec<String> = names.collect();
    let is_gated = |trend: &Trend| gated.contains(&trend.series.measure.name);
    if history.trends.iter().any(is_gated) {
        history.trends.retain(is_gated);
    }
    history.trends.truncate(TRENDS);
}

fn columns(history: &History) -> Vec<Measure> {
    let shown = history.trends.iter().take(COLUMNS);
    shown.map(|t| t.series.measure.clone()).collect()
}

fn listed_run(session: &Session, scenario: &str, run: &IndexedRun, values: Vec<f64>) -> ListedRun {
    let dir = runs::folder(&session.root, scenario, &run.id);
    let state = match run.standing {
        None => ListedState::Unreadable,
        // Only what is not sealed can be written still.
        Some(Standing::Partial) if runs::is_running(&dir) => ListedState::Running,
        Some(standing) => ListedState::Ended(standing),
    };
    ListedRun {
        point: point(run),
        state,
        rounds: run.rounds,
        left_out: run.left_out.clone(),
        values,
        has_report: runs::has_report(&dir),
    }
}
