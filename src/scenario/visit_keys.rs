//! The keys of what visitors do: steps, journeys, their data, and recordings of them.

use crate::diagnostic::scenario as codes;

use super::grammar::{Choice, Key, Kind, Rule, Table};
use super::kinds::{
    ANY, STATUS, elsewhere, moment, now, optional, required, slug, text, time, whole,
};

/// A request that is sent by itself.
pub(super) static STEP: Table = Table {
    noun: "a step",
    keys: &[
        NAME,
        WEIGHT,
        REQUEST,
        HEADERS,
        QUERY,
        AUTH,
        JSON,
        BODY,
        BODY_FILE,
        FORM,
        MULTIPART,
        EXPECT,
        RETRY,
        REDIRECTS,
        GZIP,
        elsewhere(
            "capture",
            "only a later step of the same visit could use it: write both as [[journey.step]] of a [[journey]]",
        ),
        elsewhere(
            "think",
            "a step alone has nothing after it: write it as [[journey.step]] of a [[journey]]",
        ),
    ],
    rules: &[ONE_BODY],
};

/// A request of a journey.
static JOURNEY_STEP: Table = Table {
    noun: "a step of a journey",
    keys: &[
        NAME,
        REQUEST,
        HEADERS,
        QUERY,
        AUTH,
        JSON,
        BODY,
        BODY_FILE,
        FORM,
        MULTIPART,
        EXPECT,
        optional(
            "capture",
            Kind::Map(&Kind::Table(&FIND)),
            "Values taken from the answer for later steps of the visit, by the name they are used by: { item = { json = \"/items/0/id\" } }.",
        ),
        optional(
            "think",
            Kind::Either(&[time("500ms"), Kind::Table(&THINK)]),
            "Pause after the answer, before the next step: \"500ms\", or random: { min = \"200ms\", max = \"1s\" }.",
        ),
        RETRY,
        REDIRECTS,
        GZIP,
        elsewhere(
            "weight",
            "all steps of a journey are made, one after the other: write the weight into [[journey]]",
        ),
    ],
    rules: &[ONE_BODY],
};

pub(super) static JOURNEY: Table = Table {
    noun: "a journey",
    keys: &[
        required(
            "name",
            slug("buy"),
            "Name of the journey in reports and thresholds.",
        ),
        optional(
            "weight",
            whole(1, super::limits::WEIGHT, 3),
            "Its share of the visits, relative to the other journeys and steps. Default 1.",
        ),
        optional(
            "cookies",
            Kind::Flag,
            "True to send cookies that the target sets back in later steps of the visit. Default true.",
        ),
        optional(
            "step",
            Kind::Tables(&JOURNEY_STEP),
            "Its requests, in sequence; a visit ends with the first that fails.",
        ),
    ],
    rules: &[Rule::AtLeastOne {
        keys: &["step"],
        code: &codes::MISSING_KEY,
        help: "add a [[journey.step]] table below it",
    }],
};

const NAME: Key = required(
    "name",
    slug("browse"),
    "Name of the step in reports and thresholds; no other step has it.",
);
const WEIGHT: Key = optional(
    "weight",
    whole(1, super::limits::WEIGHT, 3),
    "Its share of the visits, relative to the other steps and journeys. Default 1.",
);
const REQUEST: Key = required(
    "request",
    text(
        "a method and a path",
        Some("^[A-Z][A-Z0-9!#$%&'*+.^_`|~-]* +/[!\"$-~]*$"),
        "GET /items?page=1",
    ),
    "Method and path: \"GET /items?page=1\". Placeholders are percent-encoded.",
);
const HEADERS: Key = optional(
    "headers",
    Kind::Map(&text(
        "a text of one line",
        Some("^([!-~]([\\t -~]*[!-~])?)?$"),
        "application/json",
    )),
    "Headers to send, besides those Plimsoll writes (host, content-length).",
);
const QUERY: Key = optional(
    "query",
    Kind::Map(&PARAMETER),
    "Query parameters, percent-encoded and added to the path.",
);
const AUTH: Key = optional(
    "auth",
    Kind::Table(&AUTHORIZATION),
    "Who sends it, as the header `authorization`: { bearer = \"{{env.TOKEN}}\" } or { basic = { user = \"u\", password = \"{{env.PW}}\" } }.",
);
const JSON: Key = optional(
    "json",
    Kind::Json,
    "Body as a TOML value, sent as JSON with its content type.",
);
const BODY: Key = optional(
    "body",
    ANY,
    "Body, sent as it stands, its placeholders filled.",
);
const BODY_FILE: Key = optional(
    "body-file",
    text("a file name", None, "order.json"),
    "File with the body, in the folder of the scenario or below; its placeholders are filled.",
);
const FORM: Key = optional(
    "form",
    Kind::Map(&PARAMETER),
    "Body as the fields of a form, percent-encoded: application/x-www-form-urlencoded.",
);
const MULTIPART: Key = optional(
    "multipart",
    Kind::List(&ONE_PART),
    "Body as the parts of a form, texts and files: multipart/form-data.",
);
const EXPECT: Key = optional(
    "expect",
    Kind::Table(&EXPECTATION),
    "What a good answer looks like. Default: any status 2xx or 3xx.",
);
const RETRY: Key = optional(
    "retry",
    Kind::Either(&PRESET_OR_RETRIES),
    "When and how often a failed request is tried again: \"api\", \"database\", \"redis\" or a table. Default: never.",
);
const REDIRECTS: Key = optional(
    "redirects",
    whole(0, super::limits::REDIRECTS, 5),
    "Most redirects followed, to the target's own address only. Default 0.",
);
const GZIP: Key = optional(
    "gzip",
    Kind::Flag,
    "True to ask for gzip, and to unpack a body that is looked at. Default false.",
);
const ONE_BODY: Rule = Rule::AtMostOne {
    keys: &["json", "body", "body-file", "form", "multipart"],
    help: "a request has one body: keep the one you mean",
};

static ONE_PART: Kind = Kind::Table(&PART);
static RETRY_PRESETS: [Choice; 3] = [now("api"), now("database"), now("redis")];
static PRESET_OR_RETRIES: [Kind; 2] = [Kind::Choice(&RETRY_PRESETS), Kind::Table(&RETRIES)];
const SCALAR: [Kind; 3] = [ANY, Kind::Number, Kind::Flag];
const PARAMETER: Kind = Kind::Either(&[
    ANY,
    Kind::Number,
    Kind::Flag,
    Kind::List(&Kind::Either(&SCALAR)),
]);
const TOKEN: &str = "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$";

static EXPECTATION: Table = Table {
    noun: "expect",
    keys: &[
        optional(
            "status",
            Kind::Either(&[STATUS, Kind::List(&STATUS)]),
            "Allowed status, or a list of them.",
        ),
        optional(
            "body-contains",
            text("a text", Some("[\\s\\S]"), "ok"),
            "Text that the body must contain.",
        ),
        optional(
            "json",
            Kind::Map(&Kind::Json),
            "JSON pointers and the value each must have: { \"/ok\" = true }.",
        ),
    ],
    rules: &[],
};

static AUTHORIZATION: Table = Table {
    noun: "auth",
    keys: &[
        optional(
            "basic",
            Kind::Table(&BASIC),
            "User and password, sent in base64.",
        ),
        optional(
            "bearer",
            text(
                "a token",
                Some("^[!-~]([\\t -~]*[!-~])?$"),
                "{{env.SHOP_TOKEN}}",
            ),
            "A token, sent as it stands.",
        ),
    ],
    rules: &[
        Rule::AtLeastOne {
            keys: &["basic", "bearer"],
            code: &codes::MISSING_KEY,
            help: "write auth = { bearer = \"{{env.SHOP_TOKEN}}\" }",
        },
        Rule::AtMostOne {
            keys: &["basic", "bearer"],
            help: "a request is sent by one: keep the one you mean",
        },
    ],
};

static BASIC: Table = Table {
    noun: "basic",
    keys: &[
        required(
            "user",
            text("a name", Some("^[^:]*$"), "tester"),
            "Name of the user.",
        ),
        required(
            "password",
            text("a password", None, "{{env.SHOP_PASSWORD}}"),
            "Password, best from the environment or a file.",
        ),
    ],
    rules: &[],
};

static PART: Table = Table {
    noun: "a part",
    keys: &[
        required(
            "name",
            text("a name", None, "file"),
            "Name of the form's field.",
        ),
        optional(
            "file",
            text("a file name", None, "a.png"),
            "File to send as it is, in the folder of the scenario or below.",
        ),
        optional("text", ANY, "Text to send, its placeholders filled."),
        optional(
            "content-type",
            text(
                "a type of content",
                Some("^[!-~]([\\t -~]*[!-~])?$"),
                "image/png",
            ),
            "Type of the content. Default: application/octet-stream for a file, none for a text.",
        ),
    ],
    rules: &[
        Rule::AtLeastOne {
            keys: &["file", "text"],
            code: &codes::MISSING_KEY,
            help: "say what is sent: file = \"a.png\" or text = \"hi\"",
        },
        Rule::AtMostOne {
            keys: &["file", "text"],
            help: "a part is a file or a text: keep the one you mean",
        },
    ],
};

static FIND: Table = Table {
    noun: "a capture",
    keys: &[
        optional(
            "json",
            text("a JSON pointer", Some("^$|^/([^~]|~[01])*$"), "/items/0/id"),
            "JSON pointer into the body.",
        ),
        optional(
            "header",
            text("the name of a header", Some(TOKEN), "etag"),
            "Value of a header.",
        ),
        optional(
            "regex",
            text("a regular expression", None, "id=([0-9]+)"),
            "First group of its first match in the body, or the whole match.",
        ),
        optional(
            "cookie",
            text("the name of a cookie", Some(TOKEN), "sid"),
            "Value of a cookie that the answer sets.",
        ),
    ],
    rules: &[
        Rule::AtLeastOne {
            keys: &["json", "header", "regex", "cookie"],
            code: &codes::MISSING_KEY,
            help: "say where the value stands: { json = \"/items/0/id\" }",
        },
        Rule::AtMostOne {
            keys: &["json", "header", "regex", "cookie"],
            help: "a value is taken from one place: keep the one you mean",
        },
    ],
};

static THINK: Table = Table {
    noun: "think",
    keys: &[
        required("min", moment("200ms"), "Shortest pause."),
        required("max", time("1s"), "Longest pause."),
    ],
    rules: &[],
};

static RETRIES: Table = Table {
    noun: "retry",
    keys: &[
        optional(
            "preset",
            Kind::Choice(&RETRY_PRESETS),
            "What is meant by the keys that are not given. Default \"api\", but for `max`.",
        ),
        optional(
            "max",
            whole(1, super::limits::RETRIES, 2),
            "Attempts after the first. Needed without a preset.",
        ),
        optional(
            "base-delay",
            moment("100ms"),
            "Pause before the first of them. Default 100ms.",
        ),
        optional(
            "factor",
            Kind::Number,
            "How much longer each further pause is, from 1 to 100. Default 2.",
        ),
        optional("max-delay", moment("5s"), "Longest pause. Default 5s."),
        optional(
            "jitter",
            Kind::Flag,
            "True to pause at random between half of the time and all of it. Default true.",
        ),
        optional(
            "on",
            Kind::List(&Kind::Either(&[
                Kind::Choice(&[now("transport"), now("timeout")]),
                STATUS,
            ])),
            "What is tried again: \"transport\", \"timeout\", and statuses. Default [\"transport\", \"timeout\", 429, 503].",
        ),
    ],
    rules: &[Rule::AtLeastOne {
        keys: &["preset", "max"],
        code: &codes::MISSING_KEY,
        help: "say how often it is tried again: max = 2",
    }],
};

pub(super) static DATA: Table = Table {
    noun: "a data set",
    keys: &[
        required(
            "file",
            text(
                "a file name",
                Some("\\.([cC][sS][vV]|[jJ][sS][oO][nN])$"),
                "carts.csv",
            ),
            "CSV with a line of column names, or JSON with a list of flat objects; in the folder of the scenario or below.",
        ),
        optional(
            "order",
            Kind::Choice(&[now("sequential"), now("random"), now("unique")]),
            "Which row a visit gets: one after the other, any, or each once and never again. Default sequential.",
        ),
    ],
    rules: &[],
};

pub(super) static REPLAY: Table = Table {
    noun: "replay",
    keys: &[
        required(
            "file",
            text("a file name", None, "access.csv"),
            "The recording, in the folder of the scenario or below.",
        ),
        optional(
            "format",
            Kind::Choice(&[now("csv"), now("jsonl"), now("clf")]),
            "How it is written: CSV, JSON lines, or the common log format of web servers. Default: by the file's name.",
        ),
        optional(
            "speed",
            Kind::Number,
            "How much faster than recorded, from 0.001 to 1000. Default 1.",
        ),
        optional(
            "max-duration",
            time("10m"),
            "Cuts the recording off after this time, the speed applied.",
        ),
    ],
    rules: &[],
};
