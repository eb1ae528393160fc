"""Validation: every fault of a document at once, each with its position.

Called by the expansion.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.model.errors import Fault
from core.model.near_misses import did_you_mean, one_of
from core.model.plans import SILENCES, silence_fault
from core.model.ports import Checks
from core.model.values import JsonObject, JsonValue
from core.workflows.conditions import unreachable_conditions
from core.workflows.definition import PLANNED_USES, Document
from core.workflows.exit_codes import exit_code_faults
from core.workflows.graph import cycles, dependents_of
from core.workflows.instances import instance_faults
from core.workflows.limits import FAULTS_MAX, survey
from core.workflows.outline import NeedOutline, Outline, TaskOutline, is_group, outline_of
from core.workflows.parameters import check_declarations
from core.workflows.positions import NO_POSITIONS, Positions
from core.workflows.references import check_references
from core.workflows.retry_codes import code_faults
from core.workflows.schedule_section import schedule_faults
from core.workflows.schema_faults import typed
from core.workflows.secret_places import SECRETS, secret_faults
from core.workflows.shared_inputs import SHARED, with_shared
from core.workflows.variables import variable_faults
from core.workflows.worklets import worklet_faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Faults and warnings in order of their positions; `document` is typed when nothing is at fault."""

    document: Document | None
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


def check(value: JsonValue, positions: Positions, checks: Checks) -> Report:
    """Return every fault and warning of a document as loaded; up to 200 faults, the rest is counted."""
    limit = survey(value) if positions is NO_POSITIONS else None
    if limit is not None:
        return Report(document=None, faults=(limit,))
    if not isinstance(value, dict):
        message = "a workflow is a mapping with `name` and `tasks` or `stages`"
        return Report(document=None, faults=(positions.fault_at((), "document.shape", message),))
    built = typed(value, positions)
    document, faults = (built, []) if isinstance(built, Document) else (None, built)
    outline = outline_of(value)
    faults.extend(_graph_faults(outline, positions))
    faults.extend(_connector_faults(value, outline, positions, checks))
    faults.extend(instance_faults(outline, positions))
    faults.extend(check_references(value, outline, positions))
    # Most documents name none: one look at the whole spares a look at each value.
    if SECRETS in str(value):
        faults.extend(secret_faults(outline, positions, checks))
    faults.extend(code_faults(value, outline, positions, checks))
    faults.extend(exit_code_faults(value, outline, positions, checks))
    faults.extend(variable_faults(value, outline, positions, checks))
    faults.extend(worklet_faults(outline, positions, checks))
    if document is not None:
        faults.extend(check_declarations(document.params, positions))
        faults.extend(_document_faults(document, positions))
    return Report(
        document=None if faults else document,
        faults=_in_order(faults),
        warnings=() if faults else _in_order(list(unreachable_conditions(outline, positions))),
    )


def _in_order(faults: list[Fault]) -> tuple[Fault, ...]:
    ordered = sorted(dict.fromkeys(faults), key=lambda fault: fault.order)
    if len(ordered) <= FAULTS_MAX:
        return tuple(ordered)
    rest = Fault(code="document.more", message=f"and {len(ordered) - FAULTS_MAX} more faults")
    return (*ordered[:FAULTS_MAX], rest)


def _graph_faults(outline: Outline, positions: Positions) -> Iterator[Fault]:
    for task in outline.tasks:
        if outline.first[task.key] is not task:
            first = positions.of_value((*outline.first[task.key].path, "key"))
            where = f"; the first is in line {first.line}" if first else ""
            message = f"two tasks have the key `{task.key}`{where}"
            yield positions.fault_at((*task.path, "key"), "document.duplicate_task", message)
        counts = Counter(need.key for need in task.needs)
        for need in task.needs:
            yield from _need_faults(task, need, outline, positions)
            if counts[need.key] > 1:
                message = f"`{task.key}` needs `{need.key}` twice"
                yield positions.fault_at(need.path, "document.duplicate_need", message)
                counts[need.key] = 1
    for cycle in cycles(outline.needs()):
        yield _cycle_fault(cycle, outline, positions)


def _need_faults(
    task: TaskOutline, need: NeedOutline, outline: Outline, positions: Positions
) -> Iterator[Fault]:
    wanted = outline.first.get(need.key)
    if need.each and not is_group(task.raw):
        message = f"`each: {need.key}` is for a task with `for_each` over the same items"
        yield positions.fault_at(need.path, "document.each", message)
    if need.key == task.key:
        yield positions.fault_at(need.path, "document.self_need", f"`{task.key}` needs itself")
    elif wanted is None:
        near = did_you_mean(need.key, outline.first)
        first, *rest = dependents_of(task.key, outline.dependents)
        chain = ", which needs ".join(f"`{key}`" for key in (*rest, need.key))
        message = f"`{first}` needs {chain}: dependency `{need.key}` is not found{near}"
        yield positions.fault_at(need.path, "document.unknown_need", message)
    elif wanted.stage > task.stage:
        message = f"`{task.key}` needs `{need.key}` of a later stage, which opens only after its own"
        yield positions.fault_at(need.path, "document.later_need", message)


def _cycle_fault(cycle: tuple[str, ...], outline: Outline, positions: Positions) -> Fault:
    task = outline.first[cycle[0]]
    after = cycle[1 % len(cycle)]
    path = next((need.path for need in task.needs if need.key == after), task.path)
    shown = [*cycle, cycle[0]]
    if len(shown) > 12:
        shown = [*shown[:6], "...", *shown[-5:]]
    message = f"tasks need each other in a circle of {len(cycle)}: {' -> '.join(shown)}"
    return positions.fault_at(path, "document.cycle", message)


def _connector_faults(
    document: JsonObject, outline: Outline, positions: Positions, checks: Checks
) -> Iterator[Fault]:
    known = frozenset(checks.names())
    defaults = document.get("defaults")
    shared = (
        {name: defaults[name] for name in SHARED if name in defaults} if isinstance(defaults, dict) else {}
    )
    for task in outline.tasks:
        uses = task.uses
        if uses is None:
            if "uses" not in task.raw:
                message = f"`uses` is missing: what does `{task.key}` do? `uses: shell` runs a command"
                yield positions.fault_at(task.path, "document.missing", message)
        elif uses in known:
            with_ = with_shared(task.with_, shared, fields=checks.fields(uses)) if shared else task.with_
            for fault in checks.check(uses, with_):
                is_own = not fault.path or fault.path[0] not in shared or fault.path[0] in task.with_
                path = (*task.path, "with", *fault.path) if is_own else ("defaults", *fault.path)
                yield positions.fault_at(path, fault.code, fault.message)
            # Those of `defaults` are for the tasks that have output.
            for name in () if checks.has_output(uses) else SILENCES:
                if task.raw.get(name) not in (None, 0, "none"):
                    yield positions.fault_at(
                        (*task.path, name), "document.silence", silence_fault(name, uses)
                    )
        else:
            yield _unknown_connector(task, uses, known, positions)


def _unknown_connector(task: TaskOutline, uses: str, known: frozenset[str], positions: Positions) -> Fault:
    path = (*task.path, "uses") if "uses" in task.raw else ("defaults", "uses")
    if uses in PLANNED_USES:
        return positions.fault_at(path, "document.planned", f"`uses: {uses}` is planned and not yet accepted")
    message = f"`{uses}` is not a connector{one_of(uses, known)}"
    return positions.fault_at(path, "document.unknown_connector", message)


def _document_faults(document: Document, positions: Positions) -> Iterator[Fault]:
    yield from schedule_faults(document, positions)
    if document.notify is not None:
        yield from _notify_faults(document.notify, positions)
    names = Counter(stage.name for stage in document.in_stages())
    for index, stage in enumerate(document.stages or ()):
        if names[stage.name] > 1:
            message = f"two stages have the name `{stage.name}`"
            yield positions.fault_at(("stages", index, "name"), "document.duplicate_stage", message)
            names[stage.name] = 1


def _notify_faults(url: str, positions: Positions) -> Iterator[Fault]:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or any(char.isspace() for char in url):
        message = "`notify` must be a URL that begins with http:// or https://"
        yield positions.fault_at_key(("notify",), "document.notify", message)
