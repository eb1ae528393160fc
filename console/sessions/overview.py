"""The state of the engine as lines of text.

Called by the session of lines.

Lines are only added, never rewritten; they contain no colour and no control sequence.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO, TypeAlias

from console.last_look import LastLook
from console.memory import Memory
from console.rows.backend_rows import backends_of
from console.rows.budget_rows import budget_rows
from console.rows.limit_rows import limit_rows
from console.rows.people_changes import change_text, changes_by_people
from console.sessions.limit_lines import backend_line, budget_line, frozen_line, limit_line, pool_line
from console.sessions.overview_lines import (
    family_line,
    job_line,
    left_out_line,
    line,
    listed,
    orphan_line,
    queue_line,
    running_line,
    schedule_told,
    task_line,
    throughput_line,
    waiting_line,
)
from core.control.api import ControlAPI
from core.filters.fields import Noun
from core.filters.terms import Filter, In, Sort
from core.model.bundles import STATE as BUNDLE
from core.model.errors import TaskdeckError, Unavailable
from core.model.present import present_ms
from core.model.status import JOB_FINAL, JobStatus
from core.model.text import SafeText
from core.model.values import INBOX
from core.model.views import EngineInfo, TaskView
from core.render.schedule_texts import downtime_text

Lines: TypeAlias = dict[Hashable, SafeText]
"""The line about each subject, in the order in which they are written."""

_BACK = {"draining": " (take it back: taskdeck resume --engine)"}
_SHOWN = 20
_ACTIVE = tuple(status.value for status in JobStatus if status not in JOB_FINAL)
_TROUBLED = ("failed", "retrying")
_IDLE = ("queued", "waiting", "held", "blocked")
_ENDS = ("succeeded", "failed")
_CHANGED_MS = 8 * 3_600_000
"""How far back changes by people are told where it is not known when the operator looked last."""
COMMANDS: Mapping[str, str] = {
    "jobs": "taskdeck jobs",
    "tasks": "taskdeck tasks",
    "events": "taskdeck events",
    "a job": "taskdeck show JOB",
    "its graph": "taskdeck show JOB",
    "its timeline": "taskdeck timeline JOB",
    "its history": "taskdeck history JOB",
    "it after an event": "taskdeck history JOB --at EVENT",
    "its graph after an event": "taskdeck history JOB --at EVENT",
    "two jobs compared": "taskdeck diff JOB JOB",
    "people": "taskdeck workitems",
    "the runs of a workflow": "taskdeck runs NAME",
    "a task": "taskdeck tasks --where 'id:TASK' --json",
    "its log": "taskdeck logs TASK",
    "files that tasks left": "taskdeck artifacts JOB",
    "lines found in logs": "taskdeck logs --grep TEXT --where FILTER",
    "why a task waits": "taskdeck why TASK",
    "an earlier time": "taskdeck jobs --at TIME",
    "health": "taskdeck health",
    "notices": "taskdeck notices",
    "a schedule": "taskdeck schedules NAME",
    "the entries of a budget": "taskdeck budgets entries NAME",
}
"""What says in lines what the screens of the console show of one thing, or of all that ever was."""


class Overview:
    """The parts of an overview: engine, counts, what runs, fails, waits, and what became of owners."""

    def __init__(
        self, control: ControlAPI, last_look: LastLook, *, left_out: Callable[[], Sequence[str]] = tuple
    ) -> None:
        self._control = control
        self._last_look = last_look
        self._left_out = left_out

    async def summary(self) -> Lines:
        """Tell of the engine and count."""
        try:
            changes = await self._control.changes()
        except Unavailable:
            queues = await self._control.queues()
            total: Counter[str] = Counter()
            for queue in queues:
                total.update(queue.tasks)
            paused = sum(queue.paused_at is not None for queue in queues)
            known = (await self._control.failures.families(limit=1)).known if total["failed"] else 0
            return _engine_lines(None) | _counts(total, {}, paused=paused, known=known)
        lines = _engine_lines(changes.engine) | _counts(
            changes.tasks, changes.jobs, paused=changes.paused_queues, known=changes.acknowledged
        )
        if changes.lost:
            lines["lost"] = line(f"lost and held: {changes.lost} (decide: taskdeck orphans --plan)")
        return lines

    async def throughput(self) -> Lines:
        """Tell how many tasks ended lately."""
        pulse = await self._control.pulse()
        return {("ends", status): throughput_line(pulse, status) for status in _ENDS}

    async def jobs(self) -> Lines:
        """Tell of the newest jobs that have not ended."""
        order = Sort(field="id", descending=True)
        where = Filter(noun=Noun.JOBS, terms=(In(field="status", values=_ACTIVE),), sort=order)
        page = await self._control.jobs(where, limit=_SHOWN)
        lines: Lines = {("job", job.id): job_line(job) for job in page.rows if job.id != INBOX}
        if not lines:
            lines["jobs"] = SafeText("active jobs: none")
        if page.next is not None:
            lines["more"] = SafeText(f"active jobs: more than these {_SHOWN}")
        return lines

    async def running(self) -> Lines:
        """Tell what runs, longest first, with what is usual for it: each of them has a slot."""
        tasks = await self._tasks(("running",), by="took")
        return {("runs", task.id, task.attempts): running_line(task) for task in tasks}

    async def troubles(self) -> Lines:
        """Tell what fails, what is new of that, and what waits."""
        pulse = await self._control.pulse()
        news = self._last_look.news_text(pulse.failing)
        lines: Lines = {"news": line(news)} if news else {}
        lines |= {
            ("fails", f"{one.code} {one.pattern}".strip()): family_line(one, self._last_look)
            for one in pulse.failing
        }
        if pulse.failing_searched is not None:
            lines["searched"] = SafeText(f"what fails: searched the newest {pulse.failing_searched}")
        return lines | {("waits", one.kind, one.subject): waiting_line(one) for one in pulse.waiting}

    async def retries(self) -> Lines:
        """Tell of the newest tasks that failed or are tried again."""
        return _of_tasks("failed", await self._tasks(_TROUBLED), _TROUBLED)

    async def idle(self) -> Lines:
        """Tell of the newest tasks that wait, and for what."""
        return _of_tasks("waiting", await self._tasks(_IDLE), _IDLE)

    async def queues(self) -> Lines:
        """Tell how the queues stand."""
        return {("queue", queue.name): queue_line(queue) for queue in await self._control.queues()}

    async def capacity(self) -> Lines:
        """Tell how pools, limits and budgets stand."""
        listed = await self._control.limits.capacity()
        lines: Lines = {("pool", pool.name): pool_line(pool) for pool in listed.pools}
        lines |= {("limit", row.limit.name, row.gauge.key): limit_line(row) for row in limit_rows(listed)}
        lines |= {("backend", row.name): backend_line(row) for row in backends_of(listed)}
        if listed.frozen is not None:
            lines["spending"] = frozen_line(listed.frozen)
        budgets = budget_rows(listed, now=present_ms())
        return lines | {("budget", row.limit.name, row.gauge.key): budget_line(row) for row in budgets}

    async def schedules(self) -> Lines:
        """Tell when schedules fire, how they stand, and what passed without an engine."""
        views, downtime = await self._control.schedules.all(), await self._control.schedules.downtime()
        lines: Lines = {} if downtime is None else {"downtime": line(downtime_text(downtime))}
        return lines | {("schedule", view.schedule.name): schedule_told(view) for view in views}

    async def orphans(self) -> Lines:
        """Tell what has no owner; only an engine knows what lives."""
        try:
            orphans = await self._control.orphans.all()
        except Unavailable:
            return {"orphans": SafeText("orphans: not known without an engine")}
        return {("orphan", one.task_id, one.epoch): orphan_line(one) for one in orphans}

    async def changes(self) -> Lines:
        """Tell what people changed since the operator last looked."""
        now = present_ms()
        since = now - _CHANGED_MS if self._last_look.since is None else self._last_look.since
        page = await self._control.events(changes_by_people(since=since, now=now), limit=_SHOWN)
        return {("changed", one.id): line(f"changed: {change_text(one, now=now)}") for one in page.rows}

    async def damage(self) -> Lines:
        """Tell what was left out of all that stands above."""
        told = left_out_line(self._left_out())
        return {"left out": told} if told else {}

    async def commands(self) -> Lines:
        """Tell what says more."""
        return {"commands": line(f"more: {'; '.join(dict.fromkeys(COMMANDS.values()))}")}

    async def _tasks(self, statuses: tuple[str, ...], *, by: str = "id") -> Sequence[TaskView]:
        order = Sort(field=by, descending=True)
        where = Filter(noun=Noun.TASKS, terms=(In(field="status", values=statuses),), sort=order)
        return (await self._control.tasks(where, limit=_SHOWN)).rows

    def parts(self) -> tuple[Callable[[], Awaitable[Lines]], ...]:
        """Return the parts in order."""
        what_is = (self.summary, self.throughput, self.jobs, self.running, self.troubles, self.retries)
        known = (self.capacity, self.queues, self.schedules, self.orphans, self.changes)
        return (*what_is, *known, self.damage)

    def parts_once(self) -> tuple[Callable[[], Awaitable[Lines]], ...]:
        """Return the parts that are not watched: in a busy store all tasks that wait are soon others."""
        return (self.idle, self.commands)


async def write_overview(
    control: ControlAPI,
    out: TextIO,
    *,
    watch: float | None,
    last_look: LastLook | None = None,
    left_out: Callable[[], Sequence[str]] = tuple,
) -> None:
    """Write engine, counts, throughput, jobs, what runs, fails and waits, capacity, queues, orphans, changes.

    With `watch`, do it again after so many seconds each time, and write only the lines that changed.
    `left_out` returns what names damaged rows that answers were given without.
    """
    last_look = LastLook(Memory(None)) if last_look is None else last_look
    overview = Overview(control, last_look, left_out=left_out)
    once = overview.parts_once() if watch is None else ()
    parts = [_Part(read=read) for read in (*overview.parts(), *once)]
    while True:
        lines = [one for part in parts for one in await part.changed_lines(control)]
        # One write: a reader on a pipe never sees half an overview.
        out.write("".join(f"{one}\n" for one in lines))
        out.flush()
        if watch is None:
            return
        await asyncio.sleep(watch)


@dataclass(slots=True, kw_only=True)
class _Part:
    """A part of the overview, and the lines that were last written about it."""

    read: Callable[[], Awaitable[Lines]]
    written: Lines = field(default_factory=dict)
    trouble: SafeText = SafeText("")

    async def changed_lines(self, control: ControlAPI) -> list[SafeText]:
        """Read the part and return the lines to write; a part that cannot be read keeps its lines."""
        try:
            now = await self.read()
            ended = await _ended(control, self.written.keys() - now.keys())
        except TaskdeckError as error:
            last, self.trouble = self.trouble, line(f"! {error.message}")
            return [self.trouble] if self.trouble != last else []
        before, self.written, self.trouble = self.written, now, SafeText("")
        return [*(one for key, one in now.items() if before.get(key) != one), *ended]


def _engine_lines(engine: EngineInfo | None) -> Lines:
    if engine is None:
        return {"engine": SafeText("engine: none is running (start one: taskdeck serve)")}
    if engine.state == BUNDLE:
        return {"engine": line(engine.home)}
    state = "" if engine.state == "serving" else f", {engine.state}{_BACK.get(engine.state, '')}"
    told = f"engine: pid {engine.pid}, version {engine.version}, {engine.slots} slots{state}"
    lines: Lines = {
        "engine": line(told),
        "slots": SafeText(f"slots: {engine.running} of {engine.slots} busy"),
    }
    lines["home"] = line(f"home: {engine.home}")
    if engine.protected:
        lines["protected"] = SafeText("protected: consoles only read, until changes are armed")
    if engine.closed:
        why = "; ".join(f"{closed.message} ({closed.hint})" for closed in engine.closed)
        lines["claims"] = line(f"nothing is claimed: {why}")
    if engine.set_aside:
        lines["set aside"] = line(f"set aside: {engine.set_aside}")
    return lines


def _counts(tasks: Mapping[str, int], jobs: Mapping[str, int], *, paused: int, known: int) -> Lines:
    # What operators have acknowledged is not news, here as on the screens.
    news = {**tasks, "failed": max(0, tasks.get("failed", 0) - known)}
    told = [*filter(None, (listed(news),)), *([f"{known} known failures"] if known else [])]
    lines: Lines = {"tasks": line(f"tasks: {', '.join(told) or 'none'}")}
    if any(jobs.values()):
        lines["open jobs"] = line(f"jobs: {listed(jobs)}")
    if paused:
        lines["paused"] = SafeText(f"paused queues: {paused}")
    return lines


def _of_tasks(what: str, tasks: Sequence[TaskView], statuses: Sequence[str]) -> Lines:
    lines: Lines = {(what, task.id): task_line(task) for task in tasks}
    if len(tasks) == _SHOWN:
        lines[what, "more"] = line(
            f"newest {_SHOWN}; all: taskdeck tasks --where status:{','.join(statuses)}"
        )
    return lines


async def _ended(control: ControlAPI, keys: set[Hashable]) -> Sequence[SafeText]:
    """Return lines about what is over: how jobs ended, what no longer fails or waits."""
    lines = []
    for key in sorted(keys, key=str):
        match key:
            case ("job", int(job_id)):
                lines.append(job_line(await control.job(job_id)))
            case ("failed", int(task_id)):
                lines.append(task_line((await control.task(task_id)).task))
            case ("fails" | "waits" as what, *subject):
                lines.append(line(f"no longer {what}: {' '.join(map(str, subject))}"))
            case ("orphan", task_id, _):
                lines.append(line(f"no longer an orphan: task {task_id}"))
            case "downtime":
                lines.append(SafeText("schedules fire again"))
            case "spending":
                lines.append(SafeText("spending goes on"))
            case "claims":
                lines.append(SafeText("tasks are claimed again"))
            case "lost":
                lines.append(SafeText("lost and held: none"))
            case "paused":
                lines.append(SafeText("paused queues: none"))
            case "set aside":
                lines.append(SafeText("set aside: nothing"))
    return lines
