//! PL02: runs and baselines on disk.

super::codes! {
    NO_RUN = "PL0201", "no such run",
        "A run is named by `last`, `last~1`, a prefix of its id, or the path of its folder. Nothing under reports/ matches.",
        "plimsoll report 9f3c";
    AMBIGUOUS_RUN = "PL0202", "several runs match",
        "A prefix of an id names a run only if no other run begins with it. Write as much of the id as it takes.",
        "plimsoll report 2026";
    INPUT_OUTPUT = "PL0203", "a stored file cannot be read or written",
        "The operating system refused to read or write a file of a run or a baseline: no space, no permission, or a failing disk. Whole files are replaced in one step, so the old state is intact; a run log keeps every interval that was written.",
        "cannot write reports/checkout/20261122T090000Z-9f3c1a2b/run.plog: No space left on device";
    DAMAGED = "PL0204", "a stored file is damaged",
        "A checksum or a count does not agree with the bytes. A run log that merely ends early is shown as a partial run; this file has something wrong in its middle, so nothing in it can be relied on and nothing of it is shown.",
        "reports/checkout/20261122T090000Z-9f3c1a2b/run.plog is damaged at byte 4096: wrong checksum";
    NEWER = "PL0205", "a stored file is newer than this Plimsoll",
        "Every stored file has a schema number. This one is greater than any this version knows, and guessing at its meaning could turn into wrong numbers.",
        "baselines/checkout/HEAD.json has schema 2, and this Plimsoll reads up to 1";
    BAD_NAME = "PL0206", "a name that cannot be a folder",
        "Names of scenarios and runs become names of folders, so they may not contain slashes, spaces or control characters, nor begin with a dot.",
        "../../etc";
    CONFLICT = "PL0207", "the baseline changed in the meantime",
        "Saving a baseline is compare-and-set: it succeeds only on the revision that was looked at. Somebody else saved one first. Theirs is kept, nothing of yours was written.",
        "the baseline of `checkout` is at revision 4, not 3";
    UNFIT = "PL0208", "this cannot be stored",
        "The record is larger than a reader accepts, holds a number that is not finite, or cannot follow what is already there. Writing it would make a file that nobody can read back.",
        "run.plog: an interval of 70 MiB is larger than the limit of 64 MiB";
    MISSING = "PL0209", "an accepted baseline is missing",
        "The ledger of a scenario is append-only: every acceptance names the ones before it and HEAD.json counts them. A file that should be there is gone, and comparing with an older one instead would be a wrong answer.",
        "baselines/checkout/HEAD.json counts 3 acceptances, and 2 are there";
    NO_BASELINE = "PL0210", "no baseline to compare with",
        "A check compares with accepted rounds, and none are accepted for this scenario. A gate without a reference would always be \
         green, so the check exits 3 instead of passing.",
        "plimsoll check checkout        (baselines/checkout/ does not exist)";
    NOT_COMPLETE = "PL0211", "the run is not complete",
        "The run was interrupted or its process was killed before it was sealed. It can be shown with `report`, but it has seen only a part \
         of the plan and is never judged, compared or accepted.",
        "plimsoll compare last~1 last        (last was killed)";
    NOT_ACCEPTABLE = "PL0212", "the run cannot become a baseline",
        "Only a complete run of the same scenario with a valid measurement may become the reference, because everything later is judged by it.",
        "plimsoll baseline save checkout --run 20261122T0900        (it was interrupted)";
    ONLY_A_PART = "PL0213", "the run is a part of its plan",
        "The run was measured with `--shard` and has sent only its share of the load, so it can be shown and neither compared nor accepted. \
         Put all parts together first.",
        "plimsoll baseline save checkout --run last        (last is part 2 of 5)";
    NOT_MERGEABLE = "PL0214", "these are not the parts of one measurement",
        "`merge` puts runs together that were measured with `--shard` at the same time. They must have the same scenario, plan, seed and \
         start, all be complete, and be all parts of the plan, each once: anything else does not add up to the load of the plan.",
        "plimsoll merge last last~1        (missing: part 3/3)";
    NO_SPACE = "PL0218", "the run would not fit on the disk",
        "What a run will take is worked out from its plan: its rounds, their seconds, and the steps in them. A run that would fill the disk is \
         not begun, because it would end as a partial one, which no gate accepts.",
        "reports has room for 12 MiB, and the run needs about 106 MiB";
    HEAD_DISAGREES = "PL0220", "HEAD.json disagrees with the acceptances",
        "HEAD.json says which acceptances are current, and is derived from them. It is behind, lost or damaged: a save was cut off, or git \
         merged two branches. Reading works it out anew; `baseline verify --repair` writes it.",
        "baselines/checkout/HEAD.json is at revision 3, and the entries make 4";
    STRAY = "PL0221", "a file does not belong into the ledger",
        "A ledger holds one file for each entry, named by the hash of its content, and HEAD.json. This file is named otherwise, belongs to \
         another scenario, or was pruned and should be gone.",
        "baselines/checkout/copy.json does not belong here: its name is no content hash";
    NOT_PROMOTABLE = "PL0222", "the run cannot be added to the baseline",
        "`baseline promote` adds rounds to those that are accepted, so they must be repetitions of one measurement: the same plan, the same \
         kind of machine, one target at a time, and no round twice. `baseline save` begins anew instead.",
        "plimsoll baseline promote last        (the run has another plan)";
    UNCONFIRMED = "PL0223", "an improvement is not confirmed",
        "A run that is better than the baseline would make every later run look worse. A lucky hour, a warm cache or a target that answers \
         without doing its work look like improvements too, so a second run must show the same before it is accepted.",
        "plimsoll baseline promote last --confirmed-by last~1";
    REASON_NEEDED = "PL0224", "a regressed run needs a reason",
        "A run that is worse than the baseline would make every later run look better. It can be accepted, with the reason that later readers \
         will ask for.",
        "plimsoll baseline promote last --reason \"the audit log costs 3 %\"";
    NO_ACCEPTANCE = "PL0225", "no such acceptance",
        "An acceptance is named by the beginning of its content hash, by its label, or as `current`; a run by `last` or the beginning of its \
         id. Nothing in the ledger and no run matches.",
        "plimsoll baseline diff checkout v1.7 current";
    NOT_FOLDABLE = "PL0226", "the acceptances cannot be folded into one baseline",
        "Git merged branches that both changed the baseline, and the acceptances that are current now are no repetitions of one measurement, so \
         together they would be a reference for nothing. `baseline fold --only` keeps those of one branch.",
        "plimsoll baseline fold checkout --reason \"merged\"        (the branches measured two plans)";
    DOUBTFUL_LOCK = "PL0227", "the lock of the ledger cannot be relied on",
        "Who changes a baseline locks its folder, so that of two at once one waits. On a network file system such a lock may hold on this \
         machine alone. Each acceptance is a file of its own, so nothing is lost all the same; but two who promote at the same moment from two \
         machines may both succeed, with neither judged against the other's rounds.",
        "baselines/checkout is on NFS";
    NO_HISTORY = "PL0230", "no run to make a history of",
        "A history is of complete and valid runs of a scenario, each measured whole. There is none: the scenario was never run under this \
         root, or every run was left out, for the reasons that are named.",
        "plimsoll history checkout        (reports/checkout/ does not exist)";
    NOT_FOLLOWED = "PL0231", "the runs do not have this metric",
        "A history can be asked for any metric that its runs have, of the whole scenario or of the part that a threshold names. A metric that \
         no run has is refused, since an empty history would look like one without a change.",
        "plimsoll history checkout --metric latency.p98";
    BAD_SERIES = "PL0232", "a file of values that cannot be read",
        "A series is a CSV file: a line with names, then a line for every run, oldest first. Columns named `date`, `commit` and `version` say \
         what a run was; every other column holds the values of one metric, as plain numbers or with a unit. An empty cell means: not measured.",
        "date,commit,latency.p50\n2026-11-22,9f3c1a2b,fast";
    INDEX = "PL0233", "the index of runs cannot be used",
        "reports/.history.sqlite is derived from the run folders and is built again whenever it is missing, damaged or of another version, \
         in memory where the folder cannot be written. Even that was not possible.",
        "the index reports/.history.sqlite cannot be used: out of memory";
    NO_LEVEL = "PL0234", "no level to accept",
        "`history accept` records the present level of a metric, the mean of its latest runs since the last change. The metric has no value \
         in any run of the present series.",
        "plimsoll history accept checkout --metric capacity.knee --reason \"...\"";
    OUTSIDE = "PL0235", "a folder leads out of the project",
        "Runs, baselines and levels are written below the root of the project and nowhere else. A symbolic link among their folders leads \
         to another place, so nothing is written.",
        "reports/checkout leads out of the project, to /home/ada/.ssh";
    NO_COMMIT = "PL0236", "the commit cannot be read",
        "`--policy-from` names a branch, a tag or a commit, whose files are read with `git`. It is not in this repository, perhaps because only \
         the commit under test was fetched, or `git` is not there. Nothing is measured then: a gate that is not found would be no gate.",
        "plimsoll check checkout --policy-from origin/main        (git fetch origin main)";
    NO_POLICY = "PL0237", "the policy does not fit the load",
        "With `--policy-from` the thresholds come from another commit and the load from this checkout. Each threshold needs the step, journey or \
         phase it is about: without it nothing would be left to judge, and what a change takes away would be what it is not judged by. A scenario \
         that the commit does not have at all has no policy there.",
        "the policy limits `pay`, and this checkout has no such step";
    POLICY_DEPARTS = "PL0238", "this checkout departs from the policy",
        "With `--policy-from` the thresholds, alerts, allow-hosts, baselines and [check] of plimsoll.toml of another commit judge. This checkout says \
         otherwise: what it says is listed, and not followed. A load that differs is listed too, since the load is always that of the checkout.",
        "plimsoll check checkout --policy-from origin/main        (max = \"250ms\" there, \"2s\" here)";
}
