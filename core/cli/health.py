"""health: how the engine, its machine and its backends do.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from core.cli.access import running
from core.cli.arguments import Remote
from core.cli.commands import Command
from core.cli.output import Painted, emit, say
from core.cli.parameters import Option
from core.cli.reading import reading
from core.model.health import HealthState, HealthView, SubjectLine
from core.model.text import safe_line
from core.model.timing.durations import parse_duration
from core.model.values import to_iso
from core.render.health_lines import health_shape, lines_text, subject_lines, worst_of

_COLOURS = {HealthState.OK: "green", HealthState.WARNING: "yellow", HealthState.CRITICAL: "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments(Remote):
    """The arguments of `health`."""

    watch: Annotated[
        int | None,
        Option(read=parse_duration, metavar="TIME", help="Print it again and again, so far apart: 10s."),
    ] = None


async def health(arguments: Arguments) -> int:
    """Tell how the engine, its machine, its backends and schedules do, the worst first.

    Exits 0 if all is well, 1 with a warning, 2 where something is critical, as monitors want it. Without an
    engine the store and this machine tell what they can. On a host it needs an engine that runs there.
    """
    # A monitor must not start an engine there.
    lent = reading(arguments) if arguments.host is None else running(arguments)
    async with lent as deck:
        while True:
            code = _print(await deck.health.now(), arguments)
            if arguments.watch is None:
                return code
            await asyncio.sleep(arguments.watch / 1_000)
            if not arguments.json:
                say()


def _print(view: HealthView, arguments: Arguments) -> int:
    lines = subject_lines(view)
    worst = worst_of(lines)
    if arguments.json:
        emit(health_shape(view))
        return worst.rank
    wide = max(len(line.subject) for line in lines)
    for line in lines:
        _say(line, wide)
    return worst.rank


def _say(line: SubjectLine, wide: int) -> None:
    state = Painted(text=f"{line.state.value:8}  ", colour=_COLOURS[line.state])
    told: list[str] = [safe_line(line.text)]
    if line.state is not HealthState.OK:
        told += [f"since {to_iso(line.since)}"] if line.since is not None else []
        told += [lines_text(line)] if lines_text(line) else []
    say(state, f"{safe_line(line.subject):{wide}}  {'; '.join(told)}")
    if line.hint:
        say(" " * (12 + wide), safe_line(line.hint))


COMMANDS = (
    Command(
        name="health",
        arguments=Arguments,
        run=health,
        examples=(
            "taskdeck health",
            "taskdeck health --json | jq .state",
            "taskdeck health --watch 10s",
            "taskdeck health --host ops@box",
        ),
    ),
)
