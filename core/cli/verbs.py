"""cancel, retry, pause, resume, hold, unhold: what an operator does to jobs, tasks and queues."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

import typer

from core.cli.access import changing
from core.cli.arguments import Command, Reaching
from core.cli.output import emit, note, say
from core.cli.refusals import Left, usage
from core.cli.targets import count, find_targets
from core.control.api import OPERATOR, ControlAPI, Target
from core.model.commands import Force, Operated
from core.model.errors import Conflict
from core.model.text import safe_line

_ASK_ABOVE = 20
_SHOWN = 10
Act: TypeAlias = Callable[[ControlAPI, Target], Awaitable[Operated]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb(Reaching):
    """What all verbs take."""

    refs: Annotated[
        list[str] | None, typer.Argument(metavar="[JOB|JOB/KEY]...", help="Jobs by id, tasks by job and key.")
    ] = None
    task: Annotated[
        list[int], typer.Option(metavar="ID", min=1, help="A task by its id; may be repeated.")
    ] = field(default_factory=list)
    where: Annotated[
        str, typer.Option(metavar="FILTER", help="All tasks that match: status:failed job:12")
    ] = ""
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, however many there are.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoned(Verb):
    """A verb that may give a reason."""

    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; others will read it.")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Reasoned):
    """The arguments of `cancel`."""

    now: Annotated[
        bool, typer.Option("--now", help="Kill what runs at once, without its grace; needs a --reason.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Verb):
    """The arguments of `retry`."""

    downstream: Annotated[
        bool, typer.Option("--downstream", help="Also everything that depends on the tasks.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Reasoned):
    """The arguments of `pause`."""

    queue: Annotated[str | None, typer.Option(metavar="NAME", help="A queue.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Verb):
    """The arguments of `resume`."""

    queue: Annotated[str | None, typer.Option(metavar="NAME", help="A queue.")] = None


async def cancel(arguments: Cancel) -> int:
    """End jobs or tasks early; running ones get grace, then are killed."""
    if arguments.now and not arguments.reason.strip():
        raise usage("--now needs a --reason: others will read it")
    force = Force.KILL if arguments.now else Force.ASK
    return await _carry_out(
        arguments,
        lambda deck, target: deck.cancel(target, reason=arguments.reason, force=force, actor=OPERATOR),
        words="cancel cancelled",
    )


async def retry(arguments: Retry) -> int:
    """Run tasks again, or all that went wrong in a job."""
    return await _carry_out(
        arguments,
        lambda deck, target: deck.retry(target, downstream=arguments.downstream, actor=OPERATOR),
        words="retry retried",
    )


async def pause(arguments: Pause) -> int:
    """Start nothing more of a job or a queue; what runs goes on."""
    return await _carry_out(
        arguments,
        lambda deck, target: deck.pause(target, reason=arguments.reason, actor=OPERATOR),
        words="pause paused",
        queue=arguments.queue,
    )


async def resume(arguments: Resume) -> int:
    """Go on with a job or a queue."""
    return await _carry_out(
        arguments,
        lambda deck, target: deck.resume(target, actor=OPERATOR),
        words="resume resumed",
        queue=arguments.queue,
    )


async def hold(arguments: Reasoned) -> int:
    """Keep tasks from being started."""
    return await _carry_out(
        arguments,
        lambda deck, target: deck.hold(target, reason=arguments.reason, actor=OPERATOR),
        words="hold held",
    )


async def unhold(arguments: Verb) -> int:
    """Let held tasks go on."""
    return await _carry_out(
        arguments, lambda deck, target: deck.unhold(target, actor=OPERATOR), words="unhold released"
    )


async def _carry_out(arguments: Verb, act: Act, *, words: str, queue: str | None = None) -> int:
    verb, done = words.split()
    async with changing(arguments) as deck:
        targets = await find_targets(
            deck,
            arguments.refs or [],
            tasks=[str(task_id) for task_id in arguments.task],
            where=arguments.where,
            queue=queue,
        )
        await _ask(deck, targets, arguments=arguments, verb=verb)
        results = [await act(deck, target) for target in targets]
    changed = sum(result.changed for result in results)
    refused = [refusal for result in results for refusal in result.refused]
    if arguments.json:
        emit({"changed": changed, "refused": [{"id": ref, "reason": why} for ref, why in refused]})
    else:
        _say(f"{done} {changed}", refused)
    # Nothing was done of what was asked for: a script must notice.
    return Conflict.exit_code if refused and not changed else 0


async def _ask(deck: ControlAPI, targets: Sequence[Target], *, arguments: Verb, verb: str) -> None:
    if arguments.yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    number = await count(deck, targets)
    if number <= _ASK_ABOVE:
        return
    sys.stderr.write(f"{verb} {number} targets? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Left("nothing was changed", hint="answer y, or say --yes")


def _say(head: str, refused: Sequence[tuple[int, str]]) -> None:
    say(head + (f", refused {len(refused)}" if refused else ""))
    for ref, why in refused[:_SHOWN]:
        note(f"  {ref}: {safe_line(why)}")
    if len(refused) > _SHOWN:
        note(f"  and {len(refused) - _SHOWN} more; all of them: --json")


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
            "taskdeck retry 12/parse --downstream",
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
        examples=("taskdeck resume 12", "taskdeck resume --queue mail"),
    ),
    Command(
        name="hold",
        arguments=Reasoned,
        run=hold,
        examples=("taskdeck hold 12/publish --reason 'ask Ana first'", "taskdeck hold --where 'queue:mail'"),
    ),
    Command(
        name="unhold",
        arguments=Verb,
        run=unhold,
        examples=("taskdeck unhold 12/publish", "taskdeck unhold --where 'status:held'"),
    ),
)
