"""Orphans: attempts whose wrapper died while their processes live on.

Used by the runner and by the processes that it follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from core.engine.attempts.attempt import Running
from core.executors.child import ChildExecutor
from core.executors.observations import ProcessEnd, Vanished
from core.logs import get_logger
from core.model.commands.work import AttemptNote, NoteAttempt, Operated
from core.model.orphans import OrphanKind, OrphanView
from core.model.plans import OnLoss
from core.model.ports import AttemptRef, Clock
from core.model.refusals import Refusal, no_orphan, refuse_task

KILL_SECONDS = 10.0
"""How long a kill is waited for: processes of another user live on, and then it is refused."""

_log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class _Orphan:
    """One living orphan; `verdict` is what an operator's kill says of it."""

    running: Running
    reason: str
    since: int
    kept: bool = False
    verdict: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """The orphans among tasks that an operator named, and a refusal for each other one."""

    orphans: list[_Orphan]
    refused: list[Refusal]


class Orphans:
    """Watch orphans to their end; keep or kill them as operators decide."""

    def __init__(
        self, children: ChildExecutor, clock: Clock, *, note: Callable[[NoteAttempt], Awaitable[None]]
    ) -> None:
        self._children = children
        self._clock = clock
        self._note = note
        self._living: dict[AttemptRef, _Orphan] = {}

    async def outlive(self, running: Running, end: Vanished) -> ProcessEnd:
        """Return when the last of a family has ended: `on_loss: ask` leaves it alone, else it is killed."""
        ref = running.ref
        now = self._clock.now()
        orphan = _Orphan(running=running, reason=end.reason, since=now - self._clock.offset)
        self._living[ref] = orphan
        self._note(
            NoteAttempt(
                task_id=ref.task_id,
                epoch=ref.epoch,
                kind=AttemptNote.FOUND,
                data={"reason": end.reason, "pids": list(end.pids)},
            )
        )
        _log.warning("an attempt lost its wrapper", pids=end.pids)
        try:
            if running.spec.on_loss is not OnLoss.ASK or running.cause is not None:
                await self._children.kill(ref)
            last = await self._children.wait(ref)
        finally:
            del self._living[ref]
        if not isinstance(last, Vanished):
            return last
        reason = f"{end.reason}; {orphan.verdict}" if orphan.verdict else end.reason
        return Vanished(reason=reason, exit=last.exit)

    async def views(self) -> tuple[OrphanView, ...]:
        """Return those that live, with what their processes are, in order of task id."""
        living = sorted(self._living.values(), key=lambda orphan: orphan.running.ref.task_id)
        return tuple([view for orphan in living if (view := await self._view(orphan)) is not None])

    async def keep(self, task_ids: Sequence[int], *, actor: str) -> Operated:
        """Note that an operator wants these watched on; what is not a living orphan is refused."""
        choice = self._choose(task_ids)
        fresh = [orphan for orphan in choice.orphans if not orphan.kept]
        for orphan in fresh:
            orphan.kept = True
            ref = orphan.running.ref
            kept = NoteAttempt(task_id=ref.task_id, epoch=ref.epoch, kind=AttemptNote.KEPT, actor=actor)
            await self._note(kept)
            with orphan.running.logged():
                _log.info("an orphan is kept", actor=actor)
        return Operated(changed=len(fresh), refused=tuple(choice.refused))

    async def kill(self, task_ids: Sequence[int], *, reason: str, actor: str) -> Operated:
        """End the processes of these and wait until their attempts are closed as lost.

        The actor and the reason become part of the loss. What has ended meanwhile, or does not end, is
        refused.
        """
        choice = self._choose(task_ids)
        chosen, refused = choice.orphans, choice.refused
        verdict = f"what lived on was killed by {actor}" + (f": {reason}" if reason else "")
        answers = await asyncio.gather(*[self._kill(orphan, verdict) for orphan in chosen])
        refused += [answer for answer in answers if answer is not None]
        in_order = sorted(refused, key=lambda refusal: refusal.id)
        return Operated(changed=answers.count(None), refused=tuple(in_order))

    async def _kill(self, orphan: _Orphan, verdict: str) -> Refusal | None:
        """End one orphan; return why not."""
        ref = orphan.running.ref
        if not await self._children.survivors(ref):
            return no_orphan(ref.task_id)
        orphan.verdict = orphan.verdict or verdict
        with orphan.running.logged():
            _log.info("an orphan is killed", verdict=verdict)
        await self._children.kill(ref)
        await self._closed(orphan.running)
        if ref not in self._living:
            return None
        hint = "'taskdeck orphans' lists them; end them by their pids"
        return refuse_task(ref.task_id, "orphan.unended", "its processes could not be ended", hint=hint)

    async def _closed(self, running: Running) -> None:
        if running.task is None:
            return
        patience = asyncio.ensure_future(self._clock.sleep(KILL_SECONDS))
        try:
            await asyncio.wait([running.task, patience], return_when=asyncio.FIRST_COMPLETED)
        finally:
            patience.cancel()

    def _choose(self, task_ids: Iterable[int]) -> _Choice:
        by_task = {ref.task_id: orphan for ref, orphan in self._living.items()}
        wanted = list(dict.fromkeys(task_ids))
        return _Choice(
            orphans=[by_task[task_id] for task_id in wanted if task_id in by_task],
            refused=[no_orphan(task_id) for task_id in wanted if task_id not in by_task],
        )

    async def _view(self, orphan: _Orphan) -> OrphanView | None:
        running = orphan.running
        survivors = await self._children.survivors(running.ref)
        if not survivors:
            return None
        return OrphanView(
            kind=OrphanKind.LIVING,
            task_id=running.ref.task_id,
            job_id=running.claimed.job_id,
            key=running.claimed.key,
            epoch=running.ref.epoch,
            since=orphan.since,
            reason=orphan.reason,
            pids=tuple(one.pid for one in survivors),
            commands=tuple(one.command for one in survivors),
            kept=orphan.kept,
        )
