"""retention, disk: what is kept, and what takes room.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.cli.access import changing, runs_tasks
from core.cli.arguments import Label, Reading, Remote, actor_of
from core.cli.commands import Command
from core.cli.output import emit, note, say
from core.cli.reading import reading
from core.config.retention import describe_retention
from core.model.disk import DiskView
from core.model.present import present_ms
from core.model.retention import NOTICE_MS, RetentionState
from core.model.text import safe_line
from core.model.values import JsonObject, iso_or_none
from core.render.retention_texts import retention_lines
from core.render.sizes import size_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply(Remote):
    """The arguments of `retention apply`."""

    as_: Label = None


async def retention(arguments: Reading) -> int:
    """Show what is kept for how long, when retention went through last, and what it takes."""
    async with reading(arguments) as deck:
        view = await deck.upkeep.retention()
    described, state = describe_retention(view.policy), view.state
    if arguments.json:
        emit({"policy": described, **_state_shape(state)})
        return 0
    for name, table in described.items():
        parts = table.items() if isinstance(table, dict) else ()
        shown = "; ".join(f"{key} {_written(value)}" for key, value in parts)
        say(f"{safe_line(name)}: {safe_line(shown)}")
    for line in retention_lines(state, now=present_ms()):
        say(line)
    return 0


async def apply(arguments: Apply) -> int:
    """Let retention take at once what it told of, without waiting for the end of its notice."""
    async with changing(arguments) as deck:
        await deck.upkeep.apply_retention(actor=actor_of(arguments.as_))
        is_running = runs_tasks(deck)
    if arguments.json:
        emit({"applied": True, "engine_runs": is_running})
    else:
        say("retention takes what it does not keep" if is_running else "recorded: the next engine takes it")
    return 0


async def disk(arguments: Reading) -> int:
    """Show what takes the room: store, outputs by workflow, job and age, logs, and what retention takes."""
    async with reading(arguments) as deck:
        view = await deck.upkeep.disk()
        state = (await deck.upkeep.retention()).state
    if arguments.json:
        emit({**_disk_shape(view), "retention": _state_shape(state)})
        return 0
    back = "an engine gives them back" if view.is_shrinking else "'taskdeck compact' gives them back"
    pages = f" ({view.unused_pages:,} pages; {back})" if view.unused_pages else ""
    say(f"store: {size_text(view.store)}, {size_text(view.free_pages)} of it free for new rows{pages}")
    say(f"write-ahead log: {size_text(view.wal)}; logs: {size_text(view.logs)}")
    if view.copies:
        say(f"stores as they were before upgrades: {size_text(view.copies)}")
    at_least = "at least " if view.is_partial else ""
    say(f"outputs: {at_least}{size_text(view.outputs)}, of {view.folders:,} tasks")
    for share in view.shares:
        tasks = "1 task" if share.tasks == 1 else f"{share.tasks:,} tasks"
        say(f"  {share.of} {safe_line(share.name)}: {size_text(share.bytes)}, {tasks}")
    files = "" if view.files_free is None else f", {view.files_free:,} files"
    say(f"free on this disk: {size_text(view.disk_free)}{files}")
    for line in retention_lines(state, now=present_ms()):
        say(line)
    if view.is_partial:
        note(f"the outputs of {view.folders:,} tasks were looked at, and there are more")
    return 0


def _written(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} {part}" for key, part in value.items()) + "}"
    return str(value)


def _state_shape(state: RetentionState) -> JsonObject:
    return {
        "noticed_at": iso_or_none(state.noticed_at),
        "takes_from": iso_or_none(None if state.noticed_at is None else state.noticed_at + NOTICE_MS)
        if state.applied_at is None
        else iso_or_none(state.applied_at),
        "applied_by": state.applied_by,
        "passed_at": iso_or_none(state.passed_at),
        "found": state.found,
    }


def _disk_shape(view: DiskView) -> JsonObject:
    return {
        "store": view.store,
        "wal": view.wal,
        "free_pages": view.free_pages,
        "unused_pages": view.unused_pages,
        "shrinks": view.is_shrinking,
        "logs": view.logs,
        "copies": view.copies,
        "outputs": view.outputs,
        "folders": view.folders,
        "partial": view.is_partial,
        "shares": [
            {"of": share.of, "name": share.name, "tasks": share.tasks, "bytes": share.bytes}
            for share in view.shares
        ],
        "disk_free": view.disk_free,
        "files_free": view.files_free,
    }


COMMANDS = (
    Command(
        name="retention list",
        arguments=Reading,
        run=retention,
        examples=("taskdeck retention", "taskdeck retention --json"),
    ),
    Command(
        name="retention apply",
        arguments=Apply,
        run=apply,
        examples=("taskdeck retention apply",),
    ),
    Command(name="disk", arguments=Reading, run=disk, examples=("taskdeck disk", "taskdeck disk --json")),
)
