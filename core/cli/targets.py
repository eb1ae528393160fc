"""What a command line names: jobs, tasks, a filter or a queue.

Used by the operators' commands in `verbs`, and by `wait`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.cli.paging import PAGE_ROWS, pages
from core.cli.refusals import usage
from core.control.api import Filter, ReadingAPI, Target
from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.terms import In
from core.model.errors import NotFound
from core.model.records import replace
from core.model.values import ID_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The jobs and tasks that a command line names, each once, in order."""

    jobs: tuple[int, ...]
    tasks: tuple[int, ...]


async def find_named(deck: ReadingAPI, refs: Sequence[str]) -> Named:
    """Return what is named: `12` = a job, `12/key`, `key` and `#27` = tasks, which have to be there.

    Raises `NotFound` and `Conflict` as `find_task` does.
    """
    jobs = [_job_id(ref) for ref in refs if _is_number(ref)]
    tasks = [await deck.find_task(ref.removeprefix("#")) for ref in refs if not _is_number(ref)]
    return Named(jobs=tuple(dict.fromkeys(jobs)), tasks=tuple(dict.fromkeys(tasks)))


def _is_number(ref: str) -> bool:
    return ref.isascii() and ref.isdecimal()


async def find_targets(
    deck: ReadingAPI, refs: Sequence[str], *, tasks: Sequence[str], where: str, queue: str | None
) -> list[Target]:
    """Return the targets of a command line: `12` = a job, `12/key` and `#27` = tasks, `tasks` = their ids.

    Raises `Invalid` (`usage`) if nothing was named, or a filter beside anything else.
    """
    if where and (refs or tasks or queue):
        raise usage("--where does not go with jobs, tasks and queues", hint="name those, or give a filter")
    if not (where or refs or tasks or queue):
        raise usage("name what to act on", hint="a job (12), a task (12/key or --task ID), or --where FILTER")
    if where:
        return [Target(filter=parse(where, Noun.TASKS))]
    named = await find_named(deck, (*refs, *(f"#{task_id}" for task_id in tasks)))
    targets = [Target(job_id=job_id) for job_id in named.jobs]
    if named.tasks:
        targets.append(Target(task_ids=named.tasks))
    if queue:
        targets.append(Target(queue=queue))
    return targets


def _job_id(text: str) -> int:
    # Python itself refuses to read numbers of thousands of digits.
    if len(text.lstrip("0")) > len(str(ID_MAX)):
        raise NotFound(
            "job.unknown",
            f"job {text[:40]} does not exist",
            hint="'taskdeck jobs' lists them",
            facts={"job": text[:40]},
        )
    return int(text)


async def count(deck: ReadingAPI, targets: Sequence[Target]) -> int:
    """Count what the targets name: jobs, queues and tasks, those of a filter as of now."""
    return sum([await _count(deck, target) for target in targets])


async def count_instances(deck: ReadingAPI, targets: Sequence[Target]) -> int:
    """Count the instances that have not ended, made or still to be made, of groups named by their ids."""
    task_ids = [task_id for target in targets for task_id in target.task_ids or ()]
    left = 0
    for at in range(0, len(task_ids), PAGE_ROWS):
        named = Filter(noun=Noun.TASKS, terms=(In(field="id", values=tuple(task_ids[at : at + PAGE_ROWS])),))
        for task in (await deck.tasks(named, limit=PAGE_ROWS)).rows:
            if task.instances is not None:
                counts = task.instances
                left += (counts.total if task.finished_at is None else counts.made) - counts.ended
    return left


async def _count(deck: ReadingAPI, target: Target) -> int:
    if target.filter is None:
        return len(target.task_ids or (0,))
    # By id: in another order a list may be cut.
    wanted: Filter = replace(target.filter, sort=None)
    matches = pages(lambda after, limit: deck.tasks(wanted, after=after, limit=limit), 0)
    return sum([len(page.rows) async for page in matches])
