"""stop: end the running engine, and return when it is gone.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from core.app.lock import find_owner
from core.app.ownership import MARGIN_SECONDS, end_owner
from core.cli.access import running
from core.cli.arguments import Label, Remote, actor_of
from core.cli.commands import Command
from core.cli.output import emit, note, say
from core.cli.parameters import Option
from core.cli.refusals import usage
from core.control.api import ControlAPI, StopMode
from core.model.errors import Conflict, TaskdeckError, Unavailable

_POLL_SECONDS = 0.1
_NOTE_SECONDS = 5.0
_STOPPING = "engine.stopping"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Remote):
    """The arguments of `stop`."""

    drain: Annotated[bool, Option(help="First wait until all running tasks have ended.")] = False
    kill: Annotated[bool, Option(help="First kill the running children.")] = False
    as_: Label = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Engine:
    """Which engine is ended, and how many attempts it runs."""

    pid: int
    epoch: int
    running: int | None = None
    """None = it is stopping, and does not say."""
    is_serving: bool = False


async def stop(arguments: Stop) -> int:
    """Stop the engine and wait until it has ended; the next engine takes over its children."""
    if arguments.drain and arguments.kill:
        raise usage("--drain waits for what runs and --kill ends it: choose one")
    how = StopMode.DRAIN if arguments.drain else StopMode.KILL if arguments.kill else StopMode.STOP
    try:
        pid = await _stop(arguments, how)
    except (Conflict, Unavailable) as error:
        pid = await _stop_by_signal(arguments, how, error)
    if arguments.json:
        emit({"stopped": True, "pid": pid})
    else:
        say(f"the engine (process {pid}) has stopped")
    return 0


async def _stop(arguments: Stop, how: StopMode) -> int:
    async with running(arguments) as deck:
        engine = await _answering(deck)
        await deck.stop_engine(how, actor=actor_of(arguments.as_))
        await _until_gone(deck, engine, watch=_DrainNotes().watch if how is StopMode.DRAIN else _ignore)
    if arguments.host is None:
        await _until_free(arguments, engine.pid)
    return engine.pid


async def _stop_by_signal(arguments: Stop, how: StopMode, error: TaskdeckError) -> int:
    """End by a signal an engine that cannot be asked: of another protocol, or without its socket."""
    chosen = arguments.options()
    if error.code not in ("engine.protocol", "engine.none") or arguments.host:
        raise error
    owner = find_owner(chosen.paths.lock)
    if owner is None:
        raise error
    if how is not StopMode.STOP:
        # A signal asks for a stop and nothing else.
        message = f"{error.message}; its process {owner.pid} takes only a plain stop"
        raise type(error)(error.code, message, hint="run 'taskdeck stop'") from error
    patience = chosen.settings().stop_grace + MARGIN_SECONDS
    ended = await end_owner(chosen.paths.lock, patience=patience, tell=note)
    return owner.pid if ended is None else ended.pid


async def _answering(deck: ControlAPI) -> _Engine:
    """Return the engine that answers, also one that is stopping: a harder mode may overtake that."""
    try:
        info = await deck.status()
    except Unavailable as error:
        pid, epoch = error.facts.get("pid"), error.facts.get("epoch")
        if error.code != _STOPPING or not isinstance(pid, int) or not isinstance(epoch, int):
            raise
        return _Engine(pid=pid, epoch=epoch)
    serving = info.state == "serving"
    return _Engine(pid=info.pid, epoch=info.epoch, running=info.running, is_serving=serving)


async def _until_gone(deck: ControlAPI, engine: _Engine, *, watch: Callable[[_Engine], None]) -> None:
    """Return when the engine does not answer any more; `watch` gets each of its answers."""
    while True:
        try:
            answer = await _answering(deck)
        except (Unavailable, Conflict):
            # None answers any more, or the next engine does and has another protocol.
            return
        if answer.epoch != engine.epoch:
            return
        if answer.is_serving:
            raise Conflict(
                "engine.resumed",
                "the drain was taken back: the engine serves again",
                hint="stop it now: taskdeck stop",
                facts={"pid": engine.pid},
            )
        watch(answer)
        await asyncio.sleep(_POLL_SECONDS)


def _ignore(_: _Engine) -> None:
    return


class _DrainNotes:
    """Notes how many attempts still run, when that changes and not too often."""

    def __init__(self) -> None:
        self._noted: int | None = None
        self._noted_at = 0.0

    def watch(self, engine: _Engine) -> None:
        now = time.monotonic()
        is_due = self._noted is None or now - self._noted_at >= _NOTE_SECONDS
        if engine.running is not None and engine.running != self._noted and is_due:
            self._noted, self._noted_at = engine.running, now
            note(f"draining: {engine.running} running")


async def _until_free(arguments: Stop, pid: int) -> None:
    # It releases its lock last: until then the next engine is refused.
    lock = arguments.options().paths.lock
    while True:
        owner = find_owner(lock)
        if owner is None or owner.pid != pid:
            return
        await asyncio.sleep(_POLL_SECONDS)


COMMANDS = (
    Command(
        name="stop",
        arguments=Stop,
        run=stop,
        examples=("taskdeck stop", "taskdeck stop --drain", "taskdeck stop --host build@box --kill"),
    ),
)
