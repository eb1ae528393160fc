"""Checks of a home: machine, settings, files, lock owner, store, engine version.

Called by the command `doctor`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from core.app.artifact_checks import artifact_faults
from core.app.attach import attach
from core.app.lock import find_owner
from core.app.options import Options
from core.app.systemd.logind import Machine, survival
from core.executors.artifacts import ArtifactStore
from core.files.kinds import exists
from core.host import free_bytes, has_pidfd, user_name
from core.model.errors import Conflict, TaskdeckError
from core.model.paths import Paths
from core.model.present import present_ms
from core.model.retention import DAY_MS, NEVER, RetentionPolicy
from core.model.text import safe_line
from core.model.values import to_iso
from core.model.version import VERSION
from core.model.views import EngineInfo
from core.render.retention_texts import retention_lines
from core.render.sizes import size_text
from core.store.database import sqlite_version
from core.store.store_copy import kept_copies
from core.store.upkeep_facts import UpkeepFacts, read_upkeep
from core.store.verify import undrained_queues, verify_path

_RESTART = "run 'taskdeck stop --drain', or 'taskdeck serve --take-over'"
LATE_MS = 3 * 3_600_000
"""A pass of retention that is older, while an engine runs, is told."""
SHOWN = 20
"""Findings that are listed; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The result of one check."""

    name: str
    ok: bool
    message: str
    warning: bool = False
    """Nothing is wrong yet, but something may go wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
    """The results of all checks, in order."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; warnings do not count."""
        return all(check.ok for check in self.checks)


async def doctor(options: Options) -> DoctorReport:
    """Check a home, whether an engine runs or not; changes nothing."""
    checks = await asyncio.to_thread(lambda: list(_checks(options)))
    return DoctorReport(checks=(*checks, *await _running_engine(options)))


def _checks(options: Options) -> Iterator[Check]:
    paths = options.paths
    yield _settings(options)
    yield Check(
        name="kernel", ok=has_pidfd(), message="pidfd works" if has_pidfd() else "needs Linux 5.3 or newer"
    )
    yield Check(name="sqlite", ok=True, message=f"SQLite {sqlite_version()}")
    try:
        paths.db.stat()
        yield from _privacy(paths)
        yield _disk(paths)
    except (FileNotFoundError, NotADirectoryError):
        yield Check(name="store", ok=True, message=f"no store found at {paths.db}")
        return
    except OSError as error:
        yield Check(name="store", ok=False, message=f"cannot read {paths.db}: {error.strerror}")
        return
    yield from _owner(paths)
    store = list(judge_store(paths))
    yield from store
    if all(check.ok and not check.warning for check in store):
        yield from _queues(paths)
        yield from upkeep_checks(paths, _retention(options), now=present_ms())
    yield from _artifacts(paths)
    yield from _copies(paths)


def _artifacts(paths: Paths) -> Iterator[Check]:
    try:
        faults = list(artifact_faults(paths))
    except TaskdeckError:
        # The check of the store says why it cannot be read.
        return
    for message in faults:
        yield Check(name="artifact", ok=False, message=message)
    orphans = len(ArtifactStore(paths.home).orphans())
    if orphans:
        message = f"copies of artifacts that no task has any more: {orphans:,}; the next engine removes them"
        yield Check(name="artifact", ok=True, warning=True, message=message)


def _queues(paths: Paths) -> Iterator[Check]:
    for queue, tasks in undrained_queues(paths.db):
        waiting = "1 task waits" if tasks == 1 else f"{tasks:,} tasks wait"
        message = f"no pool drains `{queue}`: {waiting} there; add it to `queues` of a pool in config.toml"
        yield Check(name="queue", ok=True, warning=True, message=message)


def _retention(options: Options) -> RetentionPolicy:
    try:
        return options.capacity().retention
    except TaskdeckError:
        # Its faults are a check of their own.
        return RetentionPolicy()


def upkeep_checks(paths: Paths, policy: RetentionPolicy, *, now: int) -> Iterator[Check]:
    """Yield what retention took or would take, what it never takes, and what the file could do without."""
    rows = policy.usual.succeeded.rows_ms
    facts = read_upkeep(paths.db, before=now - rows)
    state = facts.state
    is_late = state.passed_at is not None and find_owner(paths.lock) is not None
    is_late = is_late and now - (state.passed_at or 0) > LATE_MS
    for line in retention_lines(state, now=now):
        late = "; it should have passed since: see the log of the engine" if is_late else ""
        message = f"{line.partition(': ')[2]}{late}"
        yield Check(name="retention", ok=True, warning=is_late, message=message)
    if stays := list(_stays(facts, rows)):
        yield Check(name="retention", ok=True, message=f"it never takes {', '.join(stays)}")
    room = facts.room
    if room.is_worth_it:
        free, size = size_text(room.unused * room.page_size), size_text(room.pages * room.page_size)
        back = "an engine gives it back when it has little to do"
        if not room.is_shrinking:
            back = "'taskdeck compact' gives it back, and lets engines do so from then on"
        yield Check(name="room", ok=True, message=f"{free} of the store of {size} is free: {back}")


def _stays(facts: UpkeepFacts, rows_ms: int) -> Iterator[str]:
    for number, what in (
        (facts.pinned_jobs, "pinned jobs"),
        (facts.pinned_tasks, "pinned tasks"),
        (facts.keys_for_ever, "tasks with a key by `once` for ever"),
        (facts.unended if rows_ms < NEVER else 0, f"jobs that have not ended in {rows_ms // DAY_MS} days"),
    ):
        if number:
            yield f"{number:,} {what}"


def _settings(options: Options) -> Check:
    try:
        options.settings()
        options.capacity()
    except TaskdeckError as error:
        return Check(name="settings", ok=False, message=error.message)
    return Check(name="settings", ok=True, message="settings are valid")


def _privacy(paths: Paths) -> Iterator[Check]:
    for path in (paths.home, paths.db, paths.lock, paths.socket):
        if exists(path):
            mode = path.stat().st_mode & 0o777
            # A directory that was there before keeps its mode: what is in it is private all the same.
            if mode & (0o022 if path == paths.home else 0o077):
                yield Check(name="privacy", ok=False, message=f"{path} is open to others (mode {mode:o})")


def _disk(paths: Paths) -> Check:
    free = free_bytes(paths.home) // 2**20
    return Check(name="disk", ok=free >= 256, message=f"{free} MiB free")


def _owner(paths: Paths) -> Iterator[Check]:
    owner = find_owner(paths.lock)
    yield Check(name="engine", ok=True, message="no engine runs" if owner is None else "an engine runs")
    logout = survival(Machine(user=user_name(), pid=os.getpid() if owner is None else owner.pid))
    yield Check(
        name="log-out",
        ok=True,
        warning=not logout.survives,
        message=f"{'an engine started from here' if owner is None else 'the engine'}: {logout.message}",
    )


async def _running_engine(options: Options) -> list[Check]:
    """Ask the engine that runs, if one does: its version against this program's, and whether it claims."""
    if find_owner(options.paths.lock) is None:
        return []
    try:
        async with attach(options) as control:
            engine = await control.status()
    except Conflict as error:
        return [Check(name="version", ok=False, message=f"{error.message}: {_RESTART}")]
    except TaskdeckError as error:
        return [Check(name="version", ok=True, warning=True, message=error.message)]
    return [_version(engine.version), *_claims(engine), *_set_aside(engine)]


def _set_aside(engine: EngineInfo) -> Iterator[Check]:
    if engine.set_aside:
        yield Check(name="fault", ok=True, warning=True, message=safe_line(engine.set_aside))


def _version(running: str) -> Check:
    if running == VERSION:
        return Check(name="version", ok=True, message=f"the engine has this version, {VERSION}")
    message = f"the engine has version {running}, this is {VERSION}: {_RESTART}"
    return Check(name="version", ok=True, warning=True, message=message)


def _copies(paths: Paths) -> Iterator[Check]:
    for copy in kept_copies(paths.db):
        size = copy.stat().st_size / 2**20
        message = f"{copy} is the store before an upgrade, {size:.1f} MiB; delete it when you do not need it"
        yield Check(name="copy", ok=True, message=message)


def _claims(engine: EngineInfo) -> Iterator[Check]:
    for closed in engine.closed:
        message = f"nothing is claimed since {to_iso(closed.since)}: {closed.message} ({closed.hint})"
        yield Check(name=closed.code, ok=False, message=message)


def judge_store(paths: Paths, *, without: Collection[str] = ()) -> Iterator[Check]:
    """Yield what `verify` finds in a store, but for some codes."""
    try:
        findings = [one for one in verify_path(paths.db) if one.code not in without]
    except TaskdeckError as error:
        older = error.code == "store.older"
        yield Check(name="store", ok=older, warning=older, message=f"{error.message}; {error.hint}")
        return
    for finding in findings[:SHOWN]:
        yield Check(name=finding.code, ok=False, message=finding.message)
    if len(findings) > SHOWN:
        yield Check(name="store", ok=False, message=f"and {len(findings) - SHOWN} more findings")
    if not findings:
        yield Check(name="store", ok=True, message="integrity, recount and fold are clean")
