"""The state of the engine as lines of text.

Called by the session of lines.

Lines are only added, never rewritten; they contain no colour and no control sequence.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO, TypeAlias

from core.control.api import ControlAPI
from core.filters.fields import Noun
from core.filters.terms import Filter, In, Sort
from core.model.bundles import STATE as BUNDLE
from core.model.errors import TaskdeckError, Unavailable
from core.model.failures import FamilyState, FamilyView
from core.model.pulse import Waiting
from core.model.status import JOB_FINAL, TASK_FINAL, JobStatus
from core.model.text import SafeText, clip, safe_line
from core.model.values import INBOX, to_iso
from core.model.views import EngineInfo, JobView, TaskView
from core.render.times import usual_text

Lines: TypeAlias = dict[Hashable, SafeText]
"""The line about each subject, in the order in which they are written."""

_BACK = {"draining": " (take it back: taskdeck resume --engine)"}
_SHOWN = 20
_LONGEST = 200
_ACTIVE = tuple(status.value for status in JobStatus if status not in JOB_FINAL)


async def write_overview(control: ControlAPI, out: TextIO, *, watch: float | None) -> None:
    """Write engine, counts, active jobs, what runs, what fails, what waits.

    With `watch`, do it again after so many seconds each time, and write only the lines that changed.
    """
    parts = [_Part(read=read) for read in (_summary, _jobs, _running, _troubles)]
    while True:
        lines = [line for part in parts for line in await part.changed_lines(control)]
        # One write: a reader on a pipe never sees half an overview.
        out.write("".join(f"{line}\n" for line in lines))
        out.flush()
        if watch is None:
            return
        await asyncio.sleep(watch)


@dataclass(slots=True, kw_only=True)
class _Part:
    """A part of the overview, and the lines that were last written about it."""

    read: Callable[[ControlAPI], Awaitable[Lines]]
    written: Lines = field(default_factory=dict)
    trouble: SafeText = SafeText("")

    async def changed_lines(self, control: ControlAPI) -> list[SafeText]:
        """Read the part and return the lines to write; a part that cannot be read keeps its lines."""
        try:
            now = await self.read(control)
            ended = await _ended(control, self.written.keys() - now.keys())
        except TaskdeckError as error:
            last, self.trouble = self.trouble, _line(f"! {error.message}")
            return [self.trouble] if self.trouble != last else []
        before, self.written, self.trouble = self.written, now, SafeText("")
        return [*(line for key, line in now.items() if before.get(key) != line), *ended]


async def _summary(control: ControlAPI) -> Lines:
    try:
        changes = await control.changes()
    except Unavailable:
        queues = await control.queues()
        total: Counter[str] = Counter()
        for queue in queues:
            total.update(queue.tasks)
        paused = sum(queue.paused_at is not None for queue in queues)
        known = (await control.failures(limit=1)).known if total["failed"] else 0
        return _counts(None, total, paused=paused, known=known)
    lines = _counts(changes.engine, changes.tasks, paused=changes.paused_queues, known=changes.acknowledged)
    if changes.lost:
        lines["lost"] = _line(f"lost and held: {changes.lost} (decide: taskdeck orphans --plan)")
    return lines


def _counts(engine: EngineInfo | None, tasks: Mapping[str, int], *, paused: int, known: int) -> Lines:
    lines: Lines = {"engine": SafeText("engine: none is running (start one: taskdeck serve)")}
    if engine is not None:
        if engine.state == BUNDLE:
            return {
                **lines,
                "engine": _line(engine.home),
                "tasks": _line(f"tasks: {_listed(tasks) or 'none'}"),
            }
        state = "" if engine.state == "serving" else f", {engine.state}{_BACK.get(engine.state, '')}"
        lines["engine"] = _line(
            f"engine: pid {engine.pid}, version {engine.version}, {engine.slots} slots{state}"
        )
        if engine.closed:
            why = "; ".join(f"{closed.message} ({closed.hint})" for closed in engine.closed)
            lines["claims"] = _line(f"nothing is claimed: {why}")
    # What operators have acknowledged is not news, here as on the screens.
    news = {**tasks, "failed": max(0, tasks.get("failed", 0) - known)}
    listed = [*filter(None, (_listed(news),)), *([f"{known} known failures"] if known else [])]
    lines["tasks"] = _line(f"tasks: {', '.join(listed) or 'none'}")
    if paused:
        lines["paused"] = SafeText(f"paused queues: {paused}")
    return lines


async def _jobs(control: ControlAPI) -> Lines:
    order = Sort(field="id", descending=True)
    where = Filter(noun=Noun.JOBS, terms=(In(field="status", values=_ACTIVE),), sort=order)
    page = await control.jobs(where, limit=_SHOWN)
    lines: Lines = {("job", job.id): _job(job) for job in page.rows if job.id != INBOX}
    if not lines:
        lines["jobs"] = SafeText("active jobs: none")
    if page.next is not None:
        lines["more"] = SafeText(f"active jobs: more than these {_SHOWN}")
    return lines


async def _running(control: ControlAPI) -> Lines:
    """Return what runs, longest first, with what is usual for it: each of them has a slot."""
    order = Sort(field="took", descending=True)
    where = Filter(noun=Noun.TASKS, terms=(In(field="status", values=("running",)),), sort=order)
    page = await control.tasks(where, limit=_SHOWN)
    return {("runs", task.id, task.attempts): _task(task) for task in page.rows}


async def _troubles(control: ControlAPI) -> Lines:
    pulse = await control.pulse()
    lines: Lines = {("fails", f"{one.code} {one.pattern}".strip()): _failing(one) for one in pulse.failing}
    lines |= {("waits", waiting.kind, waiting.subject): _waiting(waiting) for waiting in pulse.waiting}
    return lines


async def _ended(control: ControlAPI, keys: set[Hashable]) -> Sequence[SafeText]:
    """Return lines about what is over: how jobs ended, what no longer fails or waits."""
    lines = []
    for key in sorted(keys, key=str):
        match key:
            case ("job", int(job_id)):
                lines.append(_job(await control.job(job_id)))
            case ("fails" | "waits" as what, *subject):
                lines.append(_line(f"no longer {what}: {' '.join(map(str, subject))}"))
            case "claims":
                lines.append(SafeText("tasks are claimed again"))
            case "lost":
                lines.append(SafeText("lost and held: none"))
            case "paused":
                lines.append(SafeText("paused queues: none"))
    return lines


def _job(job: JobView) -> SafeText:
    done = sum(job.tasks.get(status, 0) for status in TASK_FINAL)
    reason = f"; {job.reason}" if job.reason else ""
    total = sum(job.tasks.values())
    return _line(
        f"job {job.id} {job.name}: {job.status}, {done} of {total} done; {_listed(job.tasks)}{reason}"
    )


def _task(task: TaskView) -> SafeText:
    # The moment, not the length: a line is written again when it changes.
    since = "" if task.started_at is None else f" since {to_iso(task.started_at)}"
    usual = "" if task.usual is None else f", {usual_text(task.usual)}"
    return _line(f"runs: task {task.id} {task.key} of job {task.job_id}{since}{usual}")


def _failing(family: FamilyView) -> SafeText:
    state = "" if family.state is FamilyState.FAILING else f", {family.state}"
    jobs = f" of {family.jobs} jobs" if family.jobs else ""
    return _line(
        f"fails: {family.tasks} tasks{jobs}{state}: {family.line} (newest: task {family.newest_task})"
    )


def _waiting(waiting: Waiting) -> SafeText:
    return _line("".join(_waiting_parts(waiting)))


def _waiting_parts(waiting: Waiting) -> Iterator[str]:
    yield f"waits: {waiting.tasks} tasks, {waiting.kind}"
    if waiting.subject:
        yield f" {waiting.subject}"
    if waiting.since is not None:
        yield f", since {to_iso(waiting.since)}"
    if waiting.until is not None:
        yield f", until {to_iso(waiting.until)}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items()) if count)


def _line(text: str) -> SafeText:
    return clip(safe_line(text), _LONGEST)
