//! What every writer sees: the run with its reference, worked out once and already in words.

mod alerts;
mod bands;
mod beside;
mod bins;
mod build;
mod capacity;
mod components;
mod diagnosis;
mod facts;
mod faults;
mod first;
mod heat;
mod outlook;
mod profile;
mod remark;
mod row;
mod shift;
mod sides;
mod step;
mod summary;
mod timeline;
mod trust;

pub use crate::model::Standing;
pub use build::View;
pub use outlook::Tone;

pub(super) use alerts::AlertView;
pub(super) use bands::Bands;
pub(super) use beside::DETECTOR_COLUMNS;
pub(super) use bins::Bins;
pub(super) use capacity::{CapacityView, LEVEL_COLUMNS};
pub(super) use components::Component;
pub(super) use diagnosis::DiagnosisView;
pub(super) use faults::{FaultView, STATE_COLUMNS};
pub(super) use first::First;
pub(super) use heat::Heat;
pub(super) use profile::{FunctionRow, ProfileView, Shares, SideView};
pub(super) use row::{Row, level};
pub(super) use shift::{ShiftPoint, ShiftView, Shifted, logit};
pub(super) use step::StepView;
pub(super) use summary::{Part, RoundView, Strip, Summary};
pub(super) use timeline::{Held, Point, Timeline, held};
pub(super) use trust::{SUSPECT, TrustView};
