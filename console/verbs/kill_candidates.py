"""Victims: what can be killed, as a look at it finds it: living orphans, and tasks that run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
    """One attempt that would be killed, as it was when it was looked at."""

    task_id: int
    epoch: int
    words: str
    pids: frozenset[int] = frozenset()
    """Its processes, where they are known."""

    def covers(self, now: KillCandidate | None) -> bool:
        """Tell whether it still is what was planned: fewer processes are fine, one nobody saw is not."""
        return now is not None and now.epoch == self.epoch and now.pids <= self.pids


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateList:
    """What a look found: victims in order of task id, and lines about the whole and what is left alone."""

    victims: tuple[KillCandidate, ...]
    head: tuple[SafeText, ...] = ()
    left: tuple[SafeText, ...] = ()


class CandidateSource(Protocol):
    """A kind of victims: what they are called, and how they are found."""

    verb: Verb
    noun: str
    gone: str
    """Why one that is not found any more is left alone."""
    other: str
    """Why one that has become another is."""
    none: str
    """What is told when there is none."""

    async def look(self, control: ControlAPI, targets: Sequence[Target]) -> CandidateList:
        """Find them among the targets; changes nothing."""


class LivingOrphans:
    """Attempts whose wrapper died while their processes live on; targets are tasks by id."""

    verb = Verb.KILL_ORPHAN
    noun = "orphan"
    gone = "no living orphan any more: left alone"
    other = "it is another attempt or has other processes than the plan: left alone"
    none = "no living orphan among them any more"

    async def look(self, control: ControlAPI, targets: Sequence[Target]) -> CandidateList:
        """Find them by the list of orphans."""
        wanted = dict.fromkeys(number for target in targets for number in target.task_ids or ())
        found = await control.orphans()
        living = {one.task_id: _orphan(one) for one in found if one.kind is OrphanKind.LIVING}
        return CandidateList(
            victims=tuple(living[number] for number in sorted(wanted) if number in living),
            left=tuple(safe_line(f"task {n}: {self.gone}") for n in wanted if n not in living),
        )


class RunningTasks:
    """Tasks that run, among jobs, tasks, queues, or what a filter finds now."""

    verb = Verb.KILL
    noun = "running task"
    gone = "it does not run any more: left alone"
    other = "it is another attempt than the plan: left alone"
    none = "nothing of it runs"

    async def look(self, control: ControlAPI, targets: Sequence[Target]) -> CandidateList:
        """Find them by a filter; count what does not run."""
        running: dict[int, TaskView] = {}
        rest: Counter[str] = Counter()
        first: list[int] = []
        for where, excluding in _places(targets):
            found = await _all(control, _narrowed(where, negated=False))
            running |= {task.id: task for task in found if task.id not in excluding}
            idle = await control.preview(_narrowed(where, negated=True), excluding=excluding)
            rest.update(idle.by_status)
            first += idle.first
        victims = tuple(_task(running[number]) for number in sorted(running))
        states = {_RUNNING: len(victims)} | dict(rest.most_common())
        return CandidateList(
            victims=victims,
            head=(safe_line(f"states    {_counts(states)}"),),
            left=(_left(rest, sorted(first)),) if rest else (),
        )


KILL_SOURCES: Mapping[Verb, CandidateSource] = {one.verb: one for one in (LivingOrphans(), RunningTasks())}
"""The kinds of victims by the verb that kills them."""


def _places(targets: Sequence[Target]) -> Iterator[tuple[Filter, tuple[int, ...]]]:
    """Return filters that find the tasks of the targets, each with those that are spared."""
    for target in targets:
        if target.filter is not None:
            yield target.filter, target.excluding
        elif target.job_id is not None:
            yield _only("job", (target.job_id,)), ()
        elif target.queue is not None:
            yield _only("queue", (target.queue,)), ()
        else:
            ids = tuple(target.task_ids or ())
            yield from ((_only("id", ids[at : at + _IDS]), ()) for at in range(0, len(ids), _IDS))


def _only(field: str, values: tuple[int | str, ...]) -> Filter:
    return Filter(noun=Noun.TASKS, terms=(In(field=field, values=values),))


def _narrowed(where: Filter, *, negated: bool) -> Filter:
    term = In(field="status", values=(_RUNNING,), negated=negated)
    return Filter(noun=where.noun, terms=(*where.terms, term))


async def _all(control: ControlAPI, where: Filter) -> list[TaskView]:
    found: list[TaskView] = []
    after: str | None = None
    while True:
        page = await control.tasks(where, after=after, limit=_PAGE)
        found += page.rows
        after = page.next
        if after is None:
            return found


def _orphan(orphan: OrphanView) -> KillCandidate:
    pairs = zip(orphan.pids, orphan.commands, strict=False)
    processes = ", ".join(f"{pid} {command}" for pid, command in pairs)
    words = f"{orphan.key} of job {orphan.job_id}, attempt {orphan.epoch}: {processes or orphan.reason}"
    return KillCandidate(task_id=orphan.task_id, epoch=orphan.epoch, words=words, pids=frozenset(orphan.pids))


def _task(task: TaskView) -> KillCandidate:
    since = "" if task.started_at is None else f", running for {duration_text(now_ms() - task.started_at)}"
    asked = "" if task.stop_requested is None else ", asked to stop"
    words = f"{task.key} of job {task.job_id}, attempt {task.attempts}{since}{asked}"
    return KillCandidate(task_id=task.id, epoch=task.attempts, words=words)


def _left(rest: Mapping[str, int], first: Sequence[int]) -> SafeText:
    number = sum(rest.values())
    more = " ..." if number > _FIRST else ""
    ids = " ".join(map(str, first[:_FIRST]))
    return safe_line(f"left alone, for nothing of them runs: {_counts(rest)}   (task {ids}{more})")


def _counts(states: Mapping[str, int]) -> str:
    return "  ".join(f"{status} {number:,}" for status, number in states.items())
