"""signal: answer a task that waits for a signal.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

from core.cli.access import changing
from core.cli.arguments import Label, Remote, actor_of
from core.cli.commands import Command
from core.cli.output import emit, say
from core.cli.parameters import Argument, Option
from core.control.nouns.signals import KEEP_MS, SendSignal
from core.model.durations import parse_duration, write_duration
from core.model.errors import Invalid
from core.model.text import safe_line
from core.model.values import JsonValue


def _data(text: str | None) -> JsonValue:
    if text is None:
        return None
    try:
        value: JsonValue = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(
            "signal.data",
            f"--data is not JSON: {error}",
            hint="""write --data '{"ok": true}', or a text in quotes: --data '"done"'""",
            facts={"data": text[:200]},
        ) from error
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalArguments(Remote):
    """The arguments of `signal`."""

    name: Annotated[str, Argument(metavar="NAME", help="The name that tasks wait for.")]
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


COMMANDS = (
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
