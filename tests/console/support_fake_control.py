"""A control in memory: rows are kept, filtered and paged for real; verbs move them and are noted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from console.rows.sort_order import is_by_id
from core.control.api import PAGE, EventQuery, StopMode, Target
from core.filters.fields import Noun
from core.filters.grammar import Filter
from core.model.commands import DocumentText, Force, Operated, Submitted
from core.model.counts import Count, Preview
from core.model.errors import Invalid, NotFound, TaskdeckError, Unavailable
from core.model.events import KINDS, EventView
from core.model.orphans import OrphanKind, OrphanView
from core.model.pulse import PulseView
from core.model.status import JOB_FINAL, TASK_FINAL
from core.model.values import JsonValue
from core.model.views import (
    Changes,
    EngineInfo,
    JobDetail,
    JobResult,
    JobView,
    LogChunk,
    Page,
    QueueView,
    TaskDetail,
    TaskView,
)
from core.model.workflow_views import WorkflowView
from tests.console.support_fake_insight import pulse_of
from tests.console.support_fake_rows import INFO, NOW, FakeRows, page

__all__ = ["INFO", "NOW", "FakeControl"]


class FakeControl(FakeRows):
    """ControlAPI over dictionaries; `asked` holds the verbs, `reads` counts the questions.

    `changes` waits for at most `patience` seconds; `searched` cuts counts and lists to so many newest rows;
    `workflows` are the documents that `describe` knows, by path or name, or the error it raises.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, object]] = []
        self.reads: Counter[str] = Counter()
        self.reasons: list[str] = []
        self.patience = 0.0
        self.searched: int | None = None
        self.workflows: dict[str, WorkflowView | TaskdeckError] = {}

    async def jobs(self, where: Filter | None = None, *, after: str | None = None, limit: int = PAGE):
        self._read("jobs")
        return self._page(where or Filter(noun=Noun.JOBS), after, limit)

    async def job(self, job_id: int) -> JobView:
        self._read("job")
        self._known_job(job_id)
        return self.job_view(job_id)

    async def job_detail(self, job_id: int) -> JobDetail:
        self._read("job_detail")
        self._known_job(job_id)
        return JobDetail(
            job=self.job_view(job_id),
            stages=tuple(stage for stage in self.stage_rows.values() if stage.job_id == job_id),
            tasks=tuple(self.task_detail(task.id) for task in self._tasks_of(job_id)),
        )

    async def tasks(self, where: Filter | None = None, *, after: str | None = None, limit: int = PAGE):
        self._read("tasks")
        return self._page(where or Filter(noun=Noun.TASKS), after, limit)

    async def task(self, task_id: int) -> TaskDetail:
        self._read("task")
        self._known_task(task_id)
        return self.task_detail(task_id)

    async def find_task(self, ref: str) -> int:
        self._read("find_task")
        found = [task.id for task in self.task_rows.values() if ref in (str(task.id), task.key)]
        if not found:
            raise NotFound("task.unknown", f"no task {ref}")
        return found[0]

    async def queues(self) -> tuple[QueueView, ...]:
        self._read("queues")
        return self.queue_views()

    async def events(self, query: EventQuery | None = None, *, after_id: int = 0, limit: int = PAGE):
        self._read("events")
        wanted = query or EventQuery()
        where = wanted.filter or Filter(noun=Noun.EVENTS)
        descending = bool(where.sort and where.sort.descending)
        found = self.found(where)
        rows = [
            event
            for event in (reversed(found) if descending else found)
            if (event.id < after_id or not after_id if descending else event.id > after_id)
            and wanted.job_id in (None, event.job_id)
            and wanted.task_id in (None, event.task_id)
        ]
        shown: tuple[EventView, ...] = tuple(rows[:limit])
        return Page(rows=shown, next=str(shown[-1].id) if len(rows) > limit else None)

    async def log(self, task_id: int, *, epoch=None, offset: int = 0, limit: int = 65_536) -> LogChunk:
        self._read("log")
        self._known_task(task_id)
        data = self.outputs.get(task_id, b"")
        start = offset if offset >= 0 else max(0, len(data) + offset)
        piece = data[start : start + limit]
        final = self.task_rows[task_id].status in TASK_FINAL
        attempt = max(1, self.task_rows[task_id].attempts) if data else 0
        return LogChunk(data=piece, offset=start, end=start + len(piece), final=final, epoch=attempt)

    async def count(self, where: Filter) -> Count:
        self._read("count")
        found = self.found(where)
        if self.searched is None or not where.terms:
            return Count(number=len(found))
        oldest = max((view.id for view in self.rows_of(where.noun)), default=0) - self.searched
        return Count(number=sum(view.id > oldest for view in found), searched=self.searched)

    async def preview(self, where: Filter, *, as_of: int | None = None, excluding=()) -> Preview:
        self._read("preview")
        if where.noun is not Noun.TASKS:
            raise Invalid("target.unfit", f"a verb acts on tasks, not on {where.noun}")
        at = self.last_event if as_of is None else as_of
        meant = self.meant(Target(filter=where, as_of=at, excluding=tuple(excluding)))
        late = [task for task in self.found(where) if self.changed_at(task.id) > at]
        return Preview(
            as_of=at,
            number=len(meant),
            by_status=Counter(self.task_rows[number].status for number in meant),
            first=tuple(sorted(meant)[:5]),
            since=len(late),
        )

    async def pulse(self, *, minutes: int = 10) -> PulseView:
        self._read("pulse")
        return pulse_of(self, minutes)

    async def definition(self, job_id: int):
        self._read("definition")
        self._known_job(job_id)
        return {"name": self.job_rows[job_id].name}

    async def close(self) -> None:
        return

    async def submit(self, document, params=None, *, options=None) -> Submitted:
        self._answer()
        name = (options and options.name) or _name_of(document)
        self.asked.append(("submit", (name, dict(params or {}))))
        return Submitted(job_id=self.add_job(name))

    async def enqueue(self, specs, *, group=None, actor="operator") -> tuple[int, ...]:
        self._answer()
        return tuple(self.add_task(1, spec.key or "t", group=group) for spec in specs)

    async def cancel(self, target: Target, *, reason="", force=Force.ASK, actor="operator") -> Operated:
        if target.job_id:
            return self._move_job("cancel", target, status="cancelled")
        return self._move("cancel", target, status="cancelled")

    async def kill(self, target: Target, *, reason="", actor="operator") -> Operated:
        self.reasons.append(reason)
        return self._move("kill", target, status="cancelled")

    async def retry(self, target: Target, *, downstream=False, actor="operator") -> Operated:
        if target.job_id:
            failed = [task.id for task in self._tasks_of(target.job_id) if task.status == "failed"]
            for number in failed:
                self.set_task(number, status="queued")
            return self._move_job("retry", target, status="running", more=len(failed))
        return self._move("retry", target, status="queued")

    async def pause(self, target: Target, *, reason="", actor="operator") -> Operated:
        return self._switch("pause", target, status="paused")

    async def resume(self, target: Target, *, actor="operator") -> Operated:
        return self._switch("resume", target, status="running")

    async def hold(self, target: Target, *, reason="", actor="operator") -> Operated:
        return self._move("hold", target, status="held")

    async def unhold(self, target: Target, *, actor="operator") -> Operated:
        return self._move("unhold", target, status="queued")

    async def fail(self, target: Target, *, reason="", actor="operator") -> Operated:
        return self._move("fail", target, status="failed")

    async def orphans(self) -> tuple[OrphanView, ...]:
        self._read("orphans")
        self._answer()
        return tuple(orphan for _, orphan in sorted(self.orphan_rows.items()) if self._stands(orphan))

    async def keep_orphans(self, target: Target, *, actor="operator") -> Operated:
        return self._of_orphans("keep", target)

    async def kill_orphans(self, target: Target, *, reason="", actor="operator") -> Operated:
        return self._of_orphans("kill_orphans", target)

    async def describe(self, document) -> WorkflowView:
        self._answer()
        name = _name_of(document)
        known = self.workflows.get(name)
        if isinstance(known, TaskdeckError):
            raise known
        if known is None and isinstance(document, str) and "\n" not in document:
            raise NotFound("document.unknown", f"no file {document}")
        return known or WorkflowView(name=name, stages=1, tasks=1)

    async def changes(self, after: int | None = None) -> Changes:
        self._read("changes")
        self._answer()
        if after == self.last_event and self.patience:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.patience):
                    await self.stirred()
            self._answer()
        kinds = KINDS if after is None else (event.kind for event in self.event_rows[after:])
        jobs = Counter(job.status for job in self.job_rows.values() if job.status not in JOB_FINAL)
        return Changes(
            last_event=self.last_event,
            kinds=frozenset(kinds),
            tasks=dict(Counter(task.status for task in self.task_rows.values())),
            jobs=dict(jobs),
            paused_queues=len(self.paused),
            engine=self._answer(),
        )

    async def wait_job(self, job_id: int) -> JobResult:
        raise Unavailable("engine.none", "no engine")

    async def wait_tasks(self, task_ids):
        raise Unavailable("engine.none", "no engine")

    async def stop_engine(self, how: StopMode = StopMode.STOP) -> None:
        self._answer()
        self.asked.append(("stop", how))
        self.engine = None

    async def status(self) -> EngineInfo:
        return self._answer()

    def _read(self, what: str) -> None:
        self.reads[what] += 1
        if self.broken is not None:
            raise self.broken

    def _answer(self) -> EngineInfo:
        if self.engine is None:
            raise Unavailable("engine.none", "no engine is running", hint="start one with 'taskdeck serve'")
        return self.engine

    def _page(self, where: Filter, after: str | None, limit: int) -> Page:
        found = self.found(where)
        if self.searched is None or not (where.terms or where.sort):
            return page(found, where, after, limit)
        oldest = max((view.id for view in self.rows_of(where.noun)), default=0) - self.searched
        cut = page([view for view in found if view.id > oldest], where, after, limit)
        if is_by_id(where):
            return replace(cut, next=cut.next or "further on", searched=None if cut.next else self.searched)
        return replace(cut, searched=self.searched)

    def _known_job(self, job_id: int) -> None:
        if job_id not in self.job_rows:
            raise NotFound("job.unknown", f"no job {job_id}")

    def _known_task(self, task_id: int) -> None:
        if task_id not in self.task_rows:
            raise NotFound("task.unknown", f"no task {task_id}")

    def _tasks_of(self, job_id: int) -> list[TaskView]:
        return [task for task in self.task_rows.values() if task.job_id == job_id]

    def _note_verb(self, verb: str, target: Target) -> None:
        self._answer()
        self.asked.append((verb, target.job_id or target.task_ids or target.filter or target.queue))

    def _move_job(self, verb: str, target: Target, *, status: str, more: int = 0) -> Operated:
        self._note_verb(verb, target)
        assert target.job_id
        self._known_job(target.job_id)
        self.set_job(target.job_id, status=status)
        return Operated(changed=1 + more)

    def _switch(self, verb: str, target: Target, *, status: str) -> Operated:
        if target.job_id:
            return self._move_job(verb, target, status=status)
        if target.queue is None:
            raise Invalid("target.unfit", f"{verb} acts on a job or a queue")
        self._note_verb(verb, target)
        if verb == "pause":
            self.paused[target.queue] = NOW
        else:
            self.paused.pop(target.queue, None)
        self.note("queue.paused" if verb == "pause" else "queue.resumed")
        return Operated(changed=1)

    def _move(self, verb: str, target: Target, *, status: str) -> Operated:
        if target.job_id or target.queue:
            raise Invalid("target.unfit", f"{verb} acts on tasks")
        self._note_verb(verb, target)
        refusals = {number: self._refusal(verb, number) for number in self.meant(target)}
        for number, reason in refusals.items():
            if not reason:
                self.set_task(number, status=status)
        refused = tuple((number, reason) for number, reason in refusals.items() if reason)
        return Operated(changed=len(refusals) - len(refused), refused=refused)

    def _refusal(self, verb: str, task_id: int) -> str:
        if task_id not in self.task_rows:
            return "no such task"
        status = self.task_rows[task_id].status
        if verb == "retry":
            return "" if status in TASK_FINAL else "it has not ended"
        if verb == "kill":
            return "" if status == "running" else f"it is {status}: nothing of it runs"
        if verb in ("fail", "unhold"):
            return "" if status == "held" else "it is not held"
        return "it has ended" if status in TASK_FINAL else ""

    def _stands(self, orphan: OrphanView) -> bool:
        return orphan.kind is OrphanKind.LIVING or self.task_rows[orphan.task_id].status == "held"

    def _of_orphans(self, verb: str, target: Target) -> Operated:
        self._note_verb(verb, target)
        numbers = target.task_ids or ()
        living = [
            n for n in numbers if n in self.orphan_rows and self.orphan_rows[n].kind is OrphanKind.LIVING
        ]
        for number in living:
            if verb == "keep":
                self.orphan_rows[number] = replace(self.orphan_rows[number], kept=True)
            else:
                del self.orphan_rows[number]
                self.set_task(number, status="failed")
        refused = tuple((number, "no living orphan") for number in numbers if number not in living)
        return Operated(changed=len(living), refused=refused)


def _name_of(document: Mapping[str, JsonValue] | str | DocumentText) -> str:
    if isinstance(document, DocumentText):
        return document.name
    return document if isinstance(document, str) else str(document.get("name", "job"))
