"""Write a backup of a home: store, settings, outputs.

Called by the command `backup`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event

from core.app.backups.checking import check_store
from core.app.backups.manifest import (
    NAME,
    SETTINGS,
    STORE,
    Manifest,
    Member,
    OutputTotals,
    encode,
)
from core.app.backups.outputs import Work, copy_outputs
from core.app.backups.source import copy_store
from core.app.backups.target import check_room, open_target, refusing
from core.app.backups.threads import in_thread
from core.files.copying import digest_of
from core.files.kinds import exists
from core.files.new_folder import NewFolder
from core.files.reading import read_at_once
from core.files.writing import sync_path
from core.model.backups import StoreCopied
from core.model.crash_points import crash_point
from core.model.errors import Invalid
from core.model.paths import Paths
from core.model.present import present_ms
from core.model.text import safe_line
from core.model.version import VERSION
from core.store.backups.copying import settle
from core.store.backups.reading import StoreFacts, attempts_of, read_facts
from core.store.readers import check_there

_TELL_SECONDS = 0.25
_SETTINGS_BYTES = 2**24
"""Of a file of settings; no reader takes a larger one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What goes into a backup, and who is told how far it is."""

    outputs: bool = False
    check: bool = True
    tell: Callable[[str], None] = field(default=lambda _: None)
    note: Callable[[str], None] = field(default=lambda _: None)
    """Gets a sentence about what is not as usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A backup that is whole, and what copying its store took."""

    manifest: Manifest
    copied: StoreCopied


async def write_backup(paths: Paths, target: Path, wanted: Wanted) -> Written:
    """Write a backup of a home to a path at which nothing is, or an empty folder; whole, or not at all.

    Raises `Invalid` (`backup.folder`), `Conflict` (`backup.exists`, `backup.busy`), `Unavailable`
    (`backup.room`, `backup.full`, `backup.unwritable`, `backup.unsound`, and as readers and engines do).
    """
    check_there(paths.db)
    folder = open_target(target, what="backup")
    check_room(folder.path, _store_size(paths), what="backup")
    with refusing(folder.path, what="backup"):
        try:
            if folder.open():
                wanted.note(f"removed {folder.unfinished}, which a backup that was killed had left")
            return await _Writing(paths, folder, wanted).run()
        finally:
            await asyncio.to_thread(folder.discard)


class _Writing:
    def __init__(self, paths: Paths, folder: NewFolder, wanted: Wanted) -> None:
        self._paths = paths
        self._folder = folder
        self._wanted = wanted
        self._told_at = 0.0

    async def run(self) -> Written:
        at, unfinished = present_ms(), self._folder.unfinished
        crash_point("backup.begun")
        store = unfinished / STORE
        os.close(os.open(store, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        copied = await copy_store(self._paths, store, self._tell_store)
        crash_point("backup.copied")
        facts = await in_thread(lambda _: self._settled(store))
        outputs = await in_thread(partial(self._copy_outputs, store)) if self._wanted.outputs else None
        settings = await asyncio.to_thread(self._copy_settings)
        if self._wanted.check:
            self._tell("checking the copy")
            await in_thread(partial(check_store, store))
            crash_point("backup.checked")
        manifest = Manifest(
            at=at,
            taskdeck=VERSION,
            home=str(self._paths.home),
            store_id=facts.store_id,
            schema=facts.schema,
            event=facts.event,
            event_at=facts.event_at,
            is_checked=self._wanted.check,
            store=await asyncio.to_thread(_member, store),
            settings=settings,
            outputs=outputs,
        )
        await asyncio.to_thread(self._place, manifest)
        return Written(manifest=manifest, copied=copied)

    def _settled(self, store: Path) -> StoreFacts:
        settle(store)
        sync_path(store)
        return read_facts(store)

    def _copy_outputs(self, store: Path, stop: Event) -> OutputTotals:
        work = Work(tell=self._tell, stop=stop)
        # Of the attempts in the copy alone: later ones would be taken for those of the restored store.
        return copy_outputs(self._paths.output, self._folder.unfinished, attempts_of(store), work)

    def _copy_settings(self) -> dict[str, Member]:
        found = {}
        for name in SETTINGS:
            try:
                data = read_at_once(self._paths.home / name, _SETTINGS_BYTES)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise _unreadable(self._paths.home / name, error) from error
            _write(self._folder.unfinished / name, data)
            found[name] = _member(self._folder.unfinished / name)
        return found

    def _place(self, manifest: Manifest) -> None:
        unfinished = self._folder.unfinished
        if manifest.outputs is not None:
            # There may be a hundred thousand files: one by one each would wait for the disk.
            os.sync()
        _write(unfinished / NAME, encode(manifest))
        sync_path(unfinished)
        crash_point("backup.written")
        self._folder.place()
        crash_point("backup.placed")

    def _tell_store(self, done: int, total: int) -> None:
        self._tell(f"copying the store: {min(100, 100 * done // max(total, 1))} %")

    def _tell(self, text: str) -> None:
        now = time.monotonic()
        if now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            self._wanted.tell(text)


def _store_size(paths: Paths) -> int:
    wal = paths.db.with_name(f"{paths.db.name}-wal")
    return sum(file.stat().st_size for file in (paths.db, wal) if exists(file))


def _member(path: Path) -> Member:
    return Member(size=path.stat().st_size, sha256=digest_of(path))


def _unreadable(path: Path, error: OSError) -> Invalid:
    reason = error.strerror or type(error).__name__
    return Invalid(
        "backup.unreadable",
        f"cannot read {safe_line(str(path))}: {reason}",
        hint="fix the file or move it away; no backup was written",
        facts={"file": str(path), "reason": reason},
    )


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
