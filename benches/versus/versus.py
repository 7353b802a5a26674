#!/usr/bin/env python3
"""Plimsoll beside other load generators: CPU per request, memory, and whether the load arrives.

All clients load the same nginx (one worker on core 0, a small static answer) from core 1, one after
another in random order within each round. Requests are counted by the server (stub_status), CPU by
the kernel (wait4), steal from /proc/stat; nothing that a client says of itself is used. Nothing is
installed: what is not on the PATH is left out.

    cargo build --release
    benches/versus/versus.py target/release/plimsoll            prints the tables
    benches/versus/versus.py target/release/plimsoll --write    and writes them into docs/performance.md
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

SERVER_CORE, CLIENT_CORE = 0, 1
SATURATED = [1, 50, 500]
RATES = [2_000, 10_000, 20_000, 40_000]
OPEN_CONNECTIONS = 50
DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "performance.md"
# What stands between these lines of the document is ours.
BEGIN, END = "<!-- written by benches/versus/versus.py -->\n", "<!-- end -->\n"


COALESCED = "plimsoll, 900 µs coalesced"


# Clients: a name, how to start it, and whether it can keep a rate.

def ours(binary, url, connections, rate, seconds):
    load = ["--connections", str(connections)]
    if rate:
        load = ["--rate", f"{rate}/s", "--pool", str(connections)]
    return [binary, "--quiet", "run", url, *load, "--for", f"{seconds}s", "--workers", "1"]


def coalesced(binary, url, connections, rate, seconds):
    # As coarse as clients whose timers step in milliseconds.
    return [*ours(binary, url, connections, rate, seconds), "--coalesce", "900us"]


def wrk(binary, url, connections, rate, seconds):
    return [binary, "-t1", f"-c{connections}", f"-d{seconds}s", url]


def wrk2(binary, url, connections, rate, seconds):
    return [binary, "-t1", f"-c{connections}", f"-d{seconds}s", f"-R{rate}", url]


def oha(binary, url, connections, rate, seconds):
    limit = ["-q", str(rate), "--latency-correction"] if rate else []
    return [binary, "--no-tui", "-z", f"{seconds}s", "-c", str(connections), *limit, url]


def hey(binary, url, connections, rate, seconds):
    # -q counts per worker.
    limit = ["-q", str(rate / connections)] if rate else []
    return [binary, "-z", f"{seconds}s", "-c", str(connections), *limit, url]


def ab(binary, url, connections, rate, seconds):
    # A time limit comes with a number of its own unless one follows.
    return [binary, "-q", "-k", "-t", str(seconds), "-n", "100000000", "-c", str(connections), url]


def h2load(binary, url, connections, rate, seconds):
    return [binary, "--h1", "-t1", "-D", str(seconds), "-c", str(connections), url]


def vegeta(binary, url, connections, rate, seconds):
    return [binary, "attack", f"-duration={seconds}s", f"-rate={rate}", f"-connections={connections}",
            f"-workers={connections}", f"-max-workers={connections}", "-output=/dev/null"]


def autocannon(binary, url, connections, rate, seconds):
    return [binary, "-c", str(connections), "-d", str(seconds), "--no-progress", url]


CLOSED = {"plimsoll": ours, "wrk": wrk, "oha": oha, "hey": hey, "ab": ab, "h2load": h2load,
          "autocannon": autocannon}
OPEN = {"plimsoll": ours, COALESCED: coalesced, "wrk2": wrk2, "oha": oha, "hey": hey, "vegeta": vegeta}

VERSION = {"wrk": ["-v"], "wrk2": ["-v"], "oha": ["--version"], "ab": ["-V"], "h2load": ["--version"],
           "plimsoll": ["--version"], "vegeta": ["-version"], "autocannon": ["--version"]}


def version(name, binary):
    if name not in VERSION:
        return "?"
    said = subprocess.run([binary, *VERSION[name]], capture_output=True, text=True, check=False)
    number = re.search(r"\d+\.\d+[\w.-]*", said.stdout + said.stderr)
    return number[0] if number else "?"


class Nginx:
    """A server of our own, stopped by its id."""

    def __init__(self, binary, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        config = f"""
            daemon off; master_process off; worker_processes 1;
            pid {folder}/pid; error_log {folder}/error.log;
            events {{ worker_connections 4096; }}
            http {{
                access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
                client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
                fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
                server {{
                    listen 127.0.0.1:{self.port} backlog=4096;
                    location = /status {{ stub_status; }}
                    location / {{ default_type text/plain; return 200 "hello, world\\n"; }}
                }}
            }}
        """
        path = pathlib.Path(folder, "nginx.conf")
        path.write_text(config, encoding="utf-8")
        self.url = f"http://127.0.0.1:{self.port}/"
        self.process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), binary, "-c", str(path), "-e", f"{folder}/error.log"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                self.requests()
                return
            except OSError:
                time.sleep(0.05)
        self.stop()
        sys.exit(f"nginx does not answer; see {folder}/error.log")

    def requests(self):
        """Requests served so far; asking is one of them."""
        with urllib.request.urlopen(self.url + "status", timeout=5) as answer:
            return int(answer.read().split()[9])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def steal():
    """Ticks stolen and ticks in all, over all cores."""
    with open("/proc/stat", encoding="ascii") as stat:
        ticks = [int(n) for n in stat.readline().split()[1:9]]
    return ticks[7], sum(ticks)


def run(nginx, name, command, seconds):
    """One run of one client; what the server and the kernel saw of it."""
    with tempfile.TemporaryDirectory() as folder:
        before, (stolen, ticks), began = nginx.requests(), steal(), time.monotonic()
        stdin = subprocess.PIPE if name == "vegeta" else subprocess.DEVNULL
        process = subprocess.Popen(["taskset", "-c", str(CLIENT_CORE), *command], cwd=folder,
                                   stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if stdin == subprocess.PIPE:
            process.stdin.write(f"GET {nginx.url}\n".encode())
            process.stdin.close()
        # The greatest memory that wait4 tells is that of whoever started the client, if that was
        # greater; so it is looked at while the client runs.
        resident, peak = [], 0.0
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            now, most = memory_of(process.pid)
            resident.append((time.monotonic() - began, now))
            peak = max(peak, most)
            time.sleep(0.1)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - began
        now_stolen, now_ticks = steal()
        served = nginx.requests() - before - 1
    return {
        "client": name, "status": process.returncode, "wall": wall, "requests": served,
        "rate": served / seconds,
        "cpu_us": (usage.ru_utime + usage.ru_stime) * 1e6 / served if served else None,
        "rss_mib": peak,
        "steal": (now_stolen - stolen) / max(1, now_ticks - ticks),
        "resident": resident,
    }


def memory_of(pid):
    """Resident memory now and at most, in MiB; zero when the process has just ended."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        text = status.read()
    found = [re.search(rf"{key}:\s+(\d+)", text) for key in ("VmRSS", "VmHWM")]
    return [int(size[1]) / 1024 if size else 0.0 for size in found]


def measure(nginx, clients, options):
    """All modes, all clients, in rounds: a slow minute of the machine meets everyone."""
    modes = [(f"saturate, {n} connections", CLOSED, n, None) for n in options.connections]
    modes += [(f"{rate}/s, {OPEN_CONNECTIONS} connections", OPEN, OPEN_CONNECTIONS, rate)
              for rate in options.rates]
    plan = [(mode, name, build(clients[name], nginx.url, n, rate, options.seconds))
            for mode, builders, n, rate in modes
            for name, build in builders.items() if name in clients]
    results = {(mode, name): [] for mode, name, _ in plan}
    for number in range(options.rounds):
        random.shuffle(plan)
        for mode, name, command in plan:
            result = run(nginx, name, command, options.seconds)
            results[mode, name].append(result)
            cpu = f"{result['cpu_us']:.2f} µs" if result["cpu_us"] else "–"
            print(f"round {number + 1}/{options.rounds}  {mode:28} {name:10} {result['rate']:9.0f}/s  "
                  f"{cpu} each  steal {result['steal']:.1%}  exit {result['status']}",
                  file=sys.stderr, flush=True)
    return results


def memory(nginx, binary):
    """Our resident memory early and late in a run: it must not grow with the requests."""
    resident = run(nginx, "plimsoll", ours(binary, nginx.url, 50, None, 62), 62)["resident"]
    return [next(size for at, size in resident if at >= moment) for moment in (10, 60)]


def median(runs, key):
    known = [r[key] for r in runs if r[key] is not None]
    return statistics.median(known) if known else None


def ratios(results, mode, name, to):
    """Of each round by itself, so that what disturbs a round disturbs both sides."""
    pairs = zip(results[mode, name], results.get((mode, to), []))
    return [a["cpu_us"] / b["cpu_us"] for a, b in pairs if a["cpu_us"] and b["cpu_us"]]


def table(results):
    lines = []
    for mode in dict.fromkeys(mode for mode, _ in results):
        names = [name for m, name in results if m == mode]
        to = "wrk" if "wrk" in names else "wrk2" if "wrk2" in names else "plimsoll"
        lines += [f"### {mode}", "",
                  f"| client | served | CPU per request | beside {to} (least – greatest) | peak memory | steal |",
                  "|---|---:|---:|---:|---:|---:|"]
        names.sort(key=lambda name: median(results[mode, name], "cpu_us") or float("inf"))
        for name in names:
            runs = results[mode, name]
            cpu, ratio = median(runs, "cpu_us"), ratios(results, mode, name, to)
            beside = "–" if not ratio else (
                f"{statistics.median(ratio):.2f} ({min(ratio):.2f} – {max(ratio):.2f})")
            broken = sum(r["status"] != 0 for r in runs)
            note = f" ({broken} of {len(runs)} ended with an error)" if broken else ""
            shown = f"{cpu:.2f} µs" if cpu else "–"
            lines.append(f"| {name}{note} | {median(runs, 'rate'):.0f}/s | {shown} | {beside} | "
                         f"{median(runs, 'rss_mib'):.0f} MiB | {max(r['steal'] for r in runs):.1%} |")
        lines.append("")
    return "\n".join(lines)


def document(results, clients, nginx_version, grown, options):
    with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
        model = re.search(r"model name\s*:\s*(.*)", cpuinfo.read())
    versions = ", ".join(f"{name} {version(name, path)}" for name, path in clients.items()
                         if name != COALESCED)
    growth = "" if not grown else (
        f"\nMemory of Plimsoll, saturating 50 connections: {grown[0]:.1f} MiB after 10 s, "
        f"{grown[1]:.1f} MiB after 60 s.\n")
    return f"""{datetime.date.today()}, {model[1] if model else platform.machine()}, {os.cpu_count()} cores, \
Linux {platform.release()}. {versions}; nginx {nginx_version}.

nginx on core {SERVER_CORE} answers 13 bytes; the client has core {CLIENT_CORE}. {options.rounds} rounds of \
{options.seconds} s in random order; medians, and the ratio of each round by itself. Requests are counted \
by the server, CPU (user and system) by the kernel. A client that reports more does more work: the \
numbers say what that costs, not which tool is better.

{table(results)}{growth}
To repeat: `cargo build --release && benches/versus/versus.py target/release/plimsoll --write`
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("plimsoll", help="our binary, built with --release")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10, help="of each run")
    parser.add_argument("--connections", type=int, nargs="*", default=SATURATED)
    parser.add_argument("--rates", type=int, nargs="*", default=RATES)
    parser.add_argument("--only", nargs="*", help="these clients and ours")
    parser.add_argument("--memory", action="store_true", help="also look whether ours grows in a minute")
    parser.add_argument("--json", type=pathlib.Path, help="keep all runs in this file")
    parser.add_argument("--write", action="store_true", help=f"write them into {DOCUMENT.name}")
    return parser.parse_args()


def main():
    options = arguments()
    programs = {"nginx": shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin"),
                "taskset": shutil.which("taskset")}
    for name, path in programs.items():
        if not path:
            sys.exit(f"{name} is not installed")
    if (os.cpu_count() or 1) < 2:
        sys.exit("client and server need a core each")
    own = str(pathlib.Path(options.plimsoll).resolve(strict=True))
    clients = {"plimsoll": own, COALESCED: own}
    for name in dict.fromkeys([*CLOSED, *OPEN]):
        if name not in clients and (not options.only or name in options.only) and shutil.which(name):
            clients[name] = shutil.which(name)
    print("clients: " + ", ".join(f"{n} {version(n, p)}" for n, p in clients.items()), file=sys.stderr)
    said = subprocess.run([programs["nginx"], "-v"], capture_output=True, text=True, check=False)
    nginx_version = re.search(r"nginx/(\S+)", said.stderr)
    with tempfile.TemporaryDirectory() as folder:
        nginx = Nginx(programs["nginx"], folder)
        try:
            results = measure(nginx, clients, options)
            grown = memory(nginx, clients["plimsoll"]) if options.memory else None
        finally:
            nginx.stop()
    if options.json:
        runs = [{"mode": mode, **r} for (mode, _), many in results.items() for r in many]
        for one in runs:
            del one["resident"]
        options.json.write_text(json.dumps(runs, indent=1), encoding="utf-8")
    text = document(results, clients, nginx_version[1] if nginx_version else "?", grown, options)
    print(text)
    if options.write:
        before, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)
        after = rest.split(END, 1)[1]
        DOCUMENT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
