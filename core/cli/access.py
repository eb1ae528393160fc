"""Context managers that give a command the control of an engine.

Used by the commands that change something; those that only read use `reading`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from core.app.attach import attach, attach_or_apply, attach_or_start
from core.app.options import Options
from core.app.reading.lasting_control import LastingControl, LazyStore
from core.app.remote.ssh_host import attach_or_start_remote, attach_remote
from core.cli.arguments import Common, Reading
from core.cli.output import note
from core.cli.second_run import second_run
from core.control.api import ControlAPI
from core.control.remote import RemoteControl
from core.model.commands.work import Effect
from core.model.errors import Conflict
from core.model.text import safe_line
from core.model.values import to_iso
from core.model.views import EngineInfo


def changing(arguments: Common, *, effect: Effect = Effect.CHANGE) -> AbstractAsyncContextManager[ControlAPI]:
    """Lend the control of the engine that runs, or one that applies commands without an engine.

    On a host an engine is started if none runs. Raises `store.older` where nothing is to be changed
    (`effect`) and no engine runs: what only looks brings no store up.
    """
    second_run.changes = True
    chosen = arguments.options()
    if isinstance(arguments, Reading) and arguments.bundle is not None:
        raise changes_nothing()
    if chosen.host is not None:
        return attach_or_start_remote(chosen)
    return attach_or_apply(chosen, effect=effect)


def changes_nothing() -> Conflict:
    """Return the refusal to change what a bundle shows."""
    return Conflict(
        "bundle.read_only",
        "a bundle is read-only: it shows what was",
        hint="do it where the job is: --home DIR or --host USER@BOX",
    )


def runs_tasks(control: ControlAPI) -> bool:
    """Return whether what `changing` lent is an engine that runs tasks, not this process."""
    return isinstance(control, RemoteControl)


def running(arguments: Common) -> AbstractAsyncContextManager[ControlAPI]:
    """Lend the control of an engine that runs already; raise `Unavailable` (`engine.none`)."""
    second_run.changes = True
    chosen = arguments.options()
    return attach(chosen) if chosen.host is None else attach_remote(chosen)


@asynccontextmanager
async def working(arguments: Common) -> AsyncIterator[ControlAPI]:
    """Lend the control of an engine that runs tasks: the one that runs, or one that is started.

    Says which options an engine that runs already does not take. Should it end, what was written is read on.
    """
    second_run.changes = True
    chosen = arguments.options()
    if chosen.host is not None:
        async with attach_or_start_remote(chosen) as control:
            yield control
        return
    async with attach_or_start(chosen) as access:
        if not access.is_ours:
            _note_ignored(chosen, await access.control.status())
        async with LastingControl(access.control, LazyStore(chosen)) as control:
            yield control


def _note_ignored(chosen: Options, info: EngineInfo) -> None:
    if chosen.slots not in (None, info.slots):
        note(f"an engine runs already, with {info.slots} slots: --slots {chosen.slots} is ignored")
    if chosen.connectors:
        note("an engine runs already, with its own connectors: --connector is ignored")


async def note_trouble(deck: ControlAPI) -> None:
    """Say why the engine begins no task: work that is not waited for does not begin now."""
    for line in trouble_lines(await deck.status()):
        note(line)


def trouble_lines(engine: EngineInfo) -> tuple[str, ...]:
    """Return why an engine begins no task, a line for each reason."""
    return tuple(
        f"nothing is claimed since {to_iso(one.since)}: {safe_line(f'{one.message} ({one.hint})')}"
        for one in engine.closed
    )
