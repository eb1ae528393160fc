"""Upkeep: requests that keep, empty and remove what has ended.

The part `upkeep` of the ControlAPI.
"""

from __future__ import annotations

from core.control.arguments import OPERATOR, Target
from core.control.operator_requests import Operate
from core.control.requests import Kind, Request, Verbs, verb
from core.filters.terms import Filter
from core.model import bounds
from core.model.commands import purges as purge_commands
from core.model.commands.work import Effect, Operated, Operation
from core.model.disk import DiskView
from core.model.purges import PurgeView, PurgeWhat
from core.model.retention import RetentionView
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


@verb("retention", Kind.READ)
class Retention(Request[RetentionView], frozen=True, kw_only=True):
    pass


@verb("disk", Kind.READ)
class Disk(Request[DiskView], frozen=True, kw_only=True):
    pass


@verb("apply_retention", Kind.CHANGE)
class ApplyRetention(Request[None], frozen=True, kw_only=True):
    actor: str = OPERATOR

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("actor", self.actor)


class UpkeepReading(Verbs):
    """How large a store is, and how long what is kept."""

    async def retention(self) -> RetentionView:
        """Return what config.toml says of retention, and where retention stands."""
        return await self._control.ask(Retention())

    async def disk(self) -> DiskView:
        """Return what takes the room of the data directory.

        Outputs are looked at for a second and a half; where that is not enough, `is_partial` says so.
        """
        return await self._control.ask(Disk())


class Upkeep(UpkeepReading):
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

    async def apply_retention(self, *, actor: str = OPERATOR) -> None:
        """Let retention take what it told of, without waiting for the end of its notice.

        The pass begins at once in an engine that runs tasks; else with the next one.
        """
        await self._control.ask(ApplyRetention(actor=actor))
