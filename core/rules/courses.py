"""Courses: the claims to come, with a job among them.

Used by the prediction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from core.model.lanes import Head, Need
from core.model.limits.gauges import Gauge
from core.model.predictions import PlannedJob
from core.model.records import replace
from core.rules import gauges as arithmetic
from core.rules.expectations import Expectation
from core.rules.lanes import sort_key
from core.rules.simulation import Scene, simulate

OURS = 1 << 53
"""Ids of the job's tasks and lanes are from here on: no row has them."""
WORK_MAX = 100_000
"""Starts that are played at the most."""
ASKING_MAX = 50_000
"""The same where each claim asks pools and gauges; of many lanes fewer."""
_LANES_OF_ONE = 4
"""Open lanes that cost a start no more than one."""


@dataclass(slots=True, kw_only=True)
class Course:
    """What became of the tasks of a job; times in engine time (ms)."""

    started: dict[int, int] = field(default_factory=dict)
    """By position."""
    ends_at: int = 0
    """When the last of them has ended."""
    spent_at: dict[int, int] = field(default_factory=dict)
    """By gauge: when it was spent for a task of the job, the first time."""
    kept_back_at: dict[int, int] = field(default_factory=dict)
    """By gauge: when it kept back a task of the job, the last time."""
    played_until: int = 0
    starts: int = 0
    """Of the job and of others, as far as they were played."""
    is_cut: bool = False
    """There were more starts than are played."""


def play(job: PlannedJob, scene: Scene, expected: Expectation) -> Course:
    """Return the course of a job that is admitted now, behind and among what the scene has."""
    course = Course(played_until=scene.now, ends_at=scene.now)
    tasks = _JobTasks(job, scene)
    whole = _with_job(job, scene, tasks=tasks, course=course, expected=expected)
    most = WORK_MAX if whole.is_plain else ASKING_MAX // max(1, len(whole.lanes) // _LANES_OF_ONE)
    for start in simulate(whole):
        course.played_until = start.at
        course.starts += 1
        if start.task_id >= OURS:
            course.started[start.task_id - OURS] = start.at
            if start.ends_at is not None:
                course.ends_at = max(course.ends_at, start.ends_at)
            if len(course.started) == len(job.tasks):
                break
        if course.starts >= most:
            course.is_cut = True
            break
    return course


def _with_job(
    job: PlannedJob, scene: Scene, *, tasks: _JobTasks, course: Course, expected: Expectation
) -> Scene:
    def usual_ms(task_id: int) -> int | None:
        return expected.time_of(job.tasks[task_id - OURS]) if task_id >= OURS else scene.usual_ms(task_id)

    def gauges_of(head: Head, pool: str) -> Sequence[int]:
        if head.task_id < OURS:
            return scene.gauges_of(head, pool)
        known = scene.gauges_of(replace(head, gset_id=0), pool)
        own = (*job.queue_gauges.get(head.queue, ()), *job.sets.get(head.gset_id, ()))
        return tuple(dict.fromkeys((*known, *own)))

    def hear(need: Need, gauge: Gauge, at: int) -> None:
        course.kept_back_at[need.gauge_id] = at
        if arithmetic.is_spent(gauge, need.amount):
            course.spent_at.setdefault(need.gauge_id, at)

    return replace(
        scene,
        lanes=[*scene.lanes, *tasks.lanes()],
        gauges={**job.gauges, **scene.gauges},
        gauges_of=gauges_of,
        usual_ms=usual_ms,
        spends=lambda task_id: expected.amounts(job.tasks[task_id - OURS]) if task_id >= OURS else {},
        followers=tasks.after,
        kept_back=dict.fromkeys(tasks.lane_ids, hear),
    )


class _JobTasks:
    """The tasks of a job that have not been queued yet, and what each of them waits for."""

    def __init__(self, job: PlannedJob, scene: Scene) -> None:
        self._job = job
        self._scene = scene
        self._needs_left = [len(task.needs) for task in job.tasks]
        self._dependants: dict[int, list[int]] = {}
        self._stages: dict[int, list[int]] = {}
        for number, task in enumerate(job.tasks):
            self._stages.setdefault(task.stage, []).append(number)
            for need in task.needs:
                self._dependants.setdefault(need, []).append(number)
        self._order = sorted(self._stages)
        self._open = {stage: len(numbers) for stage, numbers in self._stages.items()}
        self._lane_of = self._lanes()
        vtimes = [lane[0].vtime for lane in scene.lanes if lane]
        self._vtime = min(vtimes, default=0)

    @property
    def lane_ids(self) -> Sequence[int]:
        """Return the lanes that the job has."""
        return list(self._lane_of.values())

    def lanes(self) -> list[list[Head]]:
        """Return the lanes of what is queued at once."""
        found: dict[int, list[Head]] = {}
        for head in self._ready(self._order[0], self._scene.now) if self._order else ():
            found.setdefault(head.lane_id, []).append(head)
        return [sorted(lane, key=lambda head: (head.sort_key, head.task_id)) for lane in found.values()]

    def after(self, task_id: int, now: int) -> Sequence[Head]:
        """Return what is queued when a task ends: what needs it, or the next stage."""
        if task_id < OURS:
            return ()
        number = task_id - OURS
        stage = self._job.tasks[number].stage
        self._open[stage] -= 1
        ready = [each for each in self._dependants.get(number, ()) if self._is_met(each)]
        heads = [self._head(each, now) for each in ready if self._job.tasks[each].stage == stage]
        if not self._open[stage]:
            following = self._order.index(stage) + 1
            if following < len(self._order):
                heads += self._ready(self._order[following], now)
        return [head for head in heads if head.queue not in self._job.paused]

    def _is_met(self, number: int) -> bool:
        self._needs_left[number] -= 1
        return not self._needs_left[number]

    def _ready(self, stage: int, now: int) -> Iterator[Head]:
        for number in self._stages[stage]:
            if not self._needs_left[number] and self._job.tasks[number].queue not in self._job.paused:
                yield self._head(number, now)

    def _lanes(self) -> Mapping[tuple[str, int], int]:
        pairs = dict.fromkeys((task.queue, task.gset_id) for task in self._job.tasks)
        return {pair: OURS + number for number, pair in enumerate(pairs)}

    def _head(self, number: int, now: int) -> Head:
        task = self._job.tasks[number]
        return Head(
            lane_id=self._lane_of[task.queue, task.gset_id],
            task_id=OURS + number,
            job_id=OURS,
            queue=task.queue,
            sort_key=sort_key(now, task.priority, aging_step=self._scene.aging_step),
            vtime=self._vtime,
            gset_id=task.gset_id,
            cost=task.cost,
        )
