"""Plain: how the whole stands in lines of text, for screen readers, pipes and plain terminals.

Lines are added and never written over; there is no colour and no control sequence among them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TextIO, TypeAlias

from core.control.api import ControlAPI
from core.filters.fields import Noun
from core.filters.grammar import Filter
from core.filters.terms import In, Sort
from core.model.errors import TaskdeckError, Unavailable
from core.model.insight import Failing, Waiting
from core.model.status import JOB_FINAL, TASK_FINAL, JobStatus
from core.model.text import SafeText, clip, safe_line
from core.model.values import INBOX, to_iso
from core.model.views import EngineInfo, JobView

Said: TypeAlias = dict[Hashable, SafeText]
"""A line about each thing, in the order in which they are read."""

_SHOWN = 20
_KEYS = 3
_LONGEST = 200
_UNDER_WAY = tuple(status.value for status in JobStatus if status not in JOB_FINAL)


async def show_plain(control: ControlAPI, out: TextIO, *, watch: float | None) -> None:
    """Write how the whole stands: engine, counts, jobs under way, what fails, what waits.

    With `watch`, look again every so many seconds, and write the lines that have become different.
    """
    parts = [_Part(read=read) for read in (_whole, _jobs, _troubles)]
    while True:
        lines = [line for part in parts for line in await part.news(control)]
        # One write: a reader on a pipe never sees half an overview.
        out.write("".join(f"{line}\n" for line in lines))
        out.flush()
        if watch is None:
            return
        await asyncio.sleep(watch)


@dataclass(slots=True, kw_only=True)
class _Part:
    """A part of the overview, and what was said of it last."""

    read: Callable[[ControlAPI], Awaitable[Said]]
    said: Said = field(default_factory=dict)
    trouble: SafeText = SafeText("")

    async def news(self, control: ControlAPI) -> list[SafeText]:
        """Read the part; return what is to be said anew. What cannot be read stands as it was."""
        try:
            now = await self.read(control)
            ended = await _ended(control, self.said.keys() - now.keys())
        except TaskdeckError as error:
            before, self.trouble = self.trouble, _line(f"! {error.message}")
            return [self.trouble] if self.trouble != before else []
        before_said, self.said, self.trouble = self.said, now, SafeText("")
        return [*(line for key, line in now.items() if before_said.get(key) != line), *ended]


async def _whole(control: ControlAPI) -> Said:
    try:
        changes = await control.changes()
    except Unavailable:
        queues = await control.queues()
        total: Counter[str] = Counter()
        for queue in queues:
            total.update(queue.tasks)
        paused = sum(queue.paused_at is not None for queue in queues)
        return _counts(None, total, paused)
    return _counts(changes.engine, changes.tasks, changes.paused_queues)


def _counts(engine: EngineInfo | None, tasks: Mapping[str, int], paused: int) -> Said:
    said: Said = {"engine": SafeText("engine: none is running (start one: taskdeck serve)")}
    if engine is not None:
        said["engine"] = _line(f"engine: pid {engine.pid}, version {engine.version}, {engine.slots} slots")
    said["tasks"] = _line(f"tasks: {_listed(tasks) or 'none'}")
    if paused:
        said["paused"] = SafeText(f"paused queues: {paused}")
    return said


async def _jobs(control: ControlAPI) -> Said:
    order = Sort(field="id", descending=True)
    where = Filter(noun=Noun.JOBS, terms=(In(field="status", values=_UNDER_WAY),), sort=order)
    page = await control.jobs(where, limit=_SHOWN)
    said: Said = {("job", job.id): _job(job) for job in page.rows if job.id != INBOX}
    if not said:
        said["jobs"] = SafeText("jobs under way: none")
    if page.next is not None:
        said["more"] = SafeText(f"jobs under way: more than these {_SHOWN}")
    return said


async def _troubles(control: ControlAPI) -> Said:
    pulse = await control.pulse()
    said: Said = {("fails", failing.code): _failing(failing) for failing in pulse.failing}
    said |= {("waits", waiting.kind, waiting.subject): _waiting(waiting) for waiting in pulse.waiting}
    return said


async def _ended(control: ControlAPI, keys: set[Hashable]) -> Sequence[SafeText]:
    """Say how the jobs ended that are under way no more, and what else is over."""
    lines = []
    for key in sorted(keys, key=str):
        match key:
            case ("job", int(job_id)):
                lines.append(_job(await control.job(job_id)))
            case ("fails" | "waits" as word, *about):
                lines.append(_line(f"no longer {word}: {' '.join(map(str, about))}"))
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


def _failing(failing: Failing) -> SafeText:
    keys = ", ".join(failing.keys[:_KEYS])
    message = f": {failing.message}" if failing.message else ""
    return _line(f"fails: {failing.tasks} tasks, {failing.code}{message} (newest: {keys})")


def _waiting(waiting: Waiting) -> SafeText:
    return _line("".join(_waiting_words(waiting)))


def _waiting_words(waiting: Waiting) -> Iterator[str]:
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
