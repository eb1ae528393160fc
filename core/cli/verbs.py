"""The operators' commands: cancel, retry, pause, resume, hold, unhold, priority.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from core.cli.access import changing, running, runs_tasks
from core.cli.arguments import Label, Remote, actor_of
from core.cli.commands import Command
from core.cli.output import draw, emit, say
from core.cli.parameters import Argument, Option
from core.cli.refusals import Left, usage
from core.cli.summary import Outcome, report_changes
from core.cli.targets import count, count_instances, find_targets
from core.control import operator_requests
from core.control.api import ControlAPI, Target
from core.control.nouns import upkeep
from core.model.bounds import PRIORITY_MAX
from core.model.commands.work import Effect, Force, Operated
from core.model.predictions import added
from core.model.records import replace

_ASK_ABOVE = 20
Reason: TypeAlias = Annotated[str, Option(metavar="TEXT", help="Why; others will read it.")]
QueueName: TypeAlias = Annotated[str | None, Option(metavar="NAME", help="A whole queue.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a verb acts on."""

    refs: Annotated[
        list[str] | None, Argument(metavar="[JOB|JOB/KEY]...", help="Jobs by id, tasks by job and key.")
    ] = None
    task: Annotated[list[int], Option(metavar="ID", min=1, help="A task by its id; may be repeated.")] = (
        field(default_factory=list)
    )
    where: Annotated[
        str, Option(metavar="FILTER", help="All tasks that match, such as: status:failed job:12")
    ] = ""
    yes: Annotated[bool, Option(short="-y", help="Do not ask, however many there are.")] = False
    dry_run: Annotated[bool, Option(help="Say what would be changed and refused; change nothing.")] = False
    as_: Label = None

    @property
    def effect(self) -> Effect:
        """Return whether the verb is carried out."""
        return Effect.NONE if self.dry_run else Effect.CHANGE

    @property
    def actor(self) -> str:
        """Return who asks."""
        return actor_of(self.as_)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Remote):
    """The arguments of `cancel`."""

    chosen: Chosen
    reason: Reason = ""
    now: Annotated[bool, Option(help="Kill what runs at once, without grace; needs a --reason.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Remote):
    """The arguments of `retry`."""

    chosen: Chosen
    downstream: Annotated[bool, Option(help="Also everything that depends on the tasks.")] = False
    force: Annotated[
        bool, Option(help="Also tasks that were retried as often as `manual_retries` allows.")
    ] = False
    fresh: Annotated[
        bool, Option(help="Let tasks that wait for a child begin a new one, not what failed in the old one.")
    ] = False
    reason: Reason = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Remote):
    """The arguments of `pause`."""

    chosen: Chosen
    reason: Reason = ""
    queue: QueueName = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Remote):
    """The arguments of `resume`."""

    chosen: Chosen
    reason: Reason = ""
    queue: QueueName = None
    engine: Annotated[bool, Option(help="The engine that drains: it starts tasks again, and stays.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Remote):
    """The arguments of `hold`."""

    chosen: Chosen
    reason: Reason = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unhold(Remote):
    """The arguments of `unhold`."""

    chosen: Chosen
    reason: Reason = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority(Remote):
    """The arguments of `priority`."""

    chosen: Chosen
    to: Annotated[
        int, Option(metavar="N", min=0, max=PRIORITY_MAX, help="From 0 to 100; higher starts earlier.")
    ]
    reason: Reason = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin(Remote):
    """The arguments of `pin` and `unpin`."""

    chosen: Chosen
    reason: Reason = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verb:
    """How a verb is written, asked for and reported."""

    name: str
    done: str
    ask: Callable[[Target], operator_requests.Operate]
    reaches_instances: bool = False
    """On a group, each of its instances is changed."""


async def cancel(arguments: Cancel) -> int:
    """Cancel jobs or tasks; running ones get time to end, then are killed.

    The `finally` of a job runs after that; a second cancel, or --now, ends it too.
    """
    if arguments.now and not arguments.reason.strip():
        raise usage("--now needs a --reason")
    force = Force.KILL if arguments.now else Force.ASK
    return await _carry_out(
        arguments,
        arguments.chosen,
        verb=_Verb(
            name="cancel",
            done="cancelled",
            ask=lambda target: operator_requests.Cancel(
                target=target, reason=arguments.reason, force=force, actor=arguments.chosen.actor
            ),
        ),
    )


async def retry(arguments: Retry) -> int:
    """Run tasks again, or everything in a job that failed or was cancelled."""
    return await _carry_out(
        arguments,
        arguments.chosen,
        verb=_Verb(
            name="retry",
            done="retried",
            ask=lambda target: operator_requests.Retry(
                target=target,
                downstream=arguments.downstream,
                force=arguments.force,
                fresh=arguments.fresh,
                reason=arguments.reason,
                actor=arguments.chosen.actor,
            ),
        ),
    )


async def pause(arguments: Pause) -> int:
    """Start no more tasks of a job or a queue; running tasks continue."""
    return await _carry_out(
        arguments,
        arguments.chosen,
        verb=_Verb(
            name="pause",
            done="paused",
            ask=lambda target: operator_requests.Pause(
                target=target, reason=arguments.reason, actor=arguments.chosen.actor
            ),
        ),
        queue=arguments.queue,
    )


async def resume(arguments: Resume) -> int:
    """Start tasks of a paused job or queue again, or take back that an engine drains."""
    if arguments.engine:
        return await _resume_engine(arguments)
    return await _carry_out(
        arguments,
        arguments.chosen,
        verb=_Verb(
            name="resume",
            done="resumed",
            ask=lambda target: operator_requests.Resume(
                target=target, reason=arguments.reason, actor=arguments.chosen.actor
            ),
        ),
        queue=arguments.queue,
    )


async def _resume_engine(arguments: Resume) -> int:
    chosen = arguments.chosen
    if chosen.refs or chosen.task or chosen.where or arguments.queue:
        raise usage("--engine does not go with jobs, tasks and queues")
    async with running(arguments) as deck:
        await deck.resume_engine(actor=chosen.actor)
        pid = (await deck.status()).pid
    if arguments.json:
        emit({"resumed": True, "pid": pid})
    else:
        say(f"the engine (process {pid}) starts tasks again")
    return 0


async def hold(arguments: Hold) -> int:
    """Keep tasks from being started, until they are released with unhold."""
    return await _carry_out(
        arguments,
        arguments.chosen,
        verb=_Verb(
            name="hold",
            done="held",
            ask=lambda target: operator_requests.Hold(
                target=target, reason=arguments.reason, actor=arguments.chosen.actor
            ),
        ),
    )


async def unhold(arguments: Unhold) -> int:
    """Release held tasks."""
    return await _carry_out(
        arguments,
        arguments.chosen,
        verb=_Verb(
            name="unhold",
            done="released",
            ask=lambda target: operator_requests.Unhold(
                target=target, reason=arguments.reason, actor=arguments.chosen.actor
            ),
        ),
    )


async def priority(arguments: Priority) -> int:
    """Change the priority of tasks that have not ended; queued ones move in their queue at once."""
    return await _carry_out(
        arguments,
        arguments.chosen,
        verb=_Verb(
            name="prioritise",
            done="prioritised",
            reaches_instances=True,
            ask=lambda target: operator_requests.Prioritise(
                target=target, priority=arguments.to, reason=arguments.reason, actor=arguments.chosen.actor
            ),
        ),
    )


async def pin(arguments: Pin) -> int:
    """Keep jobs with all their tasks, or tasks, from being purged, also by retention."""
    return await _carry_out(
        arguments,
        arguments.chosen,
        verb=_Verb(
            name="pin",
            done="pinned",
            ask=lambda target: upkeep.Pin(
                target=target, reason=arguments.reason, actor=arguments.chosen.actor
            ),
        ),
    )


async def unpin(arguments: Pin) -> int:
    """Let pinned jobs or tasks be purged again."""
    return await _carry_out(
        arguments,
        arguments.chosen,
        verb=_Verb(
            name="unpin",
            done="unpinned",
            ask=lambda target: upkeep.Unpin(
                target=target, reason=arguments.reason, actor=arguments.chosen.actor
            ),
        ),
    )


async def _carry_out(arguments: Remote, chosen: Chosen, *, verb: _Verb, queue: str | None = None) -> int:
    async with changing(arguments, effect=chosen.effect) as deck:
        targets = await find_targets(
            deck,
            chosen.refs or [],
            tasks=[str(task_id) for task_id in chosen.task],
            where=chosen.where,
            queue=queue,
        )
        if not (chosen.yes or chosen.dry_run):
            await _ask(deck, targets, verb=verb)
        results = [await deck.ask(replace(verb.ask(target), effect=chosen.effect)) for target in targets]
    operated = Operated(
        changed=sum(result.changed for result in results),
        refused=tuple(refusal for result in results for refusal in result.refused),
        forecasts=tuple(forecast for result in results for forecast in result.forecasts),
        starts=tuple(task_id for result in results for task_id in result.starts),
        costs=added(result.costs for result in results),
    )
    outcome = Outcome(done=verb.done, effect=chosen.effect, engine_runs=runs_tasks(deck))
    return report_changes(operated, outcome, arguments=arguments)


async def _ask(deck: ControlAPI, targets: Sequence[Target], *, verb: _Verb) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    number = await count(deck, targets)
    if verb.reaches_instances:
        number += await count_instances(deck, targets)
    if number <= _ASK_ABOVE:
        return
    draw(f"{verb.name} {number:,} targets? [y/N] ")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Left("nothing was changed", hint="answer y, or add --yes")


COMMANDS = (
    Command(
        name="cancel",
        arguments=Cancel,
        run=cancel,
        examples=(
            "taskdeck cancel 12 --reason 'wrong date'",
            "taskdeck cancel 12/parse --task 4711",
            "taskdeck cancel 12 --now --reason 'it fills the disk'",
            "taskdeck cancel --where 'group:map-1f2e3d4c status:queued'",
        ),
    ),
    Command(
        name="retry",
        arguments=Retry,
        run=retry,
        examples=(
            "taskdeck retry 12",
            "taskdeck retry 12/parse --downstream --dry-run",
            "taskdeck retry 12/parse --force --reason 'the server is back'",
            "taskdeck retry 12/sub --fresh",
            "taskdeck retry --where 'status:failed err~timeout age<1d' --yes",
        ),
    ),
    Command(
        name="pause",
        arguments=Pause,
        run=pause,
        examples=("taskdeck pause 12", "taskdeck pause --queue mail --reason 'server is down'"),
    ),
    Command(
        name="resume",
        arguments=Resume,
        run=resume,
        examples=("taskdeck resume 12", "taskdeck resume --queue mail", "taskdeck resume --engine"),
    ),
    Command(
        name="hold",
        arguments=Hold,
        run=hold,
        examples=("taskdeck hold 12/publish --reason 'ask Ana first'", "taskdeck hold --where 'queue:mail'"),
    ),
    Command(
        name="unhold",
        arguments=Unhold,
        run=unhold,
        examples=("taskdeck unhold 12/publish", "taskdeck unhold --where 'status:held'"),
    ),
    Command(
        name="priority",
        arguments=Priority,
        run=priority,
        examples=("taskdeck priority --to 90 12/publish", "taskdeck priority --to 0 --where 'queue:mail'"),
    ),
    Command(
        name="pin",
        arguments=Pin,
        run=pin,
        examples=("taskdeck pin 12 --reason 'for the audit'", "taskdeck pin --where 'family:3fa91c22d0'"),
    ),
    Command(
        name="unpin",
        arguments=Pin,
        run=unpin,
        examples=("taskdeck unpin 12", "taskdeck unpin --where 'pinned:ana*'"),
    ),
)
