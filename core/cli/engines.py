"""serve, stop: the engine's own life."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

import typer

from core.app.engines import connect
from core.app.engines import serve as serve_engine
from core.app.lifetime import LINGER_SECONDS
from core.cli.arguments import Command, Common, Hosting
from core.cli.deck import options
from core.cli.output import emit, say
from core.control.api import ControlAPI, StopMode
from core.model.errors import Unavailable

_LOOK_SECONDS = 0.1


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Common):
    """The arguments of `stop`."""

    kill: Annotated[bool, typer.Option("--kill", help="End running children first.")] = False


async def serve(arguments: Serve) -> int:
    """Run the engine without a screen, until it is told to stop."""

    def ready(words: str) -> None:
        if arguments.json:
            emit({"ready": words})
        else:
            say(words)

    await serve_engine(
        options(arguments), ready=ready, until_idle=arguments.until_idle, linger=arguments.linger
    )
    return 0


async def stop(arguments: Stop) -> int:
    """Stop the engine that runs and wait until it has ended; its children go on and are taken over."""
    async with connect(home=arguments.home) as attached:
        deck = attached.control
        engine = await deck.status()
        await deck.stop_engine(StopMode.KILL if arguments.kill else StopMode.STOP)
        await _until_gone(deck, engine.epoch)
    if arguments.json:
        emit({"stopped": True, "pid": engine.pid})
    else:
        say(f"the engine (process {engine.pid}) has stopped")
    return 0


async def _until_gone(deck: ControlAPI, epoch: int) -> None:
    while True:
        try:
            if (await deck.status()).epoch != epoch:
                return
        except Unavailable:
            return
        await asyncio.sleep(_LOOK_SECONDS)


COMMANDS = (
    Command(
        name="serve",
        arguments=Serve,
        run=serve,
        examples=("taskdeck serve --slots 8", "taskdeck serve --connector mypkg.mail:connector"),
    ),
    Command(name="stop", arguments=Stop, run=stop, examples=("taskdeck stop", "taskdeck stop --kill")),
)
