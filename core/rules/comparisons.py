"""What differs between two jobs: parameters, tasks, outputs.

Called by the control; pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from core.model.comparisons import Change, TaskChange, TaskRun, ValueChange
from core.model.values import JsonObject, JsonValue

SLOWER = 2
"""How many times as long, or a part of it, is another duration."""
LEAST_MS = 1_000
"""Durations that differ by less are the same."""
VALUES_MOST = 20
"""Values that differ within one output, the first of them."""
_PLACES = frozenset({"path"})
"""Parts of an output that name where it lies: they differ always."""


def changed_values(before: JsonObject, after: JsonObject) -> Iterator[ValueChange]:
    """Yield the values of two mappings that differ, in the order of the first, then the second."""
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name) or (name in before) != (name in after):
            yield ValueChange(
                name=name,
                before=before.get(name),
                after=after.get(name),
                was_there=name in before,
                is_there=name in after,
            )


def changed_tasks(
    before: Iterable[TaskRun], after: Iterable[TaskRun], differing: set[int]
) -> list[TaskChange]:
    """Return the tasks that differ, by key, in the order of the second job, then those that it has not.

    `differing` = tasks of the second job whose output differs. Of two tasks of one key the last counts.
    """
    old, new = {run.key: run for run in before}, {run.key: run for run in after}
    found: list[TaskChange] = []
    for key, run in new.items():
        was = old.get(key)
        output_differs = run.task_id in differing
        if was is None:
            found.append(TaskChange(key=key, change=Change.ADDED, before=None, after=run))
            continue
        took_differs = is_other_time(was.took, run.took)
        if output_differs or took_differs or _differ(was, run):
            change = TaskChange(
                key=key,
                change=Change.CHANGED,
                before=was,
                after=run,
                output_differs=output_differs,
                took_differs=took_differs,
            )
            found.append(change)
    found += (
        TaskChange(key=key, change=Change.REMOVED, before=run, after=None)
        for key, run in old.items()
        if key not in new
    )
    return found


def counts_of(changes: Sequence[TaskChange], after: int) -> dict[str, int]:
    """Return how many tasks were added, removed, changed, and are the same; the second job has `after`."""
    counts = {str(change): sum(one.change is change for one in changes) for change in Change}
    return {**counts, "same": after - counts[Change.ADDED] - counts[Change.CHANGED]}


def costs_of(runs: Iterable[TaskRun]) -> dict[str, int]:
    """Return what tasks cost together, by unit."""
    costs: dict[str, int] = {}
    for run in runs:
        for unit, amount in run.cost.items():
            costs[unit] = costs.get(unit, 0) + amount
    return costs


def changed_outputs(before: JsonValue, after: JsonValue) -> tuple[ValueChange, ...]:
    """Return where two outputs differ, by path (`rows.0.id`); at most `VALUES_MOST`."""
    found: list[ValueChange] = []
    waiting: list[tuple[str, JsonValue, JsonValue]] = [("", before, after)]
    while waiting and len(found) < VALUES_MOST:
        path, was, now = waiting.pop()
        parts = _parts(was, now)
        if parts is None:
            if was != now:
                found.append(ValueChange(name=path, before=was, after=now))
            continue
        old, new = parts
        for change in changed_values(old, new):
            name = f"{path}.{change.name}" if path else change.name
            if not path and change.name in _PLACES:
                continue
            if change.was_there and change.is_there:
                waiting.append((name, change.before, change.after))
            else:
                found.append(
                    ValueChange(
                        name=name,
                        before=change.before,
                        after=change.after,
                        was_there=change.was_there,
                        is_there=change.is_there,
                    )
                )
    return tuple(sorted(found, key=lambda change: change.name)[:VALUES_MOST])


def _parts(before: JsonValue, after: JsonValue) -> tuple[JsonObject, JsonObject] | None:
    """Return both by name or number; None = they are not both mappings, nor both lists."""
    if isinstance(before, dict) and isinstance(after, dict):
        return before, after
    if isinstance(before, list) and isinstance(after, list):
        return _numbered(before), _numbered(after)
    return None


def _numbered(values: list[JsonValue]) -> JsonObject:
    return {str(number): value for number, value in enumerate(values)}


def _differ(before: TaskRun, after: TaskRun) -> bool:
    plain = ("status", "attempts", "tolerated", "cost")
    if any(getattr(before, name) != getattr(after, name) for name in plain):
        return True
    return _code(before.error) != _code(after.error)


def is_other_time(before: int | None, after: int | None) -> bool:
    """Return whether a duration differs by more than runs usually do."""
    if before is None or after is None or abs(before - after) < LEAST_MS:
        return False
    return max(before, after) >= SLOWER * min(before, after)


def _code(error: Mapping[str, JsonValue] | None) -> JsonValue:
    return None if error is None else error.get("code")
