"""wait: until jobs, tasks or groups have ended.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Protocol

from core.app.signals import Interrupted
from core.cli.access import working
from core.cli.arguments import Remote
from core.cli.claim_watch import ClaimWatch, PatienceOption
from core.cli.commands import Command
from core.cli.end_notices import NotifyOption, tell_terminal
from core.cli.output import emit, say, status
from core.cli.paging import pages
from core.cli.parameters import Argument, Option
from core.cli.progress import Meter
from core.cli.reading import reading
from core.cli.refusals import Left, usage
from core.cli.summary import counts_text, error_text, exit_status
from core.cli.targets import find_named
from core.cli.waiting import explaining_lost_engine, interrupts, wait_with
from core.control.api import ControlAPI, ReadingAPI
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.errors import NotFound
from core.model.status import JOB_FINAL, TASK_FINAL
from core.model.text import SafeText, safe_line
from core.model.timing.durations import parse_duration
from core.model.values import JsonObject

_GROUP = "group:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Remote):
    """The arguments of `wait`."""

    refs: Annotated[
        list[str] | None,
        Argument(
            metavar="[JOB|JOB/KEY|#TASK|group:NAME]...", help="Jobs, tasks of jobs, loose tasks, groups."
        ),
    ] = None
    task: Annotated[list[int], Option(metavar="ID", min=1, help="A task by its id; may be repeated.")] = (
        field(default_factory=list)
    )
    any: Annotated[bool, Option(help="Return when the first of them has ended.")] = False
    timeout: Annotated[
        str | None, Option(metavar="TIME", help="Give up waiting after this: 30s, 10m, 1h30m.")
    ] = None
    patience: PatienceOption = None
    notify: NotifyOption = False


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How something that was waited for has ended."""

    counts: Mapping[str, int]
    """For the exit status: how many ended in each status."""
    shape: JsonObject


class Subject(Protocol):
    """What is waited for."""

    async def end(self, deck: ReadingAPI) -> End | None:
        """Return how it ended; None = it has not."""

    async def wait(self, deck: ControlAPI) -> None:
        """Return when it has ended, as far as the engine knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneJob:
    """A job."""

    id: int

    async def end(self, deck: ReadingAPI) -> End | None:
        """Return its status; raise `NotFound`."""
        job = await deck.job(self.id)
        if job.status not in JOB_FINAL:
            return None
        shape: JsonObject = {
            "job": job.id,
            "status": job.status,
            "tasks": dict(job.tasks),
            "reason": job.reason,
            "tolerated": job.tolerated,
        }
        return End(counts={job.status: 1}, shape=shape)

    async def wait(self, deck: ControlAPI) -> None:
        """Return when it is final."""
        await deck.wait_job(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTask:
    """A task."""

    id: int

    async def end(self, deck: ReadingAPI) -> End | None:
        """Return its status and error; raise `NotFound`."""
        task = (await deck.task(self.id)).task
        if task.status not in TASK_FINAL:
            return None
        return End(
            counts={task.status: 1}, shape={"task": task.id, "status": task.status, "error": task.error}
        )

    async def wait(self, deck: ControlAPI) -> None:
        """Return when it is final."""
        await deck.wait_tasks([self.id])


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """All tasks of a group, also those that join while it is waited for."""

    name: str

    async def end(self, deck: ReadingAPI) -> End | None:
        """Return the counts by status; raise `NotFound` (`group.unknown`)."""
        tasks = await self._tasks(deck)
        if not tasks:
            message = f"group {safe_line(self.name)} does not exist"
            raise NotFound("group.unknown", message, hint="see: taskdeck groups")
        if any(found not in TASK_FINAL for found in tasks.values()):
            return None
        counts: dict[str, int] = {}
        for found in tasks.values():
            counts[found] = counts.get(found, 0) + 1
        return End(counts=counts, shape={"group": self.name, "tasks": dict(counts)})

    async def wait(self, deck: ControlAPI) -> None:
        """Return when all are final that are there now."""
        await deck.wait_tasks(list(await self._tasks(deck)))

    async def _tasks(self, deck: ReadingAPI) -> Mapping[int, str]:
        where = Filter(noun=Noun.TASKS, terms=(In(field="group", values=(self.name,)),))
        found = pages(lambda after, limit: deck.tasks(where, after=after, limit=limit), 0)
        return {task.id: task.status async for page in found for task in page.rows}


async def wait(arguments: Wait) -> int:
    """Wait until jobs, tasks or groups have ended; exit as `run` does: 0, 1 one failed, 3 one was cancelled.

    An engine is started if none runs and something has not ended.
    """
    seconds = None if arguments.timeout is None else parse_duration(arguments.timeout) / 1000
    meter = Meter("wait", quiet=True, claims=ClaimWatch(patience=arguments.patience))
    async with reading(arguments) as deck:
        subjects = await _find(deck, arguments)
        ends = [end for subject in subjects if (end := await subject.end(deck)) is not None]
    if len(ends) < (1 if arguments.any else len(subjects)):
        async with working(arguments) as control:
            ends = await _wait(control, subjects, meter, arguments=arguments, seconds=seconds)
    for end in ends:
        if arguments.json:
            emit(end.shape)
        else:
            _say(end.shape)
    if arguments.notify:
        tell_terminal(_told(ends))
    return exit_status({name: 1 for end in ends for name, count in end.counts.items() if count})


async def _find(deck: ReadingAPI, arguments: Wait) -> list[Subject]:
    refs = arguments.refs or []
    groups = [ref.removeprefix(_GROUP) for ref in refs if ref.startswith(_GROUP)]
    others = [ref for ref in refs if not ref.startswith(_GROUP)]
    named = await find_named(deck, (*others, *(f"#{task_id}" for task_id in arguments.task)))
    subjects: list[Subject] = [
        *(OneJob(id=job_id) for job_id in named.jobs),
        *(OneTask(id=task_id) for task_id in named.tasks),
        *(Group(name=name) for name in dict.fromkeys(groups)),
    ]
    if not subjects:
        raise usage("name what to wait for", hint="a job (12), a task (12/key or --task ID), or group:NAME")
    return subjects


async def _wait(
    deck: ControlAPI, subjects: Sequence[Subject], meter: Meter, *, arguments: Wait, seconds: float | None
) -> list[End]:
    """Return how all ended, or with `--any` those that have when the first one has."""
    again = ("wait", *_words(arguments))

    async def tick() -> bool:
        await meter.warn(deck)
        return False

    work = _first(deck, subjects) if arguments.any else _all(deck, subjects)
    left = "left"
    with interrupts() as received, explaining_lost_engine("they", *again, arguments=arguments):
        try:
            async with asyncio.timeout(seconds):
                return await wait_with(work, tick, received)
        except TimeoutError:
            left = f"not ended after {arguments.timeout}"
        except Interrupted:
            pass
    raise Left(f"{left}; the engine continues it", hint=f"wait on: {arguments.command(*again)}")


def _words(arguments: Wait) -> list[str]:
    tasks = [word for task_id in arguments.task for word in ("--task", str(task_id))]
    return [*(arguments.refs or []), *tasks, *(["--any"] if arguments.any else [])]


async def _all(deck: ControlAPI, subjects: Sequence[Subject]) -> list[End]:
    return [await _end(deck, subject) for subject in subjects]


async def _first(deck: ControlAPI, subjects: Sequence[Subject]) -> list[End]:
    waits = [asyncio.ensure_future(_end(deck, subject)) for subject in subjects]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        return [one.result() for one in waits if one.done()]
    finally:
        for one in waits:
            one.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def _end(deck: ControlAPI, subject: Subject) -> End:
    while (end := await subject.end(deck)) is None:
        await subject.wait(deck)
    return end


def _say(shape: JsonObject) -> None:
    match shape:
        case {"group": str(name), "tasks": dict(counts)}:
            say(f"group {safe_line(name)}: {counts_text(_numbers(counts))}")
        case {"job": int(job_id), "status": str(ended), "tasks": dict(counts)}:
            say(f"job {job_id} ", status(ended), f": {counts_text(_numbers(counts))}")
        case {"task": int(task_id), "status": str(ended), "error": error}:
            why = f": {error_text(error)}" if isinstance(error, dict) else ""
            say(f"task {task_id} ", status(ended), why)


def _told(ends: Sequence[End]) -> SafeText:
    if len(ends) != 1:
        return SafeText(f"{len(ends)} have ended")
    shape = ends[0].shape
    noun = next(noun for noun in ("job", "task", "group") if noun in shape)
    return SafeText(f"{noun} {safe_line(str(shape[noun]))} {shape.get('status', 'has ended')}")


def _numbers(counts: JsonObject) -> dict[str, int]:
    return {name: count for name, count in counts.items() if isinstance(count, int)}


COMMANDS = (
    Command(
        name="wait",
        arguments=Wait,
        run=wait,
        examples=(
            "taskdeck wait 12",
            "taskdeck wait --any 12 13/parse group:map-1f2e3d4c",
            "taskdeck wait --timeout 10m --task 27",
        ),
    ),
)
