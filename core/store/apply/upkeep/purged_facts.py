"""Events and ranges of ids that outlive what is purged.

Called by `purge` and `remove_outputs`, before anything is deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from core.model.values import JsonObject
from core.store.batch import Batch
from core.store.rows import Cause, Subject

_RANGE = (
    "INSERT INTO purged (noun, first, last, event) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (noun, first) DO UPDATE SET last = max(last, excluded.last), event = excluded.event"
)
_INSIDE = (
    "SELECT first, last, event FROM purged WHERE noun = ?1 AND first <= ?3"
    " AND first >= coalesce((SELECT max(first) FROM purged WHERE noun = ?1 AND first <= ?2), ?2)"
    " AND last >= ?2 ORDER BY first"
)


class Span(NamedTuple):
    """Ids from the first to the last, all of them."""

    first: int
    last: int


def note_at_once(batch: Batch, kind: str, subject: Subject, cause: Cause) -> int:
    """Write an event now and return its id: ids of events rise also where the newest are deleted."""
    batch.event(kind, subject, actor=cause.actor, data=cause.note)
    batch.flush_facts()
    ((number,),) = batch.rows("SELECT max(id) FROM event")
    return int(number)


def keep_ids(batch: Batch, noun: str, numbers: Iterable[int], *, event: int) -> None:
    """Keep the ids of what is gone, by the event that tells why; it replaces an earlier one."""
    for span in spans(sorted(numbers)):
        if noun == "output":
            _make_way(batch, noun, span)
        batch.run(_RANGE, noun, span.first, span.last, event)


def _make_way(batch: Batch, noun: str, span: Span) -> None:
    """Cut ids out of the ranges that have them: outputs of a task that ran again may go again."""
    for first, last, event in batch.rows(_INSIDE, noun, span.first, span.last):
        batch.run("DELETE FROM purged WHERE noun = ? AND first = ?", noun, first)
        if first < span.first:
            batch.run(_RANGE, noun, first, span.first - 1, event)
        if last > span.last:
            batch.run(_RANGE, noun, span.last + 1, last, event)


def spans(numbers: Sequence[int]) -> Iterator[Span]:
    """Yield rising numbers as ranges."""
    first = last = None
    for number in numbers:
        if last is not None and first is not None and number > last + 1:
            yield Span(first, last)
            first = None
        first, last = number if first is None else first, number
    if first is not None and last is not None:
        yield Span(first, last)


def counted(**numbers: int | str | None) -> JsonObject:
    """Return facts without those that are nothing."""
    return {name: value for name, value in numbers.items() if value}


def stand_for(batch: Batch, old: int, *, event: int) -> None:
    """Let what an older event tells to be purged refer to another one, as few ranges as that makes."""
    rows = batch.rows("SELECT noun, first, last FROM purged WHERE event = ? ORDER BY noun, first", old)
    for noun, first, last in rows:
        before = batch.one(
            "SELECT first FROM purged WHERE noun = ?1 AND last = ?2 - 1 AND event = ?3"
            " AND first = (SELECT max(first) FROM purged WHERE noun = ?1 AND first < ?2)",
            noun,
            first,
            event,
        )
        batch.run("DELETE FROM purged WHERE noun = ? AND first = ?", noun, first)
        batch.run(_RANGE, noun, first if before is None else before[0], last, event)
