//! PL06: the machine Plimsoll runs on.

super::codes! {
    UNREADABLE_PROC = "PL0601", "cannot read process figures",
        "CPU, memory and descriptors of the target are read from /proc. This machine does not let Plimsoll read them, so resource \
         metrics are missing; thresholds on them make the run invalid.",
        "/proc/4242/task: Permission denied";
    NO_ROOT = "PL0602", "no such project folder",
        "Scenarios, baselines and reports live below one project folder, by default the current one. The folder named by --root does not exist.",
        "plimsoll --root ../shop check checkout";
    NO_SIGNALS = "PL0603", "cannot listen for signals",
        "Ctrl-C ends a run with its report written and its target stopped. This machine does not let Plimsoll listen for signals, so nothing is started.",
        "cannot listen for signals: Invalid argument";
    NO_ENGINE = "PL0604", "the load engine cannot work",
        "A worker of the load engine could not start its thread, its timer or its readiness queue. The round does not count.",
        "a load worker could not be started: Resource temporarily unavailable";
    NO_USERS = "PL0605", "virtual users cannot be run",
        "A `users` phase is walked by virtual users, each with a client of its own. They could not be launched, or cannot do what the \
         scenario asks for. The round does not count.",
        "this Plimsoll was built without virtual users, so it cannot run a `users` phase";
    NO_FAULTS = "PL0606", "the fault proxy cannot work",
        "The faults of a scenario are made by a proxy between the load and the target, which Plimsoll starts itself on a loopback port. It \
         could not be started, or could not go on. Each connection through it needs three descriptors. The round does not count.",
        "the fault proxy ran out of descriptors or ports";
    LIMIT = "PL0607", "a limit of this machine is too low for the plan",
        "Before a run its needs are held against the limits on open files and local ports. A `connections` or `users` phase surely opens all          of its connections; where they cannot be had the run would be invalid (PL0311), so nothing is sent. What a `rate` phase may need at          most is warned of, and so is a CPU quota below the cores that load threads and target may use.",
        "64 open files are allowed and 438 are needed";
}
