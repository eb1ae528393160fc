"""Planned instances: a plan with the instances of its groups.

Used by the answers of predictions: a group that counts as one task would cost a fraction of what it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.model.errors import Invalid
from core.model.patterns.instances import (
    INDEX,
    INSTANCES_MAX,
    MATRIX,
    ForEach,
    Item,
    combinations_of,
    instance_key,
    items_of,
)
from core.model.plans import JobPlan, NeedPlan, TaskPlan
from core.model.records import replace
from core.model.values import JsonObject, JsonValue
from core.workflows.expressions.checking import references
from core.workflows.expressions.resolving import resolve
from core.workflows.limit_terms import resolve_cost, resolve_limits

EDGES_MAX = 200_000
"""Edges to instances; what needs a group beyond that needs its last instance only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancesPlan:
    """A plan whose groups are their instances."""

    plan: JobPlan
    open_groups: int
    """Groups left as one task: how many instances they have is known when outputs are."""


def with_instances(plan: JobPlan) -> InstancesPlan:
    """Return a plan with the instances of groups whose items the document and its parameters tell."""
    groups = [task for stage in plan.stages for task in stage.tasks if task.for_each is not None]
    if not groups:
        return InstancesPlan(plan=plan, open_groups=0)
    items: dict[str, Sequence[JsonValue]] = {}
    left = INSTANCES_MAX
    for task in groups:
        found = _items(task, plan.params)
        if found is not None and len(found) <= left:
            items[task.key] = found
            left -= len(found)
    edges = _Edges(items)
    stages = tuple(
        replace(stage, tasks=tuple(one for task in stage.tasks for one in edges.tasks_of(task, plan.params)))
        for stage in plan.stages
    )
    return InstancesPlan(plan=replace(plan, stages=stages), open_groups=len(groups) - len(items))


def _items(task: TaskPlan, params: JsonObject) -> Sequence[JsonValue] | None:
    """Return the items of a group; None = they are not known before the job runs."""
    said = task.for_each or ForEach()
    if any(reference.root != "params" for reference in references(said.expressions)):
        return None
    place = (task.key, "for_each")
    try:
        found = resolve(said.expressions, {"params": params}, place)
        if said.matrix is None:
            return items_of(found)
        return combinations_of(found if isinstance(found, dict) else {})
    except Invalid:
        # The group will fail with this reason; what it would have cost is not known.
        return None


class _Edges:
    """The tasks of a plan by its groups with known items, and what they need."""

    def __init__(self, items: Mapping[str, Sequence[JsonValue]]) -> None:
        self._items = items
        self._left = EDGES_MAX

    def tasks_of(self, task: TaskPlan, params: JsonObject) -> Iterator[TaskPlan]:
        """Yield the instances of a group, or the task itself."""
        items = self._items.get(task.key)
        if items is None:
            yield replace(task, needs=tuple(self._needs(task, None)))
            return
        said = task.for_each or ForEach()
        name = said.name if said.matrix is None else MATRIX
        for index, value in enumerate(items):
            needs = [*self._needs(task, index)]
            if said.max_parallel is not None and index >= said.max_parallel:
                # So many at once: the next begins when the one so many before it has ended.
                needs.append(NeedPlan(key=instance_key(task.key, index - said.max_parallel)))
            one = replace(task, key=instance_key(task.key, index), for_each=None, needs=tuple(needs))
            yield _with_terms(one, Item(index=index, value=value, name=name), params)

    def _needs(self, task: TaskPlan, index: int | None) -> Iterator[NeedPlan]:
        for need in task.needs:
            items = self._items.get(need.key)
            if items is None:
                yield need
            elif need.each and index is not None:
                yield replace(need, key=instance_key(need.key, index))
            else:
                yield from self._all_of(need, len(items))

    def _all_of(self, need: NeedPlan, number: int) -> Iterator[NeedPlan]:
        first = 0 if number <= self._left else number - 1
        self._left -= number - first
        for index in range(first, number):
            yield replace(need, key=instance_key(need.key, index))


def _with_terms(task: TaskPlan, item: Item, params: JsonObject) -> TaskPlan:
    """Return an instance with the keys of limits and the amounts that its item decides."""
    if not task.has_open_terms:
        return task
    scope = {"params": params, **item.scope}
    known = ("params", item.name, INDEX)
    try:
        return replace(
            task,
            limits=resolve_limits(task.limits, scope, known=known),
            cost=None if task.cost is None else resolve_cost(task.cost, scope, known=known),
        )
    except Invalid:
        # The instance will fail with this reason.
        return task
