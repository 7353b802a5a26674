//! Checks `[[step]]` and `[[journey]]`: what visitors do, in which order, and what they carry along.

use std::collections::BTreeSet;

use super::plan::{Journey, Plan, Step};
use super::problems::Problems;
use super::section::{self, Section};
use super::template::{Known, Sources, Variable};
use super::{name, step};

/// All steps and the journeys they belong to, None where one is wrong.
#[derive(Debug, Default)]
pub(super) struct Visits {
    /// Each with the weight of its journey.
    pub steps: Vec<Option<(Step, u32)>>,
    journeys: Vec<Option<Journey>>,
}

pub(super) fn check(
    problems: &mut Problems<'_>,
    root: &Section<'_>,
    sources: &Sources<'_>,
) -> Visits {
    let alone = root.sections("step");
    let journeys = root.sections("journey");
    name::check(problems, &journeys, "journey");
    let mut all: Vec<_> = alone.clone();
    all.extend(journeys.iter().flat_map(|journey| journey.sections("step")));
    all.sort_by_key(|section| section.span.start);
    name::check(problems, &all, "step");
    section::count(problems, &all, "step");

    let mut visits = Visits::default();
    for section in &alone {
        visits.add_alone(problems, section, sources);
    }
    for section in &journeys {
        visits.add_journey(problems, section, sources);
    }
    visits
}

impl Visits {
    fn add_alone(
        &mut self,
        problems: &mut Problems<'_>,
        section: &Section<'_>,
        sources: &Sources<'_>,
    ) {
        let known = Known {
            sources,
            variables: &[],
            step: 0,
        };
        let weight = weight(section);
        let step = step::check(problems, section, &known);
        self.journeys.push(step.as_ref().map(|step| Journey {
            name: step.name.clone(),
            weight,
            steps: self.steps.len()..self.steps.len() + 1,
            variables: 0,
            cookies: false,
        }));
        self.steps.push(step.map(|step| (step, weight)));
    }

    fn add_journey(
        &mut self,
        problems: &mut Problems<'_>,
        section: &Section<'_>,
        sources: &Sources<'_>,
    ) {
        let sections = section.sections("step");
        let variables = variables(&sections);
        let weight = weight(section);
        let first = self.steps.len();
        for (number, section) in sections.iter().enumerate() {
            let known = Known {
                sources,
                variables: &variables,
                step: number,
            };
            let step = step::check(problems, section, &known);
            self.steps.push(step.map(|step| (step, weight)));
        }
        let name = section.text("name").map(|(name, _)| name);
        self.journeys.push(name.map(|name| Journey {
            name: name.to_owned(),
            weight,
            steps: first..self.steps.len(),
            variables: variables.len(),
            cookies: section.flag_unless("cookies"),
        }));
    }

    /// Names of the steps, those that could be read.
    pub(super) fn names(&self) -> Vec<String> {
        self.steps
            .iter()
            .map(|step| {
                step.as_ref()
                    .map_or_else(String::new, |(s, _)| s.name.clone())
            })
            .collect()
    }

    /// Hands steps and journeys to the plan; None when one is wrong.
    pub(super) fn into_plan(self, plan: &mut Plan) -> Option<()> {
        plan.journeys = self.journeys.into_iter().collect::<Option<_>>()?;
        plan.steps = self
            .steps
            .into_iter()
            .map(|step| step.map(|(step, _)| step))
            .collect::<Option<_>>()?;
        Some(())
    }
}

fn weight(section: &Section<'_>) -> u32 {
    section
        .whole("weight")
        .and_then(|(weight, _)| u32::try_from(weight).ok())
        .unwrap_or(1)
}

/// The values that the steps of a journey capture, by number.
fn variables(sections: &[Section<'_>]) -> Vec<Variable> {
    let mut seen = BTreeSet::new();
    let mut variables = Vec::new();
    for (step, section) in sections.iter().enumerate() {
        for entry in section.map("capture") {
            if seen.insert(&entry.key) {
                variables.push(Variable {
                    name: entry.key.clone(),
                    step,
                    step_name: section
                        .text("name")
                        .map_or_else(String::new, |(name, _)| name.to_owned()),
                });
            }
        }
    }
    variables
}
