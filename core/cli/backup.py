"""backup and restore: copies of a home, and homes made of them.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

import shlex
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Annotated, TypeVar

from core.app.backups.checking import verify_backup
from core.app.backups.listing import FoundBackup, list_backups
from core.app.backups.manifest import Manifest
from core.app.backups.outputs import Work
from core.app.backups.restoring import Restored, Wish, restore_backup
from core.app.backups.writing import Wanted, Written, write_backup
from core.app.signals import Interrupted, cancelling_on_signal
from core.cli.arguments import Common, HostOption
from core.cli.commands import Command
from core.cli.live_line import wipe, write_over
from core.cli.output import emit, note, say
from core.cli.parameters import Argument, Option
from core.cli.refusals import Left, usage
from core.model.text import safe_line
from core.model.values import JsonObject, to_iso
from core.render.sizes import size_text

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup(Common):
    """The arguments of `backup`."""

    folder: Annotated[
        Path | None, Argument(metavar="[DIR]", help="The folder to write: not there yet, or empty.")
    ] = None
    outputs: Annotated[bool, Option(help="Also what tasks wrote, which may be large.")] = False
    no_check: Annotated[
        bool, Option(help="Do not check the copy, and keep it whatever it is; its manifest says so.")
    ] = False
    verify: Annotated[bool, Option(help="Write nothing: check the backup in DIR.")] = False
    list: Annotated[bool, Option(help="Write nothing: list the backups in the folder DIR.")] = False
    host: HostOption = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore(Common):
    """The arguments of `restore`."""

    folder: Annotated[Path | None, Argument(metavar="[DIR]", help="The folder that `backup` wrote.")] = None
    unpaused: Annotated[
        bool,
        Option(
            help="Leave pools and schedules as they were: only where the original will never run again."
            " [default: all are paused]"
        ),
    ] = False
    no_check: Annotated[bool, Option(help="Do not check the restored store.")] = False
    host: HostOption = None


async def backup(arguments: Backup) -> int:
    """Copy the store and the settings of a data directory into a new folder, while its engine works.

    All that was committed up to one event is in it. The copy is checked, and the folder gets its name when it
    is whole. Restore it with 'taskdeck restore'.
    """
    folder = _folder(arguments.folder, arguments.host, "backup")
    if arguments.verify and arguments.list:
        raise usage("choose one of --verify and --list")
    if arguments.list:
        return _list(arguments, list_backups(folder.expanduser()))
    if arguments.verify:
        if arguments.outputs or arguments.no_check:
            raise usage("--verify checks what is there: it does not go with --outputs and --no-check")
        work = Work(tell=write_over, stop=Event())
        manifest = await _uninterrupted(verify_backup(folder.expanduser(), work), "nothing was changed")
        _tell(arguments, folder, manifest, "is sound" if manifest.is_checked else "is sound now")
        return 0
    wanted = Wanted(outputs=arguments.outputs, check=not arguments.no_check, tell=write_over, note=_note)
    written = await _uninterrupted(
        write_backup(arguments.options().paths, folder, wanted), "no backup was written"
    )
    _tell_written(arguments, folder, written)
    return 0


async def restore(arguments: Restore) -> int:
    """Make a new data directory of a backup; --home names it, and nothing may be there yet.

    The store gets a name of its own: processes of the original are never taken for its tasks, and what ran
    is told lost (`on_loss`). Pools and schedules are paused, so that nothing runs twice while the original
    runs, too.
    """
    folder, options = _folder(arguments.folder, arguments.host, "restore"), arguments.options()
    wish = Wish(
        folder=folder.expanduser(),
        home=options.paths.home,
        actor=options.actor,
        pause=not arguments.unpaused,
        check=not arguments.no_check,
        tell=write_over,
        note=_note,
    )
    restored = await _uninterrupted(restore_backup(wish), "nothing was restored")
    _tell_restored(arguments, wish, restored)
    return 0


def _folder(folder: Path | None, host: str | None, verb: str) -> Path:
    if host is not None:
        raise usage(
            f"{verb} reads and writes folders of the machine that it runs on",
            hint=f"run it there: ssh {safe_line(host)} taskdeck {verb} DIR",
        )
    if folder is None or folder == Path():
        raise usage(f"name the folder: taskdeck {verb} DIR", hint=f"see: taskdeck {verb} --help")
    return folder


async def _uninterrupted(work: Awaitable[T], undone: str) -> T:
    try:
        with cancelling_on_signal():
            return await work
    except Interrupted as interrupted:
        message = f"interrupted ({interrupted.number.name}): {undone}"
        raise Left(message, hint="run it again") from None
    finally:
        wipe()


def _tell_written(arguments: Backup, folder: Path, written: Written) -> None:
    manifest, copied = written.manifest, written.copied
    if not arguments.json:
        _tell(arguments, folder, manifest, "written" if manifest.is_checked else "written, not checked")
        say(
            f"the store took {copied.ms / 1000:.1f} s; the longest pause of its engine was"
            f" {copied.longest_us / 1000:.1f} ms, the most of the processor in one"
            f" {copied.longest_cpu_us / 1000:.1f} ms"
        )
        say(f"  taskdeck restore {safe_line(shlex.quote(str(folder)))} --home NEW")
        return
    emit(
        {
            **_shape(folder, manifest),
            "copy_ms": copied.ms,
            "longest_step_us": copied.longest_us,
            "longest_step_cpu_us": copied.longest_cpu_us,
        }
    )


def _tell(arguments: Common, folder: Path, manifest: Manifest, what: str) -> None:
    if arguments.json:
        emit(_shape(folder, manifest))
        return
    outputs = "without outputs"
    if manifest.outputs is not None:
        outputs = f"outputs of {manifest.outputs.attempts:,} attempts ({size_text(manifest.outputs.size)})"
    say(
        f"{safe_line(str(folder))} {what}: {safe_line(manifest.home)} up to event {manifest.event:,}"
        f" of {_moment(manifest.event_at)}, {size_text(manifest.store.size)}, {outputs}"
    )


def _tell_restored(arguments: Restore, wish: Wish, restored: Restored) -> None:
    manifest, home = restored.manifest, safe_line(str(wish.home))
    if arguments.json:
        shape: JsonObject = {
            "restored": str(wish.home),
            "store_id": restored.store_id,
            "running": restored.running,
            "paused": restored.paused,
        }
        emit({**_shape(wish.folder, manifest), **shape})
        return
    say(f"{home}: restored up to event {manifest.event:,} of {_moment(manifest.event_at)}")
    if restored.running:
        number = "1 attempt" if restored.running == 1 else f"{restored.running:,} attempts"
        say(f"{number} ran then: the first engine tells them lost, and `on_loss` decides")
    if restored.paused:
        say("its pools and schedules are paused, so that nothing runs twice; to let them go on:")
        quoted = safe_line(shlex.quote(str(wish.home)))
        say(f"  taskdeck pools resume NAME --home {quoted}")
        say(f"  taskdeck schedule resume NAME --home {quoted}")
    elif not wish.pause:
        note("pools and schedules are as they were: it runs beside the original if that runs, too")


def _list(arguments: Backup, found: list[FoundBackup]) -> int:
    for one in found:
        if arguments.json:
            shape = {} if one.manifest is None else _shape(one.folder, one.manifest)
            emit({"folder": str(one.folder), **shape, "trouble": one.trouble})
        elif one.manifest is None:
            say(f"{safe_line(str(one.folder))}  {safe_line(one.trouble)}")
        else:
            _tell(arguments, one.folder, one.manifest, to_iso(one.manifest.at))
    if not found and not arguments.json:
        note("no backups there")
    return 0


def _shape(folder: Path, manifest: Manifest) -> JsonObject:
    outputs = manifest.outputs
    return {
        "folder": str(folder),
        "at": to_iso(manifest.at),
        "home": manifest.home,
        "store_id": manifest.store_id,
        "schema": manifest.schema,
        "event": manifest.event,
        "event_at": None if manifest.event_at is None else to_iso(manifest.event_at),
        "checked": manifest.is_checked,
        "bytes": manifest.store.size,
        "outputs": None
        if outputs is None
        else {"attempts": outputs.attempts, "files": outputs.files, "bytes": outputs.size},
    }


def _moment(at: int | None) -> str:
    return "no time" if at is None else to_iso(at)


def _note(text: str) -> None:
    note(safe_line(text))


COMMANDS = (
    Command(
        name="backup",
        arguments=Backup,
        run=backup,
        examples=(
            'taskdeck backup "/backups/deck-$(date +%F)"',
            "taskdeck backup /backups/full --outputs",
            "taskdeck backup --verify /backups/full",
            "taskdeck backup --list /backups",
            "taskdeck schedule add nightly --cron '0 3 * * *' -- sh -c 'taskdeck backup /mnt/$(date +%F)'",
        ),
    ),
    Command(
        name="restore",
        arguments=Restore,
        run=restore,
        examples=(
            "taskdeck restore /backups/deck-2026-01-31 --home ~/restored",
            "taskdeck restore /backups/deck-2026-01-31 --home ~/restored --unpaused",
        ),
    ),
)
