"""Every reason why a document cannot run, at once, each with its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.model.errors import Fault
from core.model.ports import Checks
from core.model.values import JsonValue
from core.workflows.conditions import blind_conditions
from core.workflows.definition import PLANNED_USES, Document
from core.workflows.graph import cycles
from core.workflows.limits import FAULTS_MAX, survey
from core.workflows.marks import NO_MARKS, Marks
from core.workflows.mentions import check_mentions
from core.workflows.nearmiss import did_you_mean, one_of
from core.workflows.parameters import check_declarations
from core.workflows.placing import build, fault_at, fault_at_key
from core.workflows.sketch import NeedSketch, Sketch, TaskSketch, make_sketch


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a check found: faults and warnings in order of their places; typed when there is no fault."""

    document: Document | None
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


def check(value: JsonValue, marks: Marks, checks: Checks) -> Report:
    """Return every fault and warning of a document as loaded; up to 200 faults, the rest is counted."""
    limit = survey(value) if marks is NO_MARKS else None
    if limit is not None:
        return Report(document=None, faults=(limit,))
    if not isinstance(value, dict):
        message = "a workflow is a mapping with `name` and `tasks` or `stages`"
        return Report(document=None, faults=(fault_at("document.shape", message, (), marks),))
    document, faults = build(value, marks)
    sketch = make_sketch(value)
    faults.extend(_graph_faults(sketch, marks))
    faults.extend(_connector_faults(sketch, marks, checks))
    faults.extend(check_mentions(value, sketch, marks))
    if document is not None:
        faults.extend(check_declarations(document.params, marks))
        faults.extend(_loose_faults(document, marks))
    return Report(
        document=None if faults else document,
        faults=_in_order(faults),
        warnings=() if faults else _in_order(list(blind_conditions(sketch, marks))),
    )


def _in_order(faults: list[Fault]) -> tuple[Fault, ...]:
    placed = sorted(dict.fromkeys(faults), key=lambda fault: (fault.line or 0, fault.column or 0))
    if len(placed) <= FAULTS_MAX:
        return tuple(placed)
    rest = Fault(code="document.more", message=f"and {len(placed) - FAULTS_MAX} more faults")
    return (*placed[:FAULTS_MAX], rest)


def _graph_faults(sketch: Sketch, marks: Marks) -> Iterator[Fault]:
    for task in sketch.tasks:
        if sketch.first[task.key] is not task:
            first = marks.value((*sketch.first[task.key].path, "key"))
            where = f"; the first is in line {first[0]}" if first else ""
            message = f"two tasks have the key `{task.key}`{where}"
            yield fault_at("document.duplicate_task", message, (*task.path, "key"), marks)
        counts = Counter(need.key for need in task.needs)
        for need in task.needs:
            yield from _need_faults(task, need, sketch, marks)
            if counts[need.key] > 1:
                message = f"`{task.key}` needs `{need.key}` twice"
                yield fault_at("document.duplicate_need", message, need.path, marks)
                counts[need.key] = 1
    for cycle in cycles(sketch.needs()):
        yield _cycle_fault(cycle, sketch, marks)


def _need_faults(task: TaskSketch, need: NeedSketch, sketch: Sketch, marks: Marks) -> Iterator[Fault]:
    wanted = sketch.first.get(need.key)
    if need.key == task.key:
        yield fault_at("document.self_need", f"`{task.key}` needs itself", need.path, marks)
    elif wanted is None:
        near = did_you_mean(need.key, sketch.first)
        message = f"`{task.key}` needs `{need.key}`, which is not found{near}"
        yield fault_at("document.unknown_need", message, need.path, marks)
    elif wanted.stage > task.stage:
        message = f"`{task.key}` needs `{need.key}` of a later stage, which opens only after its own"
        yield fault_at("document.later_need", message, need.path, marks)


def _cycle_fault(cycle: tuple[str, ...], sketch: Sketch, marks: Marks) -> Fault:
    task = sketch.first[cycle[0]]
    after = cycle[1 % len(cycle)]
    path = next((need.path for need in task.needs if need.key == after), task.path)
    shown = [*cycle, cycle[0]]
    if len(shown) > 12:
        shown = [*shown[:6], "...", *shown[-5:]]
    message = f"tasks need each other in a circle of {len(cycle)}: {' -> '.join(shown)}"
    return fault_at("document.cycle", message, path, marks)


def _connector_faults(sketch: Sketch, marks: Marks, checks: Checks) -> Iterator[Fault]:
    known = frozenset(checks.names())
    for task in sketch.tasks:
        uses = task.uses
        if uses is None:
            if "uses" not in task.raw:
                message = f"`uses` is missing: what does `{task.key}` do?"
                yield fault_at("document.missing", message, task.path, marks)
        elif uses in known:
            for found in checks.check(uses, task.with_):
                path = (*task.path, "with", *found.path)
                yield fault_at(found.code, found.message, path, marks)
        else:
            yield _unknown_connector(task, uses, known, marks)


def _unknown_connector(task: TaskSketch, uses: str, known: frozenset[str], marks: Marks) -> Fault:
    path = (*task.path, "uses") if "uses" in task.raw else ("defaults", "uses")
    if uses in PLANNED_USES:
        return fault_at("document.planned", f"`uses: {uses}` is planned and not yet accepted", path, marks)
    message = f"there is no connector `{uses}`{one_of(uses, known)}"
    return fault_at("document.unknown_connector", message, path, marks)


def _loose_faults(document: Document, marks: Marks) -> Iterator[Fault]:
    if document.notify is not None:
        yield from _notify_faults(document.notify, marks)
    names = Counter(stage.name for stage in document.stages or ())
    for index, stage in enumerate(document.stages or ()):
        if names[stage.name] > 1:
            message = f"two stages have the name `{stage.name}`"
            yield fault_at("document.duplicate_stage", message, ("stages", index, "name"), marks)
            names[stage.name] = 1


def _notify_faults(url: str, marks: Marks) -> Iterator[Fault]:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or any(char.isspace() for char in url):
        message = "`notify` must be a URL that begins with http:// or https://"
        yield fault_at_key("document.notify", message, ("notify",), marks)
