#!/usr/bin/env python3
"""Plimsoll under its own gate: two builds of it, measured in turn, by CPU time.

    benches/self-gate/gate.py --against origin/main    this checkout beside another commit, both built here
    benches/self-gate/gate.py BASE NOW                 two programs that are there

`plimsoll check` runs the scenarios `self-engine` (what 40,000 requests cost) and `self-report` (what ten reports
cost), rounds of both builds interleaved in random order. The base is the judge as well as the reference, so that
a change is not judged by itself. Further arguments, behind `--`, go to `check`.

Exits like `check`: with 1 when one of them regressed, else with the greater of their codes.
"""

import argparse
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCENARIOS = ["self-engine", "self-report"]
TARGET = "benches/self-gate/target.py"


def built(checkout, target):
    """Builds a checkout into a folder of its own; the program."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(target)}
    subprocess.run(["cargo", "build", "--release", "--locked"], cwd=checkout, env=environment, check=True)
    return target / "release" / "plimsoll"


def checked_out(ref):
    """The other commit, as a worktree below `target/`."""
    checkout = ROOT / "target" / "self-gate" / "base"
    git = ["git", "-C", str(ROOT)]
    if checkout.exists():
        subprocess.run([*git, "worktree", "remove", "--force", str(checkout)], check=True)
    subprocess.run([*git, "worktree", "add", "--force", "--detach", str(checkout), ref], check=True)
    return checkout


def policy(ref, scenario):
    """Thresholds come from the other commit once it has the scenario."""
    there = ["git", "-C", str(ROOT), "cat-file", "-e", f"{ref}:scenarios/{scenario}.toml"]
    if subprocess.run(there, stderr=subprocess.DEVNULL, check=False).returncode:
        return []
    return ["--policy-from", ref]


def check(scenario, base, now, options):
    def command(build):
        return shlex.join([TARGET, "--port", "{port}", "--build", str(build), "--loaded", str(base)])

    output = [word for form in ("html", "md", "json")
              for word in ("-o", str(options.output / f"{scenario}.{form}"))]
    return subprocess.run(
        [base, "check", scenario, "--command", command(now), "--against-command", command(base), *output,
         *(policy(options.against, scenario) if options.against else []), *options.arguments],
        cwd=ROOT, check=False).returncode


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0],
                                     usage="%(prog)s (--against REF | BASE NOW) [--output DIR] [-- ARGUMENTS]")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM")
    parser.add_argument("--against", metavar="REF", help="a commit, which is built beside this checkout")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "target" / "self-gate" / "reports",
                        help="folder for a page, a comment and JSON of each scenario")
    own, theirs = sys.argv[1:], []
    if "--" in own:
        at = own.index("--")
        own, theirs = own[:at], own[at + 1:]
    options = parser.parse_args(own)
    options.arguments = theirs
    if len(options.programs) != (0 if options.against else 2):
        parser.error("either --against REF, or two programs")
    return options


def main():
    options = arguments()
    options.output = options.output.resolve()
    options.output.mkdir(parents=True, exist_ok=True)
    if options.against:
        now = built(ROOT, ROOT / "target")
        base = built(checked_out(options.against), ROOT / "target" / "self-gate" / "build")
    else:
        base, now = (pathlib.Path(shutil.which(program) or program).absolute() for program in options.programs)
    codes = [check(scenario, base, now, options) for scenario in SCENARIOS]
    sys.exit(1 if 1 in codes else max(codes))


if __name__ == "__main__":
    main()
