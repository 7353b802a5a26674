#!/usr/bin/env python3
"""Writes the values that tests/stats.rs holds the functions of src/stats to, one file a function.

    pip install scipy==1.17.1 statsmodels==0.15.0 mpmath==1.4.1
    python3 tests/data/stats/generate.py

What scipy or statsmodels has is taken from there. Where neither has it, or is not exact enough,
the values come from a plain implementation here that shares no algorithm with the one under test:
enumeration, whole fractions, quadrature, or many digits.
"""

import itertools
import json
import math
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
from scipy import integrate, optimize, special, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

HERE = Path(__file__).parent
mpmath.mp.dps = 40
rng = np.random.default_rng(20250101)


def plain(value):
    """Numbers as JSON has them; what is no number is null."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    value = float(value)
    return value if math.isfinite(value) else None


def write(function, source, cases):
    assert len(cases) >= 20, (function, len(cases))
    lines = ",\n".join(
        json.dumps({"in": plain(given), "out": plain(wanted)}, separators=(",", ":"))
        for given, wanted in cases
    )
    text = f'{{"source":{json.dumps(source)},"cases":[\n{lines}\n]}}\n'
    (HERE / f"{function}.json").write_text(text)
    print(f"{function}: {len(cases)}")


def rounded(values):
    """Few digits, so that the files are short and every reader has the very same numbers."""
    return [float(f"{v:.6g}") for v in values]


def samples():
    """Pairs of samples: small, unequal, equal, apart, of tiny and of very different spreads."""
    sizes = [(2, 2), (3, 3), (5, 5), (10, 10), (2, 7), (7, 2), (3, 10), (10, 3), (4, 25), (25, 4), (40, 40)]
    found = []
    for n, m in sizes:
        for shift, spread in ((0.0, 1.0), (0.7, 1.0), (-0.2, 3.0)):
            found.append((rounded(rng.normal(1, 0.1, n)), rounded(rng.normal(1 + 0.1 * shift, 0.1 * spread, m))))
    found.append(([1.0, 2.0, 3.0, 4.0], [101.0, 102.0, 103.0, 104.0, 105.0]))
    found.append(([5.00001, 5.00002, 5.00001, 5.00003], [5.00002, 5.00004, 5.00003]))
    found.append(([1e-9, 2e-9, 4e-9], [3e-9, 5e-9, 5.5e-9]))
    found.append(([1e6, 1.01e6, 0.99e6], [1.2e6, 1.1e6, 1.3e6]))
    found.append(([0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 2.0]))
    return found


def contrast(estimate, variance, df):
    """estimate, se, df, p of above and below zero, ends of the 95 % interval."""
    se = math.sqrt(variance)
    t = estimate / se
    half = stats.t.ppf(0.975, df) * se
    return [estimate, se, df, stats.t.sf(t, df), stats.t.cdf(t, df), estimate - half, estimate + half]


def agrees(result, wanted):
    """scipy's own test of the same hypothesis gives the same t, p and interval."""
    t = wanted[0] / wanted[1]
    low, high = result.confidence_interval(0.95)
    for a, b in ((result.statistic, t), (result.df, wanted[2]), (low, wanted[5]), (high, wanted[6])):
        assert math.isclose(a, b, rel_tol=1e-7, abs_tol=1e-12), (a, b)
    both = 2 * min(wanted[3], wanted[4])
    assert math.isclose(result.pvalue, both, rel_tol=1e-7), (result.pvalue, both)


def t_tests():
    cases = {"pooled": [], "welch": [], "paired": [], "one_sample": [], "two_sample": []}
    for a, b in samples():
        for resolution in (0.0, 0.01):
            rounding = resolution**2 / 12
            fa, fb = [Fraction(v) for v in a], [Fraction(v) for v in b]
            ma, mb = sum(fa) / len(a), sum(fb) / len(b)
            sa, sb = sum((v - ma) ** 2 for v in fa), sum((v - mb) ** 2 for v in fb)
            n, m = len(a), len(b)
            given = {"before": a, "now": b, "resolution": resolution}
            pooled_variance = float((sa + sb) / (n + m - 2)) + rounding
            pooled = contrast(float(mb - ma), pooled_variance * (1 / n + 1 / m), n + m - 2)
            va, vb = (float(sa / (n - 1)) + rounding) / n, (float(sb / (m - 1)) + rounding) / m
            welch_df = (va + vb) ** 2 / (va**2 / (n - 1) + vb**2 / (m - 1))
            welch = contrast(float(mb - ma), va + vb, welch_df)
            if resolution == 0:
                agrees(stats.ttest_ind(b, a), pooled)
                agrees(stats.ttest_ind(b, a, equal_var=False), welch)
            cases["pooled"].append((given, pooled))
            cases["welch"].append((given, welch))
            ratio = vb * m / (va * n)
            changed = not stats.f.ppf(0.005, m - 1, n - 1) <= ratio <= stats.f.ppf(0.995, m - 1, n - 1)
            chosen = welch if changed else pooled
            cases["two_sample"].append((given, chosen + [math.sqrt(pooled_variance), float(changed)]))
            k = min(n, m)
            differences = [y - x for x, y in zip(fa[:k], fb[:k])]
            mean = sum(differences) / k
            squares = sum((d - mean) ** 2 for d in differences)
            given = {"before": a[:k], "now": b[:k], "resolution": resolution}
            # Pairs that all differ by the same leave nothing to divide by.
            if squares > 0 or resolution > 0:
                variance = (float(squares / (k - 1)) + 2 * rounding) / k
                wanted = contrast(float(mean), variance, k - 1)
                if resolution == 0:
                    agrees(stats.ttest_rel(b[:k], a[:k]), wanted)
                cases["paired"].append((given, wanted))
            wanted = contrast(float(mb), (float(sb / (m - 1)) + rounding) / m, m - 1)
            if resolution == 0:
                agrees(stats.ttest_1samp(b, 0), wanted)
            cases["one_sample"].append(({"values": b, "resolution": resolution}, wanted))
    for name, found in cases.items():
        write(name, "exact fractions with scipy.stats.t; checked with scipy.stats.ttest_*", found)


def tost():
    cases = []
    for a, b in samples():
        for low, high in ((-0.05, 0.05), (-0.1, 0.2), (-1.0, 1.0)):
            p = ttost_ind(np.array(b), np.array(a), low, high)[0]
            cases.append(({"design": "pooled", "before": a, "now": b, "low": low, "high": high}, [p]))
            if len(a) == len(b) > 2:
                p = ttost_paired(np.array(b), np.array(a), low, high)[0]
                cases.append(({"design": "paired", "before": a, "now": b, "low": low, "high": high}, [p]))
    write("tost", "statsmodels ttost_ind, ttost_paired", cases)


def rank_tests():
    whitney, lehmann, language = [], [], []

    def enumerate_ties(a, b):
        ranks = stats.rankdata(a + b)
        doubled = [round(2 * r) for r in ranks]
        observed = sum(doubled[len(a):])
        sums = [sum(c) for c in itertools.combinations(doubled, len(b))]
        low = Fraction(sum(s <= observed for s in sums), len(sums))
        high = Fraction(sum(s >= observed for s in sums), len(sums))
        return observed / 2 - len(b) * (len(b) + 1) / 2, float(min(1, 2 * min(low, high)))

    tied = [
        ([1, 1], [1, 1]), ([1, 2, 2, 3], [2, 2, 3, 4]), ([1, 1, 1, 1, 2], [2, 2, 2]), ([0, 0, 0], [0, 1, 1, 1, 1]),
        ([5], [5, 5, 6]), ([3, 3, 4, 4, 5, 5], [4, 4, 5, 5, 6, 6]), ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]),
        ([1, 1, 2, 2, 9], [9, 9, 9, 2, 1, 0, 0]), ([2] * 6, [2] * 4 + [3]), ([7, 8, 8], [6, 6, 8, 8, 8, 9, 9, 9]),
    ]
    for a, b in tied:
        u, p = enumerate_ties(a, b)
        whitney.append(({"before": a, "now": b}, [u, p]))
    for n, m in [(1, 1), (1, 4), (4, 1), (3, 3), (4, 4), (5, 5), (3, 5), (5, 3), (4, 9), (9, 4), (10, 10), (6, 14), (14, 6), (20, 20), (12, 30)]:
        for shift in (0.0, 1.0, 100.0):
            a, b = rounded(rng.normal(0, 1, n)), rounded(rng.normal(shift, 1, m))
            r = stats.mannwhitneyu(b, a, method="exact")
            whitney.append(({"before": a, "now": b}, [r.statistic, r.pvalue]))
            if n + m <= 10:
                assert math.isclose(enumerate_ties(a, b)[1], r.pvalue, rel_tol=1e-12)
    for given, (u, _) in whitney:
        a, b = np.array(given["before"], float), np.array(given["now"], float)
        lehmann.append((given, [np.median(np.subtract.outer(b, a))]))
        language.append((given, [u / (len(a) * len(b))]))
    write("mann_whitney", "scipy.stats.mannwhitneyu(method='exact'); with ties by enumeration", whitney)
    write("hodges_lehmann", "numpy.median of all differences", lehmann)
    write("common_language", "U / (n m) of scipy.stats.mannwhitneyu", language)


MASK = (1 << 64) - 1


def mix(a, b):
    z = (a + (b + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


class Uniform:
    """xoshiro256++ (Blackman & Vigna 2019), seeded as src/random.rs says."""

    def __init__(self, seed):
        key = mix(seed, 0)
        self.s = [mix(key, i) for i in range(4)]

    def draw(self):
        s = self.s
        total = (s[0] + s[3]) & MASK
        word = (((total << 23) | (total >> 41)) + s[0]) & MASK
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = ((s[3] << 45) | (s[3] >> 19)) & MASK
        return ((word >> 11) + 0.5) * 2.0**-53


def bootstrap():
    cases = []
    sizes = [2, 3, 5, 8, 9, 12, 20, 27, 28, 30, 40, 60]
    for i, (n, statistic) in enumerate(itertools.product(sizes, ("mean", "p90"))):
        values = rounded(np.cumsum(rng.normal(0, 1, n)) * 0.2 + rng.normal(10, 1, n))
        level = (0.95, 0.9)[i % 2]
        uniform = Uniform(i)
        block = next(b for b in range(1, n + 1) if b**3 >= n)
        found = []
        for _ in range(1000):
            picked = []
            while len(picked) < n:
                start = int(uniform.draw() * (n - block + 1))
                picked += range(start, start + block)
            of = [values[j] for j in picked[:n]]
            found.append(np.mean(of) if statistic == "mean" else np.quantile(of, 0.9, method="inverted_cdf"))
        wanted = np.quantile(found, [(1 - level) / 2, 1 - (1 - level) / 2])
        cases.append(({"values": values, "statistic": statistic, "level": level, "seed": i}, wanted))
    write("block_bootstrap", "the same random numbers by another implementation; numpy.quantile", cases)


def sessions():
    cases = []
    layouts = [[5, 5, 5], [3, 3, 3, 3], [10, 2, 2], [1, 4, 7], [1, 1, 6], [2, 2], [5] * 8, [3, 4, 5, 6], [1, 1, 1, 1], [20, 20, 20]]
    for layout, (spread, now) in itertools.product(layouts, ((0.0, 5), (0.5, 3), (2.0, 10), (20.0, 2))):
        before = [rounded(rng.normal(rng.normal(0, spread), 1, n)) for n in layout]
        fresh = rounded(rng.normal(rng.normal(0, spread), 1, now))
        resolution = 0.0 if len(cases) % 3 else 0.05
        fractions = [[Fraction(v) for v in s] for s in before]
        fresh_exact = [Fraction(v) for v in fresh]
        total, j = sum(layout), len(layout)
        grand = sum(map(sum, fractions)) / total
        mean_now = sum(fresh_exact) / now
        inside = sum((v - sum(s) / len(s)) ** 2 for s in fractions for v in s)
        among = sum((v - grand) ** 2 for s in fractions for v in s) - inside
        between_ms = float(among / (j - 1))
        if inside > 0:
            # The analysis of variance of the sessions alone.
            f = stats.f_oneway(*before).statistic
            assert math.isclose(f, between_ms / float(inside / (total - j)), rel_tol=1e-9)
        inside += sum((v - mean_now) ** 2 for v in fresh_exact)
        df_within = total - j + now - 1
        within = float(inside / df_within) + resolution**2 / 12
        size = (total - sum(n * n for n in layout) / total) / (j - 1)
        between = max(0.0, (between_ms - within) / size)
        share = sum(n * n for n in layout) / total**2 + 1
        variance = between * share + within * (1 / total + 1 / now)
        first = share / size * max(between_ms, within)
        second = variance - first
        df = variance**2 / (first**2 / (j - 1) + second**2 / df_within)
        df = min(max(df, j - 1), total + now - 2)
        given = {"before": before, "now": fresh, "resolution": resolution}
        wanted = [float(mean_now - grand), math.sqrt(variance), df, between, within]
        cases.append((given, wanted))
    write("sessions", "exact fractions, variance components by their expected mean squares; checked with scipy.stats.f_oneway", cases)


def multiple():
    families = [[0.01, 0.04, 0.03, 0.005], [0.02], [0.5, 0.5, 0.5], [1.0, 0.0, 1.0], [0.049, 0.051], [1e-12, 0.9, 0.02, 0.02]]
    families += [rounded(rng.uniform(0, 1, n) ** power) for n in (1, 2, 3, 5, 8, 15, 40) for power in (1, 3)]
    families += [rounded(rng.choice([0.01, 0.02, 0.2], 9)) for _ in range(4)]
    for name, method in (("holm", "holm"), ("benjamini_hochberg", "fdr_bh")):
        cases = [({"p": p}, multipletests(p, method=method)[1]) for p in families]
        write(name, f"statsmodels multipletests(method='{method}')", cases)


def level_of(critical, fractions, weight):
    """Chance that a Brownian motion leaves the boundary, by recursive quadrature over its density
    (Armitage, McPherson & Rowe 1969)."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    bounds = [critical * math.sqrt(t) / weight(t) for t in fractions]
    grid = nodes * bounds[0]
    density = stats.norm.pdf(grid, scale=math.sqrt(fractions[0]))
    mass = weights * bounds[0]
    for before, t, bound in zip(fractions, fractions[1:], bounds[1:]):
        step = math.sqrt(t - before)
        fresh = nodes * bound
        density = stats.norm.pdf(fresh[:, None], grid[None, :], step) @ (density * mass)
        grid, mass = fresh, weights * bound
    return 1 - float(density @ mass)


def boundaries():
    layouts = [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4, 5], [3, 5, 7, 10], [3, 10], [0.1, 0.5, 1], [2, 3, 5, 8, 13, 20], [0.5, 0.9, 1]]
    cases = {"pocock": [], "obrien_fleming": []}
    for alpha, information in itertools.product((0.05, 0.01), layouts):
        fractions = [i / information[-1] for i in information]
        seed, trials = len(cases["pocock"]), 4000
        uniform = Uniform(seed)
        draws = np.array([uniform.draw() for _ in range(trials * len(fractions))]).reshape(trials, -1)
        steps = np.sqrt(np.diff([0.0] + fractions))
        motion = np.cumsum(special.ndtri(draws) * steps, axis=1)
        z = np.abs(motion / np.sqrt(fractions))
        for name, weight in (("pocock", lambda t: 1.0), ("obrien_fleming", math.sqrt)):
            greatest = np.sort((z * [weight(t) for t in fractions]).max(axis=1))[::-1]
            exact = optimize.brentq(lambda c: level_of(c, fractions, weight) - alpha, 1.5, 5, xtol=1e-12)
            given = {"information": information, "alpha": alpha, "trials": trials, "seed": seed, "exact": exact}
            cases[name].append((given, [greatest[int(alpha * trials)]]))
    # Jennison & Turnbull (2000), tables 2.1 and 2.3.
    for name, published in (("pocock", [1.960, 2.178, 2.289, 2.361, 2.413]), ("obrien_fleming", [1.960, 1.977, 2.004, 2.024, 2.040])):
        for (given, _), constant in zip(cases[name], published):
            assert abs(given["exact"] - constant) < 6e-4, (name, given, constant)
        write(name, "the same random numbers by another implementation; `exact` by quadrature", cases[name])


def e_values():
    cases = []
    for df, size in ((2, 1.5), (4, 2.5), (4, 5), (8, 2.5), (18, 5), (38, 20), (9, 10)):
        for t in (0.0, 0.3, -1.7, 2.9, -8.0, 60.0):
            r = 0.25 / (0.25 + size)
            wanted = stats.t.pdf(t, df, scale=1 / math.sqrt(r)) / stats.t.pdf(t, df)
            cases.append(({"t": t, "df": df, "size": size}, [wanted]))
    write("e_value", "ratio of two densities of scipy.stats.t", cases)


COUNTS = [
    ((48, 80), (56, 70)), ((3, 10), (9, 10)), ((0, 29), (5, 56)), ((0, 20), (0, 10)), ((0, 10), (10, 10)), ((0, 6000), (3, 6000)),
    ((0, 6000), (0, 6000)), ((12, 60000), (31, 60000)), ((5, 1000), (5, 1000)), ((100, 100), (100, 100)), ((99, 100), (100, 100)),
    ((1, 2), (1, 2)), ((0, 1), (1, 1)), ((7, 300), (0, 20)), ((1, 100000), (40, 90000)), ((250, 500), (240, 480)), ((3, 7), (1, 40)),
    ((20, 1000), (60, 1000)), ((60, 1000), (20, 1000)), ((2, 50), (2, 5000)), ((499, 500), (480, 500)), ((10, 200000), (10, 100000)),
]


# Newcombe (1998), Statistics in Medicine 17, 873, table II, method 6. statsmodels 0.15 is no check:
# its cubic has a count where Miettinen & Nurminen have the size of the sample.
NEWCOMBE = {
    ((48, 80), (56, 70)): (0.0528, 0.3382),
    ((3, 10), (9, 10)): (0.1700, 0.8406),
    ((0, 29), (5, 56)): (-0.0326, 0.1933),
    ((0, 20), (0, 10)): (-0.1658, 0.2844),
    ((0, 10), (10, 10)): (0.6636, 1.0),
}


def score_at(before, now, delta):
    """The score with many digits, by the closed form of Miettinen & Nurminen's cubic."""
    (x2, n2), (x1, n1) = before, now
    delta, n = mpmath.mpf(delta), n1 + n2
    distance = mpmath.mpf(x1) / n1 - mpmath.mpf(x2) / n2 - delta
    l3, l2 = mpmath.mpf(n), (n1 + 2 * n2) * delta - n - x1 - x2
    l1, l0 = (n2 * delta - n - 2 * x2) * delta + x1 + x2, x2 * delta * (1 - delta)
    q = l2**3 / (3 * l3) ** 3 - l1 * l2 / (6 * l3**2) + l0 / (2 * l3)
    p = mpmath.sqrt(max(mpmath.mpf(0), l2**2 / (3 * l3) ** 2 - l1 / (3 * l3)))
    p = p if q >= 0 else -p
    if p == 0:
        p2 = -l2 / (3 * l3)
    else:
        cosine = min(mpmath.mpf(1), max(mpmath.mpf(-1), q / p**3))
        p2 = 2 * p * mpmath.cos((mpmath.pi + mpmath.acos(cosine)) / 3) - l2 / (3 * l3)
    p2 = min(max(p2, mpmath.mpf(0), -delta), mpmath.mpf(1), 1 - delta)
    p1 = p2 + delta
    variance = (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2) * n / (n - 1)
    if abs(distance) < mpmath.mpf(10) ** -30:
        return mpmath.mpf(0)
    if variance <= mpmath.mpf(10) ** -35:
        return mpmath.inf if distance > 0 else -mpmath.inf
    return distance / mpmath.sqrt(variance)


def proportions():
    intervals, scores, fisher = [], [], []
    for before, now in COUNTS:
        d = mpmath.mpf(now[0]) / now[1] - mpmath.mpf(before[0]) / before[1]
        for phi in (1.0, 3.5):
            critical = float(stats.norm.ppf(0.975) * math.sqrt(phi))

            def end(outside):
                inside, outside = d, mpmath.mpf(outside)
                if abs(score_at(before, now, outside)) <= critical:
                    return outside
                for _ in range(110):
                    middle = (inside + outside) / 2
                    if abs(score_at(before, now, middle)) <= critical:
                        inside = middle
                    else:
                        outside = middle
                return inside

            low, high = end(-1), end(1)
            given = {"before": before, "now": now, "critical": critical}
            intervals.append((given, [low, high]))
            if phi == 1 and (before, now) in NEWCOMBE:
                published = NEWCOMBE[before, now]
                assert np.allclose(published, [float(low), float(high)], atol=6e-5), (given, low, high)
        for delta in (0.0, -0.001, 0.02):
            value = score_at(before, now, delta)
            if mpmath.isfinite(value):
                scores.append(({"before": before, "now": now, "delta": delta}, [value]))
        hits, trials = before[0] + now[0], before[1] + now[1]
        ways = sum(math.comb(now[1], k) * math.comb(before[1], hits - k) for k in range(now[0], min(hits, now[1]) + 1))
        p = Fraction(ways, math.comb(trials, hits))
        table = [[now[0], now[1] - now[0]], [before[0], before[1] - before[0]]]
        assert math.isclose(stats.fisher_exact(table, alternative="greater").pvalue, float(p), rel_tol=1e-6)
        fisher.append(({"before": before, "now": now}, [float(p)]))
    write("miettinen_nurminen", "closed form with 40 digits; checked with the table of Newcombe (1998)", intervals)
    write("score", "closed form with 40 digits", scores)
    write("fisher_greater", "whole numbers; checked with scipy.stats.fisher_exact", fisher)

    cases = []
    layouts = [[[20, 20, 20], [20, 20, 20]], [[1, 0, 0], [0, 0, 0, 90]], [[5, 9, 4, 7], [30, 2]], [[0, 0], [0, 0]], [[40] * 5, [41, 39, 40, 44, 36]]]
    layouts += [[list(rng.poisson(rng.gamma(2, 10, n))), list(rng.poisson(rng.gamma(2, 10, m)))] for n, m in [(3, 3), (5, 5), (2, 9), (9, 2), (10, 10), (3, 4), (20, 5), (5, 20)] for _ in (0, 1)]
    for before, now in layouts:
        sizes = [[int(rng.integers(800, 2000)) for _ in side] for side in (before, now)]
        total = 0.0
        for hits, trials in zip((before, now), sizes):
            if 0 < sum(hits) < sum(trials):
                total += stats.chi2_contingency([hits, np.array(trials) - hits], correction=False).statistic
        df = len(before) + len(now) - 2
        phi = max(1.0, total / df)
        critical = math.sqrt(phi) * (stats.t.ppf(0.975, df) if phi > 1 else stats.norm.ppf(0.975))
        z = 1.3 / math.sqrt(phi)
        above = stats.t.sf(z, df) if phi > 1 else stats.norm.sf(z)
        given = {"before": list(zip(before, sizes[0])), "now": list(zip(now, sizes[1])), "score": 1.3}
        cases.append((given, [phi, critical, above]))
    write("dispersion", "scipy.stats.chi2_contingency of each side", cases)


def slopes():
    cases = []
    for n in (2, 3, 4, 7, 10, 15, 30):
        for kind in range(4):
            x = np.arange(n) if kind % 2 else np.sort(rng.integers(0, max(3, n), n))
            if len(set(x)) < 2:
                x = np.arange(n)
            y = rounded(0.5 * x + rng.normal(0, 1, n) + (kind == 2) * 100 * (np.arange(n) == n - 1))
            cases.append(({"points": list(zip(map(float, x), y))}, [stats.theilslopes(y, x).slope]))
    write("theil_sen", "scipy.stats.theilslopes", cases)


def planning():
    detect, need = [], []
    for df, alpha, se in itertools.product((1, 2, 4, 8, 18, 58.3), (0.05, 0.0187), (0.01, 0.3)):
        wanted = (stats.t.ppf(1 - alpha / 2, df) + stats.t.ppf(0.8, df)) * se
        detect.append(({"se": se, "df": df, "alpha": alpha}, [wanted]))
    for sd, margin, arms, alpha in itertools.product((0.005, 0.02, 0.04, 0.1), (0.03, 0.05, 0.1), (1, 2), (0.05, 0.0187)):
        variance = 2 * sd * sd if arms == 2 else sd * sd

        def power_is_enough(n):
            df = arms * (n - 1)
            return variance * (stats.t.ppf(1 - alpha / 2, df) + stats.t.ppf(0.8, df)) ** 2 / margin**2 <= n

        wanted = next(n for n in itertools.count(2) if power_is_enough(n))
        need.append(({"variance": variance, "arms": arms, "alpha": alpha, "margin": margin}, [wanted]))
    write("minimal_detectable", "scipy.stats.t.ppf", detect)
    write("rounds_needed", "counting up from two with scipy.stats.t.ppf", need)


def isotonic():
    cases = []
    for n in (1, 2, 3, 5, 8, 13, 20):
        for kind in range(4):
            values = rounded(np.linspace(0, kind, n) + rng.normal(0, 1, n)) if kind else [float(v) for v in rng.integers(0, 3, n)]
            weights = rounded(rng.uniform(0.1, 5, n)) if kind % 2 else [1.0] * n
            wanted = optimize.isotonic_regression(values, weights=weights).x
            cases.append(({"points": list(zip(values, weights))}, wanted))
    write("isotonic", "scipy.optimize.isotonic_regression", cases)


def distributions():
    dfs = (1, 2, 3, 4.5, 8, 17.776, 40, 1000)
    ps = (1e-6, 0.005, 0.025, 0.2, 0.5, 0.8, 0.975, 0.99065, 0.9999)
    write("t_cdf", "scipy.stats.t.cdf", [({"x": x, "df": df}, [stats.t.cdf(x, df)]) for df in dfs for x in (-40, -3.2, -0.1, 0, 0.5, 2.306, 12)])
    write("t_quantile", "scipy.stats.t.ppf", [({"p": p, "df": df}, [0.0 if p == 0.5 else stats.t.ppf(p, df)]) for df in dfs for p in ps])
    pairs = ((1, 1), (2, 7), (4, 4), (5, 10), (9, 9), (39, 3), (12.5, 30))
    write("f_cdf", "scipy.stats.f.cdf", [({"x": x, "df": d}, [stats.f.cdf(x, *d)]) for d in pairs for x in (0.01, 0.4, 1, 3.3, 23)])
    write("f_quantile", "scipy.stats.f.ppf", [({"p": p, "df": d}, [stats.f.ppf(p, *d)]) for d in pairs for p in (0.005, 0.05, 0.5, 0.975, 0.995)])
    xs = (-30, -8, -5, -3, -1.96, -1, -0.3, -1e-3, 0, 1e-6, 0.2, 0.7, 1, 1.5, 1.96, 2.5, 3, 4, 5, 6, 8)
    write("normal_cdf", "scipy.stats.norm.cdf", [({"x": x}, [stats.norm.cdf(x)]) for x in xs])
    ps = (1e-300, 1e-20, 1e-10, 1e-5, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 0.49, 0.5, 0.51, 0.7, 0.9, 0.975, 0.99065, 0.995, 0.9999, 1 - 1e-9)
    write("normal_quantile", "scipy.stats.norm.ppf", [({"p": p}, [stats.norm.ppf(p)]) for p in ps])


def posterior():
    cases = []
    for estimate, se, df in itertools.product((-0.1, 0.0, 0.01, 0.3), (0.01, 0.05), (2, 8, 30.5)):
        low, high = -0.05, 0.05
        wanted = stats.t.cdf((high - estimate) / se, df) - stats.t.cdf((low - estimate) / se, df)
        cases.append(({"contrast": [estimate, se, df], "low": low, "high": high}, [wanted]))
    write("probability_between", "scipy.stats.t.cdf", cases)


def scalability():
    cases = []
    for truth in ((100, 0.02, 0.0004), (900, 0.1, 0.002), (40, 0.0, 0.01), (250, 0.3, 0.0001), (1000, 0.05, 0.0)):
        for points, noise in ((6, 0.0), (8, 0.01), (12, 0.02), (20, 0.03)):
            n = rounded(np.geomspace(1, 48, points))
            curve = [truth[0] * v / (1 + truth[1] * (v - 1) + truth[2] * v * (v - 1)) for v in n]
            x = rounded(np.array(curve) * np.exp(rng.normal(0, noise, points)))

            def residuals(log_lambda, sigma, kappa):
                rate = mpmath.e ** log_lambda
                return [y - rate * v / (1 + sigma * (v - 1) + kappa * v * (v - 1)) for v, y in zip(n, x)]

            def error(at):
                return np.array([float(r) for r in residuals(*at)])

            start = [math.log(truth[0]), truth[1], truth[2]]
            bounds = ([-20, 0, 0], [20, 5, 5])
            fit = optimize.least_squares(error, start, bounds=bounds, xtol=1e-15, ftol=1e-15, gtol=1e-15, x_scale=[1, 0.1, 0.01])
            free = [i for i in range(3) if i == 0 or fit.x[i] > 1e-7]

            def slope(*values):
                at = [0.0, 0.0, 0.0]
                for i, v in zip(free, values):
                    at[i] = v

                def squares(i, v):
                    moved = list(at)
                    moved[i] = v
                    return sum(r * r for r in residuals(*moved))

                return [mpmath.diff(lambda v, i=i: squares(i, v), at[i]) for i in free]

            # Newton with many digits on the slopes of the squares.
            solution = mpmath.findroot(slope, [mpmath.mpf(float(fit.x[i])) for i in free], tol=1e-24, verify=False)
            at = [mpmath.mpf(0)] * 3
            for i, v in zip(free, solution if len(free) > 1 else [solution]):
                at[i] = mpmath.mpf(v)
            if any(v < 0 for v in at[1:]):
                continue
            left = sum(r * r for r in residuals(*at))
            mean = sum(map(mpmath.mpf, x)) / len(x)
            wanted = [mpmath.e ** at[0], at[1], at[2], 1 - left / sum((y - mean) ** 2 for y in x)]
            cases.append(({"points": list(zip(n, x))}, wanted))
    write("usl", "scipy.optimize.least_squares, then Newton's method with 40 digits", cases)


if __name__ == "__main__":
    t_tests()
    tost()
    rank_tests()
    bootstrap()
    sessions()
    multiple()
    boundaries()
    e_values()
    proportions()
    slopes()
    planning()
    isotonic()
    distributions()
    posterior()
    scalability()
