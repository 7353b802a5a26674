//! PL01: scenario files.

super::codes! {
    NOT_FOUND = "PL0101", "no such scenario",
        "A scenario is named by a path to a TOML file, by its name (then scenarios/NAME.toml is read), or is a URL for a quick run. \
         None of these was found.",
        "plimsoll run chekout        (there is only scenarios/checkout.toml)";
    UNKNOWN_KEY = "PL0102", "unknown key",
        "The file has a key that Plimsoll does not know. It is refused rather than ignored: a misspelt threshold that is silently \
         skipped would leave the gate open.",
        "[[phase]]\nname = \"steady\"\nrte = \"200/s\"      # did you mean `rate`?";
    SYNTAX = "PL0103", "not TOML",
        "The file cannot be read as TOML, so nothing in it can be trusted to mean what was intended. Correct the place the caret \
         shows; the keys themselves are checked once the syntax holds.",
        "name = checkout             # texts need quotes: name = \"checkout\"";
    MISSING_KEY = "PL0104", "missing key",
        "A key without a sensible default is not there. Plimsoll guesses no rate, no duration and no limit, because a guessed load \
         is measured as exactly as an intended one.",
        "[[phase]]\nname = \"steady\"\nrate = \"200/s\"     # and how long? duration = \"60s\"";
    WRONG_TYPE = "PL0105", "wrong type of value",
        "The key is known, but takes another type of value: a text in quotes, a whole number, true or false, a list in brackets, or \
         a table in braces.",
        "weight = \"3\"                # a whole number: weight = 3";
    BAD_QUANTITY = "PL0106", "not a quantity",
        "Times, rates, sizes and shares are written with their unit. A bare number is refused because seconds and milliseconds \
         differ by a factor of a thousand and both look right.",
        "duration = \"10\"             # \"10s\" or \"10ms\"?";
    BAD_VALUE = "PL0107", "value not allowed",
        "The value has the right type but lies outside what the key allows. The message says what is allowed.",
        "status = 2000               # a status code is from 100 to 599";
    NOT_YET = "PL0108", "not supported yet",
        "The key or value belongs to the design of Plimsoll but this version cannot do it. It is refused, not ignored: a scenario \
         that runs without the part you asked for would measure something else.",
        "version = \"3\"               # this version knows HTTP/1.1 and HTTP/2";
    DUPLICATE = "PL0109", "named twice",
        "Two steps, journeys, phases, headers or thresholds have the same identity, so a result could not be told apart from the other.",
        "[[step]]\nname = \"pay\"\n[[step]]\nname = \"pay\"";
    CONFLICT = "PL0110", "keys that exclude or need each other",
        "Two keys say different things about the same matter, or one has no meaning without another. Keep the one you mean.",
        "json = { item = 1 }\nbody = \"item=1\"           # which of them is sent?";
    UNKNOWN_METRIC = "PL0111", "unknown metric",
        "A threshold names a metric that does not exist. `plimsoll explain metrics` lists all of them.",
        "metric = \"latency.p98\"      # p50 p90 p95 p99 p99.9 mean max";
    UNKNOWN_NAME = "PL0112", "no such step or phase",
        "A threshold is limited to a step or phase that the scenario does not have, or to one that is not measured. It could never \
         be broken.",
        "step = \"payment\"            # the step is called `pay`";
    NO_LIMIT = "PL0113", "a threshold without a limit",
        "A threshold needs `max` (or `min`), an absolute limit, or `max-change`, the change allowed against the reference.",
        "[[threshold]]\nmetric = \"latency.p99\"      # and how much is too much?";
    NOTHING_MEASURED = "PL0114", "nothing would be measured",
        "The scenario has no step, no phase, only warm-up phases, or a phase that sends no request. It would pass without having \
         looked at anything.",
        "[[phase]]\nname = \"warm-up\"\nrate = \"50/s\"\nduration = \"10s\"\nwarm-up = true              # the only phase";
    TOO_MUCH = "PL0115", "more load than one run can carry",
        "The rate, the connections, the length or the number of requests is beyond what one run of Plimsoll accepts: 1,000,000 \
         requests a second, 10,000 connections, seven days, 1,000,000,000 requests in one round. Usually a unit is wrong.",
        "rate = \"5000000/s\"";
    UNREADABLE = "PL0116", "the scenario file cannot be read",
        "The file exists but is no readable text: it is a folder, too large, not UTF-8, or reading is not permitted.",
        "plimsoll run scenarios/     # a folder";
    BODY_FILE = "PL0117", "the body file cannot be used",
        "`body-file` names a file beside the scenario, in its folder or below. Files outside are refused, so that a scenario of \
         somebody else cannot send your files to its target.",
        "body-file = \"../../etc/passwd\"";
    BAD_URL = "PL0118", "not a target URL",
        "A target is written http://HOST:PORT/BASE. Credentials, a query or a fragment do not belong to it.",
        "url = \"127.0.0.1:8080\"      # \"http://127.0.0.1:8080\"";
    BAD_REQUEST = "PL0119", "not a request that can be sent",
        "The method, the path or a header would make a request that is no valid HTTP/1.1, or would break the framing that Plimsoll \
         itself relies on to know where an answer ends.",
        "request = \"GET items\"       # a path begins with /";
    HOST_NOT_ALLOWED = "PL0120", "the host may not be put under load",
        "A load test against somebody else's machine is an attack. This machine (loopback) may always be loaded; every other host \
         must be allowed by name, with --allow-host or in the list `allow-hosts` of plimsoll.toml. A host that is not gets no request at all.",
        "plimsoll run http://shop.example/       # plimsoll run --allow-host shop.example ...";
    HOST_FORBIDDEN = "PL0121", "the host is never put under load",
        "This is the metadata service of a cloud provider: it hands out credentials and is never a target. It cannot be allowed.",
        "url = \"http://169.254.169.254\"";
    WRONG_DIRECTION = "PL0122", "a limit in the wrong direction",
        "Of a latency the greatest allowed value is a limit, of a throughput the least. The same holds for changes: latency may rise \
         by +10%, throughput may fall by -3%.",
        "metric = \"throughput.ok\"\nmax = \"200/s\"               # min = \"190/s\", or max-change = \"-3%\"";
    BAD_COMMAND = "PL0123", "not a command that can be started",
        "--command and --against-command take one command line, quoted as in a shell, in which {port} stands for the free port that each \
         round gets.",
        "plimsoll check checkout --against-command './main/shop --port {port}'";
    TLS_FILE = "PL0126", "the certificate file cannot be used",
        "A file named in `tls` is missing, lies outside the folder of the scenario, or holds no PEM of the kind that is needed. Only \
         files below the scenario's folder are read.",
        "tls = { ca = \"ca.der\" }     # PEM begins with -----BEGIN CERTIFICATE-----";
    NOT_IN_THIS_BUILD = "PL0127", "not in this build",
        "Plimsoll can do it, but this program was built without the part that does. `users` phases need the cargo feature `users`, \
         which is on by default.",
        "cargo install plimsoll --no-default-features     # leaves out `users`";
    TOO_FEW_SAMPLES = "PL0130", "too few requests for this percentile",
        "A percentile is estimated only where at least ten requests lie beyond it: 1,000 requests for p99, 10,000 for p99.9. With \
         fewer it is the accident of single requests. The threshold would stay undetermined.",
        "rate = \"50/s\", duration = \"60s\"         # 3,000 requests\nmetric = \"latency.p99.9\"                # needs 10,000";
    UNREACHED = "PL0131", "the stairs do not reach their end",
        "The phase is over before its rate has climbed to `to`, so the greatest load you named is never applied.",
        "rate = { from = \"50/s\", to = \"400/s\", step = \"50/s\", every = \"20s\" }\nduration = \"60s\"            # three stairs: ends at 150/s";
    UNOBSERVED = "PL0132", "the target's process is not observed",
        "CPU, memory, descriptors and threads are read from the process that Plimsoll starts. A target given by its URL alone is not \
         observed, so a threshold on them makes the run invalid.",
        "[target]\nurl = \"http://127.0.0.1:8080\"             # add command = [...]\n[[threshold]]\nmetric = \"cpu.per-request\"";
    UNVERIFIED = "PL0133", "the certificate of the target is not verified",
        "With `verify = false` or --insecure any certificate is accepted, so another machine could answer in place of the target. \
         Numbers of such a run are of whoever answered; every report says so.",
        "tls = { verify = false }    # better: tls = { ca = \"ca.pem\" }";
    COARSE_SHARE = "PL0134", "too few requests for this change of a share",
        "Of n requests without a single failure no more is known than that fewer than 3 in n fail (the rule of three, with a confidence of \
         95 %). Where that is more than `max-change` allows, even ten rounds without a failure cannot show that nothing changed, and the \
         verdict stays inconclusive.",
        "rate = \"50/s\", duration = \"10s\"         # 500 requests a round\nmetric = \"errors.rate\"\nmax-change = \"+0.01pp\"                 # takes 30,000";
    NO_FLOOR = "PL0135", "a relative change without a floor",
        "Some metrics are next to nothing where all is well: the wait for a connection, the lateness of the generator, the growth of \
         memory. A rise by 10 % of a microsecond means nothing and may fail the check. `min-change` is the change below which \
         `max-change` does not count.",
        "metric = \"wait.p99\"\nmax-change = \"+10%\"                    # add min-change = \"1ms\"";
    RARE_STEP = "PL0136", "a step that a round may go by without",
        "Steps and journeys are sent in proportion to their weights. One that falls below two in a round may not be sent at all, and a \
         run in which a declared step was never sent is invalid (PL0303).",
        "weight = 1                              # of 10,000, at 50/s for 60 s";
    TOO_FEW_ROUNDS = "PL0137", "too few rounds for the change that is asked for",
        "A calibration of this scenario on this machine says how much each metric moves from round to round when nothing has changed. \
         With the rounds that a check may take, a change as small as `max-change` shows in fewer than 80 of 100 checks: most verdicts \
         would be inconclusive.",
        "max-change = \"+1%\"                      # plimsoll calibrate says what 3, 5, 10 and 20 rounds show";
    PLACEHOLDER = "PL0140", "a placeholder names nothing",
        "A placeholder stands for a value: {{item}} for one that an earlier step of the same journey has captured, {{carts.id}} for a \
         column of the data set `carts`, {{row.id}} for one of the only data set, {{visit}} for the number of the visit, {{env.NAME}} and \
         {{file.NAME}} for secrets. This one stands for nothing at its place. Braces that are meant as text are written \\{{name}}.",
        "request = \"GET /items/{{itm}}\"          # the capture is called `item`";
    SECRET = "PL0141", "a secret is not there",
        "{{env.NAME}} is read from the environment and {{file.NAME}} from a file beside the scenario when the scenario is loaded. A missing \
         or empty one would send requests that are refused, and fast refusals measure nothing. A secret is sent to the target and \
         appears nowhere else: not in records, reports or messages.",
        "auth = { bearer = \"{{env.SHOP_TOKEN}}\" }     # export SHOP_TOKEN=...";
    DATA_FILE = "PL0142", "the data file cannot be used",
        "A data set is a CSV file with a line of column names, or a JSON file with a list of flat objects, in the folder of the scenario or \
         below; at most 64 MiB and 1,000,000 rows. Every row has all columns.",
        "[data.carts]\nfile = \"carts.csv\"           # id,owner";
    RECORDING = "PL0143", "the recording cannot be used",
        "A recording is a CSV file with the columns time, method, path and optionally step, body, content-type; or JSON lines with such \
         keys; or an access log in the common log format. Each line must be a request that can be sent; what cannot is refused, not \
         skipped, because a replay that leaves requests out is another load than the recorded one.",
        "time,method,path\n0.25,GET,items             # a path begins with /";
    RECORDING_CUT = "PL0144", "the recording is cut off",
        "The phase is shorter than the recording, so its later requests are not sent.",
        "replay = { file = \"day.log\", max-duration = \"10m\" }";
    BAD_EXPRESSION = "PL0145", "not an expression",
        "The expression of an alert is written in PromQL, over the series of a round: those of Plimsoll (`plimsoll_*`, `target_*`, \
         `host_*`, `health_*`, see docs/reference.md) and what the target exports. It is series or a number; the alert is active for each \
         series that is there.",
        "expr = \"rate(plimsoll_failed_total) > 1\"        (write rate(plimsoll_failed_total[30s]) > 1)";
    EXPRESSION_UNSUPPORTED = "PL0146", "not supported in an alert",
        "Prometheus knows this function, modifier or template, and Plimsoll does not. It is refused when it is read, so that no alert is \
         silent for want of it. docs/reference.md lists what there is.",
        "expr = \"max_over_time(rate(requests_total[1m])[5m:1m]) > 1\"        (a subquery)";
    NO_EFFECT = "PL0147", "a fault that does nothing",
        "A fault disturbs the traffic between the load and the target for a stretch of the round. It needs at least one effect: `latency`, \
         `bandwidth`, `drop`, `reset`, `black-hole` or `slice`.",
        "[[fault]]\nat = \"20s\"\nfor = \"5s\"                 # and what happens then?";
    NO_SHARD = "PL0150", "the plan cannot be measured in parts",
        "`--shard 2/5` measures the second of five parts of a plan, while other processes measure the others. All load one target, \
         so it must be there already (`url` without `command`), and connections and users must be at least as many as the parts.",
        "plimsoll run checkout --shard 1/3 --start-at 2026-11-22T12:00:00Z     (and the target has a `command`)";
    START_PAST = "PL0151", "the common start is over",
        "`--start-at` names the moment at which the first round of every part begins. It must lie at least two seconds ahead, and each \
         part must be ready when it, or a later round, is to begin: what begins late is another load than the planned one.",
        "plimsoll run checkout --shard 1/3 --start-at 2001-01-01T00:00:00Z";
    MORE = "PL0199", "more problems",
        "The file has so many problems that only the first ones are shown. Correct these and look again.",
        "and 212 more problems";
}
