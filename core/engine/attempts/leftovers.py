"""Leftovers: processes that live on after their attempts have ended.

Used by the runner's processes, by the shutdown and for the list of orphans.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.engine.attempts.attempt import Running
from core.engine.background import BackgroundTasks
from core.executors.child import ChildExecutor
from core.executors.observations import LeftProcess
from core.logs import bound, get_logger
from core.model.commands.work import ENGINE, AttemptNote, NoteAttempt
from core.model.orphans import OrphanKind, OrphanView
from core.model.plans import Leftovers as Policy
from core.model.ports import AttemptRef, Clock
from core.model.values import JsonObject

GRACE_SECONDS = 1.0
"""How long what an attempt left in its session may still finish by itself, such as the `tee` of its log."""

_log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class _Ended:
    """An attempt that has ended under this engine."""

    running: Running
    at: int
    told: bool = False


class Leftovers:
    """End what attempts left in their sessions, by policy; what left its session is kept and listed."""

    def __init__(
        self, children: ChildExecutor, clock: Clock, *, note: Callable[[NoteAttempt], object]
    ) -> None:
        self._children = children
        self._clock = clock
        self._note = note
        self._ended: dict[AttemptRef, _Ended] = {}
        self._since: dict[AttemptRef, int] = {}
        self._tasks = BackgroundTasks()
        self._armed = False

    def ended(self, running: Running) -> None:
        """Hear that an attempt has ended; what lives on of it is looked for after the grace."""
        self._ended[running.ref] = _Ended(running=running, at=self._clock.now())
        self._arm()

    async def views(self) -> tuple[OrphanView, ...]:
        """Return what lives on now; the caller adds job and key of the tasks."""
        found = await self._children.leftovers()
        now = self._clock.now()
        self._since = {ref: self._since.get(ref, now) for ref in found}
        return tuple(
            self._view(ref, left) for ref, left in sorted(found.items(), key=lambda one: one[0].task_id)
        )

    async def kill(self, task_ids: Sequence[int], *, reason: str, actor: str) -> set[int]:
        """End what these tasks left behind, wherever it went; return those that had left something."""
        return await self._kill({*task_ids}, actor=actor, reason=reason)

    async def kill_all(self, *, actor: str) -> None:
        """End all that attempts of this store left behind."""
        await self._kill(None, actor=actor, reason="the engine was stopped with its commands")

    async def finish(self) -> None:
        """End at once what the policy ends: no later turn of this engine does."""
        for task in self._tasks.cancel():
            await asyncio.wait([task])
        if self._ended:
            await self._sweep(grace=0)

    async def _kill(self, task_ids: set[int] | None, *, actor: str, reason: str) -> set[int]:
        killed = set()
        for ref, left in (await self._children.leftovers()).items():
            if task_ids is None or ref.task_id in task_ids:
                killed.add(ref.task_id)
                self._children.end(left)
                await self._children.kill(ref)
                self._tell(ref, left, {"killed": True, "reason": reason}, actor=actor)
        return killed

    def _arm(self) -> None:
        if not self._armed:
            self._armed = True
            self._clock.call_later(GRACE_SECONDS, self._start)

    def _start(self) -> None:
        self._armed = False
        self._tasks.start(self._sweep(grace=GRACE_SECONDS))

    async def _sweep(self, *, grace: float) -> None:
        """Look once at all processes; those of attempts whose grace has passed are ended, kept or gone."""
        latest = self._clock.now() - round(grace * 1000)
        due = {ref: ended for ref, ended in self._ended.items() if ended.at <= latest}
        try:
            found = await self._children.leftovers()
        except OSError:
            # Too short of descriptors to see a process: none is forgotten for that.
            if grace:
                self._arm()
            return
        for ref, ended in due.items():
            left = found.get(ref, ())
            doomed = [one for one in left if one.in_session and _ends(ended)]
            self._children.end(doomed)
            if left and not ended.told:
                ended.told = True
                self._tell(ref, left, {"killed": bool(doomed)}, actor=ENGINE)
            if not doomed:
                del self._ended[ref]
                self._children.forget(ref)
        if self._ended and grace:
            self._arm()

    def _tell(self, ref: AttemptRef, left: Sequence[LeftProcess], data: JsonObject, *, actor: str) -> None:
        pids = [one.process.pid for one in left]
        data = {"pids": [*pids], "commands": [one.command for one in left], **data}
        kind = AttemptNote.LEFT
        self._note(NoteAttempt(task_id=ref.task_id, epoch=ref.epoch, kind=kind, data=data, actor=actor))
        with bound(task=ref.task_id, attempt=ref.epoch):
            _log.info("an ended attempt left processes behind", pids=pids, killed=data["killed"])

    def _view(self, ref: AttemptRef, left: Sequence[LeftProcess]) -> OrphanView:
        return OrphanView(
            kind=OrphanKind.LEFT,
            task_id=ref.task_id,
            job_id=0,
            key="",
            epoch=ref.epoch,
            since=self._since.get(ref),
            reason=f"left behind by task {ref.task_id}",
            pids=tuple(one.process.pid for one in left),
            commands=tuple(one.command for one in left),
        )


def _ends(ended: _Ended) -> bool:
    return ended.running.spec.leftovers is not Policy.KEEP
