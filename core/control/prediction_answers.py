"""PredictionAnswers: what a document would do as a job.

Used by `ReadingControl`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.control.planned_instances import InstancesPlan, with_instances
from core.control.planned_jobs import (
    KEYS_MAX,
    GaugeSets,
    key_without_job,
    keys_read,
    needs_of,
    planned_job,
    with_worklets,
)
from core.engine.admissions.admission import read_and_plan
from core.engine.admissions.limit_checks import check_document, says_of_limits
from core.model.commands.work import SubmitOptions
from core.model.errors import Unavailable
from core.model.limits.capacity_facts import CapacityFacts, PoolFacts
from core.model.limits.limits import Capacity, GaugeKey, Limit
from core.model.patterns.instances import group_key
from core.model.plans import JobPlan
from core.model.ports import Checks
from core.model.predictions import Extent, PlannedJob, PredictionView
from core.model.present import present_ms
from core.model.records import replace
from core.model.waits import EngineFacts
from core.rules.expectations import LIKELY
from core.rules.open_groups import with_open_groups
from core.rules.prediction import Arriving, predict
from core.rules.why.capacity import judge
from core.store.reports.limits.arrivals import Arrival
from core.workflows.graph import critical_path

if TYPE_CHECKING:
    from collections.abc import Collection

    from core.control.prediction_requests import Predict
    from core.control.wait_answers import EngineSight
    from core.store.reports import Reports


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """What it takes to read documents, and how an engine that would begin now claims."""

    checks: Checks
    slots: int
    aging_step: int
    capacity: Callable[[], Capacity] = Capacity
    """What is configured, where nothing has been stored yet."""


class PredictionAnswers:
    """Read document and store, ask the rule."""

    def __init__(
        self, reports: Reports, engine: EngineSight, planning: Callable[[], Planning] | None
    ) -> None:
        self._reports = reports
        self._engine = engine
        self._planning = planning

    async def predict(self, request: Predict) -> PredictionView:
        """Return what a document would do; raise as `submit` does."""
        if self._planning is None:
            raise Unavailable(
                "predict.bundle", "a bundle predicts nothing", hint="ask where the job is to run: --home DIR"
            )
        planning = self._planning()
        options = request.options or SubmitOptions()
        workflow, plan = await asyncio.to_thread(
            read_and_plan, request.document.document, request.params, checks=planning.checks, options=options
        )
        limits = await self._limits(planning)
        tasks = [task for stage in plan.stages for task in stage.tasks]
        if any(map(says_of_limits, tasks)):
            await asyncio.to_thread(check_document, workflow, tasks, limits, project=plan.project)
        instances = await asyncio.to_thread(with_instances, plan)
        sets = await asyncio.to_thread(GaugeSets.of_plan, instances.plan, limits)
        arrival = await self._arrival(instances.plan, sets.keys, planning)
        job = await asyncio.to_thread(planned_job, instances.plan, sets, limits, arrival)
        engine = _with_defaults(await self._engine(), planning, arrival)
        # Thousands of claims may be played: the engine goes on meanwhile.
        view = await asyncio.to_thread(_predicted, instances, job, arrival, engine=engine)
        return replace(view, worklets=replace(arrival.worklets, tasks=with_worklets(plan)))

    async def _limits(self, planning: Planning) -> Sequence[Limit]:
        try:
            return await self._reports.binding.binding_limits()
        except Unavailable as error:
            if error.code != "store.missing":
                raise
            return planning.capacity().limits

    async def _arrival(self, plan: JobPlan, gauges: Collection[GaugeKey], planning: Planning) -> Arrival:
        try:
            return await self._reports.arrivals.of_job(plan.name, keys_read(plan), gauges)
        except Unavailable as error:
            if error.code != "store.missing":
                raise
            return _on_new_home(planning.capacity())


def _on_new_home(capacity: Capacity) -> Arrival:
    """Return what a job meets where nothing has ever run."""
    pools = tuple(PoolFacts(name=pool.name, slots=pool.slots, queues=pool.queues) for pool in capacity.pools)
    now = present_ms()
    return Arrival(capacity=CapacityFacts(pools=pools, now=now, wall=now))


def _with_defaults(engine: EngineFacts, planning: Planning, arrival: Arrival) -> EngineFacts:
    """Return how the engine claims, or would if it began now."""
    # Configured pools have slots of their own, whatever the setting says.
    in_pools = sum(pool.slots for pool in arrival.capacity.pools)
    return replace(
        engine,
        slots=engine.slots or in_pools or planning.slots,
        aging_step=engine.aging_step or planning.aging_step,
    )


def _predicted(
    instances: InstancesPlan, job: PlannedJob, arrival: Arrival, *, engine: EngineFacts
) -> PredictionView:
    around = Arriving(
        line=arrival.line,
        lane_counts=arrival.lane_counts,
        queued=arrival.queued,
        engine=engine,
        capacity=judge(arrival.capacity),
    )
    view = predict(job, around)
    chain = critical_path(needs_of(instances.plan), _run_times(job))
    known = {task.key for task in job.tasks}
    view = replace(
        view,
        critical=tuple(key for key in chain.keys if key in known),
        critical_ms=int(chain.length),
        extent=_extent(view, job),
        budgets=tuple(replace(fit, key=key_without_job(fit.key)) for fit in view.budgets),
    )
    return with_open_groups(view, instances.open_groups)


def _extent(view: PredictionView, job: PlannedJob) -> Extent:
    pasts = {group_key(task.key) for task in job.tasks}
    is_cut = view.extent is Extent.WHOLE and len(pasts) > KEYS_MAX
    return Extent.SAMPLED if is_cut else view.extent


def _run_times(job: PlannedJob) -> Mapping[str, float]:
    return {task.key: LIKELY.time_of(task) for task in job.tasks}
