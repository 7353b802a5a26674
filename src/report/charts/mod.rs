//! Charts as SVG: the only module that names `plotters`, which draws all but the flame graphs.
//!
//! Every chart is drawn twice, for a page and for a phone, and comes with its finding in words and
//! its numbers as a table; the panels of steps are small enough for both, and have the table of steps.
//! Colours are sentinels that the canvas turns into CSS variables, so one drawing serves both themes.

mod axis;
mod canvas;
mod change;
mod chart;
mod curve;
mod flame;
mod heat;
mod histogram;
mod history;
mod lines;
mod palette;
mod panels;
mod rounds;
mod shift;
mod spark;

pub(super) use change::change_plot;
pub(super) use chart::Chart;
pub(super) use curve::percentile_curve;
pub(super) use flame::flame_graphs;
pub(super) use heat::{HeatPlot, heat_map};
pub(super) use histogram::histogram;
pub(super) use history::history_plot;
pub(super) use lines::{Across, Band, BandKind, LinePlot, Series, line_plot};
pub(super) use palette::{Ink, css_variables};
pub(super) use panels::{component_panels, step_panels};
pub(super) use rounds::round_plot;
pub(super) use shift::shift_plot;
pub(super) use spark::{Spark, spark};
