"""stop: end the engine that runs, and return when it is gone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

import typer

from core.app.lock import find_owner
from core.app.ownership import MARGIN_SECONDS, end_owner
from core.cli.access import running
from core.cli.arguments import Command, Reaching
from core.cli.output import emit, note, say
from core.cli.refusals import usage
from core.control.api import ControlAPI, StopMode
from core.model.errors import Conflict, TaskdeckError, Unavailable

_LOOK_SECONDS = 0.1
_TOLD_SECONDS = 5.0
_STOPPING = "engine.stopping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Reaching):
    """The arguments of `stop`."""

    drain: Annotated[bool, typer.Option("--drain", help="Wait for all that runs first.")] = False
    kill: Annotated[bool, typer.Option("--kill", help="End running children first.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Engine:
    """Which engine is ended, and how many attempts it said to run."""

    pid: int
    epoch: int
    running: int | None = None
    """None = it is stopping, and says no more."""


async def stop(arguments: Stop) -> int:
    """Stop the engine that runs and wait until it has ended; its children go on and are taken over."""
    if arguments.drain and arguments.kill:
        raise usage("--drain waits for what runs and --kill ends it: say one of them")
    how = StopMode.DRAIN if arguments.drain else StopMode.KILL if arguments.kill else StopMode.STOP
    try:
        pid = await _stop(arguments, how)
    except (Conflict, Unavailable) as error:
        pid = await _stop_deaf(arguments, how, error)
    if arguments.json:
        emit({"stopped": True, "pid": pid})
    else:
        say(f"the engine (process {pid}) has stopped")
    return 0


async def _stop(arguments: Stop, how: StopMode) -> int:
    async with running(arguments) as deck:
        engine = await _who(deck)
        await deck.stop_engine(how)
        await _until_gone(deck, engine, tell=how is StopMode.DRAIN)
    if arguments.host is None:
        await _until_free(arguments, engine.pid)
    return engine.pid


async def _stop_deaf(arguments: Stop, how: StopMode, error: TaskdeckError) -> int:
    """End by a signal an engine with which nobody can speak: of another protocol, or without its socket."""
    chosen = arguments.options()
    if error.code not in ("engine.protocol", "engine.none") or arguments.host:
        raise error
    owner = find_owner(chosen.paths.lock)
    if owner is None:
        raise error
    if how is not StopMode.STOP:
        # A signal asks for a stop and nothing else.
        message = f"{error.message}; its process {owner.pid} minds only a plain stop"
        raise type(error)(error.code, message, hint="say 'taskdeck stop'") from error
    patience = chosen.settings().stop_grace + MARGIN_SECONDS
    ended = await end_owner(chosen.paths.lock, patience=patience, tell=note)
    return owner.pid if ended is None else ended.pid


async def _who(deck: ControlAPI) -> _Engine:
    """Return who answers, also one that is stopping: a harder mode may overtake that."""
    try:
        info = await deck.status()
    except Unavailable as error:
        pid, epoch = error.facts.get("pid"), error.facts.get("epoch")
        if error.code != _STOPPING or not isinstance(pid, int) or not isinstance(epoch, int):
            raise
        return _Engine(pid=pid, epoch=epoch)
    return _Engine(pid=info.pid, epoch=info.epoch, running=info.running)


async def _until_gone(deck: ControlAPI, engine: _Engine, *, tell: bool) -> None:
    now = asyncio.get_running_loop().time
    told, said = now(), -1
    while True:
        try:
            seen = await _who(deck)
        except (Unavailable, Conflict):
            # Nobody answers any more, or the next engine does and is of another version.
            return
        if seen.epoch != engine.epoch:
            return
        is_time = said < 0 or now() - told >= _TOLD_SECONDS
        if tell and seen.running is not None and seen.running != said and is_time:
            told, said = now(), seen.running
            note(f"draining: {seen.running} running")
        await asyncio.sleep(_LOOK_SECONDS)


async def _until_free(arguments: Stop, pid: int) -> None:
    # It lets go of its lock last: until then the next engine is refused.
    lock = arguments.options().paths.lock
    while True:
        owner = find_owner(lock)
        if owner is None or owner.pid != pid:
            return
        await asyncio.sleep(_LOOK_SECONDS)


COMMANDS = (
    Command(
        name="stop",
        arguments=Stop,
        run=stop,
        examples=("taskdeck stop", "taskdeck stop --drain", "taskdeck stop --host build@box --kill"),
    ),
)
