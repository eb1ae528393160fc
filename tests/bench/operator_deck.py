"""A store with a night's trouble in it, filled by command lines.

Used by `operator_tasks.py`: the same commands fill a store of any version.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LOG_MB = 64
"""Size of the large log."""
NEEDLE = "ORA-00060: deadlock detected"
"""The text in its beginning that is looked for."""
BULK = 500
SLOTS = 8
_LOAD = """\
for i in $(seq 1 40); do
printf '\\033[2m%s\\033[0m \\033[32mINFO\\033[0m  chunk %3d of 240: 2048 rows\\n' "$(date +%T)" $i
done
printf '\\033[2m%s\\033[0m \\033[33mWARN\\033[0m  pool is full, waiting for a connection\\n' "$(date +%T)"
"""
_REFUSED = """\
echo "connecting to 10.0.3.{n}:5432"
echo "could not connect to 10.0.3.{n}:5432 after 3{n} ms: timeout" >&2
exit 65
"""
_JOIN = """\
echo "joining at most $LIMIT rows"
if [ "$LIMIT" -le 0 ]; then
echo "sqlalchemy.exc.DataError: LIMIT must be above 0 (got $LIMIT)" >&2
echo "closing the connection"
exit 3
fi
sleep 0.3
"""
_REPLAY = f"""\
echo begin of the replay
echo '{NEEDLE}'
yes 'replayed a statement of 1 kB, no conflict, next' | head -c {LOG_MB}000000
echo
"""
_CRASH = """\
import sys
print("reading the price list of", sys.argv[1], flush=True)
rows = [{"price": 3}, {"prise": 4}]
total = sum(row["price"] for row in rows)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deck:
    """A data directory and how the command line of one version is called."""

    home: Path
    argv: tuple[str, ...]
    root: Path
    """The checkout of that version."""

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TASKDECK")}
        # An engine that a command line started waits for the next one.
        return {
            **kept,
            "TASKDECK_HOME": str(self.home),
            "TASKDECK_LINGER": "3600",
            "PYTHONPATH": str(self.root),
        }

    def call(self, *words: str, given: str = "", actor: str = "cron", ok: Sequence[int] = (0,)) -> str:
        """Carry out a command line; return its output."""
        done = subprocess.run(
            [*self.argv, *words],
            input=given,
            capture_output=True,
            text=True,
            env={**self.environ, "TASKDECK_AS": actor},
            cwd=self.home.parent,
        )
        if done.returncode not in ok:
            raise RuntimeError(f"{words}: exit {done.returncode}: {done.stderr}")
        return done.stdout

    def submit(self, name: str, *words: str, actor: str = "cron", wait: bool = True) -> None:
        """Submit a workflow from the folder beside the data directory."""
        if wait:
            self.call("run", f"{name}.json", *words, actor=actor, ok=(0, 1))
        else:
            self.call("run", f"{name}.json", "--detach", *words, actor=actor)


def fill(deck: Deck) -> None:
    """Run a week of jobs, then leave a night's trouble: failures, long tasks, a paused queue."""
    deck.home.mkdir(mode=0o700, parents=True)
    (deck.home / "config.toml").write_text(f"slots = {SLOTS}\n")
    for document in documents():
        (deck.home.parent / f"{document['name']}.json").write_text(json.dumps(document))
    for day in range(1, 7):
        deck.submit("nightly-etl", "-p", f"day=2026-11-{20 + day}")
    deck.submit("thumbnails")
    # The change that breaks it.
    deck.submit("nightly-etl", "-p", "day=2026-11-27", "-p", "limit=0", actor="ana")
    deck.submit("nightly-etl", "-p", "day=2026-11-28", "-p", "limit=0")
    deck.submit("imports")
    deck.submit("big-log")
    deck.submit("long-names")
    deck.call("exec", "--queue", "mail", "--", "true")
    deck.call("pause", "--queue", "mail", "--reason", "server is down", actor="ben")
    for name in ("mails", "backup", "sweep"):
        deck.submit(name, wait=False)
    deck.call("hold", "--where", "key:letter_1*", "--yes", actor="ben")


def documents() -> list[dict[str, object]]:
    """Return the workflows."""
    shell, crash = "shell", ["python3", "-c", _CRASH]
    etl = {
        "name": "nightly-etl",
        "description": "Orders of a day into the warehouse.",
        "on_task_failure": "finish",
        "params": {"day": {"type": "string"}, "limit": {"type": "integer", "default": 100}},
        "defaults": {"uses": shell},
        "stages": [
            {
                "name": "extract",
                "tasks": [
                    _task(f"pull_{what}", f"sleep 0.{at + 1}; echo rows 4821{at}")
                    for at, what in enumerate(("orders", "clients", "stock"))
                ],
            },
            {
                "name": "transform",
                "tasks": [
                    _task("clean_orders", "sleep 0.2; echo cleaned"),
                    {
                        "key": "join_clients",
                        "needs": ["clean_orders"],
                        "with": {
                            "script": _JOIN,
                            "env": {"LIMIT": "${{ params.limit }}"},
                        },
                    },
                    {**_task("rank", "sleep 0.1"), "needs": ["join_clients"]},
                ],
            },
            {"name": "load", "tasks": [_task("load", "sleep 0.2")]},
        ],
    }
    imports = {
        "name": "imports",
        "on_task_failure": "finish",
        "defaults": {"uses": shell},
        "tasks": [
            *(_task(f"shop_{at:02}", _REFUSED.format(n=at + 1)) for at in range(12)),
            *({"key": f"prices_{at}", "with": {"argv": [*crash, f"shop-{at}"]}} for at in range(5)),
            *(_task(f"photo_{at}", "echo resizing; echo out of memory >&2; kill -9 $$") for at in range(3)),
            _task(
                "flaky",
                '[ "$(( $(date +%N) % 2 ))" = 3 ]',
                retry={"max_attempts": 4, "backoff": "fixed", "base": "40m"},
            ),
        ],
    }
    # It never ends: the task that waits for its next attempt must not keep the others.
    flaky = imports["tasks"].pop()  # type: ignore[attr-defined]
    return [
        etl,
        imports,
        {
            "name": "thumbnails",
            "defaults": {"uses": "delay", "queue": "images"},
            "tasks": [{"key": f"photo_{at:03}", "with": {"seconds": 0}} for at in range(BULK)],
        },
        {
            "name": "big-log",
            "defaults": {"uses": shell},
            "tasks": [
                {
                    **_task("replay", _REPLAY),
                    "output_limit": f"{LOG_MB * 2}MiB",
                }
            ],
        },
        {
            "name": "long-names",
            "defaults": {"uses": shell},
            "tasks": [
                {
                    "key": f"region_{at:02}",
                    "name": f"nightly import of all customers and their orders for region-{at:02}-north-east",
                    "with": {"script": "true"},
                }
                for at in range(6)
            ],
        },
        {
            "name": "mails",
            "defaults": {"uses": shell, "queue": "mail"},
            "tasks": [_task(f"letter_{at}", "true") for at in range(40)],
        },
        {
            "name": "backup",
            "on_task_failure": "finish",
            "defaults": {"uses": shell, "queue": "disk"},
            "tasks": [
                _task("dump", _LOAD + "sleep 3000"),
                _task("vacuum", "sleep 3000"),
                {**_task("upload", "sleep 1"), "needs": ["dump"]},
                {**_task("verify", "sleep 1"), "needs": ["upload"]},
                flaky,
            ],
        },
        {
            "name": "sweep",
            "defaults": {"uses": shell, "queue": "slow"},
            "tasks": [_task(f"part_{at:02}", _LOAD + "sleep 600") for at in range(20)],
        },
    ]


def _task(key: str, script: str, **more: object) -> dict[str, object]:
    return {"key": key, "with": {"script": script}, **more}
