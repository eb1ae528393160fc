"""Parser of the text behind the colon.

Used by the navigator.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from console.navigation.history import Spot

ABOUT = {
    "job": "jobs",
    "graph": "jobs",
    "timeline": "jobs",
    "history": "jobs",
    "artifacts": "jobs",
    "task": "tasks",
    "log": "tasks",
    "why": "tasks",
}
"""Places that show one numbered thing, and the screen they are opened from."""
ALIASES = {
    "dead": "retries",
    "trouble": "retries",
    "errors": "failures",
    "families": "failures",
    "pools": "queues",
    "limits": "queues",
    "money": "budgets",
    "cron": "schedules",
    "crontab": "schedules",
    "workitems": "people",
    "approvals": "people",
}
"""Other names of screens."""
_NUMBERED = re.compile(r"([a-z]+)\s+#?([0-9]{1,18})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoToNumber:
    """Show the task or the job with a number."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveView:
    """Save the present filter under a name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallView:
    """Apply a saved filter."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameView:
    """Give a saved filter another name."""

    name: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteView:
    """Delete a saved filter."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GoToMoment:
    """Show jobs and tasks as of an earlier time, as it was typed."""

    text: str


Destination: TypeAlias = Spot | GoToNumber | GoToMoment | SaveView | RecallView | RenameView | DeleteView


def parse_place(text: str, roots: Sequence[str]) -> Destination | None:
    """Return what is meant; None = nothing known. The first letters of a screen name it."""
    typed = " ".join(text.split())
    word, _, rest = typed.partition(" ")
    if typed.startswith("'"):
        return RecallView(name=typed[1:].strip())
    if word in ("save", "rename", "delete"):
        return _order(word, rest.split(" ") if rest else [])
    if re.fullmatch(r"#?[0-9]{1,18}", typed):
        return GoToNumber(number=int(typed.removeprefix("#")))
    if word.lower() == "at":
        return GoToMoment(text=rest)
    numbered = _NUMBERED.fullmatch(typed.lower())
    if numbered:
        place = numbered[1]
        known = ABOUT.get(place)
        return None if known is None else Spot(root=known, place=place, subject=int(numbered[2]))
    if word.lower() == "runs" and rest:
        return Spot(root="jobs", place="runs", subject=rest)
    if word.lower() == "schedule" and rest:
        return Spot(root="schedules", place="schedule", subject=rest)
    if word.lower() in ("budget", "limit") and rest:
        return Spot(root="budgets", place="gauges", subject=rest)
    if word.lower() == "queue" and rest:
        return Spot(root="queues", place="queue", subject=rest)
    root = _root(typed.lower(), roots)
    return None if root is None else Spot(root=root, place=root)


def _order(word: str, names: Sequence[str]) -> Destination | None:
    match word, names:
        case "save", [name] if _NAME.fullmatch(name):
            return SaveView(name=name)
        case "rename", [name, to] if _NAME.fullmatch(to):
            return RenameView(name=name, to=to)
        case "delete", [name]:
            return DeleteView(name=name)
    return None


def _root(typed: str, roots: Sequence[str]) -> str | None:
    named = ALIASES.get(typed)
    if named in roots:
        return named
    return next((root for root in roots if typed and root.startswith(typed)), None)
