"""Reasons: why a key does nothing now, in the words that help and toasts show."""

from __future__ import annotations

from core.model.status import TASK_FINAL
from core.model.text import SafeText, safe_line

VERBS = ("retry", "cancel", "pause", "hold", "fail", "keep", "kill", "repeat")
"""The actions that act on what is chosen, by an engine."""
CHANGES = (*VERBS, "undo", "new_job", "again")
"""The actions that change something."""
NO_ENGINE = SafeText("no engine is running (start one with E, or 'taskdeck serve')")
NOTHING = SafeText("nothing here that this acts on")

_FINAL = frozenset(status.value for status in TASK_FINAL)


def why_not(action: str, *, shut: SafeText, engine: bool, anything: bool, status: str) -> SafeText:
    """Say why an action cannot be taken; '' = it can.

    `shut` = why nothing can be changed; `engine` = one answers; `anything` = there is something to act on;
    `status` = how it stands, if one task.
    """
    if shut and action in CHANGES:
        return shut
    if action not in VERBS:
        return SafeText("")
    if not engine:
        return NO_ENGINE
    if not anything:
        return NOTHING
    return _unfit(action, status)


def nothing_runs(action: str, *, running: int | None, label: str) -> SafeText:
    """Say that a kill finds nothing that runs; '' = it does, or nobody knows."""
    if action == "kill" and running == 0:
        return safe_line(f"nothing of {label} runs")
    return SafeText("")


def _unfit(action: str, status: str) -> SafeText:
    if not status:
        return SafeText("")
    match action:
        case "retry" if status not in _FINAL:
            return safe_line(f"the task is {status}: it has not ended")
        case "cancel" | "hold" if status in _FINAL:
            return safe_line(f"the task is {status}: it has ended")
        case "hold" if status not in ("queued", "retrying", "held"):
            return safe_line(f"the task is {status}: only queued and retrying ones are held")
        case "fail" if status != "held":
            return safe_line(f"the task is {status}: only held ones are given up")
    return SafeText("")
