"""Targets of an operator's verb: jobs, tasks, a filter or a queue.

Used by the operators' commands in `verbs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.cli.paging import pages
from core.cli.refusals import usage
from core.control.api import Filter, ReadingAPI, Target
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.errors import NotFound
from core.model.values import ID_MAX


async def find_targets(
    deck: ReadingAPI, refs: Sequence[str], *, tasks: Sequence[str], where: str, queue: str | None
) -> list[Target]:
    """Return the targets of a command line: `12` = a job, `12/key` = a task, `tasks` = ids of tasks.

    Raises `Invalid` (`usage`) if nothing was named, or a filter beside anything else.
    """
    if where and (refs or tasks or queue):
        raise usage("--where does not go with jobs, tasks and queues", hint="name those, or give a filter")
    if not (where or refs or tasks or queue):
        raise usage("name what to act on", hint="a job (12), a task (12/key or --task ID), or --where FILTER")
    if where:
        return [Target(filter=parse(where, Noun.TASKS))]
    jobs = [_job_id(ref) for ref in refs if ref.isascii() and ref.isdecimal()]
    named = [ref for ref in refs if not (ref.isascii() and ref.isdecimal())]
    ids = [await deck.find_task(ref) for ref in (*named, *tasks)]
    targets = [Target(job_id=job_id) for job_id in dict.fromkeys(jobs)]
    if ids:
        targets.append(Target(task_ids=tuple(dict.fromkeys(ids))))
    if queue:
        targets.append(Target(queue=queue))
    return targets


def _job_id(text: str) -> int:
    # Python itself refuses to read numbers of thousands of digits.
    if len(text.lstrip("0")) > len(str(ID_MAX)):
        raise NotFound("job.unknown", f"there is no job {text[:40]}", hint="'taskdeck jobs' lists them")
    return int(text)


async def count(deck: ReadingAPI, targets: Sequence[Target]) -> int:
    """Count what the targets name: jobs, queues and tasks, those of a filter as of now."""
    return sum([await _count(deck, target) for target in targets])


async def _count(deck: ReadingAPI, target: Target) -> int:
    if target.filter is None:
        return len(target.task_ids or (0,))
    # By id: in another order a list may be cut.
    wanted: Filter = replace(target.filter, sort=None)
    matches = pages(lambda after, limit: deck.tasks(wanted, after=after, limit=limit), 0)
    return sum([len(page.rows) async for page in matches])
