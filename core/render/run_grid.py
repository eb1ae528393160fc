"""The signs of a grid of runs.

Used by the commands `grid` and `runs`, and by the console.
"""

from __future__ import annotations

from core.model.status import TaskStatus
from core.model.text import SafeText
from core.model.timelines import RunCell, RunRow

SIGNS: dict[str, str] = {
    TaskStatus.SUCCEEDED: "+",
    TaskStatus.FAILED: "X",
    TaskStatus.CANCELLED: "c",
    TaskStatus.SKIPPED: "-",
    TaskStatus.RUNNING: ">",
    TaskStatus.RETRYING: "r",
    TaskStatus.HELD: "h",
    TaskStatus.QUEUED: "q",
    TaskStatus.BLOCKED: ".",
    TaskStatus.WAITING: "w",
}
"""A sign for each status of a task, also for a terminal without colour."""


TOLERATED = "x"
"""The sign of a failure that the job goes on from."""
FINALLY = "*"
"""Stands behind the key of a task of `finally`."""


def sign_of(cell: RunCell) -> str:
    """Return the sign of a task in a run."""
    return TOLERATED if is_tolerated(cell) else SIGNS.get(cell.status, "?")


def is_tolerated(cell: RunCell) -> bool:
    """Return whether a task failed and its job went on."""
    return cell.tolerated and cell.status == TaskStatus.FAILED


def row_name(row: RunRow) -> str:
    """Return what a row is called, marked where its task runs at the end."""
    return f"{row.key} {FINALLY}" if row.is_finally else row.key


def signs_text() -> SafeText:
    """Say what the signs mean."""
    known = {
        **{sign: str(status) for status, sign in SIGNS.items()},
        TOLERATED: "tolerated",
        FINALLY: "finally",
    }
    return SafeText("  ".join(f"{sign} {meaning}" for sign, meaning in known.items()))
