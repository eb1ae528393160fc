"""Look a store over: file, schema, integrity, recount, fold, owner, machine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from core.app.lock import is_held
from core.app.places import Options
from core.config import Paths
from core.host import free_bytes, has_pidfd
from core.model.errors import TaskdeckError
from core.store.database import sqlite_version
from core.store.verify import verify_path

SHOWN = 20
"""Findings that are listed; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    message: str


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
    return DoctorReport(checks=tuple(await asyncio.to_thread(lambda: list(_examine(options)))))


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
    yield _owner(paths)
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


def _owner(paths: Paths) -> Check:
    held = is_held(paths.lock)
    return Check(name="engine", ok=True, message="an engine runs" if held else "no engine runs")


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
