"""Predict what a job would take and cost, before it is submitted.

Called by the control; the claims to come are played by `courses`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import NamedTuple

from core.model.lanes import Head
from core.model.limits.capacity_facts import LineFacts
from core.model.predictions import Extent, PlannedJob, PredictionView, Span
from core.model.records import replace
from core.model.text import safe_line
from core.model.waits import EngineFacts
from core.rules.budget_fits import budget_fits, costs_of_job
from core.rules.courses import WORK_MAX, Course, play
from core.rules.expectations import HARDLY_PASSED, LIKELY, Expectation
from core.rules.queue_scene import scene_of
from core.rules.simulation import Scene
from core.rules.why.capacity import Capacity

_MINUTE = 60_000
TWICE_MAX = 10_000
"""Starts up to which a job is played twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arriving:
    """What a job would come into."""

    line: LineFacts
    """With all open lanes, the first tasks of each."""
    lane_counts: Mapping[int, int]
    """How many each lane has."""
    queued: int
    """Of all lanes, also those that are not looked at."""
    engine: EngineFacts
    capacity: Capacity


def predict(job: PlannedJob, around: Arriving) -> PredictionView:
    """Return what a job would do if it was admitted now; its critical path is to be added.

    It is played twice: with what is likely, and with what is hardly passed; where that would take long, the
    run times of its tasks tell the second by the first.
    """
    around = replace(around, capacity=_preferring(around.capacity, job))
    scene, unknown_others = _scene(around)
    likely = play(job, scene, LIKELY)
    high = None if unknown_others else _hardly_passed(job)
    worst = None if high is None or likely.starts > TWICE_MAX else play(job, scene, high)
    return PredictionView(
        name=job.name,
        at=around.capacity.facts.wall,
        tasks=len(job.tasks),
        queued=around.queued,
        running=len(around.line.open),
        slots=around.engine.slots,
        engine=around.engine.state,
        starts=_starts(likely, worst, around.capacity.offset),
        ends=_ends(job, around, _Courses(likely, worst), high),
        costs=tuple(costs_of_job(job)),
        budgets=tuple(budget_fits(job, around.capacity, likely, worst)),
        never=0 if likely.is_cut else len(job.tasks) - len(likely.started),
        never_why="" if likely.is_cut else _never_why(job, around, likely),
        unknown=sum(task.usual.time is None for task in job.tasks),
        unknown_others=unknown_others,
        extent=_extent(around.line, likely),
    )


def _extent(line: LineFacts, likely: Course) -> Extent:
    if line.is_partial:
        return Extent.PARTIAL
    return Extent.SAMPLED if likely.is_cut else Extent.WHOLE


def _hardly_passed(job: PlannedJob) -> Expectation | None:
    """Return the expectation that is hardly passed; None = nothing is known."""
    known = [task.usual.time.p95_ms for task in job.tasks if task.usual.time is not None]
    return replace(HARDLY_PASSED, unknown_ms=max(known)) if known else None


def _preferring(capacity: Capacity, job: PlannedJob) -> Capacity:
    facts = capacity.facts
    return replace(capacity, facts=replace(facts, prefers={**facts.prefers, **job.prefers}))


class _Around(NamedTuple):
    """The scene, and of how many tasks in it the end is not known."""

    scene: Scene
    unknown: int


def _scene(around: Arriving) -> _Around:
    """Return the scene, with an end for all that runs or is queued.

    Of tasks that were never measured the pace at which their queue ends tells it, else they count as nothing.
    """
    line, engine = around.line, around.engine
    paces = {queue: rate for queue, rate in line.ends_per_minute.items() if rate > 0}
    mean = {queue: int(engine.slots * _MINUTE / rate) for queue, rate in paces.items()}
    every = max(1, sum(around.lane_counts.values()))
    counts = {lane: number * min(every, WORK_MAX) // every for lane, number in around.lane_counts.items()}
    lanes = [_whole(lane, counts.get(lane[0].lane_id, 0)) for lane in line.lanes]
    heads = [head for lane in line.lanes for head in lane]
    unmeasured = [head for head in heads if head.task_id not in line.usual_ms]
    usual = {**{head.task_id: mean.get(head.queue, 0) for head in unmeasured}, **line.usual_ms}
    open_ = tuple(one if one.usual_ms is not None else replace(one, usual_ms=0) for one in line.open)
    unknown = sum(head.queue not in mean for head in unmeasured)
    unknown += sum(one.usual_ms is None for one in line.open)
    pools = [pool.name for pool in around.capacity.facts.pools]
    known = replace(line, usual_ms=usual, open=open_)
    # Tasks that were not read are like those that were.
    scene = scene_of(lanes, pools, line=known, engine=engine, capacity=around.capacity)
    return _Around(scene, unknown)


def _whole(lane: Sequence[Head], number: int) -> Sequence[Head]:
    """Return a lane of which the first tasks were read, with others like them up to a number."""
    if number <= len(lane):
        return lane
    last = lane[-1].sort_key
    more = islice(cycle(lane), len(lane), number)
    return [*lane, *(replace(head, sort_key=last) for head in more)]


def _starts(likely: Course, worst: Course | None, offset: int) -> Span | None:
    if not likely.started:
        return None
    low = min(likely.started.values()) - offset
    high = min(worst.started.values()) - offset if worst is not None and worst.started else None
    return Span(low=low, high=high)


class _Courses(NamedTuple):
    """What is likely to happen, and what is hardly passed."""

    likely: Course
    worst: Course | None


def _ends(job: PlannedJob, around: Arriving, courses: _Courses, high: Expectation | None) -> Span | None:
    likely, worst = courses
    low = _end_of(job, around, likely)
    if low is None:
        return None
    offset = around.capacity.offset
    if high is None:
        return Span(low=low - offset, high=None)
    last = _longer(job, around, low, high) if worst is None else _end_of(job, around, worst)
    return Span(low=low - offset, high=None if last is None else max(low, last) - offset)


def _longer(job: PlannedJob, around: Arriving, low: int, high: Expectation) -> int:
    """Return an end that is later by as much as the tasks of the job may take longer."""
    now = around.capacity.facts.now
    likely_ms, high_ms = (sum(map(one.time_of, job.tasks)) for one in (LIKELY, high))
    return now + (low - now) * high_ms // max(1, likely_ms)


def _end_of(job: PlannedJob, around: Arriving, course: Course) -> int | None:
    """Return when the last task has ended; None = one never starts."""
    if len(course.started) == len(job.tasks):
        return course.ends_at
    if not course.is_cut:
        return None
    # What was not played goes on at the pace of what was.
    now = around.capacity.facts.now
    every = sum(around.lane_counts.values()) + len(job.tasks)
    return now + (course.played_until - now) * every // course.starts


def _never_why(job: PlannedJob, around: Arriving, course: Course) -> str:
    """Return why the first task that never starts does not."""
    number = next((each for each in range(len(job.tasks)) if each not in course.started), None)
    if number is None:
        return ""
    task = job.tasks[number]
    if task.queue in job.paused:
        return f"queue {task.queue} is paused"
    pools = around.capacity.pools_of(task.queue, job.prefers.get(task.gset_id, ()))
    if around.capacity.facts.pools and not pools:
        return f"no pool drains queue {task.queue}"
    if pools and all(pool.paused for pool in pools):
        return f"pool {pools[0].name} is paused"
    last = max(course.kept_back_at.values(), default=0)
    gauges = {**job.gauges, **around.capacity.gauges}
    names = sorted({gauges[one].limit.name for one, at in course.kept_back_at.items() if at == last})
    if names:
        return f"{', '.join(map(safe_line, names))} never lets it start"
    return "a task before it never starts"
