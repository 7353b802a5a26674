//! PL07: numbers that others measured.

super::codes! {
    UNREADABLE = "PL0701", "a file of numbers cannot be read",
        "A file or folder to be compared or imported does not exist, cannot be read, is no text, or is larger than the limit of 64 MiB.",
        "plimsoll compare --values before.csv after.csv        (after.csv does not exist)";
    NOT_A_VALUE = "PL0702", "a cell is not a value",
        "Every cell of a file of values is one finite number. A known metric takes its unit, such as 12.5ms; a number alone is taken in the \
         base unit of the JSON report: nanoseconds, per second, shares of one, bytes. A column is written with units or without, not with \
         both. An empty cell or NaN is no value of the round and is not passed over, because a round without its value is no evidence.",
        "latency.p50,build\n12.5ms,\n";
    RAGGED = "PL0703", "a row has too few or too many cells",
        "A file of values has one column for each metric and one row for each round, so every row has as many cells as the header has names.",
        "latency.p50,latency.p99\n12ms,40ms\n13ms\n";
    NO_VALUES = "PL0704", "there is nothing to compare",
        "A file of values begins with a line of names and has at least one row of values below it. A comparison without values never passes.",
        "latency.p50,latency.p99\n";
    DUPLICATE_COLUMN = "PL0705", "two columns of the same name",
        "A metric has one value in a round, so its name heads one column.",
        "latency.p50,latency.p50\n12ms,13ms\n";
    ONE_SIDED_COLUMN = "PL0706", "a column of one file only",
        "Both files have the same columns, in any order, each with the same unit and direction: what only one side has cannot be compared, \
         and leaving it out silently could hide a regression.",
        "plimsoll compare --values before.csv after.csv        (only after.csv has latency.p99)";
    BAD_COLUMN = "PL0707", "a column without a usable name",
        "A column is headed by a metric of Plimsoll, or by any other name of letters, digits, blanks, `-`, `_`, `.` and `/`. Of such a one \
         less is better, unless `:higher` follows the name.",
        "latency.p50,requests done:higher\n12ms,5120\n";
    UNPAIRED = "PL0708", "the rows do not make pairs",
        "With --paired, row i of one file and row i of the other were measured next to each other. Both files then have as many rows.",
        "plimsoll compare --values before.csv after.csv --paired        (5 rows and 6)";
    UNKNOWN_KIND = "PL0709", "which tool wrote this is not plain",
        "`import` knows criterion, hyperfine, k6, wrk, oha, HdrHistogram logs and JMeter results, and tells them by their content. This \
         file looks like none of them.",
        "plimsoll import notes.txt";
    BROKEN_IMPORT = "PL0710", "not what the tool writes",
        "The file lacks something that every file of its tool has, or holds something that none has. Numbers from a file that was cut off \
         or changed would be wrong, so nothing of it is imported.",
        "plimsoll import --from wrk wrk.txt        (no line `Requests/sec:`)";
    MIXED_IMPORT = "PL0711", "these files are no rounds of one run",
        "Several files become the rounds of one run: repetitions of the same measurement. They must come from the same tool in the same \
         version, and as far as they say, under the same load against the same target.",
        "plimsoll import wrk-1.txt oha-1.json";
    RULES_UNREADABLE = "PL0720", "a file of rules cannot be read",
        "A file of alert rules does not exist, cannot be read, is no text, or is larger than 1 MiB.",
        "plimsoll check checkout --rules rules/service.yml        (there is no such file)";
    BAD_RULES = "PL0721", "not a file of alert rules",
        "A file of rules is YAML as Prometheus reads it: `groups`, each with a `name`, an `interval` and `rules`, each with `alert`, `expr`, \
         `for`, `labels` and `annotations`. Recording rules (`record`), aliases and other keys are refused, since rules that are passed \
         over would be alerts that never fire.",
        "groups:\n  - name: service\n    rules:\n      - record: job:errors\n        expr: sum(errors_total)";
}
