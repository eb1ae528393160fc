"""FileLooks: looks at the files that tasks wait for.

Told by the lookouts. Files are looked at together, off the loop: a disk that hangs must not stop it.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from core.engine.background import BackgroundTasks
from core.engine.pauses import GrowingPause
from core.engine.set_aside import Note
from core.files.confinement import leads_out
from core.model.commands.answers import Answer, WaitRef
from core.model.outcomes import TaskError
from core.model.ports import Alarms, Clock
from core.model.text import safe_line
from core.model.values import JsonObject, to_iso
from core.store.reports.lookouts import Lookout

_WHAT, _ALARM = "looks at files", "files"
LEAST_MS, MOST_MS, EACH_MS = 1_000, 30_000, 5
"""From one look to the next: so long for each file, within these bounds."""
# What of a path that cannot be looked at says that nothing is there yet.
_NOT_THERE = (FileNotFoundError, NotADirectoryError)


class LooksJournal(Protocol):
    """Where answers are written: the journal."""

    def submit(self, command: Answer) -> asyncio.Future[bool]:
        """Carry a command out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """What is at a path: a file as it stands, or why none can be waited for there."""

    size: int = 0
    changed_ms: int = 0
    """When it changed last by its own times, ms UTC."""
    modified_ms: int = 0
    identity: tuple[int, ...] = ()
    error: TaskError | None = None


@dataclass(slots=True, kw_only=True)
class _Awaited:
    """A task, its file, and since when that is as it is."""

    lookout: Lookout
    at: int
    """When to look (engine time)."""
    sight: _Sight | None = None
    since: int = 0

    def see(self, sight: _Sight | None, *, now: int, wall: int) -> bool:
        """Take what is there now; return whether the file has been so for long enough."""
        if sight is None or self.sight is None or sight.identity != self.sight.identity:
            self.sight, self.since = sight, now
        if sight is None:
            return False
        stable, age = self.lookout.stable_ms, wall - sight.changed_ms
        return not stable or now - self.since >= stable or age >= stable


class FileLooks:
    """Look at every awaited file now and then, the more of them the more seldom."""

    def __init__(self, journal: LooksJournal, *, clock: Clock, alarms: Alarms, note: Note) -> None:
        self._journal = journal
        self._clock = clock
        self._alarms = alarms
        self._note = note
        self._awaited: dict[int, _Awaited] = {}
        self._work = BackgroundTasks()
        self._pause = GrowingPause()
        self._armed: int | None = None

    def __len__(self) -> int:
        return len(self._awaited)

    def add(self, lookout: Lookout) -> None:
        """Look for this file, for the first time at once."""
        now = self._clock.now()
        self._awaited[lookout.task_id] = _Awaited(lookout=lookout, at=now)
        self._arm(now)

    def forget(self, task_id: int) -> None:
        """Look for the file of this task no more."""
        self._awaited.pop(task_id, None)

    async def end(self) -> None:
        """Look for nothing any more."""
        self._awaited.clear()
        self._alarms.disarm(_ALARM)
        await self._work.end()

    @property
    def pause_ms(self) -> int:
        """Return how long it is from one look at all files to the next."""
        return max(LEAST_MS, min(MOST_MS, EACH_MS * len(self._awaited)))

    def _arm(self, at: int) -> None:
        if not self._work and (self._armed is None or at < self._armed):
            self._armed = at
            self._alarms.arm(_ALARM, at, self._due)

    def _due(self) -> None:
        self._armed = None
        now = self._clock.now()
        due = [one for one in self._awaited.values() if one.at <= now]
        self._work.start(self._look(due), partial(self._looked, due))

    def _looked(self, due: Sequence[_Awaited], done: asyncio.Task[None]) -> None:
        if done.cancelled():
            return
        self._note(_WHAT, done.exception())
        if done.exception() is None:
            self._pause.reset()
        else:
            # At once it would fail again, as where the machine can start no thread.
            later = self._clock.now() + self._pause.next()
            for one in due:
                one.at = max(one.at, later)
        if self._awaited:
            self._arm(min(one.at for one in self._awaited.values()))

    async def _look(self, due: Sequence[_Awaited]) -> None:
        sights = await asyncio.to_thread(_look_at, [one.lookout for one in due])
        answers = list(self._answers(due, sights))
        await asyncio.gather(*[self._journal.submit(answer) for answer in answers])

    def _answers(self, due: Sequence[_Awaited], sights: Mapping[int, _Sight | None]) -> Iterable[Answer]:
        now, pause = self._clock.now(), self.pause_ms
        # On a grid: what came one after another is looked at together from then on.
        following = (now // pause + 1) * pause
        for one in due:
            sight = sights[one.lookout.task_id]
            wait = WaitRef(task_id=one.lookout.task_id, generation=one.lookout.generation)
            one.at = following
            if sight is not None and sight.error is not None:
                yield Answer(wait=wait, error=sight.error)
            elif one.see(sight, now=now, wall=now - self._clock.offset) and sight is not None:
                yield Answer(wait=wait, output=_output(one.lookout.path or "", sight))
            elif sight is not None:
                one.at = min(following, one.since + one.lookout.stable_ms)


def _output(path: str, sight: _Sight) -> JsonObject:
    return {"path": path, "size": sight.size, "modified": to_iso(sight.modified_ms)}


def _look_at(lookouts: Sequence[Lookout]) -> dict[int, _Sight | None]:
    return {one.task_id: look_at(one.path or "", one.root or "") for one in lookouts}


def look_at(path: str, root: str) -> _Sight | None:
    """Return what is at a path below a folder; None = nothing yet."""
    shown = safe_line(path)
    try:
        found = os.stat(path)  # noqa: PTH116 # A thousand paths are looked at each few seconds.
        outside = leads_out(path, root)
    except _NOT_THERE:
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return _refused("file.unreadable", f"{shown} cannot be looked at: {reason}")
    if outside is not None:
        message = f"{shown} leads to {safe_line(str(outside))}, which is not below {safe_line(root)}"
        return _refused("file.outside", message)
    if not stat.S_ISREG(found.st_mode):
        return _refused("file.unreadable", f"{shown} is not a file: name a file in it, or beside it")
    modified, changed = found.st_mtime_ns // 1_000_000, found.st_ctime_ns // 1_000_000
    identity = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    return _Sight(
        size=found.st_size, changed_ms=max(modified, changed), modified_ms=modified, identity=identity
    )


def _refused(code: str, message: str) -> _Sight:
    return _Sight(error=TaskError(code=code, message=message))
