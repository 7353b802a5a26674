//! PL05: reports and what CI reads.

super::codes! {
    UNKNOWN_FORMAT = "PL0501", "unknown output format",
        "The format of an output is taken from the file name or from a prefix such as `md:`. This one names no format Plimsoll can write.",
        "plimsoll report last -o result.xyz";
    UNWRITABLE = "PL0502", "cannot write the output",
        "Standard output or the file named by -o cannot be written. The run itself is stored, so the report can be rendered again with `plimsoll report`.",
        "plimsoll report last -o /proc/report.html";
    EXISTS = "PL0503", "the file exists",
        "`plimsoll init` writes new files only, so that nothing you wrote is ever lost.",
        "plimsoll init checkout        (scenarios/checkout.toml exists)";
    NO_TOPIC = "PL0504", "nothing to explain",
        "`plimsoll explain` knows error codes, metrics, verdicts, error classes and the exit codes; `plimsoll explain` alone lists them.",
        "plimsoll explain latency.p98";
    CROWDED = "PL0505", "two outputs for standard output",
        "Standard output holds one document, so that it can be piped into a program that reads it. Two outputs were asked to go there, of `--json` and every `-o` that ends in `:-`; nothing was measured yet.",
        "plimsoll run checkout --json -o md:-";
    NOT_LEARNT = "PL0509", "nothing to learn from",
        "`plimsoll init --from` makes steps of the operations of an OpenAPI document (3.x or Swagger 2.0, JSON or YAML) or of the requests in a HAR file. This file is neither, or has none that could be sent; nothing was written.",
        "plimsoll init shop --from notes.txt";
    NOT_SERVED = "PL0512", "the runs cannot be served",
        "`plimsoll serve` listens on a port of 127.0.0.1, a free one unless `--port` names it. It could not: the port is taken, or is \
         below 1024, which only root may use.",
        "plimsoll serve --port 80        (the runs cannot be served: Permission denied)";
}
