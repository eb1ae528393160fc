"""Planned jobs: plans with their gauges and what is usual.

Used by the answers of predictions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.model.limits.gauges import Gauge
from core.model.limits.limit_forms import cost_column
from core.model.limits.limits import GaugeKey, Limit, TaskFacts
from core.model.limits.task_facts import facts_of
from core.model.patterns.instances import group_key
from core.model.plans import JobPlan, TaskPlan
from core.model.predictions import PlannedJob, PlannedTask
from core.model.run_times import Usual
from core.rules import gauges as arithmetic
from core.rules.limit_scopes import broad_keys, gauge_keys

if TYPE_CHECKING:
    from core.store.reports.limits.arrivals import Arrival
    from core.workflows.graph import Needs

_SOME_JOB = -1
"""Stands for the job that a plan will be."""
_BARRIER = "\0stage "
"""Before the number of a stage: no key of a task begins so."""


@dataclass(slots=True, kw_only=True)
class GaugeSets:
    """The gauges that the tasks of a plan pass, by sets that are counted from -1 down."""

    of_task: list[int] = field(default_factory=list)
    """By position; 0 = none, and its task prefers no pool."""
    by_set: dict[int, tuple[GaugeKey, ...]] = field(default_factory=dict)
    prefers: dict[int, tuple[str, ...]] = field(default_factory=dict)
    by_queue: dict[str, tuple[GaugeKey, ...]] = field(default_factory=dict)

    @classmethod
    def of_plan(cls, plan: JobPlan, limits: Sequence[Limit]) -> GaugeSets:
        """Return the gauge sets of a plan under these limits."""
        made = cls()
        known: dict[tuple[tuple[GaugeKey, ...], tuple[str, ...]], int] = {}
        keys_of: dict[TaskFacts, tuple[GaugeKey, ...]] = {}
        for task in _tasks(plan):
            if task.queue not in made.by_queue:
                made.by_queue[task.queue] = broad_keys(task.queue, limits)
            keys: tuple[GaugeKey, ...] = ()
            if limits:
                facts = facts_of(task, job=_SOME_JOB, workflow=plan.name, project=plan.project)
                if facts not in keys_of:
                    keys_of[facts] = gauge_keys(facts, limits)
                keys = keys_of[facts]
            said = keys, task.prefer
            number = known.setdefault(said, -len(known) - 1) if keys or task.prefer else 0
            made.of_task.append(number)
            if number:
                made.by_set[number], made.prefers[number] = said
        return made

    @property
    def keys(self) -> Sequence[GaugeKey]:
        """Return all gauges, each once."""
        every = (*self.by_set.values(), *self.by_queue.values())
        return list(dict.fromkeys(key for keys in every for key in keys))


KEYS_MAX = 2_000
"""Tasks of a job whose past is read; the others are taken to be like them."""


def keys_read(plan: JobPlan) -> Sequence[str]:
    """Return the keys of the tasks of a plan whose past is read, evenly chosen."""
    # Instances of a group have one past.
    keys = list(dict.fromkeys(group_key(task.key) for task in _tasks(plan)))
    return keys[:: -(-len(keys) // KEYS_MAX)] if keys else keys


def planned_job(plan: JobPlan, sets: GaugeSets, limits: Sequence[Limit], arrival: Arrival) -> PlannedJob:
    """Return the job of a plan, with the gauges that exist, new ones, and what is usual of its tasks.

    A task whose past was not read is like the one before it of which it was.
    """
    gauges = _gauges(sets, limits, arrival)

    def ids(keys: Sequence[GaugeKey]) -> tuple[int, ...]:
        return tuple(gauges[key].id for key in keys)

    return PlannedJob(
        name=plan.name,
        tasks=tuple(_planned(plan, sets, arrival)),
        sets={number: ids(keys) for number, keys in sets.by_set.items()},
        prefers={number: prefer for number, prefer in sets.prefers.items() if prefer},
        queue_gauges={queue: ids(keys) for queue, keys in sets.by_queue.items()},
        gauges={gauge.id: gauge for gauge in gauges.values()},
        paused=arrival.paused & set(sets.by_queue),
    )


def key_without_job(key: str) -> str:
    """Return the key of a gauge as the document has it: the planned job has no number yet."""
    own = f"job:{_SOME_JOB}"
    return key[len(own) :].removeprefix(":") if key == own or key.startswith(f"{own}:") else key


def with_worklets(plan: JobPlan) -> int:
    """Return how many tasks of a plan have a worklet: what it does depends on what fails, and how."""
    return sum(task.on_failure is not None for task in _tasks(plan))


def needs_of(plan: JobPlan) -> Needs:
    """Return what each task of a plan waits for, by key; between two stages is a key for the barrier."""
    found: dict[str, list[str]] = {}
    for number, stage in enumerate(plan.stages):
        before = [f"{_BARRIER}{number}"] if number else []
        found |= {task.key: [*before, *(need.key for need in task.needs)] for task in stage.tasks}
        found[f"{_BARRIER}{number + 1}"] = [task.key for task in stage.tasks] or before
    return found


def _gauges(sets: GaugeSets, limits: Sequence[Limit], arrival: Arrival) -> Mapping[GaugeKey, Gauge]:
    by_name = {limit.name: limit for limit in limits}
    found: dict[GaugeKey, Gauge] = {}
    for number, key in enumerate(sets.keys, 1):
        gauge = arrival.gauges.get(key)
        if gauge is None:
            limit = by_name[key.name]
            is_frozen = arrival.capacity.frozen is not None and limit.is_metered
            gauge = Gauge(id=-number, limit=limit, key=key.key, is_frozen=is_frozen)
            arithmetic.begin(gauge, wall=arrival.capacity.wall)
        else:
            arithmetic.turn_if_due(gauge, wall=arrival.capacity.wall)
        found[key] = gauge
    return found


def _tasks(plan: JobPlan) -> list[TaskPlan]:
    return [task for stage in plan.stages for task in stage.tasks]


def _planned(plan: JobPlan, sets: GaugeSets, arrival: Arrival) -> Iterator[PlannedTask]:
    read = set(keys_read(plan))
    usual = Usual()
    positions = {task.key: number for number, task in enumerate(_tasks(plan))}
    stages = [number for number, stage in enumerate(plan.stages) for _ in stage.tasks]
    for task, stage, gset_id in zip(_tasks(plan), stages, sets.of_task, strict=True):
        key = group_key(task.key)
        usual = arrival.usual.get(key, Usual()) if key in read else usual
        yield PlannedTask(
            key=task.key,
            queue=task.queue,
            priority=task.priority,
            stage=stage,
            needs=tuple(positions[need.key] for need in task.needs),
            gset_id=gset_id,
            cost=cost_column(task.cost),
            usual=usual,
        )
