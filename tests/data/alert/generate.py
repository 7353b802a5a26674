#!/usr/bin/env python3
"""Writes what a real Prometheus answers to expressions over fixed series.

    apt-get install prometheus
    tests/data/alert/generate.py            writes series.json and answers.json beside itself

Prometheus is started on 127.0.0.1 with a folder of its own, and is ended by its process id.
"""

import json
import pathlib
import random
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).parent
# The beginning of the round: a whole hour, so that time() % 3600 is that of the round.
BEGIN = 472222 * 3600
TIMES = [0, 7, 61.5, 123.456, 300, 302.5, 590, 640, 905]

EXPRESSIONS = """
requests_total
requests_total{code="500"}
requests_total{code!="200"}
requests_total{code=~"4..|5.."}
requests_total{instance!~"a:.*"}
{__name__=~"pool_.*", pool="main"}
{instance="b:1", __name__!="requests_total", __name__!~"latency.*"}
requests_total{nothing=""}
requests_total{nothing!=""}
ended
ended offset 4m
jittered
jittered offset 90s
rate(requests_total[30s])
rate(requests_total[1m])
rate(requests_total[7s])
rate(requests_total[5s])
rate(requests_total{code="500"}[5m] offset 1m)
increase(requests_total[30s])
increase(requests_total[2m])
increase(jittered_total[33s])
rate(jittered_total[1m])
irate(requests_total[30s])
irate(jittered_total[30s])
delta(pool_in_use[30s])
delta(jittered[47s])
idelta(pool_in_use[30s])
deriv(memory_bytes[1m])
deriv(memory_bytes[5m])
deriv(constant[1m])
predict_linear(memory_bytes[2m], 3600)
predict_linear(jittered[1m], 60)
avg_over_time(pool_in_use[1m])
min_over_time(pool_in_use[1m])
max_over_time(pool_in_use[1m])
sum_over_time(pool_in_use[1m])
count_over_time(jittered[1m])
last_over_time(ended[10m])
quantile_over_time(0.9, pool_in_use[2m])
quantile_over_time(-1, pool_in_use[2m])
quantile_over_time(1.5, pool_in_use[2m])
stddev_over_time(pool_in_use[1m])
stdvar_over_time(pool_in_use[1m])
present_over_time(ended[30s])
changes(pool_in_use[1m])
changes(constant[1m])
resets(requests_total[5m])
resets(pool_in_use[1m])
absent(nothing_there{a="b", c=~"d", e="f", e="g"})
absent(requests_total{code="500"})
absent(sum(nothing_there))
absent_over_time(nothing_there{a="b"}[1m])
absent_over_time(ended[30s])
histogram_quantile(0.5, latency_seconds_bucket)
histogram_quantile(0.95, rate(latency_seconds_bucket[1m]))
histogram_quantile(0.99, sum by (le) (rate(latency_seconds_bucket[1m])))
histogram_quantile(0.1, sum by (le, instance) (latency_seconds_bucket))
histogram_quantile(2, latency_seconds_bucket)
histogram_quantile(0.9, latency_seconds_bucket{le!="+Inf"})
abs(negative)
ceil(pool_in_use / 3)
floor(pool_in_use / 3)
round(pool_in_use / 3)
round(pool_in_use / 3, 0.25)
round(negative, 5)
clamp(pool_in_use, 5, 12)
clamp(pool_in_use, 12, 5)
clamp_min(pool_in_use, 10)
clamp_max(pool_in_use, 10)
exp(pool_in_use / 10)
ln(pool_in_use)
log2(pool_size)
log10(memory_bytes)
sqrt(pool_in_use)
sqrt(negative)
sgn(negative)
scalar(constant)
scalar(pool_in_use)
vector(3)
vector(scalar(constant) * 2)
time() % 3600
timestamp(pool_size) % 3600
sort(pool_in_use)
sort_desc(pool_in_use)
label_replace(pool_in_use, "short", "$1", "instance", "(.*):.*")
label_replace(pool_in_use, "pool", "", "pool", ".*")
label_replace(pool_in_use, "new", "x", "instance", "nothing")
label_join(pool_in_use, "both", "-", "pool", "instance")
sum(requests_total)
sum by (code) (requests_total)
sum by (code, nothing) (requests_total)
sum without (instance) (requests_total)
sum(requests_total) by (instance)
min by (pool) (pool_in_use)
max without (instance) (pool_in_use)
avg by (instance) (requests_total)
count by (code) (requests_total)
group by (code) (requests_total)
stddev by (pool) (pool_in_use)
stdvar(pool_in_use)
quantile(0.75, pool_in_use)
quantile by (pool) (0.5, pool_in_use)
topk(2, requests_total)
topk by (code) (1, requests_total)
bottomk(3, requests_total)
topk(0, pool_in_use)
pool_in_use / pool_size
pool_in_use / pool_size > 0.5
pool_in_use / pool_size > bool 0.5
pool_in_use / on (pool, instance) pool_size
sum by (pool) (pool_in_use) / ignoring (instance) sum by (pool) (pool_size)
pool_in_use / on (pool) group_left () sum by (pool) (pool_size)
pool_in_use * on (pool) group_left (owner) pool_owner
pool_owner * on (pool) group_right (owner) pool_in_use
requests_total / ignoring (code) group_left sum without (code) (requests_total)
rate(requests_total{code="500"}[1m]) / ignoring (code) sum without (code) (rate(requests_total[1m])) > 0.01
pool_in_use == pool_in_use
pool_in_use != 7
pool_in_use >= 8
pool_in_use < bool 8
8 > pool_in_use
1 == bool 1
2 ^ 3 ^ 2
-2 ^ 2
-(2 ^ 2) * 3 % 5
7 % -3
pool_in_use % 4
pool_in_use ^ 2 - 1
2 * pool_in_use + 1
-pool_in_use
-pool_in_use + 20 * 2 - 3 / 4
1 / 0 - 1 / 0
0 * constant / 0
pool_in_use and pool_size
pool_in_use and on (pool) pool_owner
pool_in_use unless on (pool) pool_in_use > 8
pool_in_use or requests_total{code="404"}
pool_in_use or on (instance) constant
pool_in_use > 8 or pool_in_use < 3 and on (pool) pool_owner
sum(rate(requests_total[1m])) by (instance) > 1 and sum(rate(requests_total{code="500"}[1m])) by (instance) > 0.001
requests_total{instance="b:1"} - requests_total{instance="b:1"} offset 1m
max_over_time(pool_in_use[5m]) / on (pool, instance) group_left pool_size
sum(increase(latency_seconds_bucket{le="0.1"}[1m])) / sum(increase(latency_seconds_bucket{le="+Inf"}[1m]))
avg(memory_bytes) / 1e6
Inf
NaN
"""


def series():
    """Deterministic series: (metric, labels, [(seconds, value)])."""
    chance = random.Random(5)
    result = []

    def add(metric, labels, points):
        result.append({"metric": metric, "labels": labels, "points": points})

    for i, instance in enumerate(["a:1", "b:1"]):
        for code, pace in [("200", 40), ("404", 3), ("500", 0.4)]:
            value, points = (1000 if i == 0 else 0), []
            for n in range(121):
                if n == 60 and i == 1:
                    value = 0
                value += int(chance.expovariate(1 / pace))
                if not (30 <= n < 34 and code == "404"):
                    points.append((n * 5, value))
            add("requests_total", {"instance": instance, "code": code}, points)
        counts = [0] * 6
        points = [[] for _ in counts]
        bounds = ["0.01", "0.05", "0.1", "0.5", "2.5", "+Inf"]
        for n in range(121):
            for _ in range(20):
                latency = chance.lognormvariate(-2.5 + n / 120, 1)
                for b, bound in enumerate(bounds):
                    counts[b] += latency <= float(bound)
            for b, count in enumerate(counts):
                points[b].append((n * 5, count))
        for bound, of in zip(bounds, points):
            add("latency_seconds_bucket", {"instance": instance, "le": bound}, of)
        for pool in ["main", "aux"]:
            add(
                "pool_in_use",
                {"instance": instance, "pool": pool},
                [(n * 5 + 0.25, chance.randint(0, 16)) for n in range(121)],
            )
            add(
                "pool_size",
                {"instance": instance, "pool": pool},
                [(n * 5 + 0.25, 16 if pool == "main" else 20) for n in range(121)],
            )
    add("pool_owner", {"pool": "main", "owner": "shop"}, [(n * 5, 1) for n in range(121)])
    add(
        "memory_bytes",
        {"instance": "a:1"},
        [(n * 5, 5e7 + 12345.678 * n + chance.gauss(0, 1e4)) for n in range(121)],
    )
    add("constant", {"instance": "a:1"}, [(n * 5, 42) for n in range(121)])
    add("negative", {"instance": "a:1"}, [(n * 5, -2.5 * n + 100) for n in range(121)])
    add("ended", {"instance": "b:1"}, [(n * 5, n) for n in range(20)])
    at, value, points, counter = 0.0, 0.0, [], []
    total = 0
    while at < 600:
        at = round(at + 1 + chance.random() * 8, 3)
        value += chance.gauss(0, 3)
        total += chance.randint(0, 9)
        points.append((at, value))
        counter.append((at, total))
    add("jittered", {}, points)
    add("jittered_total", {}, counter)
    return result


def openmetrics(all_series):
    lines, named = [], None
    for one in sorted(all_series, key=lambda s: s["metric"]):
        if one["metric"] != named:
            named = one["metric"]
            lines.append(f"# TYPE {named} unknown")
        labels = ",".join(f'{k}="{v}"' for k, v in one["labels"].items())
        for at, value in one["points"]:
            lines.append(f"{named}{{{labels}}} {value!r} {BEGIN + at:.3f}")
    return "\n".join(lines + ["# EOF", ""])


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(port, expression, at):
    query = urllib.parse.urlencode({"query": expression, "time": f"{BEGIN + at:.3f}"})
    url = f"http://127.0.0.1:{port}/api/v1/query?{query}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            data = json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        return {"error": json.load(error)["error"]}
    if data["resultType"] == "scalar":
        return {"series": [[{}, data["result"][1]]]}
    return {"series": [[r["metric"], r["value"][1]] for r in data["result"]]}


def main():
    all_series = series()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "series.om").write_text(openmetrics(all_series))
        (folder / "empty.yml").write_text("{}\n")
        subprocess.run(
            ["promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "series.om", folder / "data"],
            check=True,
            capture_output=True,
        )
        port = free_port()
        prometheus = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder}/empty.yml",
                f"--storage.tsdb.path={folder}/data",
                "--storage.tsdb.retention.time=100y",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stderr=subprocess.DEVNULL,
        )
        try:
            for _ in range(100):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=1)
                    break
                except OSError:
                    time.sleep(0.1)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/status/buildinfo") as info:
                version = json.load(info)["data"]["version"]
            answers = []
            for expression in EXPRESSIONS.strip().splitlines():
                for at in TIMES:
                    answers.append({"expr": expression, "at": at, **ask(port, expression, at)})
        finally:
            prometheus.terminate()
            prometheus.wait()
    one_a_line = lambda items: "[\n" + ",\n".join(json.dumps(i) for i in items) + "\n]"
    (HERE / "series.json").write_text(one_a_line(all_series) + "\n")
    (HERE / "answers.json").write_text(
        f'{{"prometheus": {json.dumps(version)}, "answers": {one_a_line(answers)}}}\n'
    )
    print(version, len(EXPRESSIONS.strip().splitlines()), "expressions,", len(answers), "answers")
    for answer in answers:
        if "error" in answer:
            print(answer)


if __name__ == "__main__":
    main()
