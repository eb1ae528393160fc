"""Make a new home of a backup, with its own store.

Called by the command `restore`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from typing import NamedTuple

from core.app.backups.checking import check_store
from core.app.backups.manifest import STORE, Manifest, broken, read_manifest, reading
from core.app.backups.outputs import Work, restore_outputs
from core.app.backups.target import check_room, open_target, refusing
from core.app.backups.threads import in_thread
from core.app.store_upgrade import bring_up
from core.config import Settings, load_capacity
from core.engine.clock import SystemClock
from core.engine.service_store import open_store
from core.files.copying import copy_file, digest_of
from core.files.new_folder import NewFolder
from core.files.writing import sync_path
from core.host import effective_user
from core.model.actors import signed
from core.model.commands.limits import Configure
from core.model.crash_points import crash_point
from core.model.errors import Invalid
from core.model.limits.limits import DEFAULT_POOL, Capacity, Pool
from core.model.paths import Paths, ensure_home
from core.model.text import safe_line
from core.store.backups.owning import apply_all, pause_all, rename_store
from core.store.backups.reading import StoreFacts, read_facts
from core.store.epochs import EngineCause, end_epoch
from core.store.rows import Cause
from core.store.store_copy import kept_copies
from core.store.version import SCHEMA_VERSION, refuse_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is restored, and who is told how far it is."""

    folder: Path
    home: Path
    actor: str
    """Who asks, as the command line says it."""
    pause: bool = True
    check: bool = True
    tell: Callable[[str], None] = field(default=lambda _: None)
    note: Callable[[str], None] = field(default=lambda _: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A home that was made of a backup."""

    manifest: Manifest
    store_id: str
    running: int
    """Attempts that were open in it: the first engine tells them lost."""
    paused: int
    """Pools and schedules that were paused."""


class _Owned(NamedTuple):
    """The name of a store, and how many of its pools and schedules were paused."""

    store_id: str
    paused: int


async def restore_backup(wish: Wish) -> Restored:
    """Make a home of a backup at a path at which nothing is, or an empty folder; whole, or not at all.

    The store gets a name of its own, so that no process of the other is taken for one of its own; an older
    one is brought up. Raises as `verify_backup` does, `Invalid` (`restore.folder`), `Conflict`
    (`restore.exists`, `restore.busy`), `Unavailable` (`restore.room`, `restore.unwritable`, `store.*`).
    """
    manifest = await asyncio.to_thread(read_manifest, wish.folder)
    if manifest.schema > SCHEMA_VERSION:
        raise refuse_version(wish.folder / STORE, manifest.schema)
    new = open_target(wish.home, what="restore")
    size = manifest.store.size + (manifest.outputs.size if manifest.outputs else 0)
    check_room(new.path, size, what="restore")
    with refusing(new.path, what="restore"):
        try:
            if new.open():
                wish.note(f"removed {new.unfinished}, which a restore that was killed had left")
            return await in_thread(partial(_restore, wish, manifest, new))
        finally:
            await asyncio.to_thread(new.discard)


def _restore(wish: Wish, manifest: Manifest, new: NewFolder, stop: Event) -> Restored:
    paths = ensure_home(new.unfinished)
    crash_point("restore.begun")
    facts = _copy(wish, manifest, paths, stop)
    crash_point("restore.copied")
    _bring_up(paths, wish, stop)
    owned = _own(wish, manifest, paths)
    crash_point("restore.owned")
    if wish.check:
        wish.tell("checking the store")
        check_store(paths.db, stop)
    crash_point("restore.checked")
    if manifest.outputs is not None:
        os.sync()
    for path in (paths.db, new.unfinished):
        sync_path(path)
    new.place()
    crash_point("restore.placed")
    return Restored(manifest=manifest, store_id=owned.store_id, running=facts.running, paused=owned.paused)


def _copy(wish: Wish, manifest: Manifest, paths: Paths, stop: Event) -> StoreFacts:
    """Copy the files of a backup into a home, and compare their checksums there."""
    folder, work = wish.folder, Work(tell=wish.tell, stop=stop)
    wish.tell("copying the store")
    targets = {STORE: paths.db, **{name: paths.home / name for name in manifest.settings}}
    for name, member in {STORE: manifest.store, **manifest.settings}.items():
        with reading(folder, folder / name):
            copy_file(folder / name, targets[name])
        if digest_of(targets[name]) != member.sha256:
            raise broken(folder, f"the checksum of {name} is wrong")
        sync_path(targets[name])
    if manifest.outputs is not None:
        restore_outputs(folder, manifest.outputs, paths.output, work)
    facts = read_facts(paths.db)
    if (facts.store_id, facts.event) != (manifest.store_id, manifest.event):
        raise broken(folder, "its store is of another moment than its manifest")
    return facts


def _bring_up(paths: Paths, wish: Wish, stop: Event) -> None:
    bring_up(paths.db, lambda _: wish.tell("bringing the store up"), stop)
    for copy in kept_copies(paths.db):
        # The backup is the store as it was.
        copy.unlink()


def _own(wish: Wish, manifest: Manifest, paths: Paths) -> _Owned:
    """Make the store one of its own."""
    clock, actor = SystemClock(), signed(wish.actor, effective_user())
    owner, writer = open_store(paths, Settings.model_construct(), clock, started_by=actor)
    paused = 0
    try:
        store_id = rename_store(
            writer,
            at=clock.now() - clock.offset,
            actor=actor,
            facts={"from": manifest.store_id, "event": manifest.event, "at": manifest.at},
        )
        if wish.pause:
            # A pool that is made by the first start alone would not be paused.
            apply_all(writer, (_configured(paths, wish),), now=clock.now(), offset=clock.offset)
            cause = Cause(reason=f"restored from {safe_line(wish.folder.name)}", actor=actor)
            paused = pause_all(writer, cause, now=clock.now(), offset=clock.offset)
        ended = EngineCause(actor=actor, facts={"reason": "the backup was restored"})
        end_epoch(writer.connection, time=clock.saved(), epoch=owner.epoch, cause=ended)
    finally:
        writer.connection.close()
    return _Owned(store_id, paused)


def _configured(paths: Paths, wish: Wish) -> Configure:
    """Return what the first start would make of the settings; with faults in them, one pool."""
    capacity, slots = Capacity(), Settings.model_construct().slots
    try:
        capacity = load_capacity(paths.home)
    except Invalid as error:
        wish.note(f"config.toml has faults, and no engine starts before they are fixed: {error.message}")
    pools = capacity.pools or (Pool(name=DEFAULT_POOL, slots=slots),)
    return Configure(pools=pools, limits=capacity.limits, backends=capacity.backends)
