"""Fold the events into rows: one rule for each kind.

Used by `findings`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from core.model.commands.work import Force
from core.model.outcomes import SHORT
from core.model.status import TASK_MOVES
from core.model.stored_text import json_or_note
from core.model.values import JsonObject
from core.store.sql import pack


# Most events of a store carry one of a few texts.
@lru_cache(maxsize=256)
def _values(text: str) -> JsonObject:
    data = json_or_note(text)
    return data if isinstance(data, dict) else {}


class Fact(NamedTuple):
    """One event as it is folded; `data` is the JSON text of the row."""

    at: int
    kind: str
    attempt: int | None
    actor: str | None
    data: str | None

    @property
    def values(self) -> JsonObject:
        """What the event carries; to be read only."""
        return {} if self.data is None else _values(self.data)


@dataclass(slots=True, kw_only=True)
class Folded:
    """A task's row as its events tell it; JSON columns as text."""

    status: str
    queue: str | None = None
    priority: int = 0
    epoch: int = 0
    generation: int = 1
    tries: int = 0
    losses: int = 0
    bounces: int = 0
    retry_at: int | None = None
    queued_at: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    stop_at: int | None = None
    stop_by: str | None = None
    stop_reason: str | None = None
    stop_how: str | None = None
    output: str | None = None
    error: str | None = None
    status_by: str | None = None
    status_reason: str | None = None
    family: str | None = None
    retried: int = 0
    pinned_at: int | None = None
    pinned_by: str | None = None
    pin_reason: str | None = None
    tolerated: int = 0


COLUMNS = tuple(Folded.__dataclass_fields__)
"""The columns of `task` that the events tell."""

Rule: TypeAlias = Callable[[Folded, Fact], None]


def _queued(row: Folded, fact: Fact) -> None:
    row.status, row.queued_at, row.retry_at = "queued", fact.at, None


def _claimed(row: Folded, fact: Fact) -> None:
    row.status, row.started_at = "running", fact.at
    row.epoch = row.epoch if fact.attempt is None else fact.attempt


def _succeeded(row: Folded, fact: Fact) -> None:
    _ended(row, fact)
    row.output, row.error = _json(fact, "output"), None


def _ended(row: Folded, fact: Fact) -> None:
    """Take the status after the dot; a hand-off that failed for good has no event of its own."""
    row.status, row.finished_at, row.retry_at = fact.kind.partition(".")[2], fact.at, None
    if fact.data is not None:
        _erred(row, fact)
        row.bounces += int(bool(fact.values.get("bounced")))
        row.tolerated = int(bool(fact.values.get("tolerated")))


def _skipped(row: Folded, fact: Fact) -> None:
    """Take the end; an attempt that brought it left an output, and its errors are over."""
    _ended(row, fact)
    if fact.attempt is not None:
        row.output, row.error = _json(fact, "output"), None


def _erred(row: Folded, fact: Fact) -> None:
    row.error = _json(fact, "error") or row.error
    row.family = _text(fact, "family") or row.family


def _counted(row: Folded, fact: Fact) -> None:
    row.tries += 1
    _erred(row, fact)


def _poll_failed(row: Folded, fact: Fact) -> None:
    """Take the error; before it counted as an attempt, the event did not say so."""
    row.tries += int(bool(fact.values.get("tried")))
    _erred(row, fact)


def _lost(row: Folded, fact: Fact) -> None:
    row.losses += 1
    _erred(row, fact)


def _retry_scheduled(row: Folded, fact: Fact) -> None:
    due = _number(fact, "due")
    row.status, row.retry_at = "retrying", _number(fact, "retry_at") if due is None else due


def _bounced(row: Folded, fact: Fact) -> None:
    row.status, row.queued_at = "queued", fact.at
    error = fact.values.get("error")
    row.bounces += int(not (isinstance(error, dict) and error.get("code") == SHORT))
    _erred(row, fact)


def _parked(row: Folded, fact: Fact) -> None:
    row.status = "waiting"
    if fact.data is not None and "instances" in fact.values:
        row.started_at = fact.at


def _held(row: Folded, _: Fact) -> None:
    row.status = "held"


def _stop_requested(row: Folded, fact: Fact) -> None:
    row.stop_at, row.stop_by, row.stop_reason = fact.at, fact.actor, _text(fact, "reason")
    row.stop_how = str(fact.values.get("how", Force.ASK))


def _rerun(row: Folded, fact: Fact) -> None:
    row.status = str(fact.values.get("status"))
    row.generation += 1
    row.retried = _number(fact, "retry") or row.retried
    row.tries = row.losses = row.bounces = row.tolerated = 0
    row.finished_at = row.started_at = row.retry_at = row.output = row.error = None
    row.stop_at = row.stop_by = row.stop_reason = row.stop_how = None
    row.queued_at = fact.at if row.status == "queued" else None
    if row.status == "waiting":
        row.started_at = fact.at


def _prioritised(row: Folded, fact: Fact) -> None:
    priority = _number(fact, "priority")
    row.priority = row.priority if priority is None else priority


def _pinned(row: Folded, fact: Fact) -> None:
    row.pinned_at, row.pinned_by, row.pin_reason = fact.at, fact.actor, _text(fact, "reason") or ""


def _unpinned(row: Folded, _: Fact) -> None:
    row.pinned_at = row.pinned_by = row.pin_reason = None


def _nothing(_: Folded, __: Fact) -> None:
    """Change nothing: the event tells of something without effect on the row."""


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "task.queued": _queued,
        "task.claimed": _claimed,
        "task.succeeded": _succeeded,
        "attempt.failed": _counted,
        "attempt.timed_out": _counted,
        "attempt.lost": _lost,
        "attempt.cancelled": _erred,
        "task.retry_scheduled": _retry_scheduled,
        "task.failed": _ended,
        "task.cancelled": _ended,
        "task.skipped": _skipped,
        "task.bounced": _bounced,
        "task.interrupted": _queued,
        "task.parked": _parked,
        "task.waiting": _parked,
        "task.held": _held,
        "task.stop_requested": _stop_requested,
        "task.rerun": _rerun,
        "task.prioritised": _prioritised,
        "task.pinned": _pinned,
        "task.unpinned": _unpinned,
        "task.purged": _nothing,
        "task.duplicate": _nothing,
        "task.judged_late": _nothing,
        "task.looked": _nothing,
        "task.exhausted": _nothing,
        "task.poll_failed": _poll_failed,
        "task.worklet": _nothing,
        "task.decided": _nothing,
        "task.slow": _nothing,
        "task.silent": _nothing,
        "orphan.found": _nothing,
        "orphan.kept": _nothing,
        "orphan.left": _nothing,
        "fault.found": _nothing,
        "fault.repaired": _nothing,
        "backend.shut": _nothing,
        "backend.opened": _nothing,
        "backend.probed": _nothing,
        "backend.closed": _nothing,
        "backend.reset": _nothing,
        "backend.up": _nothing,
        "backend.slow": _nothing,
        "backend.down": _nothing,
        "backend.unknown": _nothing,
        "once.refused": _nothing,
        "output.cut": _nothing,
        "call.abandoned": _nothing,
        "call.ended": _nothing,
        "usage.ignored": _nothing,
        "price.unknown": _nothing,
        "spending.reconciled": _nothing,
        "item.claimed": _nothing,
        "item.released": _nothing,
        "item.delegated": _nothing,
        "item.commented": _nothing,
        "item.approved": _nothing,
        "item.denied": _nothing,
        "item.reminded": _nothing,
        "item.escalated": _nothing,
        "item.overdue": _nothing,
        "variable.set": _nothing,
        "artifact.kept": _nothing,
    }
)
"""What each kind of event after `task.created` does to the row of its task."""


_MOVES = {move.event for move in TASK_MOVES}
"""Kinds that say who brought a task to its status, and why."""


def fold(facts: Iterable[Fact]) -> Folded | None:
    """Return the row that a task's events tell, or None if they do not start with its creation.

    Raises KeyError for a kind without a rule.
    """
    steps: Iterator[Fact] = iter(facts)
    first = next(steps, None)
    if first is None or first.kind != "task.created":
        return None
    row = _created(first)
    for fact in steps:
        RULES[fact.kind](row, fact)
        if fact.kind in _MOVES:
            row.status_by, row.status_reason = fact.actor, _text(fact, "reason")
    return row


def _created(fact: Fact) -> Folded:
    data = fact.values
    status, queue, priority = str(data.get("status")), data.get("queue"), data.get("priority")
    return Folded(
        status=status,
        queue=queue if isinstance(queue, str) else None,
        priority=priority if isinstance(priority, int) else 0,
        queued_at=fact.at if status == "queued" else None,
    )


def _text(fact: Fact, name: str) -> str | None:
    value = fact.values.get(name)
    return value if isinstance(value, str) else None


def _number(fact: Fact, name: str) -> int | None:
    value = fact.values.get(name)
    return value if isinstance(value, int) else None


def _json(fact: Fact, name: str) -> str | None:
    value = fact.values.get(name)
    return None if value is None else pack(value)
