#!/usr/bin/env python3
"""A build of Plimsoll as a target: an HTTP server on loopback whose requests are work for that build.

    POST /load?requests=40000&seconds=1   it sends so many requests to a server that answers at once
    POST /report?times=10                 it renders the committed example run as a page, so many times
    GET  /health                          says that both can be asked

Answered is when the work is done: with 200 when all of it was, with 500 and what was said when not. So the CPU
time of a request is what the work costs, and about 2 ms for this server.

The server that is loaded is no part of that: it runs in a process group of its own, and Plimsoll counts the group
of the target that it has started.
"""

import argparse
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "reports" / "example"
# Longer than any of the work takes, on any machine that is worth measuring on.
LONGEST = 60


class Work:
    """What the build is asked to do, one piece after the other."""

    def __init__(self, build, loaded, folder):
        self.build, self.loaded, self.folder = build, loaded, folder
        self.example = folder / "example"
        shutil.copytree(EXAMPLE, self.example)
        self.turn = threading.Lock()

    def load(self, requests=40_000, seconds=1):
        """Sends the requests, and sees to it that all of them were answered."""
        said = self.run("run", f"{self.loaded}/health", "--rate", f"{requests // seconds}/s", "--for", f"{seconds}s",
                        "--pool", "20", "--workers", "1", "--coalesce", "900us", "--json")
        answered = json.loads(said)["summary"]["now"]["answered"]
        if answered != requests:
            raise RuntimeError(f"{answered} of {requests} requests were answered")
        # Kept, it would be looked through by the next run.
        shutil.rmtree(self.folder / "reports", ignore_errors=True)

    def report(self, times=10):
        """Renders the page, and sees to it that it is there."""
        page = self.folder / "report.html"
        for _ in range(times):
            page.unlink(missing_ok=True)
            self.run("report", str(self.example), "-o", str(page))
            if page.stat().st_size < 10_000:
                raise RuntimeError(f"{page} has {page.stat().st_size} bytes")

    def run(self, verb, *arguments):
        command = [self.build, "--quiet", "--root", str(self.folder), verb, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
        # 4: a busy machine has spoiled the times, which nobody asks for; that the work was done is asked.
        if done.returncode not in (0, 4):
            raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr}")
        return done.stdout


def handler(work):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.answer(200 if self.path == "/health" else 404, "")

        def do_POST(self):
            path, _, query = self.path.partition("?")
            piece = {"/load": work.load, "/report": work.report}.get(path)
            if not piece:
                return self.answer(404, "")
            numbers = {name: int(value) for name, value in urllib.parse.parse_qsl(query)}
            try:
                with work.turn:
                    piece(**numbers)
            except Exception as problem:
                return self.answer(500, str(problem))
            return self.answer(200, "done")

        def answer(self, status, text):
            if status == 500:
                print(text, file=sys.stderr, flush=True)
            body = text.encode()
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


def start(program):
    """A server that answers at once, in a process group of its own; the process and its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([program, "demo-target", "--port", str(port)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    for _ in range(200):
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
            return process, url
        except OSError:
            time.sleep(0.05)
    process.kill()
    sys.exit(f"`{program} demo-target` does not answer")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--build", default=ROOT / "target/release/plimsoll", help="the build that is measured")
    parser.add_argument("--loaded", help="the build whose demo target is loaded [default: the same]")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    # Ending by a signal ends the server that is loaded, and removes the folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="self-gate-") as folder:
        loaded, url = start(os.path.abspath(options.loaded or build))
        try:
            work = Work(build, url, pathlib.Path(folder))
            http.server.ThreadingHTTPServer(("127.0.0.1", options.port), handler(work)).serve_forever()
        finally:
            loaded.kill()
            loaded.wait()


if __name__ == "__main__":
    main()
