//! The symptoms, in words. Which signals make them out is the business of the rules.

/// A symptom as `explain` tells it.
#[derive(Debug, Clone, Copy)]
pub struct Symptom {
    pub name: &'static str,
    pub title: &'static str,
    /// What it looks like in a run.
    pub signals: &'static str,
    pub causes: &'static [&'static str],
    pub actions: &'static [&'static str],
    pub rules_out: &'static [&'static str],
}

/// The symptom of that name.
pub fn find(name: &str) -> Option<&'static Symptom> {
    CATALOGUE.iter().find(|s| s.name == name)
}

pub const CATALOGUE: [Symptom; 17] = [
    Symptom {
        name: "pool-exhausted",
        title: "connection pool exhausted",
        signals: "A pool is used to more than 80 %, or waits for one of its connections are given up; latency is up while CPU is not, and the requests in flight stay at one number; or what finds no free place fails at once and the others are served as fast as ever.",
        causes: &[
            "connections that are not given back on some path, most often on errors",
            "a pool smaller than the load needs: rate times the time each connection is held",
            "queries or calls that hold a connection longer than before",
        ],
        actions: &[
            "look for paths that return without releasing a connection",
            "compare how long a connection is held now and before",
            "size the pool by rate × holding time, then measure again",
        ],
        rules_out: &["utilisation of the pool below 80 % while latency is up"],
    },
    Symptom {
        name: "deadlock",
        title: "deadlock, or everything waits for one thing",
        signals: "Requests go on coming and none is answered any more; the target uses no CPU, its memory is flat, it reports no errors, and its threads wait for locks.",
        causes: &[
            "two locks taken in opposite order",
            "a lock held over a call that needs it again, or over a call that never returns",
            "all workers waiting for work that only a worker could do",
        ],
        actions: &[
            "take a thread dump or the bundle of `plimsoll diagnose --bundle` while it hangs",
            "look for locks that are taken in different orders",
            "give every wait a time limit",
        ],
        rules_out: &["answers that come again by themselves: then it was a pause"],
    },
    Symptom {
        name: "memory-leak",
        title: "memory grows under steady load",
        signals: "Resident memory of the target rises all through the measured time, after it has settled.",
        causes: &[
            "a cache or map without a bound",
            "listeners, timers or sessions that are never removed",
            "memory that the allocator keeps because it is fragmented",
        ],
        actions: &[
            "measure longer: a cache that fills comes to an end, a leak does not",
            "take heap profiles early and late and compare them",
            "set a threshold on `memory.rss.slope`",
        ],
        rules_out: &["growth that ends in a longer run"],
    },
    Symptom {
        name: "crash-loop",
        title: "the target ends and is started again",
        signals: "Connections are refused or reset in bursts, the target's processes vanish and come back, or the kernel killed one for want of memory.",
        causes: &[
            "a panic or unhandled error on some request",
            "the memory limit of its control group",
            "a supervisor that restarts it because a health check fails",
        ],
        actions: &[
            "read the target's output around the first refused connection",
            "look for out-of-memory kills in the kernel's log and the group's `memory.events`",
            "find the request that ends it: per-step errors tell which step came last",
        ],
        rules_out: &["a process that lives through the whole round"],
    },
    Symptom {
        name: "cpu-saturation",
        title: "the target has no CPU left",
        signals: "The target uses 90 % or more of the CPU it may use, or one of its threads of a whole core, and requests queue.",
        causes: &[
            "more load than this build can serve here",
            "more CPU work for each request than before",
            "one thread that does everything",
        ],
        actions: &[
            "compare cpu.per-request with the reference",
            "profile it under this load",
            "search for the rate that still holds: `search` in a phase",
        ],
        rules_out: &["CPU that is idle while requests wait"],
    },
    Symptom {
        name: "throttled",
        title: "stopped by a CPU quota",
        signals: "The control group of the target is throttled; or requests wait for up to a part of 100 ms in every second, while others are as fast as ever.",
        causes: &[
            "a CPU limit below what the load needs in bursts",
            "more threads than the quota has cores, which use it up at once",
        ],
        actions: &[
            "raise or remove the CPU limit, or set fewer threads",
            "look at `nr_throttled` in the group's `cpu.stat`",
        ],
        rules_out: &["`nr_throttled` that does not grow"],
    },
    Symptom {
        name: "slow-dependency",
        title: "something that the target waits for is slow",
        signals: "Latency and the requests in flight are up, CPU is not, no pool is full; durations of queries or calls, or a health probe, say which.",
        causes: &[
            "a slow query: a missing index, a lock in the database, a bigger table",
            "a slow service behind it",
            "more calls for each request than before",
        ],
        actions: &[
            "look at the duration of queries and calls over the same time",
            "count the calls that one request makes",
            "probe components: `[[health]]` in the scenario",
        ],
        rules_out: &["durations of all dependencies as before"],
    },
    Symptom {
        name: "cold-cache",
        title: "a cache is cold or does not help",
        signals: "The share of hits is low or falls, entries are evicted; or the first seconds are slow and become faster by themselves.",
        causes: &[
            "a cache emptied by a deployment or a restart",
            "more different keys than the cache holds",
            "keys that contain what changes with every request",
        ],
        actions: &[
            "give the phase before a `warm-up`",
            "compare the size of the cache with the number of keys in use",
        ],
        rules_out: &["a share of hits as before"],
    },
    Symptom {
        name: "rate-limited",
        title: "the target limits the rate",
        signals: "Requests are answered 429 Too Many Requests.",
        causes: &[
            "a rate limit in the target or a proxy before it",
            "all load coming from one address or one account",
        ],
        actions: &[
            "raise the limit for the test, or lower the load to below it",
            "spread the load over accounts with a data file",
        ],
        rules_out: &["no answer with status 429"],
    },
    Symptom {
        name: "retry-storm",
        title: "failures are multiplied by retries",
        signals: "Attempts for each request rise while some of them fail for passing reasons.",
        causes: &[
            "retries without back-off or budget",
            "a dependency that fails a share of its calls",
            "retries at several layers, which multiply",
        ],
        actions: &[
            "look at what fails first: retries are the echo",
            "limit retries by a budget and spread them by jitter",
        ],
        rules_out: &["one attempt for each request"],
    },
    Symptom {
        name: "consumer-lag",
        title: "a queue is filled faster than it is worked off",
        signals: "A lag or the depth of a queue grows all the time.",
        causes: &[
            "consumers slower than before",
            "too few consumers or partitions for this rate",
            "a consumer that is stuck on one message",
        ],
        actions: &[
            "compare the rates of producing and consuming",
            "look for one partition that alone lags",
        ],
        rules_out: &["a lag that stays at one level"],
    },
    Symptom {
        name: "lock-contention",
        title: "requests wait for each other's lock",
        signals: "Latency is up at low CPU, threads wait for locks in the kernel, and there are more voluntary context switches for each request.",
        causes: &[
            "a lock held over input or output",
            "a blocking call on threads that should never block",
            "one lock for what could be many",
        ],
        actions: &[
            "profile waiting, not CPU: off-CPU stacks of the target",
            "hold locks for less, or divide them",
            "see how throughput grows with concurrency: `search` fits the scalability law",
        ],
        rules_out: &["threads that wait for sockets and not for locks"],
    },
    Symptom {
        name: "pauses",
        title: "everything stops now and then",
        signals: "Again and again no request is answered for a while, then all at once; in between everything is as fast as ever.",
        causes: &[
            "garbage collection that stops the world",
            "a periodic task on the thread that serves",
            "flushing or compaction that blocks writers",
        ],
        actions: &[
            "match the times of the pauses with the target's log and collector",
            "move periodic work off the serving threads",
        ],
        rules_out: &["pauses that the generator or the machine had as well"],
    },
    Symptom {
        name: "descriptor-exhaustion",
        title: "out of descriptors, ports or connections",
        signals: "Open descriptors are near their limit, or connections beyond a number are cut off while the others are served as fast as ever.",
        causes: &[
            "sockets or files that are not closed",
            "a limit on open files below what the load needs",
            "a server's own limit on connections, such as `worker_connections` of nginx",
            "connections that are not kept alive, so that local ports run out",
        ],
        actions: &[
            "list descriptors by kind: the bundle has them",
            "raise `ulimit -n` for the target and measure whether they still grow",
        ],
        rules_out: &["descriptors that stay far below the limit while no connection is cut off"],
    },
    Symptom {
        name: "noisy-machine",
        title: "the machine was busy with something else",
        signals: "The hypervisor took CPU time, or tasks waited for a CPU that neither target nor generator used.",
        causes: &[
            "a neighbour on the same host",
            "another job on the same machine",
            "a CPU limit on the whole container",
        ],
        actions: &[
            "measure both builds interleaved: `check --against-command`",
            "gate on `cpu.per-request`, which suffers least",
            "`plimsoll doctor` says what costs how much",
        ],
        rules_out: &["steal and pressure near zero"],
    },
    Symptom {
        name: "generator-overloaded",
        title: "the load generator was the bottleneck",
        signals: "Requests left late, or a worker of this process used up its core.",
        causes: &[
            "more load than this machine can send",
            "target and generator sharing too few cores",
        ],
        actions: &[
            "lower the rate, give it more workers, or cores of its own",
            "`plimsoll doctor --instrument` measures what it can send here",
        ],
        rules_out: &["lateness of microseconds"],
    },
    Symptom {
        name: "generator-disturbed",
        title: "the load generator was held up by its own machine",
        signals: "It stood still, had no core or no CPU quota left, lost memory, could not write its record, ran out of descriptors or ports, or its clock was set.",
        causes: &[
            "a CPU or memory limit on the container that the generator runs in",
            "other work on the same cores, or a machine that was suspended",
            "a slow disk under `reports/`",
            "limits on descriptors or local ports below what the load needs",
        ],
        actions: &[
            "`plimsoll doctor` names the limit and how to raise it",
            "measure again: the disturbed rounds say nothing of the target",
        ],
        rules_out: &["rounds that are all clean"],
    },
];
