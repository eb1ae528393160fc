"""Measure what parked tasks cost an engine.

For each kind an engine of its own has so many tasks that wait; once all do, it is left alone. Printed are the
attempts that are open, the part of one processor in percent, bytes written to the log of the store, and
new events, in that time. `none` = an engine without tasks.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.homes import Home

KINDS = ("none", "wait", "signal", "human", "file", "job", "poll", "child")
CHILD = "child.yaml"
WAITS = """\
name: waits
params:
  key: {type: string}
tasks:
  - {key: t, uses: signal, with: {name: never, key: "${{ params.key }}"}}
"""
"""The document of a child: each of them waits as well."""
SETTLE = 3.0
"""Seconds after the last task began to wait."""


class Busy(BaseHTTPRequestHandler):
    """Answers that it is not done."""

    def do_GET(self) -> None:
        body = b'{"state": "busy"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


def task(kind: str, number: int, *, home: Path, url: str) -> dict[str, object]:
    """Return a task that waits for what never comes."""
    poll = {"until": "json.state == 'done'", "every": "10m"}
    withs: dict[str, dict[str, object]] = {
        "wait": {"for": "9d"},
        "signal": {"name": "never", "key": str(number)},
        "human": {"title": f"Never {number}"},
        "file": {"path": str(home / f"never-{number}")},
        "job": {"key": f"never-{number}"},
        "poll": {"url": url, "poll": poll},
        "child": {"file": str(home.parent / CHILD), "params": {"key": str(number)}},
    }
    uses = {"poll": "http", "child": "workflow"}.get(kind, kind)
    return {"key": f"t{number}", "uses": uses, "with": withs[kind]}


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(kind: str, url: str, args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="parked.") as folder:
        home = Home(Path(folder) / "home")
        try:
            _measure(home, kind, url, args)
        finally:
            home.end()


def _measure(home: Home, kind: str, url: str, args: argparse.Namespace) -> None:
    home.start("serve")
    pid = home.has_engine()
    number = 0 if kind == "none" else args.tasks
    if number:
        tasks = [task(kind, n, home=home.path, url=url) for n in range(number)]
        document = home.path.parent / "parked.json"
        (home.path.parent / CHILD).write_text(WAITS)
        document.write_text(json.dumps({"name": "parked", "tasks": tasks}))
        home.run("run", str(document), "--detach")
        waiting = 2 * number if kind == "child" else number
        home.waits_for("SELECT count(*) FROM task WHERE status = 'waiting'", (waiting,))
    time.sleep(SETTLE)
    wal = home.path / "taskdeck.db-wal"
    before = cpu_seconds(pid), _events(home), wal.stat().st_mtime_ns
    time.sleep(args.seconds)
    used = 100 * (cpu_seconds(pid) - before[0]) / args.seconds
    ((running,),) = home.rows("SELECT count(*) FROM attempt WHERE status = 'running'")
    written = "written" if wal.stat().st_mtime_ns != before[2] else "untouched"
    told = f"{running:>5} slots {used:>8.3f} % of a core   log {written:<9}"
    print(f"{kind:<7} {number:>6} tasks {told} {_events(home) - before[1]:>4} events", flush=True)


def _events(home: Home) -> int:
    ((last,),) = home.rows("SELECT max(id) FROM event")
    return int(str(last))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--kinds", default=",".join(KINDS))
    args = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    Thread(target=server.serve_forever, daemon=True).start()
    for kind in args.kinds.split(","):
        measure(kind, f"http://127.0.0.1:{server.server_port}/", args)


if __name__ == "__main__":
    main()
