"""serve, stop: the engine's own life."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

import typer

from core.app.engines import serve as serve_engine
from core.app.lifetime import LINGER_SECONDS
from core.app.takeover import MARGIN_SECONDS, end_owner
from core.app.unit import user_unit
from core.cli.arguments import Command, Hosting, Reaching
from core.cli.deck import options
from core.cli.hosts import running
from core.cli.output import emit, note, put, say
from core.cli.refusals import usage
from core.control.api import ControlAPI, StopMode
from core.model.errors import Conflict, Unavailable
from core.model.views import EngineInfo

_LOOK_SECONDS = 0.1
_TOLD_SECONDS = 5.0


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Reaching):
    """The arguments of `stop`."""

    drain: Annotated[bool, typer.Option("--drain", help="Wait for all that runs first.")] = False
    kill: Annotated[bool, typer.Option("--kill", help="End running children first.")] = False


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


async def stop(arguments: Stop) -> int:
    """Stop the engine that runs and wait until it has ended; its children go on and are taken over."""
    if arguments.drain and arguments.kill:
        raise usage("--drain waits for what runs and --kill ends it: say one of them")
    how = StopMode.DRAIN if arguments.drain else StopMode.KILL if arguments.kill else StopMode.STOP
    try:
        pid = await _stop(arguments, how)
    except Conflict as error:
        # An engine with which nobody of this version can speak still minds a signal.
        if error.code != "engine.protocol" or how is not StopMode.STOP or arguments.host:
            raise
        pid = await _signal(arguments)
    if arguments.json:
        emit({"stopped": True, "pid": pid})
    else:
        say(f"the engine (process {pid}) has stopped")
    return 0


async def _stop(arguments: Stop, how: StopMode) -> int:
    async with running(arguments) as deck:
        engine = await deck.status()
        await deck.stop_engine(how)
        await _until_gone(deck, engine, tell=how is StopMode.DRAIN)
    return engine.pid


async def _signal(arguments: Stop) -> int:
    chosen = options(arguments)
    patience = chosen.settings().stop_grace + MARGIN_SECONDS
    owner = await end_owner(chosen.paths.lock, patience=patience, tell=note)
    return 0 if owner is None else owner.pid


async def _until_gone(deck: ControlAPI, engine: EngineInfo, *, tell: bool) -> None:
    now = asyncio.get_running_loop().time
    told, said = now(), -1
    while True:
        try:
            seen = await deck.status()
        except Unavailable:
            return
        if seen.epoch != engine.epoch:
            return
        if tell and seen.running != said and (said < 0 or now() - told >= _TOLD_SECONDS):
            told, said = now(), seen.running
            note(f"draining: {seen.running} running")
        await asyncio.sleep(_LOOK_SECONDS)


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
    Command(
        name="stop",
        arguments=Stop,
        run=stop,
        examples=("taskdeck stop", "taskdeck stop --drain", "taskdeck stop --host build@box --kill"),
    ),
)
