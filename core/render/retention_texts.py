"""What retention found and took, in words.

Shown by the commands `retention`, `disk` and `doctor`.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.model.retention import NOTICE_MS, RetentionState
from core.model.values import to_iso
from core.render.sizes import size_text

_REST = {
    "events": "events of no job",
    "schedules": "removed schedules",
    "workflows": "unused documents",
    "texts": "unused texts of workflows",
    "gauges": "gauges of purged jobs",
    "keys": "free keys",
    "failures": "failure families",
    "signals": "expired signals",
    "entries": "entries of the ledger, summed up",
}
"""What belongs to no job, as it is told."""


def retention_lines(state: RetentionState, *, now: int) -> Iterator[str]:
    """Yield what retention found, and from when on it takes what."""
    if state.passed_at is None and state.noticed_at is None:
        yield "retention: has not looked yet; it does ten minutes after an engine began"
        return
    found = ", ".join(f"{_counted(name, value)}" for name, value in state.found.items())
    if not state.may_take(now):
        begins = to_iso((state.noticed_at or now) + NOTICE_MS)
        yield f"retention: would take {found}; begins at {begins}, or with 'taskdeck retention apply'"
        return
    last = "has not passed yet" if state.passed_at is None else f"last passed at {to_iso(state.passed_at)}"
    yield f"retention: {last}{f', took {found}' if state.passed_at and found else ''}"


def _counted(name: str, value: object) -> str:
    number = value if isinstance(value, int) else 0
    match name:
        case "bytes":
            return f"{size_text(number)} of outputs"
        case "outputs_of_tasks":
            return f"outputs of {number:,} tasks"
        case "tasks":
            return f"{number:,} loose tasks"
        case _:
            return f"{number:,} {_REST.get(name, name)}"
