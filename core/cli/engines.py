"""serve: an engine without a screen, or the unit that starts one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from core.app.engines import serve as serve_engine
from core.app.lifetime import LINGER_SECONDS
from core.app.unit import user_unit
from core.cli.arguments import Command, Hosting
from core.cli.deck import options
from core.cli.output import emit, note, put, say
from core.cli.refusals import usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve(Hosting):
    """The arguments of `serve`."""

    until_idle: Annotated[bool, typer.Option("--until-idle", help="End when nothing is left to do.")] = False
    linger: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, max=86_400, help="With --until-idle: wait so long for somebody to come."
        ),
    ] = LINGER_SECONDS
    take_over: Annotated[
        bool, typer.Option("--take-over", help="End the engine that runs first; its children go on.")
    ] = False
    unit: Annotated[
        bool, typer.Option("--unit", help="Print a systemd user unit for this engine and do nothing else.")
    ] = False


async def serve(arguments: Serve) -> int:
    """Run the engine without a screen, until it is told to stop."""
    if arguments.unit:
        return _print_unit(arguments)

    def ready(words: str) -> None:
        if arguments.json:
            emit({"ready": words})
        else:
            say(words)

    await serve_engine(
        options(arguments),
        ready=ready,
        until_idle=arguments.until_idle,
        linger=arguments.linger,
        taking_over=note if arguments.take_over else None,
    )
    return 0


def _print_unit(arguments: Serve) -> int:
    if arguments.until_idle or arguments.take_over:
        raise usage("--unit prints a unit: --until-idle and --take-over do not go with it")
    chosen = options(arguments)
    text = user_unit(chosen.paths.home, chosen.settings(), words=_unit_words(arguments))
    if arguments.json:
        emit({"unit": text})
    else:
        put(text)
    return 0


def _unit_words(arguments: Serve) -> list[str]:
    slots = [] if arguments.slots is None else ["--slots", str(arguments.slots)]
    return [*slots, *(word for name in arguments.connector for word in ("--connector", name))]


COMMANDS = (
    Command(
        name="serve",
        arguments=Serve,
        run=serve,
        examples=(
            "taskdeck serve --slots 8",
            "taskdeck serve --connector mypkg.mail:connector",
            "taskdeck serve --take-over",
            "taskdeck serve --unit > ~/.config/systemd/user/taskdeck.service",
        ),
    ),
)
