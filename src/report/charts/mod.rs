//! Charts as SVG: the only module that names `plotters`, which draws all but the flame graphs.
//!
//! Every chart is drawn twice, for a page and for a phone, and comes with its finding in words and
//! its numbers as a table. Colours are sentinels that the canvas turns into CSS variables, so one
//! drawing serves both themes.

mod axis;
mod canvas;
mod change;
mod chart;
mod curve;
mod flame;
mod lines;
mod palette;
mod rounds;
mod spark;

pub(super) use change::change_plot;
pub(super) use chart::Chart;
pub(super) use curve::percentile_curve;
pub(super) use flame::flame_graphs;
pub(super) use lines::{Across, Band, BandKind, LinePlot, Series, line_plot};
pub(super) use palette::{Ink, css_variables};
pub(super) use rounds::round_plot;
pub(super) use spark::{Spark, spark};
