"""What changes the store, or asks the engine: one request each."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field

from core.control.api import OPERATOR, ControlAPI, SubmitOptions, TaskSpec
from core.control.requests.sent import SentDocument, SentTarget
from core.model.commands import Force
from core.model.values import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """Admit a job."""

    document: SentDocument
    params: Mapping[str, JsonValue] = field(default_factory=dict)
    options: SubmitOptions | None = None

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.submit(self.document.open(), self.params, options=self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueue:
    """Admit loose tasks."""

    specs: tuple[TaskSpec, ...]
    group: str | None = None
    actor: str = OPERATOR

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.enqueue(self.specs, group=self.group, actor=self.actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """A verb on a target, and who asks."""

    target: SentTarget
    actor: str = OPERATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoned(Acting):
    """A verb on a target, who asks, and why."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Reasoned):
    """Ask a job or tasks to end."""

    force: Force = Force.ASK

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.cancel(self.target.open(), reason=self.reason, force=self.force, actor=self.actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill(Reasoned):
    """End what runs of tasks at once."""

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.kill(self.target.open(), reason=self.reason, actor=self.actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Acting):
    """Run a job's or single tasks again."""

    downstream: bool = False

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.retry(self.target.open(), downstream=self.downstream, actor=self.actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Reasoned):
    """Claim no more from a job or a queue."""

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.pause(self.target.open(), reason=self.reason, actor=self.actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Acting):
    """Claim again from a job or a queue."""

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.resume(self.target.open(), actor=self.actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Reasoned):
    """Keep tasks from being claimed."""

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.hold(self.target.open(), reason=self.reason, actor=self.actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unhold(Acting):
    """Let held tasks go on."""

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.unhold(self.target.open(), actor=self.actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail(Reasoned):
    """Give held tasks up."""

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.fail(self.target.open(), reason=self.reason, actor=self.actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepOrphans(Acting):
    """Note that living orphans are to be watched on."""

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.keep_orphans(self.target.open(), actor=self.actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class KillOrphans(Reasoned):
    """End the processes of living orphans."""

    def put(self, control: ControlAPI) -> Awaitable[object]:
        """Ask a control."""
        return control.kill_orphans(self.target.open(), reason=self.reason, actor=self.actor)
