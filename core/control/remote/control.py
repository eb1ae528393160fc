"""RemoteControl: every method of the ControlAPI, over any dialer's lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.control.api import OPERATOR, Document, StopMode, SubmitOptions, Target
from core.control.located import carried, located
from core.control.remote.reading import RemoteReading
from core.control.requests import asking, changing
from core.control.requests.sent import SentDocument, sent_document, sent_target
from core.model.commands import Force, Operated, Submitted
from core.model.orphans import OrphanView
from core.model.views import Changes, EngineInfo, JobResult
from core.model.workflow_views import WorkflowView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.model.plans import TaskSpec
    from core.model.values import JsonValue


class RemoteControl(RemoteReading):
    """Ask an engine of another process or machine; see `ControlAPI` for what the methods promise.

    Besides that everything may raise `Unavailable` (`engine.none`, `engine.lost`) and `Conflict`
    (`engine.protocol`), see `Calls`.
    """

    async def submit(
        self,
        document: Document,
        params: Mapping[str, JsonValue] | None = None,
        *,
        options: SubmitOptions | None = None,
    ) -> Submitted:
        """Admit a job."""
        sent = self._sent(document)
        request = changing.Submit(document=sent, params=params or {}, options=options)
        return await self._calls.ask(request, Submitted)

    async def enqueue(
        self, specs: Sequence[TaskSpec], *, group: str | None = None, actor: str = OPERATOR
    ) -> tuple[int, ...]:
        """Admit loose tasks."""
        if not specs:
            return ()
        request = changing.Enqueue(specs=tuple(specs), group=group, actor=actor)
        return await self._calls.ask(request, tuple[int, ...])

    async def cancel(
        self, target: Target, *, reason: str = "", force: Force = Force.ASK, actor: str = OPERATOR
    ) -> Operated:
        """Ask a job or tasks to end."""
        request = changing.Cancel(target=sent_target(target), reason=reason, force=force, actor=actor)
        return await self._calls.ask(request, Operated)

    async def kill(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """End what runs of tasks at once."""
        request = changing.Kill(target=sent_target(target), reason=reason, actor=actor)
        return await self._calls.ask(request, Operated)

    async def retry(self, target: Target, *, downstream: bool = False, actor: str = OPERATOR) -> Operated:
        """Run a job's or single tasks again."""
        request = changing.Retry(target=sent_target(target), downstream=downstream, actor=actor)
        return await self._calls.ask(request, Operated)

    async def pause(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Claim no more from a job or a queue."""
        request = changing.Pause(target=sent_target(target), reason=reason, actor=actor)
        return await self._calls.ask(request, Operated)

    async def resume(self, target: Target, *, actor: str = OPERATOR) -> Operated:
        """Claim again from a job or a queue."""
        return await self._calls.ask(changing.Resume(target=sent_target(target), actor=actor), Operated)

    async def hold(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Keep tasks from being claimed."""
        request = changing.Hold(target=sent_target(target), reason=reason, actor=actor)
        return await self._calls.ask(request, Operated)

    async def unhold(self, target: Target, *, actor: str = OPERATOR) -> Operated:
        """Let held tasks go on."""
        return await self._calls.ask(changing.Unhold(target=sent_target(target), actor=actor), Operated)

    async def fail(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Give held tasks up."""
        request = changing.Fail(target=sent_target(target), reason=reason, actor=actor)
        return await self._calls.ask(request, Operated)

    async def orphans(self) -> tuple[OrphanView, ...]:
        """Return what lost its owner."""
        return await self._calls.ask(asking.Orphans(), tuple[OrphanView, ...])

    async def keep_orphans(self, target: Target, *, actor: str = OPERATOR) -> Operated:
        """Note that living orphans are to be watched on."""
        return await self._calls.ask(changing.KeepOrphans(target=sent_target(target), actor=actor), Operated)

    async def kill_orphans(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """End the processes of living orphans."""
        request = changing.KillOrphans(target=sent_target(target), reason=reason, actor=actor)
        return await self._calls.ask(request, Operated)

    async def describe(self, document: Document) -> WorkflowView:
        """Check a document without submitting it."""
        return await self._calls.ask(asking.Describe(document=self._sent(document)), WorkflowView)

    async def changes(self, after: int | None = None) -> Changes:
        """Return what changed since an event, as soon as something has."""
        return await self._calls.ask(asking.Changes(after=after), Changes)

    async def wait_job(self, job_id: int) -> JobResult:
        """Return when the job is final."""
        return await self._calls.ask(asking.WaitJob(job_id=job_id), JobResult)

    async def wait_tasks(self, task_ids: Sequence[int]) -> Mapping[str, int]:
        """Return when all tasks are final."""
        return await self._calls.ask(asking.WaitTasks(task_ids=tuple(task_ids)), dict[str, int])

    async def stop_engine(self, how: StopMode = StopMode.STOP) -> None:
        """Ask the engine to end."""
        await self._calls.stop(how)

    async def status(self) -> EngineInfo:
        """Return who answers."""
        return await self._calls.ask(asking.Status(), EngineInfo)

    def _sent(self, document: Document) -> SentDocument:
        return sent_document(located(document) if self._shares_files else carried(document))
