"""Upkeep: requests that keep, empty and remove what has ended.

The part `upkeep` of the ControlAPI.
"""

from __future__ import annotations

from core.control.arguments import OPERATOR, Target
from core.control.operator_requests import Operate
from core.control.requests import Kind, Request, Verbs, verb
from core.filters.terms import Filter
from core.model import bounds, purge_commands
from core.model.commands import Effect, Operated, Operation
from core.model.purges import PurgeView, PurgeWhat
from core.model.values import ID_MAX


@verb("pin", Kind.CHANGE)
class Pin(Operate, frozen=True, kw_only=True):
    reason: str = ""

    def on_tasks(self, task_ids: tuple[int, ...]) -> Operation:
        return purge_commands.Pin(task_ids=task_ids, reason=self.reason, actor=self.actor)

    def on_job(self, job_id: int) -> Operation:
        """Return the command on a job."""
        return purge_commands.Pin(job_id=job_id, reason=self.reason, actor=self.actor)


@verb("unpin", Kind.CHANGE)
class Unpin(Operate, frozen=True, kw_only=True):
    reason: str = ""

    def on_tasks(self, task_ids: tuple[int, ...]) -> Operation:
        return purge_commands.Unpin(task_ids=task_ids, reason=self.reason, actor=self.actor)

    def on_job(self, job_id: int) -> Operation:
        """Return the command on a job."""
        return purge_commands.Unpin(job_id=job_id, reason=self.reason, actor=self.actor)


@verb("purge", Kind.CHANGE)
class Purge(Request[PurgeView], frozen=True, kw_only=True):
    what: PurgeWhat
    ids: tuple[int, ...] = ()
    """Of jobs, or of tasks where outputs or loose tasks go."""
    where: Filter | None = None
    after: int = 0
    effect: Effect = Effect.CHANGE
    reason: str = ""
    actor: str = OPERATOR

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("actor", self.actor)
        bounds.check_reason(self.reason)
        for number in self.ids:
            bounds.check_whole("ids", number, least=1, most=ID_MAX)


class Upkeep(Verbs):
    """What keeps a store small."""

    async def pin(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Keep a job with its tasks, or tasks (ids, filter), from being purged and emptied.

        A queue is `target.unfit`, the inbox `job.inbox`. What is pinned already, or is being purged, is
        listed as refused.
        """
        return await self._control.ask(Pin(target=target, reason=reason, actor=actor))

    async def unpin(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Let a job, or tasks, be purged again."""
        return await self._control.ask(Unpin(target=target, reason=reason, actor=actor))

    async def purge(self, request: Purge) -> PurgeView:
        """Take a part of what is named; ask again with `after` = `next` until that is None.

        Jobs go as a whole with history and outputs, loose tasks (a filter means those alone) likewise; of
        `outputs` the directories go and the rows stay. What has not ended, is pinned, or has a key by `once`
        that is still taken stays, and is listed as refused. With `Effect.NONE` it tells what would go. Each
        part is on the disk when it is answered; a job that was begun is gone on with by the next engine.
        Raises `Invalid` (`target.one`) for ids beside a filter, and for neither.
        """
        return await self._control.ask(request)
