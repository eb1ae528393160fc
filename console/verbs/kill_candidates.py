"""Kill candidates: living orphans and running tasks.

Used by the kill and the operations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from console.rows.listing import now_ms
from console.verbs.tiers import Verb
from core.control.api import ControlAPI, Target
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.orphans import OrphanKind, OrphanView
from core.model.text import SafeText, safe_line
from core.model.views import TaskView
from core.render.times import duration_text

_PAGE = 2_000
_IDS = 500
"""Tasks that are named in one question."""
_FIRST = 5
_RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class KillCandidate:
    """An attempt that would be killed, as it was when it was found."""

    task_id: int
    epoch: int
    description: str
    pids: frozenset[int] = frozenset()
    """Its processes, where they are known."""

    def covers(self, now: KillCandidate | None) -> bool:
        """Whether it is still what was planned: fewer processes are fine, a new one is not."""
        return now is not None and now.epoch == self.epoch and now.pids <= self.pids


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateList:
    """Candidates in order of task id, with lines about all of them and about what is left alone."""

    candidates: tuple[KillCandidate, ...]
    head: tuple[SafeText, ...] = ()
    left_alone: tuple[SafeText, ...] = ()


class CandidateSource(Protocol):
    """A kind of candidates: what they are called, and how they are found."""

    verb: Verb
    noun: str
    gone: str
    """Why a candidate that was not found again is left alone."""
    changed: str
    """Why a candidate that has changed is left alone."""
    none: str
    """The notice when nothing can be killed."""

    async def find(self, control: ControlAPI, targets: Sequence[Target]) -> CandidateList:
        """Find them among the targets; changes nothing."""


class LivingOrphans:
    """Attempts whose wrapper died while their processes live on; targets are tasks by id."""

    verb = Verb.KILL_ORPHAN
    noun = "orphan"
    gone = "not a living orphan any more: left alone"
    changed = "it is another attempt or has other processes than the plan: left alone"
    none = "none of them is a living orphan any longer"

    async def find(self, control: ControlAPI, targets: Sequence[Target]) -> CandidateList:
        """Find them by the list of orphans."""
        wanted = dict.fromkeys(number for target in targets for number in target.task_ids or ())
        found = await control.orphans.all()
        living = {one.task_id: _orphan(one) for one in found if one.kind is OrphanKind.LIVING}
        return CandidateList(
            candidates=tuple(living[number] for number in sorted(wanted) if number in living),
            left_alone=tuple(safe_line(f"task {n}: {self.gone}") for n in wanted if n not in living),
        )


class RunningTasks:
    """Running tasks, among jobs, tasks, queues, or what a filter finds now."""

    verb = Verb.KILL
    noun = "running task"
    gone = "it has stopped running: left alone"
    changed = "it is another attempt than the plan: left alone"
    none = "none of its tasks is running"

    async def find(self, control: ControlAPI, targets: Sequence[Target]) -> CandidateList:
        """Find them by a filter; count the tasks that are not running."""
        running: dict[int, TaskView] = {}
        rest: Counter[str] = Counter()
        first: list[int] = []
        async for search in _searches(control, targets):
            found = await _all(control, _running(search.where))
            running |= {task.id: task for task in found if task.id not in search.excluding}
            idle = await control.preview(_not_running(search.where), excluding=search.excluding)
            rest.update(idle.by_status)
            first += idle.first
        candidates = tuple(_task(running[number]) for number in sorted(running))
        states = {_RUNNING: len(candidates)} | dict(rest.most_common())
        return CandidateList(
            candidates=candidates,
            head=(safe_line(f"states    {_counts(states)}"),),
            left_alone=(_left_alone(rest, sorted(first)),) if rest else (),
        )


KILL_SOURCES: Mapping[Verb, CandidateSource] = {one.verb: one for one in (LivingOrphans(), RunningTasks())}
"""The kinds of candidates by the verb that kills them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """A filter, and the ids of tasks that it finds but that are spared."""

    where: Filter
    excluding: tuple[int, ...] = ()


async def _searches(control: ControlAPI, targets: Sequence[Target]) -> AsyncIterator[_Search]:
    """Yield searches that find the tasks of the targets; a group stands for its instances."""
    for target in targets:
        if target.filter is not None:
            yield _Search(where=target.filter, excluding=target.excluding)
        elif target.job_id is not None:
            yield _Search(where=_only("job", (target.job_id,)))
        elif target.queue is not None:
            yield _Search(where=_only("queue", (target.queue,)))
        else:
            ids = tuple(target.task_ids or ())
            for at in range(0, len(ids), _IDS):
                named = _only("id", ids[at : at + _IDS])
                idle = await _all(control, _not_running(named))
                # Also one that has ended: its instances may still be at their end.
                groups = tuple(task for task in idle if task.instances is not None)
                yield _Search(where=named, excluding=tuple(group.id for group in groups))
                for group in groups:
                    yield _Search(where=_instances(group), excluding=ids)


def _only(field: str, values: tuple[int | str, ...]) -> Filter:
    return Filter(noun=Noun.TASKS, terms=(In(field=field, values=values),))


def _instances(group: TaskView) -> Filter:
    return _and(_only("job", (group.job_id,)), In(field="group", values=(group.key,)))


def _running(where: Filter) -> Filter:
    return _and(where, In(field="status", values=(_RUNNING,)))


def _not_running(where: Filter) -> Filter:
    return _and(where, In(field="status", values=(_RUNNING,), negated=True))


def _and(where: Filter, term: In) -> Filter:
    return Filter(noun=where.noun, terms=(*where.terms, term))


async def _all(control: ControlAPI, where: Filter) -> list[TaskView]:
    tasks: list[TaskView] = []
    after: str | None = None
    while True:
        page = await control.tasks(where, after=after, limit=_PAGE)
        tasks += page.rows
        after = page.next
        if after is None:
            return tasks


def _orphan(orphan: OrphanView) -> KillCandidate:
    pairs = zip(orphan.pids, orphan.commands, strict=False)
    processes = ", ".join(f"{pid} {command}" for pid, command in pairs)
    description = f"{orphan.key} of job {orphan.job_id}, attempt {orphan.epoch}: {processes or orphan.reason}"
    return KillCandidate(
        task_id=orphan.task_id, epoch=orphan.epoch, description=description, pids=frozenset(orphan.pids)
    )


def _task(task: TaskView) -> KillCandidate:
    since = "" if task.started_at is None else f", running for {duration_text(now_ms() - task.started_at)}"
    asked = "" if task.stop_requested is None else ", asked to stop"
    description = f"{task.key} of job {task.job_id}, attempt {task.attempts}{since}{asked}"
    return KillCandidate(task_id=task.id, epoch=task.attempts, description=description)


def _left_alone(rest: Mapping[str, int], first: Sequence[int]) -> SafeText:
    number = sum(rest.values())
    more = " ..." if number > _FIRST else ""
    ids = " ".join(map(str, first[:_FIRST]))
    return safe_line(f"left alone, not running: {_counts(rest)}   (task {ids}{more})")


def _counts(states: Mapping[str, int]) -> str:
    return "  ".join(f"{status} {number:,}" for status, number in states.items())
