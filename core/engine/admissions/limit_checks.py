"""Limits and costs of work, checked against the limits that bind.

Called by the admission, and by `taskdeck check` with what is configured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from core.model.errors import Fault, Invalid, InvalidDocument
from core.model.limits.amounts import write_amount
from core.model.limits.limits import Limit, LimitRef, TaskFacts
from core.model.limits.task_facts import facts_of
from core.model.near_misses import did_you_mean
from core.model.plans import TaskPlan
from core.model.records import replace
from core.model.text import safe_line
from core.model.values import INBOX, JsonObject
from core.rules.limit_scopes import broad_keys, gauge_keys, limit_faults
from core.workflows.expansion import Workflow
from core.workflows.outline import outline_of
from core.workflows.positions import DocumentPath

_SOME_JOB = -1
"""Stands for the job that a document will be."""


def says_of_limits(plan: TaskPlan) -> bool:
    """Return whether there is anything in a task to check against limits."""
    return bool(plan.limits or (plan.cost and plan.cost.amounts))


def check_document(
    workflow: Workflow, tasks: Sequence[TaskPlan], limits: Sequence[Limit], *, project: str | None = None
) -> None:
    """Refuse tasks of a document that name unknown limits, or cost more than a budget ever has.

    Raises `InvalidDocument` with every fault, each at its place.
    """
    faults = [*_document_faults(workflow, tasks, limits, project=project)]
    if faults:
        raise InvalidDocument(workflow.source, faults)


def unit_warnings(workflow: Workflow, tasks: Sequence[TaskPlan], limits: Sequence[Limit]) -> list[Fault]:
    """Return what to say of costs in units that no limit has, where one has nearly the same."""
    units = {limit.unit for limit in limits if limit.is_metered}
    places = _places(workflow)
    return [
        workflow.positions.fault_at(
            _cost_place(workflow, places[task.key], unit),
            "cost.unit",
            f"no budget is in `{safe_line(unit)}`{near}",
        )
        for task in tasks
        if task.cost is not None
        for unit in (*task.cost.amounts, *task.cost.expressions)
        if unit not in units and (near := did_you_mean(unit, units))
    ]


def check_loose(plan: TaskPlan, limits: Sequence[Limit]) -> None:
    """Refuse a loose task that names unknown limits, or costs more than a budget ever has."""
    facts = facts_of(plan, job=INBOX, workflow=None, project=plan.project)
    for field, fault in _faults(plan, facts, limits):
        raise Invalid(
            fault.code,
            f"task {safe_line(plan.key)!r}: {fault.message}",
            hint="'taskdeck limits' lists them" if field[0] == "limits" else "lower the cost",
            facts={"field": ".".join(map(str, field)), "key": plan.key, **_named(plan, field)},
        )


def _named(plan: TaskPlan, field: tuple[str | int, ...]) -> JsonObject:
    """Return the limit or unit that a field of a task names."""
    noun, which = field
    return {"unit": which} if noun == "cost" else {"limit": safe_line(plan.limits[int(which)].name)}


def _document_faults(
    workflow: Workflow, tasks: Sequence[TaskPlan], limits: Sequence[Limit], *, project: str | None
) -> Iterator[Fault]:
    places = _places(workflow)
    for plan in tasks:
        if not says_of_limits(plan):
            continue
        facts = facts_of(plan, job=_SOME_JOB, workflow=workflow.document.name, project=project)
        for field, fault in _faults(plan, facts, limits):
            place = places[plan.key]
            where = (
                _limit_place(workflow, place, int(field[1]))
                if field[0] == "limits"
                else _cost_place(workflow, place, str(field[1]))
            )
            yield workflow.positions.fault_at(where, fault.code, fault.message)


class _FieldFault(NamedTuple):
    """A field of a task, `("limits", 0)` or `("cost", "usd")`, and what is wrong with it."""

    field: tuple[str | int, ...]
    fault: Fault


def _faults(plan: TaskPlan, facts: TaskFacts, limits: Sequence[Limit]) -> Iterator[_FieldFault]:
    """Yield what is wrong with a task."""
    known = {limit.name: limit for limit in limits}
    said: set[str] = set()
    for number, ref in enumerate(plan.limits):
        if ref.name in said:
            continue
        said.add(ref.name)
        alone = replace(facts, named=(LimitRef(name=ref.name),))
        for message in limit_faults(alone, limits):
            code = "limit.per_job" if ref.name in known else "limit.unknown"
            yield _FieldFault(("limits", number), Fault(code=code, message=message))
    for unit, amount in (plan.cost.amounts if plan.cost else {}).items():
        limit = _too_small(unit, amount, facts, limits)
        if limit is not None:
            message = (
                f"it costs {_with_unit(amount, unit)}, and `{safe_line(limit.name)}` never has more than"
                f" {_with_unit(limit.most, unit)}"
            )
            yield _FieldFault(("cost", unit), Fault(code="budget.too_small", message=message))


def _too_small(unit: str, amount: int, facts: TaskFacts, limits: Sequence[Limit]) -> Limit | None:
    """Return the smallest limit of a unit that a task is under and that could never let it start."""
    keys = (*gauge_keys(facts, limits), *broad_keys(facts.queue, limits))
    names = {key.name for key in keys}
    mine = [
        limit
        for limit in limits
        if limit.name in names and limit.is_metered and limit.unit == unit and amount > limit.most
    ]
    return min(mine, key=lambda limit: (limit.most, limit.name), default=None)


def _with_unit(amount: int, unit: str) -> str:
    return f"{write_amount(amount)} {safe_line(unit)}"


def _places(workflow: Workflow) -> dict[str, DocumentPath]:
    return {key: task.path for key, task in outline_of(workflow.definition).first.items()}


def _limit_place(workflow: Workflow, task: DocumentPath, number: int) -> DocumentPath:
    own = _said_by(workflow, task, "limits")
    return (*(task if own is not None else ("defaults",)), "limits", number)


def _cost_place(workflow: Workflow, task: DocumentPath, unit: str) -> DocumentPath:
    own = _said_by(workflow, task, "cost")
    return (*(task if isinstance(own, dict) and unit in own else ("defaults",)), "cost", unit)


def _said_by(workflow: Workflow, task: DocumentPath, name: str) -> object:
    node: object = workflow.definition
    for step in (*task, name):
        if isinstance(node, dict) and isinstance(step, str):
            node = node.get(step)
        elif isinstance(node, list) and isinstance(step, int):
            node = node[step]
    return node
