"""A hostile job, and command lines run to their end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.homes import STAYS

HOSTILE = "\x1b[31mred\x1b]52;c;AAAA\x07\x9b2J\u202e[bold]"
"""What must never reach a terminal as it is; the markup is harmless and stays."""
VISIBLE = "␛[31mred␛]52;c;AAAA␇‹U+009B›2J‹U+202E›[bold]"

STORED = {
    "name": f"stored {HOSTILE}",
    "on_task_failure": "finish",
    "stages": [
        {
            "name": "first",
            "tasks": [
                {"key": "good", "name": HOSTILE, "uses": "shell", "with": {"script": "printf 'line\\n'"}},
                {
                    "key": "bad",
                    "needs": ["good"],
                    "uses": "shell",
                    "with": {"script": 'printf "%s\\n" "$T"; exit 7', "env": {"T": HOSTILE}},
                },
                {"key": "after", "needs": ["bad"], "uses": "delay", "with": {"seconds": 0}},
            ],
        },
        {"name": "second", "tasks": [{"key": "late", "uses": "delay", "with": {"seconds": 0}}]},
    ],
}
"""A job that fails: succeeded, failed with a hostile error, skipped, never opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command line ended."""

    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict]:
        """Return standard output as JSON, one object a line."""
        return [json.loads(line) for line in self.out.splitlines()]


Deck = Callable[..., Ended]


def command(*words: str) -> list[str]:
    """Return the argv of a command line in a process of its own."""
    return [sys.executable, "-m", "console.launch", *words]


def environment(home: Path) -> dict[str, str]:
    """Return an environment with that data directory and no colour settings of the caller."""
    settings = ("TASKDECK", "NO_COLOR", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(settings)}
    root = Path(__file__).resolve().parents[2]
    paths = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    ours = {"TASKDECK_HOME": str(home), "TASKDECK_LINGER": STAYS}
    return {**kept, **ours, "TERM": "xterm-256color", "PYTHONPATH": paths}


def one(deck: Deck, *words: str) -> dict:
    """Return the only object that a command line writes."""
    ended = deck(*words, "--json")
    (found,) = ended.objects
    assert ended.status == 0, ended.err
    return found
