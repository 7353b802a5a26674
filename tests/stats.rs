//! Every function of `stats` against values that others computed.
//!
//! `tests/data/stats/generate.py` made them with `scipy`, `statsmodels` and plain implementations of
//! its own; each file names its source. Twenty cases or more a function, to nine digits.

use std::collections::BTreeSet;
use std::path::PathBuf;

use plimsoll::stats::{
    Boundary, Contrast, Counts, Dispersion, benjamini_hochberg, block_bootstrap, common_language,
    e_value, f_cdf, f_quantile, fisher_greater, hodges_lehmann, holm, isotonic, mann_whitney, mean,
    miettinen_nurminen, minimal_detectable, normal_cdf, normal_quantile, one_sample, paired,
    pooled, rounds_needed, score, sessions, t_cdf, t_quantile, theil_sen, tost, two_sample, usl,
    welch,
};
use serde::Deserialize;
use serde_json::Value;

/// Greatest relative difference.
const DIGITS: f64 = 1e-9;

/// Values this close to zero are zero.
const ZERO: f64 = 1e-15;

/// Cases of a function, with its source.
#[derive(Deserialize)]
struct Fixture {
    source: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    #[serde(rename = "in")]
    given: Value,
    #[serde(rename = "out")]
    wanted: Vec<f64>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/stats")
}

/// The greatest relative difference over all cases of a file; the number of cases.
fn check(name: &str, compute: impl Fn(&Value) -> Vec<f64>) {
    let text = std::fs::read_to_string(folder().join(name).with_extension("json"))
        .unwrap_or_else(|e| panic!("{name}: {e}"));
    let fixture: Fixture = serde_json::from_str(&text).expect("a fixture");
    assert!(!fixture.source.is_empty(), "{name} names no source");
    assert!(fixture.cases.len() >= 20, "{name} has too few cases");
    for Case { given, wanted } in fixture.cases {
        let found = compute(&given);
        assert_eq!(found.len(), wanted.len(), "{name} {given}");
        for (found, wanted) in found.iter().zip(&wanted) {
            let off = (found - wanted).abs();
            assert!(
                off <= DIGITS * wanted.abs() || off <= ZERO,
                "{name} {given}: {found:e} for {wanted:e}"
            );
        }
    }
}

fn number(given: &Value, key: &str) -> f64 {
    given[key]
        .as_f64()
        .unwrap_or_else(|| panic!("{key} is a number"))
}

fn count(given: &Value, key: &str) -> usize {
    let n = given[key].as_u64();
    usize::try_from(n.unwrap_or_else(|| panic!("{key} is a count"))).expect("small")
}

fn read<T: serde::de::DeserializeOwned>(given: &Value, key: &str) -> T {
    serde_json::from_value(given[key].clone()).unwrap_or_else(|e| panic!("{key}: {e}"))
}

fn values(given: &Value, key: &str) -> Vec<f64> {
    read(given, key)
}

fn counts(given: &Value, key: &str) -> Counts {
    let (hits, trials) = read(given, key);
    Counts { hits, trials }
}

fn rounds(given: &Value, key: &str) -> Vec<Counts> {
    read::<Vec<(u64, u64)>>(given, key)
        .into_iter()
        .map(|(hits, trials)| Counts { hits, trials })
        .collect()
}

/// What the fixtures hold of a contrast.
fn told(c: Contrast) -> Vec<f64> {
    let (low, high) = c.interval(0.95);
    vec![
        c.estimate,
        c.se,
        c.df,
        c.p_greater(0.0),
        c.p_less(0.0),
        low,
        high,
    ]
}

type TwoSides = fn(&[f64], &[f64], f64) -> Option<Contrast>;

#[test]
fn t_tests() {
    let tests: [(&str, TwoSides); 3] = [("pooled", pooled), ("welch", welch), ("paired", paired)];
    for (name, test) in tests {
        check(name, |g| {
            let (a, b) = (values(g, "before"), values(g, "now"));
            told(test(&a, &b, number(g, "resolution")).expect("a contrast"))
        });
    }
    check("two_sample", |g| {
        let (a, b) = (values(g, "before"), values(g, "now"));
        let two = two_sample(&a, &b, number(g, "resolution")).expect("a contrast");
        let mut all = told(two.contrast);
        all.extend([two.sd, f64::from(u8::from(two.spread_changed))]);
        all
    });
    check("one_sample", |g| {
        told(one_sample(&values(g, "values"), number(g, "resolution")).expect("a contrast"))
    });
    check("probability_between", |g| {
        let (estimate, se, df) = read(g, "contrast");
        let c = Contrast { estimate, se, df };
        vec![c.probability_between(number(g, "low"), number(g, "high"))]
    });
}

#[test]
fn two_one_sided_tests() {
    check("tost", |g| {
        let test = if g["design"] == "paired" {
            paired
        } else {
            pooled
        };
        let c = test(&values(g, "before"), &values(g, "now"), 0.0).expect("a contrast");
        vec![tost(&c, number(g, "low"), number(g, "high"))]
    });
}

#[test]
fn ranks() {
    check("mann_whitney", |g| {
        let (a, b) = (values(g, "before"), values(g, "now"));
        let r = mann_whitney(&a, &b).expect("values");
        let swapped = mann_whitney(&b, &a).expect("values");
        assert!((r.p - swapped.p).abs() <= DIGITS * r.p, "{g}");
        assert!(
            (r.u + swapped.u - (a.len() * b.len()) as f64).abs() < ZERO,
            "{g}"
        );
        vec![r.u, r.p]
    });
    check("hodges_lehmann", |g| {
        vec![hodges_lehmann(&values(g, "before"), &values(g, "now"))]
    });
    check("common_language", |g| {
        vec![common_language(&values(g, "before"), &values(g, "now"))]
    });
}

#[test]
fn resampling() {
    check("block_bootstrap", |g| {
        let series = values(g, "values");
        let is_mean = g["statistic"] == "mean";
        let statistic = |picked: &[usize]| {
            let mut of: Vec<f64> = picked.iter().map(|&i| series[i]).collect();
            if is_mean {
                return mean(&of);
            }
            of.sort_by(f64::total_cmp);
            of[(of.len() * 9).div_ceil(10) - 1]
        };
        let seed = count(g, "seed") as u64;
        let (low, high) = block_bootstrap(series.len(), number(g, "level"), seed, statistic)
            .expect("an interval");
        vec![low, high]
    });
}

#[test]
fn spread_between_sessions() {
    check("sessions", |g| {
        let before: Vec<Vec<f64>> = read(g, "before");
        let s = sessions(&before, &values(g, "now"), number(g, "resolution")).expect("sessions");
        let c = s.contrast;
        vec![c.estimate, c.se, c.df, s.between, s.within]
    });
}

#[test]
fn many_tests() {
    check("holm", |g| holm(&values(g, "p")));
    check("benjamini_hochberg", |g| {
        benjamini_hochberg(&values(g, "p"))
    });
}

#[test]
fn boundaries_of_repeated_looks() {
    for name in ["pocock", "obrien_fleming"] {
        check(name, |g| {
            let information = values(g, "information");
            let boundary = Boundary {
                information: &information,
                alpha: number(g, "alpha"),
                trials: count(g, "trials"),
                seed: count(g, "seed") as u64,
            };
            let found = if name == "pocock" {
                boundary.pocock()
            } else {
                boundary.obrien_fleming()
            };
            let found = found.expect("a constant");
            // The simulation is about as close to the exact value as so few trials allow: five
            // standard errors of the quantile, the density there being about 2.5 times alpha.
            let alpha = boundary.alpha;
            let error = (alpha / boundary.trials as f64).sqrt() / (2.5 * alpha);
            let off = (found - number(g, "exact")).abs();
            assert!(off < 5.0 * error, "{name} {g}: {found}");
            vec![found]
        });
    }
}

#[test]
fn evidence_at_any_time() {
    check("e_value", |g| {
        vec![e_value(number(g, "t"), number(g, "df"), number(g, "size"))]
    });
}

#[test]
fn proportions() {
    check("miettinen_nurminen", |g| {
        let critical = number(g, "critical");
        let (low, high) = miettinen_nurminen(counts(g, "before"), counts(g, "now"), critical);
        vec![low, high]
    });
    check("score", |g| {
        vec![score(
            counts(g, "before"),
            counts(g, "now"),
            number(g, "delta"),
        )]
    });
    check("fisher_greater", |g| {
        vec![fisher_greater(counts(g, "before"), counts(g, "now"))]
    });
    check("dispersion", |g| {
        let d = Dispersion::between_rounds(&rounds(g, "before"), &rounds(g, "now"));
        let d = d.expect("rounds");
        vec![d.phi, d.critical(0.95), d.p_above(number(g, "score"))]
    });
}

#[test]
fn slopes_and_shapes() {
    check("theil_sen", |g| {
        vec![theil_sen(&read::<Vec<(f64, f64)>>(g, "points")).expect("a slope")]
    });
    check("isotonic", |g| {
        isotonic(&read::<Vec<(f64, f64)>>(g, "points"))
    });
    check("usl", |g| {
        let law = usl(&read::<Vec<(f64, f64)>>(g, "points")).expect("a fit");
        vec![law.lambda, law.sigma, law.kappa, law.r_squared]
    });
}

#[test]
fn planning() {
    check("minimal_detectable", |g| {
        vec![minimal_detectable(
            number(g, "se"),
            number(g, "df"),
            number(g, "alpha"),
        )]
    });
    check("rounds_needed", |g| {
        let (variance, margin) = (number(g, "variance"), number(g, "margin"));
        let n = rounds_needed(variance, count(g, "arms"), number(g, "alpha"), margin);
        vec![n.expect("enough rounds") as f64]
    });
}

#[test]
fn distributions() {
    let two = |g: &Value| -> (f64, f64) { read(g, "df") };
    check("t_cdf", |g| vec![t_cdf(number(g, "x"), number(g, "df"))]);
    check("t_quantile", |g| {
        vec![t_quantile(number(g, "p"), number(g, "df"))]
    });
    check("f_cdf", |g| vec![f_cdf(number(g, "x"), two(g).0, two(g).1)]);
    check("f_quantile", |g| {
        vec![f_quantile(number(g, "p"), two(g).0, two(g).1)]
    });
    check("normal_cdf", |g| vec![normal_cdf(number(g, "x"))]);
    check("normal_quantile", |g| vec![normal_quantile(number(g, "p"))]);
}

#[test]
fn every_file_of_values_is_read_by_a_test() {
    let this = include_str!("stats.rs");
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .expect("the folder of values")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect();
    assert!(files.len() >= 30, "{files:?}");
    for name in files {
        assert!(this.contains(&format!("\"{name}\"")), "{name} is not read");
    }
}
