"""purge: remove outputs, ended jobs or ended loose tasks.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Annotated

from core.cli.access import changing
from core.cli.arguments import Label, Remote, actor_of
from core.cli.commands import Command
from core.cli.live_line import wipe, write_over
from core.cli.output import draw, emit, note, say
from core.cli.parameters import Argument, Option
from core.cli.refusals import Left, usage
from core.cli.targets import find_named
from core.control.api import ControlAPI
from core.control.nouns.upkeep import Purge
from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.terms import Filter, In
from core.model.commands.work import Effect
from core.model.errors import Conflict, Invalid
from core.model.purges import PurgeView, PurgeWhat
from core.model.records import replace
from core.model.text import safe_line
from core.model.values import JsonObject
from core.render.purge_texts import purge_text

SHOWN = 5
"""Refusals that are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeOptions:
    """Which, why, and whether at once."""

    where: Annotated[
        str, Option(metavar="FILTER", help="All that match, such as: status:succeeded age>30d")
    ] = ""
    reason: Annotated[
        str, Option(metavar="TEXT", help="Why; the history keeps it when all else is gone.")
    ] = ""
    yes: Annotated[bool, Option(short="-y", help="Do it, without asking after the plan.")] = False
    dry_run: Annotated[bool, Option(help="Say what would go and how large it is; change nothing.")] = False
    as_: Label = None

    @property
    def effect(self) -> Effect:
        """Return whether anything may be purged."""
        return Effect.NONE if self.dry_run else Effect.CHANGE


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeOutputs(Remote):
    """The arguments of `purge outputs`."""

    refs: Annotated[
        list[str] | None, Argument(metavar="[JOB|JOB/KEY|#TASK]...", help="Jobs by id, tasks.")
    ] = None
    task: Annotated[list[int], Option(metavar="ID", min=1, help="A task by its id; may be repeated.")] = (
        field(default_factory=list)
    )
    options_: PurgeOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeJobs(Remote):
    """The arguments of `purge jobs`."""

    jobs: Annotated[list[int] | None, Argument(metavar="[JOB]...", help="Jobs by id.")] = None
    options_: PurgeOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeTasks(Remote):
    """The arguments of `purge tasks`."""

    tasks: Annotated[list[int] | None, Argument(metavar="[TASK]...", help="Loose tasks by id.")] = None
    options_: PurgeOptions


@dataclass(slots=True, kw_only=True)
class _Sum:
    """All parts of a plan or a purge."""

    jobs: int = 0
    tasks: int = 0
    bytes: int = 0
    refused: int = 0
    first: list[JsonObject] = field(default_factory=list)

    def add(self, part: PurgeView) -> None:
        self.jobs += part.jobs
        self.tasks += part.tasks
        self.bytes += part.bytes
        self.refused += len(part.refused)
        self.first += [one._asdict() for one in part.refused[: SHOWN - len(self.first)]]

    def text(self, what: PurgeWhat) -> str:
        return purge_text(what, PurgeView(jobs=self.jobs, tasks=self.tasks, bytes=self.bytes))


async def purge_outputs(arguments: PurgeOutputs) -> int:
    """Remove what ended tasks wrote; their rows and history stay."""
    options = arguments.options_
    refs, tasks = arguments.refs or [], [f"#{one}" for one in arguments.task]
    _check(options, named=bool(refs or tasks))
    async with changing(arguments, effect=options.effect) as deck:
        requests = []
        if options.where:
            requests.append(_request(PurgeWhat.OUTPUTS, options, where=parse(options.where, Noun.TASKS)))
        else:
            named = await find_named(deck, [*refs, *tasks])
            if named.jobs:
                where = Filter(noun=Noun.TASKS, terms=(In(field="job", values=named.jobs),))
                requests.append(_request(PurgeWhat.OUTPUTS, options, where=where))
            if named.tasks:
                requests.append(_request(PurgeWhat.OUTPUTS, options, ids=named.tasks))
        return await _purge(deck, requests, arguments, options=options)


async def purge_jobs(arguments: PurgeJobs) -> int:
    """Remove ended jobs as a whole: tasks, history and outputs; one event stays of each."""
    return await _by_id(PurgeWhat.JOBS, arguments.jobs or [], arguments=arguments)


async def purge_tasks(arguments: PurgeTasks) -> int:
    """Remove ended loose tasks with history and outputs; tasks of jobs go with their job."""
    return await _by_id(PurgeWhat.TASKS, arguments.tasks or [], arguments=arguments)


async def _by_id(what: PurgeWhat, ids: list[int], *, arguments: PurgeJobs | PurgeTasks) -> int:
    options, noun = arguments.options_, Noun.JOBS if what is PurgeWhat.JOBS else Noun.TASKS
    _check(options, named=bool(ids))
    if not options.reason.strip() and not options.dry_run:
        raise usage("rows that are purged do not come back: say why with --reason")
    request = (
        _request(what, options, where=parse(options.where, noun))
        if options.where
        else _request(what, options, ids=tuple(ids))
    )
    async with changing(arguments, effect=options.effect) as deck:
        return await _purge(deck, [request], arguments, options=options)


def _check(options: PurgeOptions, *, named: bool) -> None:
    if named and options.where:
        raise usage("--where does not go with ids", hint="name those, or give a filter")
    if not (named or options.where):
        raise usage("name what to purge", hint="an id, or --where FILTER")
    if options.dry_run and options.yes:
        raise usage("--dry-run changes nothing", hint="leave out --yes")


def _request(
    what: PurgeWhat, options: PurgeOptions, *, ids: tuple[int, ...] = (), where: Filter | None = None
) -> Purge:
    return Purge(what=what, ids=ids, where=where, reason=options.reason, actor=actor_of(options.as_))


async def _purge(deck: ControlAPI, requests: list[Purge], arguments: Remote, *, options: PurgeOptions) -> int:
    """Tell the plan; carry it out if that is wanted."""
    what = requests[0].what
    planned = await _all(deck, [replace(one, effect=Effect.NONE) for one in requests], "planned")
    if options.dry_run:
        _report(planned, what, arguments, is_done=False)
        return 0
    if not (planned.jobs or planned.tasks):
        _report(planned, what, arguments, is_done=True)
        return Conflict.exit_code if planned.refused else 0
    if not options.yes:
        _ask(planned, what)
    _report(await _all(deck, requests, "purged"), what, arguments, is_done=True)
    return 0


async def _all(deck: ControlAPI, requests: list[Purge], word: str) -> _Sum:
    """Ask part by part; what was not answered is asked for when the command is run again."""
    total = _Sum()
    for request in requests:
        after: int | None = 0
        while after is not None:
            part = await deck.upkeep.purge(replace(request, after=after))
            total.add(part)
            after = part.next
            write_over(f"{word}: {total.text(request.what)}")
    wipe()
    return total


def _ask(planned: _Sum, what: PurgeWhat) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Invalid(
            "purge.unconfirmed",
            f"this would remove {planned.text(what)}",
            hint="add --yes to do it, or --dry-run to see more",
            facts={"jobs": planned.jobs, "tasks": planned.tasks, "bytes": planned.bytes},
        )
    draw(f"remove {planned.text(what)}? It does not come back. [y/N] ")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Left("nothing was removed", hint="answer y, or add --yes")


def _report(total: _Sum, what: PurgeWhat, arguments: Remote, *, is_done: bool) -> None:
    if arguments.json:
        emit(
            {
                "what": what,
                "jobs": total.jobs,
                "tasks": total.tasks,
                "bytes": total.bytes,
                "refused": total.refused,
                "first_refused": [*total.first],
                "dry_run": not is_done,
            }
        )
        return
    refused = f"; {total.refused:,} stay" if total.refused else ""
    say(f"{'removed' if is_done else 'not done: would remove'} {total.text(what)}{refused}")
    for one in total.first:
        note(f"  {one['id']}: {safe_line(str(one['reason']))} ({safe_line(str(one['hint']))})")


COMMANDS = (
    Command(
        name="purge outputs",
        arguments=PurgeOutputs,
        run=purge_outputs,
        examples=(
            "taskdeck purge outputs --where 'status:succeeded age>30d' --dry-run",
            "taskdeck purge outputs 12 13/parse --yes",
        ),
    ),
    Command(
        name="purge jobs",
        arguments=PurgeJobs,
        run=purge_jobs,
        examples=(
            "taskdeck purge jobs --where 'status:succeeded name:nightly age>90d' --dry-run",
            "taskdeck purge jobs 12 13 --reason 'wrong input' --yes",
        ),
    ),
    Command(
        name="purge tasks",
        arguments=PurgeTasks,
        run=purge_tasks,
        examples=("taskdeck purge tasks --where 'group:map-1f2e3d4c' --reason 'a trial' --yes",),
    ),
)
