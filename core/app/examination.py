"""Look a store over: file, schema, integrity, recount, fold, owner, machine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass

from core.app.attaching import attached
from core.app.lock import find_owner
from core.app.options import Options
from core.app.survival import Machine, judge
from core.host import free_bytes, has_pidfd, user_name
from core.model.about import VERSION
from core.model.errors import Conflict, TaskdeckError
from core.model.paths import Paths
from core.store.database import sqlite_version
from core.store.verify import verify_path

_ANEW = "say 'taskdeck stop --drain', or 'taskdeck serve --take-over'"
SHOWN = 20
"""Findings that are listed; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    message: str
    warning: bool = False
    """Nothing is wrong yet, but something may go wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
    """Everything that was looked at, in order."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Return whether nothing is wrong."""
        return all(check.ok for check in self.checks)


async def doctor(options: Options) -> DoctorReport:
    """Examine a home, whether an engine runs or not; changes nothing."""
    found = await asyncio.to_thread(lambda: list(_examine(options)))
    version = await _version(options)
    return DoctorReport(checks=tuple([*found, version] if version is not None else found))


def _examine(options: Options) -> Iterator[Check]:
    paths = options.paths
    yield _settings(options)
    yield Check(
        name="kernel", ok=has_pidfd(), message="pidfd works" if has_pidfd() else "needs Linux 5.3 or newer"
    )
    yield Check(name="sqlite", ok=True, message=f"SQLite {sqlite_version()}")
    if not paths.db.exists():
        yield Check(name="store", ok=True, message=f"there is no store at {paths.db} yet")
        return
    yield from _privacy(paths)
    yield _room(paths)
    yield from _owner(paths)
    yield from _store(paths)


def _settings(options: Options) -> Check:
    try:
        options.settings()
    except TaskdeckError as error:
        return Check(name="settings", ok=False, message=error.message)
    return Check(name="settings", ok=True, message="settings are valid")


def _privacy(paths: Paths) -> Iterator[Check]:
    for path in (paths.home, paths.db, paths.lock, paths.socket):
        if path.exists():
            mode = path.stat().st_mode & 0o777
            if mode & 0o077:
                yield Check(name="privacy", ok=False, message=f"{path} is open to others (mode {mode:o})")


def _room(paths: Paths) -> Check:
    free = free_bytes(paths.home) // 2**20
    return Check(name="disk", ok=free >= 256, message=f"{free} MiB free")


def _owner(paths: Paths) -> Iterator[Check]:
    owner = find_owner(paths.lock)
    words = "no engine runs" if owner is None else "an engine runs"
    yield Check(name="engine", ok=True, message=words)
    found = judge(Machine(user=user_name(), pid=os.getpid() if owner is None else owner.pid))
    yield Check(
        name="log-out",
        ok=True,
        warning=not found.outlives,
        message=f"{'an engine started from here' if owner is None else 'the engine'}: {found.message}",
    )


async def _version(options: Options) -> Check | None:
    """Compare the engine that runs, if one does, with this program."""
    if find_owner(options.paths.lock) is None:
        return None
    try:
        async with attached(options) as control:
            seen = (await control.status()).version
    except Conflict as error:
        return Check(name="version", ok=False, message=f"{error.message}: {_ANEW}")
    except TaskdeckError as error:
        return Check(name="version", ok=True, warning=True, message=error.message)
    if seen == VERSION:
        return Check(name="version", ok=True, message=f"the engine is of this version, {VERSION}")
    words = f"the engine is {seen}, this is {VERSION}: {_ANEW}"
    return Check(name="version", ok=True, warning=True, message=words)


def _store(paths: Paths) -> Iterator[Check]:
    try:
        findings = verify_path(paths.db)
    except TaskdeckError as error:
        yield Check(name="store", ok=False, message=error.message)
        return
    for finding in findings[:SHOWN]:
        yield Check(name=finding.code, ok=False, message=finding.message)
    if len(findings) > SHOWN:
        yield Check(name="store", ok=False, message=f"and {len(findings) - SHOWN} findings more")
    if not findings:
        yield Check(name="store", ok=True, message="integrity, recount and fold are clean")
