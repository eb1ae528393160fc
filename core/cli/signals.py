"""signal, signals: answer tasks that wait, list both sides.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

from core.cli.access import changing
from core.cli.arguments import Label, Remote, actor_of
from core.cli.commands import Command
from core.cli.output import emit, note, say
from core.cli.parameters import Argument, Option
from core.cli.reading import reading
from core.control.arguments import PAGE
from core.control.nouns.signals import KEEP_MS, SendSignal
from core.model.errors import Invalid
from core.model.patterns.signal_views import KeptSignal, SignalWaiter
from core.model.text import safe_line
from core.model.timing.durations import parse_duration, write_duration
from core.model.values import JsonObject, JsonValue, to_iso


def _no_number(text: str) -> JsonValue:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(text)


def _data(text: str | None) -> JsonValue:
    if text is None:
        return None
    try:
        value: JsonValue = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply, or has a number that JSON does not have, or a longer one"
        if isinstance(error, json.JSONDecodeError):
            reason = str(error)
        raise Invalid(
            "signal.data",
            f"--data is not JSON: {reason}",
            hint="""write --data '{"ok": true}', or a text in quotes: --data '"done"'""",
            facts={"data": text[:200]},
        ) from error
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalArguments(Remote):
    """The arguments of `signal`."""

    name: Annotated[str, Argument(metavar="SIGNAL", help="The name that tasks wait for.")]
    key: Annotated[str, Option(metavar="KEY", help="For tasks that wait under this key.")] = ""
    data: Annotated[str | None, Option(metavar="JSON", help="What becomes the output of the task.")] = None
    id: Annotated[
        str | None, Option(metavar="ID", help="Send it once: a second signal with this id does nothing.")
    ] = None
    keep: Annotated[
        int | None,
        Option(
            read=parse_duration,
            metavar="TIME",
            help=f"Keep it so long for a task that comes later. [default: {write_duration(KEEP_MS)}]",
        ),
    ] = None
    as_: Label = None


async def signal(arguments: SignalArguments) -> int:
    """Answer the task that waits longest for a signal, or keep the signal for one."""
    async with changing(arguments) as deck:
        sent = await deck.signals.send(
            SendSignal(
                name=arguments.name,
                key=arguments.key,
                data=_data(arguments.data),
                uid=arguments.id,
                keep_ms=KEEP_MS if arguments.keep is None else arguments.keep,
                actor=actor_of(arguments.as_),
            )
        )
    if arguments.json:
        emit({"signal": sent.signal_id, "task": sent.task_id, "duplicate": sent.duplicate})
    elif sent.duplicate:
        say(f"nothing was done: a signal with the id {safe_line(str(arguments.id))} has come before")
    elif sent.task_id is None:
        say(f"kept: no task waits for {safe_line(arguments.name)} with this key")
    else:
        say(f"task {sent.task_id} has its answer")
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSignals(Remote):
    """The arguments of `signals`."""

    limit: Annotated[int, Option(metavar="N", min=1, help="At most N of each.")] = PAGE


async def signals(arguments: ListedSignals) -> int:
    """List the signals that are kept, and the tasks that wait for one."""
    async with reading(arguments) as deck:
        found = await deck.signals.list(limit=arguments.limit)
    if arguments.json:
        for kept in found.kept:
            emit(_kept_shape(kept))
        for waiter in found.waiters:
            emit(_waiter_shape(waiter))
        return 0
    for kept in found.kept:
        by = f" by {safe_line(kept.by)}" if kept.by else ""
        times = f"since {to_iso(kept.at)}{by}, until {to_iso(kept.expires_at)}"
        say(f"kept   {_named(kept.name, kept.key)}  {times}")
    for waiter in found.waiters:
        since = f"  since {to_iso(waiter.since)}" if waiter.since is not None else ""
        fails = f", fails at {to_iso(waiter.fails_at)}" if waiter.fails_at is not None else ""
        held = ", held" if waiter.is_held else ""
        what = f"task {waiter.task_id} ({waiter.job_id}/{safe_line(waiter.task)})"
        say(f"wanted {_named(waiter.name, waiter.key)}  by {what}{since}{fails}{held}")
    if not found.kept and not found.waiters:
        note("no signal is kept, and no task waits for one")
    elif found.more:
        note("there are more: see --limit")
    return 0


def _named(name: str, key: str) -> str:
    return safe_line(name) + (f" --key {safe_line(key)}" if key else "")


def _kept_shape(kept: KeptSignal) -> JsonObject:
    return {
        "kept": kept.id,
        "name": kept.name,
        "key": kept.key,
        "at": to_iso(kept.at),
        "expires_at": to_iso(kept.expires_at),
        "by": kept.by,
        "id": kept.uid,
    }


def _waiter_shape(waiter: SignalWaiter) -> JsonObject:
    return {
        "task": waiter.task_id,
        "job": waiter.job_id,
        "task_key": waiter.task,
        "name": waiter.name,
        "key": waiter.key,
        "since": None if waiter.since is None else to_iso(waiter.since),
        "fails_at": None if waiter.fails_at is None else to_iso(waiter.fails_at),
        "held": waiter.is_held,
    }


COMMANDS = (
    Command(
        name="signals",
        arguments=ListedSignals,
        run=signals,
        examples=("taskdeck signals", "taskdeck signals --json"),
    ),
    Command(
        name="signal",
        arguments=SignalArguments,
        run=signal,
        examples=(
            "taskdeck signal payment --key 4711",
            """taskdeck signal payment --key 4711 --data '{"paid": true}' --id bank-20260131-7""",
            "taskdeck signal release --keep 1h --json",
        ),
    ),
)
