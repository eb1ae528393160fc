"""pools: list pools; resize, pause, resume, drain and reset one.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from core.app.signals import Interrupted
from core.cli.access import changing
from core.cli.arguments import Remote
from core.cli.capacity_changes import Done, Said, Wanted, ask, report
from core.cli.capacity_names import Listed, One, listed, one
from core.cli.command_groups import CommandGroup
from core.cli.output import emit, note
from core.cli.parameters import Argument
from core.cli.reading import note_closed_claims, reading
from core.cli.refusals import Left, usage
from core.cli.summary import cause_text
from core.cli.tables import Table
from core.cli.waiting import explaining_lost_engine, interrupts, wait_with
from core.control.api import ControlAPI
from core.model.commands.capacity import (
    SLOTS_MAX,
    PausePool,
    ResetPool,
    ResizePool,
    ResumePool,
)
from core.model.errors import Conflict, NotFound
from core.model.limits.limit_views import CapacityView, PoolView
from core.model.near_misses import did_you_mean, one_of
from core.model.text import safe_line
from core.render.columns import Column, Form
from core.render.limit_shapes import pool_shape

_VERBS = ("resize", "pause", "resume", "drain", "reset")
PoolName: TypeAlias = Annotated[str, Argument(metavar="POOL", help="A pool, by its name.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resize(Remote):
    """The arguments of `pools resize`."""

    name: PoolName
    slots: Annotated[
        str, Argument(metavar="N", help="Attempts that run in it at once: 4; +1 and -1 are added.")
    ]
    said: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A row of the table of pools."""

    name: str
    taken: int
    slots: int
    waiting: int
    queues: str
    state: str

    @classmethod
    def of(cls, pool: PoolView) -> _Line:
        return cls(
            name=pool.name,
            taken=pool.taken,
            slots=pool.slots,
            waiting=pool.waiting,
            queues=" ".join(pool.queues) or "every queue",
            state=", ".join(_state(pool)),
        )


_COLUMNS = (
    Column(name="name", title="POOL", form=Form.TEXT, path="name", width=20, min_width=8),
    Column(name="slots", title="TAKEN", form=Form.RATIO, path="taken", other="slots", width=9, min_width=5),
    Column(name="waiting", title="WAITING", form=Form.NUMBER, path="waiting", width=9, min_width=7),
    Column(name="queues", title="QUEUES", form=Form.TEXT, path="queues", width=30, min_width=8, priority=2),
    Column(name="state", title="STATE", form=Form.TEXT, path="state", width=60, min_width=12, priority=1),
)


def _tell(view: CapacityView, name: str) -> str:
    return _told(view.pools, name)


_LISTED, _ONE = listed("POOL"), one(PoolName)
_POOLS = CommandGroup(noun="pools", tell=_tell)


@_POOLS.verb("list", _LISTED, "taskdeck pools", "taskdeck pools gpu --json")
async def pools(arguments: Listed) -> int:
    """List the pools: slots taken and slots, tasks that wait in their queues, what was changed."""
    async with reading(arguments) as deck:
        found = _chosen((await deck.limits.capacity()).pools, arguments.names)
    if arguments.json:
        for pool in found:
            emit(pool_shape(pool))
    elif found:
        Table(_COLUMNS).page([_Line.of(pool) for pool in found])
    else:
        note("no pools yet: the first engine brings those of config.toml, or one `default`")
    await note_closed_claims(arguments)
    return 0


@_POOLS.change(
    "resize",
    Resize,
    "taskdeck pools resize gpu 4 --reason 'a second card'",
    "taskdeck pools resize gpu +1",
    signed=True,
)
def resize(arguments: Resize) -> Wanted:
    """Give a pool another number of slots, until it is reset; what runs in it runs on."""
    text = arguments.slots.strip()
    try:
        slots = int(text)
    except ValueError:
        raise usage(
            f"`{safe_line(text)}` is not a number of slots",
            hint=f"a whole number from 0 to {SLOTS_MAX}, or +1 or -1 to change what it has",
        ) from None
    return arguments.said.wants(
        ResizePool(name=arguments.name, slots=slots, is_added=text.startswith(("+", "-")))
    )


@_POOLS.change("pause", _ONE, "taskdeck pools pause gpu --reason 'new driver'")
def pause(arguments: One) -> Wanted:
    """Start nothing more in a pool; what runs in it runs on."""
    return arguments.said.wants(PausePool(name=arguments.name))


@_POOLS.change("resume", _ONE, "taskdeck pools resume gpu")
def resume(arguments: One) -> Wanted:
    """Start tasks in a pool again."""
    return arguments.said.wants(ResumePool(name=arguments.name))


@_POOLS.change("reset", _ONE, "taskdeck pools reset gpu")
def reset(arguments: One) -> Wanted:
    """Give a pool the slots that are configured; a pause stays."""
    return arguments.said.wants(ResetPool(name=arguments.name))


@_POOLS.verb("drain", _ONE, "taskdeck pools drain gpu --reason 'new driver'")
async def drain(arguments: One) -> int:
    """Pause a pool and wait until nothing runs in it, saying how many tasks still do.

    It stays paused. Without an engine that runs, it is paused and not waited for.
    """
    async with changing(arguments) as deck:
        done = await ask(deck, arguments.said.wants(PausePool(name=arguments.name)))
        if done.engine_runs:
            await _wait(deck, arguments)
        view = await deck.limits.capacity()
    pool = _pool(view, arguments.name)
    # What was paused before is empty now: that was asked for.
    told = Done(changed=max(done.changed, int(done.engine_runs)), engine_runs=done.engine_runs)
    text = _told(view.pools, arguments.name)
    return report(told, text, arguments=arguments, running=pool.taken if pool else 0)


async def _wait(deck: ControlAPI, arguments: One) -> None:
    again = ("pools", "drain", arguments.name)
    shown = safe_line(arguments.name)
    with (
        interrupts() as received,
        explaining_lost_engine(f"what runs in {shown}", *again, arguments=arguments),
    ):
        try:
            return await wait_with(_until_empty(deck, arguments), _idle, received)
        except Interrupted:
            pass
    raise Left(f"left; {shown} stays paused", hint=f"wait on: {arguments.command(*again)}")


async def _until_empty(deck: ControlAPI, arguments: One) -> None:
    said, after, name = 0, None, safe_line(arguments.name)
    while True:
        # Before the pool is read, so that no end is missed.
        after = (await deck.changes(after)).last_event
        pool = _pool(await deck.limits.capacity(), arguments.name)
        if pool is None or not pool.taken:
            return
        if pool.paused is None and not pool.is_removed:
            raise Conflict(
                "pool.resumed",
                f"{name} was resumed while {_tasks(pool.taken)} ran in it",
                hint=f"drain it again: {arguments.command('pools', 'drain', arguments.name)}",
                facts={"pool": name},
            )
        if pool.taken != said:
            note(f"{_tasks(pool.taken)} still running in {name}")
            said = pool.taken


async def _idle() -> bool:
    return False


def _tasks(number: int) -> str:
    return "1 task" if number == 1 else f"{number:,} tasks"


def _pool(view: CapacityView, name: str) -> PoolView | None:
    return next((pool for pool in view.pools if pool.name == name), None)


def _chosen(pools: Sequence[PoolView], names: Sequence[str]) -> Sequence[PoolView]:
    for name in names:
        if name not in [pool.name for pool in pools]:
            raise _unknown(name, pools)
    return [pool for pool in pools if not names or pool.name in names]


def _unknown(name: str, pools: Sequence[PoolView]) -> NotFound:
    shown, known = safe_line(name), [pool.name for pool in pools]
    near = did_you_mean(name, [*known, *_VERBS]) or one_of(name, known)
    hint = "'taskdeck pools' lists them"
    if name in _VERBS:
        near, hint = "", f"a verb stands before all options: taskdeck pools {name} ..."
    return NotFound("pool.unknown", f"`{shown}` is not a pool{near}", hint=hint, facts={"pool": shown})


def _told(pools: Sequence[PoolView], name: str) -> str:
    """Write how a pool stands: `gpu: 1 of 4 slots taken, configured 2`."""
    (pool,) = _chosen(pools, [name])
    state = "".join(f", {part}" for part in _state(pool))
    return f"{safe_line(name)}: {pool.taken} of {pool.slots} slots taken{state}"


def _state(pool: PoolView) -> Sequence[str]:
    parts = []
    if pool.paused is not None:
        parts.append(f"paused {cause_text(pool.paused.by, pool.paused.reason)}".rstrip())
    if pool.changed is not None:
        by = cause_text(pool.changed.by, pool.changed.reason)
        parts.append(f"configured {pool.configured_slots}, changed {by}".rstrip())
    if pool.is_removed:
        parts.append("not configured any more")
    return parts


COMMANDS = (pools, resize, pause, resume, drain, reset)
