//! The requests of a plan, made ready before the load begins where they are the same for all.

use std::sync::Arc;

use crate::journey::{Redirection, Visit};
use crate::protocol::{Carrier, Look};
use crate::scenario::plan::{Entry, Load, Plan, Request, Step, Template, Url};

/// All of them, for one carrier.
#[derive(Debug)]
pub(super) struct Wires<C: Carrier> {
    url: Url,
    /// First one for each step, then those of recordings; None for requests that have gaps.
    ready: Vec<Option<C::Wire>>,
    /// For each step.
    looks: Vec<Look>,
    /// For each journey: nothing of it depends on an earlier answer, and it is one request.
    alone: Vec<bool>,
    /// For each phase: what it replays, and the index of its first request in `ready`.
    recordings: Vec<Option<(Arc<[Entry]>, usize)>>,
}

impl<C: Carrier> Wires<C> {
    pub(super) fn new(plan: &Plan, url: &Url) -> Self {
        let fixed = |request: &Request, gzip: bool| {
            let mut fill = |text: &Template, out: &mut Vec<u8>| out.extend(text.constant());
            C::wire(request, url, b"", gzip, &mut fill)
        };
        let mut ready: Vec<_> = plan
            .steps
            .iter()
            .map(|step| {
                let constant = step.request.is_constant();
                constant.then(|| fixed(&step.request, step.gzip))
            })
            .collect();
        let recordings = plan
            .phases
            .iter()
            .map(|phase| match &phase.load {
                Load::Replay(recording) => {
                    let first = ready.len();
                    ready.extend(recording.requests.iter().map(|r| Some(fixed(r, false))));
                    Some((Arc::clone(&recording.entries), first))
                }
                _ => None,
            })
            .collect();
        let mut cookies = vec![false; plan.steps.len()];
        for journey in &plan.journeys {
            cookies[journey.steps.clone()].fill(journey.cookies);
        }
        Self {
            url: url.clone(),
            ready,
            looks: plan
                .steps
                .iter()
                .zip(cookies)
                .map(|(step, cookies)| Look::of(step, cookies))
                .collect(),
            alone: plan
                .journeys
                .iter()
                .map(|journey| match &plan.steps[journey.steps.clone()] {
                    [step] => is_alone(step),
                    _ => false,
                })
                .collect(),
            recordings,
        }
    }

    /// True when a visit of this journey is one request that is the same for all and tried once.
    pub(super) fn is_alone(&self, journey: usize) -> bool {
        self.alone[journey]
    }

    /// Step and wire of an entry of a phase's recording.
    pub(super) fn recorded(&self, phase: usize, entry: usize) -> (usize, usize) {
        match &self.recordings[phase] {
            Some((entries, first)) => (entries[entry].step, first + entries[entry].request),
            // Only phases that replay have recorded arrivals.
            None => (0, 0),
        }
    }

    /// The target, with the port of this round.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn look(&self, step: usize) -> Look {
        self.looks[step]
    }

    /// The wire with this index.
    pub(super) fn get(&self, index: usize) -> Option<&C::Wire> {
        self.ready[index].as_ref()
    }

    /// What a visit has to send in a step, unless it sends what all send.
    pub(super) fn render(&self, plan: &Plan, step: usize, visit: &Visit) -> Option<C::Wire> {
        let cookie = visit.cookie();
        if cookie.is_empty() && self.ready[step].is_some() {
            return None;
        }
        let step = &plan.steps[step];
        let mut fill = |text: &Template, out: &mut Vec<u8>| visit.fill(plan, text, out);
        Some(C::wire(
            &step.request,
            &self.url,
            cookie,
            step.gzip,
            &mut fill,
        ))
    }

    /// What follows a redirect of a step.
    pub(super) fn redirected(
        &self,
        plan: &Plan,
        step: usize,
        visit: &Visit,
        to: &Redirection,
    ) -> C::Wire {
        let step = &plan.steps[step];
        let mut request = Request {
            method: to.method.clone(),
            path: Template::fixed(to.path.as_str()),
            ..step.request.clone()
        };
        if !to.keeps_body {
            request.body = Template::default();
            request
                .headers
                .retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
        }
        // The path is complete already.
        let root = Url {
            base: String::new(),
            ..self.url.clone()
        };
        let mut fill = |text: &Template, out: &mut Vec<u8>| visit.fill(plan, text, out);
        C::wire(&request, &root, visit.cookie(), step.gzip, &mut fill)
    }
}

fn is_alone(step: &Step) -> bool {
    step.request.is_constant()
        && step.captures.is_empty()
        && step.think.is_none()
        && step.retry.is_none()
        && step.redirects == 0
        && !step.gzip
}
