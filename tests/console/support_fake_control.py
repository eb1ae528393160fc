"""A control in memory: rows are kept, filtered and paged for real; verbs move them and are noted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from core.control.api import PAGE, EventQuery, Target
from core.model.commands import Operated, Submitted
from core.model.errors import NotFound, TaskdeckError, Unavailable
from core.model.events import EventView
from core.model.fields import FIELDS, Noun
from core.model.filters import Filter, matches
from core.model.status import TASK_FINAL
from core.model.terms import field_of
from core.model.views import (
    AttemptView,
    EngineInfo,
    JobDetail,
    JobResult,
    JobView,
    LogChunk,
    Page,
    QueueView,
    StageView,
    TaskDetail,
    TaskView,
)

NOW = 1_700_000_000_000
INFO = EngineInfo(version="1", pid=4711, epoch=1, slots=4, running=0, home="/home")


class FakeControl:
    """ControlAPI over dictionaries; `asked` holds the verbs, `reads` counts the questions."""

    def __init__(self) -> None:
        self.job_rows: dict[int, JobView] = {}
        self.task_rows: dict[int, TaskView] = {}
        self.stage_rows: dict[int, StageView] = {}
        self.needs: dict[int, tuple[str, ...]] = {}
        self.outputs: dict[int, bytes] = {}
        self.event_rows: list[EventView] = []
        self.paused: dict[str, int] = {}
        self.asked: list[tuple[str, object]] = []
        self.reads: Counter[str] = Counter()
        self.engine: EngineInfo | None = INFO
        self.broken: TaskdeckError | None = None

    def add_job(self, name: str = "job", *, status: str = "running") -> int:
        number = len(self.job_rows) + 2
        self.job_rows[number] = JobView(
            id=number,
            name=name,
            status=status,
            on_task_failure="stop",
            reason=None,
            created_at=NOW,
            started_at=NOW,
            finished_at=None,
            tasks={},
        )
        self.stage_rows[number] = StageView(
            id=number, job_id=number, position=0, name="main", status="open", tasks={}
        )
        return number

    def add_task(self, job_id: int, key: str = "t", *, status: str = "queued", **more) -> int:
        number = len(self.task_rows) + 1
        self.needs[number] = tuple(more.pop("needs", ()))
        values = {
            "name": None,
            "uses": "shell",
            "queue": "default",
            "priority": 0,
            "group": None,
            "attempts": 0,
            "max_attempts": 1,
            "wait_reason": None,
            "created_at": NOW,
            "queued_at": NOW,
            "started_at": None,
            "finished_at": None,
            "retry_at": None,
            "stop_requested": None,
            "error": None,
        }
        self.task_rows[number] = TaskView(
            id=number, job_id=job_id, stage_id=job_id, key=key, status=status, **{**values, **more}
        )
        self.add_event("task.created", task_id=number)
        return number

    def add_event(self, kind: str, *, task_id: int, **data) -> None:
        task = self.task_rows[task_id]
        self.event_rows.append(
            EventView(
                id=len(self.event_rows) + 1,
                at=NOW,
                kind=kind,
                job_id=task.job_id,
                task_id=task_id,
                key=task.key,
                attempt=None,
                actor="engine",
                data=data,
            )
        )

    def set_task(self, task_id: int, **changes) -> None:
        self.task_rows[task_id] = replace(self.task_rows[task_id], **changes)

    def _read(self, what: str) -> None:
        self.reads[what] += 1
        if self.broken is not None:
            raise self.broken

    async def jobs(self, where: Filter | None = None, *, after=None, limit: int = PAGE):
        self._read("jobs")
        return _page(Noun.JOBS, [self._job(number) for number in self.job_rows], where, after, limit)

    async def job(self, job_id: int) -> JobView:
        self._read("job")
        if job_id not in self.job_rows:
            raise NotFound("job.unknown", f"no job {job_id}")
        return self._job(job_id)

    async def job_detail(self, job_id: int) -> JobDetail:
        self._read("job_detail")
        return JobDetail(
            job=self._job(job_id),
            stages=tuple(stage for stage in self.stage_rows.values() if stage.job_id == job_id),
            tasks=tuple(self._detail(task.id) for task in self.task_rows.values() if task.job_id == job_id),
        )

    async def tasks(self, where: Filter | None = None, *, after=None, limit: int = PAGE):
        self._read("tasks")
        return _page(Noun.TASKS, list(self.task_rows.values()), where, after, limit)

    async def task(self, task_id: int) -> TaskDetail:
        self._read("task")
        if task_id not in self.task_rows:
            raise NotFound("task.unknown", f"no task {task_id}")
        return self._detail(task_id)

    async def find_task(self, ref: str) -> int:
        return int(ref)

    async def queues(self) -> tuple[QueueView, ...]:
        self._read("queues")
        counts: dict[str, Counter[str]] = {}
        for task in self.task_rows.values():
            counts.setdefault(task.queue, Counter())[task.status] += 1
        return tuple(
            QueueView(
                name=name,
                tasks=counts[name],
                paused_at=self.paused.get(name),
                paused_by="me" if name in self.paused else None,
                pause_reason=None,
            )
            for name in sorted(counts)
        )

    async def events(self, query: EventQuery | None = None, *, after_id: int = 0, limit: int = PAGE):
        self._read("events")
        wanted = query or EventQuery()
        descending = bool(wanted.filter and wanted.filter.sort and wanted.filter.sort.descending)
        rows = [
            event
            for event in (reversed(self.event_rows) if descending else self.event_rows)
            if (event.id < after_id or not after_id if descending else event.id > after_id)
            and wanted.job_id in (None, event.job_id)
            and wanted.task_id in (None, event.task_id)
            and (wanted.filter is None or matches(wanted.filter, _row(Noun.EVENTS, event), now=NOW))
        ]
        shown = tuple(rows[:limit])
        return Page(rows=shown, next=str(shown[-1].id) if len(rows) > limit else None)

    async def log(self, task_id: int, *, epoch=None, offset: int = 0, limit: int = 65_536) -> LogChunk:
        self._read("log")
        data = self.outputs.get(task_id, b"")
        start = offset if offset >= 0 else max(0, len(data) + offset)
        piece = data[start : start + limit]
        final = self.task_rows[task_id].status in TASK_FINAL
        attempt = max(1, self.task_rows[task_id].attempts) if data else 0
        return LogChunk(data=piece, offset=start, end=start + len(piece), final=final, epoch=attempt)

    async def definition(self, job_id: int):
        return {}

    async def close(self) -> None:
        return

    async def submit(self, document, params=None, *, options=None) -> Submitted:
        return Submitted(job_id=self.add_job(str(document)))

    async def enqueue(self, specs, *, group=None, actor="operator") -> tuple[int, ...]:
        return tuple(self.add_task(1, spec.key or "t") for spec in specs)

    async def cancel(self, target: Target, *, reason="", actor="operator") -> Operated:
        return self._operate("cancel", target, status="cancelled")

    async def retry(self, target: Target, *, downstream=False, actor="operator") -> Operated:
        return self._operate("retry", target, status="queued")

    async def pause(self, target: Target, *, reason="", actor="operator") -> Operated:
        if target.queue:
            self.paused[target.queue] = NOW
        return self._operate("pause", target, status="paused")

    async def resume(self, target: Target, *, actor="operator") -> Operated:
        if target.queue:
            self.paused.pop(target.queue, None)
        return self._operate("resume", target, status="running")

    async def hold(self, target: Target, *, reason="", actor="operator") -> Operated:
        return self._operate("hold", target, status="held")

    async def unhold(self, target: Target, *, actor="operator") -> Operated:
        return self._operate("unhold", target, status="queued")

    async def wait_job(self, job_id: int) -> JobResult:
        raise Unavailable("engine.none", "no engine")

    async def wait_tasks(self, task_ids):
        raise Unavailable("engine.none", "no engine")

    async def stop_engine(self, *, kill: bool = False) -> None:
        self._engine()
        self.asked.append(("stop", kill))
        self.engine = None

    async def status(self) -> EngineInfo:
        return self._engine()

    def _engine(self) -> EngineInfo:
        if self.engine is None:
            raise Unavailable("engine.none", "no engine is running", hint="start one with 'taskdeck serve'")
        return self.engine

    def _operate(self, verb: str, target: Target, *, status: str) -> Operated:
        self._engine()
        self.asked.append((verb, target.job_id or target.task_ids or target.queue))
        if target.job_id:
            self.job_rows[target.job_id] = replace(self.job_rows[target.job_id], status=status)
            return Operated(changed=1)
        moved, refused = 0, []
        for number in target.task_ids or ():
            if verb == "retry" and self.task_rows[number].status not in TASK_FINAL:
                refused.append((number, "it has not ended"))
                continue
            self.set_task(number, status=status)
            self.add_event(f"task.{status}", task_id=number)
            moved += 1
        return Operated(changed=moved + bool(target.queue), refused=tuple(refused))

    def _job(self, job_id: int) -> JobView:
        counts = Counter(task.status for task in self.task_rows.values() if task.job_id == job_id)
        return replace(self.job_rows[job_id], tasks=dict(counts))

    def _detail(self, task_id: int) -> TaskDetail:
        task = self.task_rows[task_id]
        attempts = tuple(
            AttemptView(epoch=epoch, status="failed", started_at=NOW, finished_at=NOW + 250, error=task.error)
            for epoch in range(1, task.attempts + 1)
        )
        return TaskDetail(
            task=task,
            needs=self.needs[task_id],
            with_={"argv": ["true"]},
            metadata={},
            output=None,
            attempts=attempts,
        )


def _row(noun: Noun, view: object) -> dict[str, object]:
    columns = {field.column.partition(".")[0] for field in FIELDS[noun].fields}
    return {column: getattr(view, column) for column in columns}


def _page(noun: Noun, rows: list, where: Filter | None, after: str | None, limit: int):
    where = where or Filter(noun=noun)
    assert where.noun is noun
    descending = where.sort.descending if where.sort else True
    column = field_of(noun, where.sort.field).column if where.sort else "id"

    def place(view):
        return (getattr(view, column) or 0, view.id)

    if where.terms:
        rows = [view for view in rows if matches(where, _row(noun, view), now=NOW)]
    rows = sorted(rows, key=place, reverse=descending)
    if after is not None:
        value, number = after.split("|")
        kind = type(place(rows[0])[0])
        limit_place = (kind(value), int(number))
        rows = [
            view for view in rows if (place(view) < limit_place if descending else place(view) > limit_place)
        ]
    shown = tuple(rows[:limit])
    more = len(rows) > limit
    return Page(rows=shown, next="|".join(map(str, place(shown[-1]))) if more else None)
