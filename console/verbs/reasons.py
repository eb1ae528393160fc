"""Reasons why a key does nothing now, for help and toasts.

Used by the list screen and the verb keys.
"""

from __future__ import annotations

from core.model.status import TASK_FINAL
from core.model.text import SafeText, safe_line

VERBS = ("retry", "cancel", "pause", "hold", "fail", "keep", "kill", "purge", "acknowledge", "repeat")
"""The actions that act on the selection, by an engine."""
CAPACITY = ("resize", "raise_limit", "freeze_spending", "reconcile", "switch_backend", "reset_backend")
"""The actions that change pools, limits and the ledger, by an engine."""
SCHEDULES = ("trigger", "pause", "skip", "backfill", "remove", "add_schedule", "edit_schedule")
"""The actions that change schedules and fire them, by an engine."""
ITEMS = ("approve", "deny", "claim", "delegate", "comment")
"""The actions on work items, by an engine."""
CHANGES = (*VERBS, *CAPACITY, *SCHEDULES, *ITEMS, "undo", "new_job", "again")
"""The actions that change something."""
NO_ENGINE = SafeText("no engine is running (start one with E, or 'taskdeck serve')")
STARTING = SafeText("an engine is starting")
NOTHING = SafeText("nothing here that this acts on")

_FINAL = frozenset(status.value for status in TASK_FINAL)


def why_not(
    action: str, *, refusal: SafeText, has_engine: bool, has_selection: bool, status: str
) -> SafeText:
    """Return why an action is not available; '' = it is.

    `refusal` = why nothing can be changed; `status` = that of the one selected task, '' = there are several.
    """
    if refusal and action in CHANGES:
        return refusal
    if action not in VERBS:
        return SafeText("")
    if not has_engine:
        return NO_ENGINE
    if not has_selection:
        return NOTHING
    return _why_unfit(action, status)


def nothing_runs(action: str, *, running: int | None, label: str) -> SafeText:
    """Return that a kill would find nothing; '' = it would, or it is not known."""
    if action == "kill" and running == 0:
        return safe_line(f"nothing is running in {label}")
    return SafeText("")


def _why_unfit(action: str, status: str) -> SafeText:
    if not status:
        return SafeText("")
    match action:
        case "retry" if status not in _FINAL:
            return safe_line(f"the task is {status}: it has not ended")
        case "cancel" | "hold" if status in _FINAL:
            return safe_line(f"the task is {status}: it has ended")
        case "hold" if status not in ("queued", "retrying", "held"):
            return safe_line(f"the task is {status}: only queued and retrying tasks can be held")
        case "purge" if status not in _FINAL:
            return safe_line(f"the task is {status}: only what has ended can be purged")
        case "fail" if status != "held":
            return safe_line(f"the task is {status}: only held tasks can be failed")
    return SafeText("")
