//! The keys of `[target]`.

use crate::diagnostic::scenario as codes;
use crate::units::Unit;

use super::grammar::{Kind, Rule, Table};
use super::kinds::{
    ANY, MOST_CONNECTIONS, PATH, STATUS, WORD, elsewhere, not_now, now, optional, rate, required,
    slug, text, time, whole,
};
use super::limits;

pub(super) static TARGET: Table = Table {
    noun: "the target",
    keys: &[
        optional(
            "url",
            text(
                "a URL",
                Some("^https?://[^/?#@ ]+(/[^?# ]*)?$"),
                "http://127.0.0.1:8080",
            ),
            "Address and base path, http://HOST:PORT/BASE or https://. With a command it may be left out: http://127.0.0.1:{port} is meant.",
        ),
        optional(
            "unix",
            text("a path of a socket", Some("^/"), "/run/app.sock"),
            "Socket file to connect to in place of the address in `url`, which still gives the host header.",
        ),
        optional(
            "command",
            Kind::List(&WORD),
            "Program and arguments, started afresh for every round and stopped after it. `{port}` becomes a free port, in place of the one in `url`.",
        ),
        optional(
            "env",
            Kind::Map(&ANY),
            "Environment of the command, added to Plimsoll's own; `{port}` is replaced.",
        ),
        optional(
            "limits",
            Kind::Table(&LIMITS),
            "What the kernel holds each process of the command to.",
        ),
        optional(
            "ready",
            Kind::Table(&READY),
            "How to know that the target can be loaded. Default: it accepts a connection within 10s.",
        ),
        optional(
            "timeouts",
            Kind::Table(&TIMEOUTS),
            "When a request is given up. It then counts as an error and, in the latency, as at least that long.",
        ),
        optional(
            "http",
            Kind::Table(&HTTP),
            "Version of HTTP, and how connections are made and used.",
        ),
        optional(
            "tls",
            Kind::Table(&TLS),
            "Of an https target: whom to trust, and who we are.",
        ),
        optional(
            "metrics",
            Kind::List(&PATH),
            "Paths at which the target tells its own metrics, in Prometheus text format or OpenMetrics; read once a second.",
        ),
        optional(
            "process",
            Kind::Table(&PROCESS),
            "Which processes the target is, where Plimsoll does not start it: their CPU, memory, threads, descriptors and sockets are then recorded.",
        ),
    ],
    rules: &[
        Rule::AtLeastOne {
            keys: &["url", "command", "unix"],
            code: &codes::MISSING_KEY,
            help: "add url = \"http://127.0.0.1:8080\", or command = [\"./server\", \"--port\", \"{port}\"] to have it started",
        },
        Rule::Needs {
            key: "env",
            other: "command",
            help: "only a program that Plimsoll starts gets an environment from it: add command = [...], or leave `env` out",
        },
        Rule::Needs {
            key: "limits",
            other: "command",
            help: "only a program that Plimsoll starts can be limited by it: add command = [...], or leave `limits` out",
        },
        Rule::AtMostOne {
            keys: &["command", "process"],
            help: "what Plimsoll starts is observed without being named; leave `process` out",
        },
    ],
};

static LIMITS: Table = Table {
    noun: "limits",
    keys: &[
        optional(
            "memory",
            Kind::Quantity {
                unit: Unit::Bytes,
                zero: false,
                example: "256MiB",
            },
            "Private writable memory of a process: beyond it an allocation fails.",
        ),
        optional(
            "open-files",
            whole(8, 1 << 20, 64),
            "Descriptors of a process: beyond it opening and accepting fail.",
        ),
        elsewhere(
            "cpu",
            "a limit of a process cannot slow it down; start it in a control group: command = [\"systemd-run\", \"--user\", \"--scope\", \"-p\", \"CPUQuota=50%\", ...]",
        ),
    ],
    rules: &[Rule::AtLeastOne {
        keys: &["memory", "open-files"],
        code: &codes::MISSING_KEY,
        help: "add memory = \"256MiB\" or open-files = 64",
    }],
};

static PROCESS: Table = Table {
    noun: "the process",
    keys: &[
        optional(
            "pid-file",
            text("a path", None, "/run/nginx.pid"),
            "File with the id of a process; its children and its group belong to it.",
        ),
        optional(
            "port",
            whole(1, 65_535, 8080),
            "TCP port: whoever listens on it, and their children.",
        ),
        optional(
            "name",
            text("a name", Some("^[^/]+$"), "nginx"),
            "Name of the program: all processes that are called so, and their children.",
        ),
        optional(
            "cgroup",
            text("a control group", None, "system.slice/shop.service"),
            "Path of a control group below /sys/fs/cgroup: all processes in it. Its limits are recorded too.",
        ),
    ],
    rules: &[
        Rule::AtLeastOne {
            keys: &["pid-file", "port", "name", "cgroup"],
            code: &codes::MISSING_KEY,
            help: "say how to find it: process = { port = 8080 }",
        },
        Rule::AtMostOne {
            keys: &["pid-file", "port", "name", "cgroup"],
            help: "one of them finds all processes; leave the other out",
        },
    ],
};

pub(super) static HEALTH: Table = Table {
    noun: "a health probe",
    keys: &[
        required("name", slug("database"), "Name of the component."),
        required(
            "get",
            PATH,
            "Path to GET, below the base of the URL, before each round and during it.",
        ),
        optional(
            "every",
            time("5s"),
            "Pause between two probes during a round. Default 5s.",
        ),
        optional(
            "status",
            STATUS,
            "Status that means healthy. Default: any 2xx.",
        ),
        optional(
            "timeout",
            time("1s"),
            "From connecting to the last byte of the answer; 10s at most. Default 1s.",
        ),
        optional(
            "read",
            Kind::List(&POINTER),
            "JSON pointers to numbers of the answer, recorded each time; true counts as 1, false as 0.",
        ),
    ],
    rules: &[],
};

static POINTER: Kind = text("a JSON pointer", Some("^/"), "/overall_score");

static READY: Table = Table {
    noun: "ready",
    keys: &[
        optional(
            "get",
            PATH,
            "Path to GET, below the base of the URL, until it answers `status`.",
        ),
        optional("status", STATUS, "Status that means ready. Default 200."),
        optional("within", time("10s"), "How long to wait. Default 10s."),
    ],
    rules: &[Rule::Needs {
        key: "status",
        other: "get",
        help: "say what to ask: ready = { get = \"/health\", status = 200 }",
    }],
};

pub(super) static TIMEOUTS: Table = Table {
    noun: "timeouts",
    keys: &[
        optional(
            "connect",
            time("1s"),
            "To establish a connection. Default 1s.",
        ),
        optional(
            "first-byte",
            time("5s"),
            "From the send to the first byte of the answer. Default 5s.",
        ),
        optional(
            "total",
            time("10s"),
            "From the start to the last byte of the answer, and the longest wait for a free connection. Default 10s.",
        ),
        optional(
            "tls",
            time("2s"),
            "For the TLS handshake, once connected. Default 2s.",
        ),
    ],
    rules: &[],
};

static HTTP: Table = Table {
    noun: "http",
    keys: &[
        optional(
            "version",
            Kind::Choice(&[now("1.1"), now("2"), not_now("3"), now("auto")]),
            "Version of HTTP; auto is what the target prefers over https, and 1.1 over http. Default 1.1.",
        ),
        optional(
            "connections",
            whole(1, MOST_CONNECTIONS, 50),
            "Most connections open at once in a `rate` phase. Default 50.",
        ),
        optional(
            "streams",
            whole(1, limits::STREAMS, 100),
            "Most requests outstanding at once on one HTTP/2 connection. Default 100.",
        ),
        optional(
            "keep-alive",
            Kind::Flag,
            "False to open a connection for every request. Default true.",
        ),
        optional(
            "requests-per-connection",
            whole(1, limits::REQUESTS, 1000),
            "A connection is closed after so many requests. Default: never.",
        ),
        optional(
            "lifetime",
            time("60s"),
            "A connection is closed after the first request that ends beyond this age. Default: never.",
        ),
        optional(
            "nodelay",
            Kind::Flag,
            "False to let the kernel collect small packets (Nagle). Default true.",
        ),
        optional(
            "coalesce",
            time("500us"),
            "What falls due within so much time leaves together: less CPU for a request at high rates, and so much less precise. Default: each request at its time.",
        ),
        optional(
            "source",
            text("an IP address", Some("^[0-9A-Fa-f.:]+$"), "127.0.0.2"),
            "Local address to connect from.",
        ),
        optional(
            "connect-to",
            text(
                "a host and a port",
                Some("^[^/?#@{} ]+:[0-9]{1,5}$"),
                "127.0.0.1:8443",
            ),
            "Where to connect to instead of the address in `url`, which stays in the host header and in TLS.",
        ),
        optional(
            "max-in-flight",
            whole(1, limits::IN_FLIGHT, 1000),
            "Most requests that wait or are being answered at once. Default: no limit.",
        ),
        optional(
            "overflow",
            Kind::Choice(&[now("queue"), now("drop"), now("fail")]),
            "What happens to a request that is due beyond `max-in-flight`: it waits, is dropped and counted as an error, or the run fails. Default queue.",
        ),
        optional(
            "max-rate",
            rate("100/s", false),
            "Most requests a second, whatever the load: connections and users wait for their turn, and what a rate makes due beyond it is withheld. Default: no limit.",
        ),
        optional(
            "burst",
            whole(1, limits::IN_FLIGHT, 20),
            "Requests that may leave at once after a silence, within `max-rate`. Default 1.",
        ),
    ],
    rules: &[
        Rule::Needs {
            key: "overflow",
            other: "max-in-flight",
            help: "say how many are too many: max-in-flight = 1000",
        },
        Rule::Needs {
            key: "burst",
            other: "max-rate",
            help: "say which rate it is a burst of: max-rate = \"100/s\"",
        },
    ],
};

static TLS: Table = Table {
    noun: "tls",
    keys: &[
        optional(
            "ca",
            text("a file name", None, "ca.pem"),
            "File with the certificates to trust instead of the system's, PEM, in the folder of the scenario or below.",
        ),
        optional(
            "certificate",
            text("a file name", None, "client.pem"),
            "File with our own certificate, to show when asked, PEM.",
        ),
        optional(
            "key",
            text("a file name", None, "client.key"),
            "File with the private key of `certificate`, PEM.",
        ),
        optional(
            "server-name",
            text("a host name", Some("^[0-9A-Za-z._-]+$"), "shop.test"),
            "Name to ask for and to check in place of the host in `url`.",
        ),
        optional(
            "verify",
            Kind::Flag,
            "False to accept any certificate; every report then says so. Default true.",
        ),
    ],
    rules: &[
        Rule::Needs {
            key: "certificate",
            other: "key",
            help: "a certificate is shown by whoever holds its key: add key = \"client.key\"",
        },
        Rule::Needs {
            key: "key",
            other: "certificate",
            help: "a key belongs to a certificate: add certificate = \"client.pem\"",
        },
    ],
};
