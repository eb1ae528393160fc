"""Checks of every expression of a document: place, syntax, references.

Called by the validation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from core.model.errors import Fault
from core.model.limits.estimates import AUTO
from core.model.values import JsonObject, JsonValue
from core.workflows.expressions.checking import (
    ROOTS,
)
from core.workflows.expressions.inference import unknown_kinds
from core.workflows.instances import item_roots
from core.workflows.outline import Outline, TaskOutline
from core.workflows.positions import DocumentPath, Positions
from core.workflows.task_references import (
    A_KEY,
    AN_AMOUNT,
    MISPLACED,
    TaskReferences,
    Wanted,
    path_kinds,
    texts_in,
)
from core.workflows.worklets import roots_of_failure, worklet_references


def check_references(document: JsonObject, outline: Outline, positions: Positions) -> Iterator[Fault]:
    """Return the faults of all expressions, and of those where none is resolved."""
    outside = {key: value for key, value in document.items() if key not in _ELSEWHERE}
    yield from _misplaced(outside, (), positions)
    yield from _in_schedule(document.get("schedule"), positions)
    yield from _in_outputs(document, outline, positions)
    defaults = document.get("defaults")
    shared = defaults if isinstance(defaults, dict) else {}
    unresolved = {k: v for k, v in shared.items() if k not in (*_TERMS, "cwd")}
    yield from _misplaced(unresolved, ("defaults",), positions)
    needs = outline.needs()
    kinds = path_kinds(document)
    if outline.tasks:
        # The same for every task, whatever that needs.
        yield from TaskReferences(outline.tasks[0], outline, needs, kinds).in_shared(shared, positions)
    for task in outline.tasks:
        yield from _misplaced({k: v for k, v in task.raw.items() if k not in _RESOLVED}, task.path, positions)
        within = TaskReferences(task, outline, needs, kinds)
        if not _INSTANCES.isdisjoint(task.raw):
            yield from _in_instances(task, within, positions)
            within = TaskReferences(task, outline, needs, kinds, roots=(*ROOTS, *item_roots(task)))
        answered = TaskReferences(task, outline, needs, kinds, roots=(*ROOTS, *item_roots(task), *ANSWER))
        yield from _of_answer(task, answered, positions)
        for place in texts_in(_without_poll(task.with_), (*task.path, "with")):
            for fault in within.in_text(place.text):
                yield positions.fault_at(place.path, fault.code, fault.message)
        for term in _terms(task, shared):
            for place in texts_in(term.value, term.path):
                for fault in within.in_text(place.text, term.wanted):
                    yield positions.fault_at(place.path, fault.code, fault.message)
        yield from within.in_data(positions)
        if task.on_failure:
            failed = TaskReferences(task, outline, needs, kinds, roots=roots_of_failure(task))
            yield from worklet_references(task, failed, positions)
        yield from _in_once(task, within, positions)
        condition = task.raw.get("when")
        if isinstance(condition, str):
            for fault in within.in_condition(condition):
                yield positions.fault_at((*task.path, "when"), fault.code, fault.message)


def _in_once(task: TaskOutline, within: TaskReferences, positions: Positions) -> Iterator[Fault]:
    once = task.raw.get("once")
    for place in texts_in(once if isinstance(once, dict) else {"key": once}, (*task.path, "once")):
        # Only a mapping has the step `key`.
        at = place.path if isinstance(once, dict) else (*task.path, "once")
        for fault in within.in_once(place):
            yield positions.fault_at(at, fault.code, fault.message)


def _in_instances(task: TaskOutline, within: TaskReferences, positions: Positions) -> Iterator[Fault]:
    """Yield the faults of what says which instances there are: it is worked out before there is an item."""
    for name in ("for_each", "matrix"):
        for place in texts_in(task.raw.get(name), (*task.path, name)):
            for fault in within.in_text(place.text):
                yield positions.fault_at(place.path, fault.code, fault.message)


def _without_poll(with_: JsonObject) -> JsonObject:
    """Return an input without what is worked out over an answer: those expressions are looked at apart."""
    poll = with_.get("poll")
    if not isinstance(poll, dict):
        return with_
    return {**with_, "poll": {key: value for key, value in poll.items() if key not in _OF_ANSWER}}


def _of_answer(task: TaskOutline, within: TaskReferences, positions: Positions) -> Iterator[Fault]:
    """Yield every fault of the expressions of a `poll`, which may use what the answer says."""
    poll = task.with_.get("poll")
    for key in _OF_ANSWER if isinstance(poll, dict) else ():
        text = poll.get(key) if isinstance(poll, dict) else None
        if isinstance(text, str):
            faults = within.in_condition(text) if key == "until" else within.in_text(text)
            for fault in faults:
                yield positions.fault_at((*task.path, "with", "poll", key), fault.code, fault.message)


ANSWER = ("status", "headers", "json", "text")
"""What `poll` may ask of an answer, besides all else."""
_OF_ANSWER = ("until", "url")
"""What of a `poll` is worked out over an answer."""
_ELSEWHERE = frozenset(
    {"defaults", "tasks", "stages", "finally", "description", "schedule", "variables", "outputs"}
)
"""Walked task by task, or prose."""
_TERMS = ("limits", "cost")
"""Where expressions are resolved in tasks and defaults."""
_INSTANCES = frozenset({"for_each", "matrix"})
"""Where expressions say which instances there are."""
_RESOLVED = frozenset(
    {"with", "when", "once", "set", "artifacts", "on_failure", "metadata", *_TERMS, *_INSTANCES}
)
"""Where expressions are resolved, and where anything may stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    """What a task says of limits or costs, or its defaults for it."""

    path: DocumentPath
    value: JsonValue
    wanted: Wanted


def _terms(task: TaskOutline, defaults: JsonObject) -> Iterator[_Term]:
    """Yield what stands for a task: keys of its own limits or else the defaults, costs of both by unit."""
    own, path = (task.raw, task.path) if "limits" in task.raw else (defaults, ("defaults",))
    limits = own.get("limits")
    for number, use in enumerate(limits if isinstance(limits, list) else ()):
        key = use.get("key") if isinstance(use, dict) else None
        yield _Term(path=(*path, "limits", number, "key"), value=key, wanted=A_KEY)
    cost, shared = task.raw.get("cost"), defaults.get("cost")
    yield _Term(path=(*task.path, "cost"), value=cost, wanted=AN_AMOUNT)
    if isinstance(shared, dict) and cost != AUTO:
        units = cost if isinstance(cost, dict) else {}
        rest = {unit: amount for unit, amount in shared.items() if unit not in units}
        yield _Term(path=("defaults", "cost"), value=rest, wanted=AN_AMOUNT)


def _in_outputs(document: JsonObject, outline: Outline, positions: Positions) -> Iterator[Fault]:
    """Yield the faults of what the document gives out: it may ask for every task."""
    after = TaskOutline(
        path=("outputs",), key="", stage=len(outline.tasks) + 1, needs=(), uses=None, with_={}, raw={}
    )
    within = TaskReferences(after, outline, {}, unknown_kinds, roots=("params", "tasks", "job"))
    for place in texts_in(document.get("outputs"), ("outputs",)):
        for fault in within.in_text(place.text):
            yield positions.fault_at(place.path, fault.code, fault.message)


def _in_schedule(schedule: JsonValue, positions: Positions) -> Iterator[Fault]:
    """Yield expressions of a schedule where none is resolved: its parameters may ask for `fire.at`."""
    if isinstance(schedule, dict):
        others = {key: value for key, value in schedule.items() if key != "params"}
        yield from _misplaced(others, ("schedule",), positions)


def _misplaced(value: JsonObject, path: DocumentPath, positions: Positions) -> Iterator[Fault]:
    for place in texts_in(value, path):
        yield positions.fault_at(place.path, "expression.misplaced", MISPLACED)
