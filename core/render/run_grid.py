"""The signs of a grid of runs.

Used by the command `runs` and by the console.
"""

from __future__ import annotations

from core.model.status import TaskStatus
from core.model.text import SafeText

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


def signs_text() -> SafeText:
    """Say what the signs mean."""
    return SafeText("  ".join(f"{sign} {status}" for status, sign in SIGNS.items()))
