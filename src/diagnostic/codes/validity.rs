//! PL03: is the measurement itself sound?

super::codes! {
    CONSERVATION = "PL0301", "requests do not add up",
        "Every request that was due must be sent or reported unsent, and every request sent must be answered, failed or still in flight. \
         The sums differ, so something was lost and no number of this run may be trusted. This is a defect of Plimsoll: please report it.",
        "due 2000 = sent 1998 + unsent 1";
    NO_SAMPLES = "PL0302", "nothing was measured",
        "No request was due in a measured phase, or every round was cut short. A gate without samples never passes. Check that a phase \
         without `warm-up` has a rate and a duration, and that the run was not interrupted.",
        "no request was measured (now)";
    STEP_NOT_MEASURED = "PL0303", "a step was never sent",
        "Every step the scenario declares must have had requests in a measured phase; otherwise a slow step could hide behind a low \
         weight. Measure for longer, or raise the weight of the step.",
        "step `pay` had no request in a measured phase (now)";
    METRIC_NOT_MEASURED = "PL0304", "a threshold could not be judged",
        "A threshold names a metric that has no value. Process metrics such as `cpu.per-request` need a target that Plimsoll starts \
         itself (`command`), or one whose processes are named (`process`). A threshold that cannot be judged fails closed.",
        "cpu.per-request gates and was not measured";
    RATE_NOT_HELD = "PL0305", "the asked rate was not offered",
        "The generator offered less than 95 % of the requests the plan asks for, so the target was under another load than the one \
         compared with. Requests that could not be sent because the target kept all connections busy count as its errors, not here.",
        "the rate was not held: 3,412 of 4,000 requests were offered in one round";
    LATE_GENERATOR = "PL0310", "the load generator was late",
        "Requests left later than the plan asked, so the latencies describe the generator and not the target. Lower the rate, \
         give the generator a core of its own, or quieten the machine.",
        "3.1 % of requests left late (allowed 1 %) while a generator thread was 92 % busy (now)";
    GENERATOR_ERRORS = "PL0311", "the load generator ran out of resources",
        "Requests failed because this process ran out of descriptors or this machine out of local ports. These failures say nothing \
         about the target; above 0.1 % of the requests the run is invalid. Raise `ulimit -n`, lower the rate, or use fewer connections.",
        "214 requests failed for want of local descriptors or ports (now)";
    NOISY_MACHINE = "PL0312", "the machine was busy with something else",
        "Steal by the hypervisor over 2 %, CPU pressure 20 points over the idle machine, a lateness p99 over 1 ms, or a generator thread \
         over 80 % busy spoils the times of a round. So does any second in which a load thread waited for a core for 15 % of it or stood \
         still for 100 ms, a CPU quota held the generator back for 1 %, a clock was set by 10 ms, 10 pages were fetched back from a disk, \
         the record fell behind by a second, or 0.1 % of the requests missed a descriptor or a port. Spoiled rounds are left out of timing metrics by these limits alone, whatever they \
         measured; CPU per request, memory and errors of the same rounds stay usable.",
        "the machine spoiled 5 of 10 rounds (steal 31 %)";
    NO_KNEE = "PL0313", "a search for capacity found no knee",
        "The first level failed already, or no level could be judged, so there is no rate of which it could be said that the target holds \
         it. Nothing that was asked of the capacity can pass. Lower `from`, raise the limit `under`, lengthen the rounds, or quieten the \
         machine; the report shows what each level did.",
        "no knee was found: capacity is below 100/s: the first level failed";
    ONE_SIDED = "PL0314", "a search for capacity has one side",
        "`--against-command` and `--against-url` measure both sides in turn under the same load. The levels of a search follow from what \
         one target answered, so there is no load that both sides would share. Save the result of one build as a baseline and check the \
         other against it.",
        "a search for capacity cannot be measured in turn with ./old/shop --port {port}";
    BUDGET = "PL0315", "the time budget does not fit",
        "`check --time-budget` never begins a round that cannot end within the budget. Two rounds of each side (four of a duet) are the \
         least that can tell anything, so a budget shorter than these is refused before anything is sent. A round takes its phases, and \
         about two seconds to start the target and to wait for the last answers. A search for capacity takes no budget.",
        "20 s are too short: 2 pairs of about 32 s are needed";
    MISMATCH = "PL0320", "the reference was measured elsewhere",
        "CPU model, number of cores, CPU quota, architecture or the plan differ from those of the reference, so a difference would not be \
         the target's. Measure both sides on this machine (`check --against-command`), save a new baseline here, or compare all the same \
         with `--allow-mismatch` and take the verdict as advice.",
        "not comparable with the reference: cores: 8 → 2";
    GUARD_OPENED = "PL0330", "the guard opened",
        "More requests failed than `errors-over` of [guard] allows, so the load was held back or the run was ended. Part of the plan was \
         not sent, and what was withheld counts as not answered: such a run passes no gate, whatever else it shows (exit 1). The report \
         shows on its time axis when the guard was open.",
        "the guard opened after 12 s: 63 % of 1204 requests failed within 10 s; load was held back for 5 s";
    LIMIT_ENDED = "PL0331", "a limit ended the run",
        "A threshold with `abort = true` was broken while the load was running, on enough requests to tell, so the run was drained and \
         ended there (exit 1). The values of the round that was cut short are shown and not judged, but for the limit that ended it.",
        "latency.p99 was 480 ms after 12 s, over its limit of 250 ms; the run was ended there";
    ALERT_FIRED = "PL0340", "an alert fired",
        "The expression of an alert held for as long as its rule says. With `--fail-on-alert critical`, `warning` or `any` such a run fails \
         (exit 1); without it the alert is shown and decides nothing.",
        "alert `PoolNearlyFull` (warning) fired at 42 s of round 1";
    ALERT_UNEVALUATED = "PL0341", "an alert could not be evaluated",
        "With the series that were there the expression had no value, such as when two series match where one may. The alert said nothing \
         in that time; `on`, `ignoring` or an aggregation makes the sides go together.",
        "alert `Lag` was not evaluated at 3 s of round 1: several series on the right match {}";
    BUNDLE_TAKEN = "PL0345", "a diagnostic bundle was taken",
        "Something critical opened while a round ran: nothing was answered for three seconds, the guard opened, a critical alert fired, or \
         the target was gone. What could be read of target and machine at that moment is in an archive beside the run, without secrets. \
         Its index.html says what the threads wait for and lists the rest. One is taken a round at most, three a run, and the latest 50 are kept.",
        "a diagnostic bundle was taken in round 1, because nothing was answered for 3 s while requests waited";
}
