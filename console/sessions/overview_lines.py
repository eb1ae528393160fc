"""What the overview says of one job, task, queue, family or orphan.

Used by the overview in lines.

Each line holds every column that the console shows of it; they change with the thing alone, not with time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from console.last_look import LastLook
from console.widgets.bars import trend_of
from core.filters.fields import Noun
from core.model.failures import FamilyState, FamilyView
from core.model.orphans import OrphanKind, OrphanView
from core.model.pulse import PulseView, Waiting
from core.model.status import TASK_FINAL
from core.model.text import SafeText, clip, safe_line
from core.model.timing.schedule_views import ScheduleView
from core.model.values import to_iso
from core.model.views import JobView, QueueView, TaskView
from core.render.columns import COLUMNS, facts
from core.render.schedule_lines import schedule_line
from core.render.times import usual_text

LONGEST = 600
"""Cells of a line at the most."""
_NEW = "new since you last looked"
_NOW = {
    OrphanKind.LIVING: "the attempt keeps its slot",
    OrphanKind.LEFT: "the attempt has ended, this lives on",
    OrphanKind.LOST: "the task is held until an operator decides",
}


def left_out_line(rows: Sequence[str]) -> SafeText:
    """Name the damaged rows that answers were given without; '' = nothing was left out."""
    if not rows:
        return SafeText("")
    more = f"; and {len(rows) - 1:,} more: 'taskdeck doctor' names them" if len(rows) > 1 else ""
    return safe_line(f"left out: {rows[0]}{more}")


def line(text: str) -> SafeText:
    """Make one safe line of a text."""
    return clip(safe_line(text), LONGEST)


def listed(counts: Mapping[str, int]) -> str:
    """Write counts by status."""
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items()) if count)


def job_line(job: JobView) -> SafeText:
    """Say how far a job is."""
    done = sum(job.tasks.get(status, 0) for status in TASK_FINAL)
    total = sum(job.tasks.values())
    reason = [job.told] if job.told else []
    told = [
        listed(job.tasks),
        *reason,
        *facts(COLUMNS[Noun.JOBS], job, but=("id", "name", "status", "tasks", "reason")),
    ]
    return line(f"job {job.id} {job.name}: {job.status}, {done} of {total} done; {'; '.join(told)}")


def running_line(task: TaskView) -> SafeText:
    """Say since when a task runs, and what is usual for it."""
    # The moment, not the length: a line is written again when it changes.
    since = "" if task.started_at is None else f" since {to_iso(task.started_at)}"
    usual = "" if task.usual is None else f", {usual_text(task.usual)}"
    return line(f"runs: {_named(task)}{since}{usual}{_more(task, 'took')}")


def task_line(task: TaskView) -> SafeText:
    """Say how a task stands that does not run: its error, what it waits for, when it is tried again."""
    due = "" if task.retry_at is None else f", next try {to_iso(task.retry_at)}"
    return line(f"{_named(task)}: {task.status}{due}{_more(task)}")


def family_line(family: FamilyView, last_look: LastLook) -> SafeText:
    """Say what fails in one way, since when, how often, and who knows of it."""
    is_new = family.state is FamilyState.FAILING and last_look.is_news(family.first_at)
    state = f", {_NEW}" if is_new else "" if family.state is FamilyState.FAILING else f", {family.state}"
    jobs = f" of {family.jobs} jobs" if family.jobs else ""
    told = [f"fails: {family.tasks} tasks{jobs}{state}: {family.line} (newest: task {family.newest_task})"]
    told += [f"{family.retrying} retrying"] if family.retrying else []
    told += facts(COLUMNS[Noun.FAILURES], family, but=("state", "tasks", "jobs", "err"))
    return line("; ".join([*told, *_known(family)]))


def _known(family: FamilyView) -> Iterator[str]:
    known = family.acknowledged
    if known is not None:
        until = "it returns" if known.until is None else to_iso(known.until)
        reason = f": {known.reason}" if known.reason else ""
        yield f"acknowledged by {known.by} until {until}, {known.since} failures since{reason}"


def waiting_line(waiting: Waiting) -> SafeText:
    """Say how many tasks wait for one reason."""
    subject = f" {waiting.subject}" if waiting.subject else ""
    since = "" if waiting.since is None else f", since {to_iso(waiting.since)}"
    until = "" if waiting.until is None else f", until {to_iso(waiting.until)}"
    return line(f"waits: {waiting.tasks} tasks, {waiting.kind}{subject}{since}{until}")


def queue_line(queue: QueueView) -> SafeText:
    """Say how a queue stands: depth, latency, the ends of its last half minutes, and why it is paused."""
    state = "open" if queue.paused_at is None else "paused"
    return line(
        f"queue {queue.name}: {'; '.join([state, *facts(COLUMNS[Noun.QUEUES], queue, but=('name',))])}"
    )


def orphan_line(orphan: OrphanView) -> SafeText:
    """Say what is known of an attempt without an owner."""
    since = "" if orphan.since is None else f", since {to_iso(orphan.since)}"
    kept = ", an operator keeps watching it" if orphan.kept else ""
    living = [
        f"{pid} {orphan.commands[index] if index < len(orphan.commands) else ''}".strip()
        for index, pid in enumerate(orphan.pids)
    ]
    told = [
        orphan.reason,
        f"{_NOW[orphan.kind]}{kept}",
        *([f"{len(living)} living: {', '.join(living)}"] if living else []),
    ]
    return line(
        f"orphan: {orphan.kind}, task {orphan.task_id} {orphan.key} of job {orphan.job_id},"
        f" attempt epoch {orphan.epoch}{since}; {'; '.join(told)}"
    )


def throughput_line(pulse: PulseView, status: str) -> SafeText:
    """Say how many tasks ended so in the last minute, in the best one, and in each."""
    trend = trend_of(pulse.rates, status)
    window = max(1, 60 // pulse.rates[-1].seconds) if pulse.rates else 1
    first = len(trend.steps) % window
    minutes = [sum(trend.steps[at : at + window]) for at in range(first, len(trend.steps), window)]
    each = f"; each minute {' '.join(map(str, minutes))}" if trend.peak else ""
    return line(f"throughput: {status} {trend.now}/min, peak {trend.peak}{each}")


def _named(task: TaskView) -> str:
    return f"task {task.id} {task.key} of job {task.job_id}"


def _more(task: TaskView, *but: str) -> str:
    told = facts(COLUMNS[Noun.TASKS], task, but=("id", "job", "key", "status", *but))
    return "".join(f"; {fact}" for fact in told)


def schedule_told(view: ScheduleView) -> SafeText:
    """Say how a schedule stands, when it fires, and what became of its last time."""
    row = schedule_line(view)
    return line(f"schedule {row.name}: {'; '.join(facts(COLUMNS[Noun.SCHEDULES], row, but=('name',)))}")
