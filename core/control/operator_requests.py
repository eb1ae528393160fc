"""Requests of operators on tasks, jobs and queues.

Asked by the methods of the ControlAPI; `LocalControl` carries them out.
"""

from __future__ import annotations

from core.control.arguments import OPERATOR, Target, unfit
from core.control.requests import Kind, Request, verb
from core.model import bounds
from core.model.commands import work as commands
from core.model.commands.work import Effect, Force, Operated, Operation
from core.model.records import replace


class Operate(Request[Operated], frozen=True, kw_only=True):
    """What an operator's verb acts on, and who asks."""

    target: Target
    actor: str = OPERATOR
    effect: Effect = Effect.CHANGE

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("actor", self.actor)
        bounds.check_reason(getattr(self, "reason", ""))

    def on_tasks(self, task_ids: tuple[int, ...]) -> Operation:
        """Return the command on these tasks; a verb without one raises `Invalid` (`target.unfit`)."""
        raise unfit("a job or a queue")


@verb("cancel", Kind.CHANGE)
class Cancel(Operate, frozen=True, kw_only=True):
    reason: str = ""
    force: Force = Force.ASK

    def on_tasks(self, task_ids: tuple[int, ...]) -> Operation:
        return commands.Cancel(task_ids=task_ids, reason=self.reason, force=self.force, actor=self.actor)


@verb("kill", Kind.CHANGE)
class Kill(Operate, frozen=True, kw_only=True):
    reason: str = ""

    def on_tasks(self, task_ids: tuple[int, ...]) -> Operation:
        return commands.Kill(task_ids=task_ids, reason=self.reason, actor=self.actor)


@verb("retry", Kind.CHANGE)
class Retry(Operate, frozen=True, kw_only=True):
    downstream: bool = False
    reason: str = ""
    force: bool = False
    fresh: bool = False
    """Tasks that wait for a child begin a new one."""

    def on_tasks(self, task_ids: tuple[int, ...]) -> Operation:
        return replace(self.on_job(None), task_ids=task_ids)

    def on_job(self, job_id: int | None) -> commands.Rerun:
        """Return the command on what went wrong in a job."""
        return commands.Rerun(
            job_id=job_id,
            downstream=self.downstream,
            force=self.force,
            fresh=self.fresh,
            reason=self.reason,
            actor=self.actor,
        )


@verb("pause", Kind.CHANGE)
class Pause(Operate, frozen=True, kw_only=True):
    reason: str = ""


@verb("resume", Kind.CHANGE)
class Resume(Operate, frozen=True, kw_only=True):
    reason: str = ""


@verb("hold", Kind.CHANGE)
class Hold(Operate, frozen=True, kw_only=True):
    reason: str = ""

    def on_tasks(self, task_ids: tuple[int, ...]) -> Operation:
        return commands.Hold(task_ids=task_ids, reason=self.reason, actor=self.actor)


@verb("unhold", Kind.CHANGE)
class Unhold(Operate, frozen=True, kw_only=True):
    reason: str = ""

    def on_tasks(self, task_ids: tuple[int, ...]) -> Operation:
        return commands.Unhold(task_ids=task_ids, reason=self.reason, actor=self.actor)


@verb("fail", Kind.CHANGE)
class Fail(Operate, frozen=True, kw_only=True):
    reason: str = ""

    def on_tasks(self, task_ids: tuple[int, ...]) -> Operation:
        return commands.Fail(task_ids=task_ids, reason=self.reason, actor=self.actor)


@verb("prioritise", Kind.CHANGE)
class Prioritise(Operate, frozen=True, kw_only=True):
    priority: int
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        # dataclass(slots=True) replaces the class, and a bare super() refers to the one it replaced.
        Operate.__post_init__(self)
        bounds.check_priority(self.priority)

    def on_tasks(self, task_ids: tuple[int, ...]) -> Operation:
        return commands.Prioritise(
            task_ids=task_ids, priority=self.priority, reason=self.reason, actor=self.actor
        )
