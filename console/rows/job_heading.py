"""The head line of a job: name, status, progress and estimate.

Written by the screens of a job.
"""

from __future__ import annotations

from console.rows.listing import now_ms, worded
from console.themes import Look
from core.model.status import TASK_FINAL, TASK_PACED
from core.model.text import SafeText, cells, clip, safe_line
from core.model.values import INBOX
from core.model.views import JobView
from core.render.times import duration_text

_BAR = 16
_NAME_CELLS = 12
"""Least room of the name in a narrow head line."""


def heading(job: JobView, look: Look, *, width: int) -> SafeText:
    """Return name, status and progress of a job; a long name is cut first."""
    before = safe_line(f" Job {job.id}  ")
    after = safe_line(f"{_above(job)}  {worded(job.status, look)}  {progress(job)}")
    name = clip(job.name, max(_NAME_CELLS, width - cells(before) - cells(after)))
    return safe_line(f"{before}{name}{after}")


def _above(job: JobView) -> str:
    """Return whose child it is, and which pause above holds it."""
    parent = job.parent
    what = "worklet" if parent and parent.get("worklet") else "child"
    child = "" if parent is None else f"  {what} of job {parent['job']}"
    paused = f"  paused from above: job {job.paused_above[0]['job']}" if job.paused_above else ""
    return child + paused


def progress(job: JobView) -> str:
    """Return how many tasks of a job are done, how long it has been running and how much longer it takes.

    The estimate assumes the average pace so far, and is never before the last retry that waits. Where all
    that is left waits for people, signals, groups or children, the pace says nothing.
    """
    total = sum(job.tasks.values())
    done = sum(job.tasks.get(status, 0) for status in TASK_FINAL)
    filled = _BAR * done // total if total else 0
    parts = [f"[{'#' * filled}{'-' * (_BAR - filled)}] {done}/{total}"]
    if job.started_at is not None and job.id != INBOX:
        elapsed = (now_ms() if job.finished_at is None else job.finished_at) - job.started_at
        parts.append(duration_text(elapsed))
        if 0 < done < total and job.status == "running" and any(map(job.tasks.get, TASK_PACED)):
            left = elapsed * (total - done) // done
            due = 0 if job.retry_until is None else job.retry_until - now_ms()
            parts.append(f"ETA {duration_text(left)}" if due <= left else f"ETA {duration_text(due)} (retry)")
    parts += [f"{word} {job.tasks[word]}" for word in ("running", "failed", "held") if job.tasks.get(word)]
    if job.tolerated:
        parts.append(f"tolerated {job.tolerated}")
    return "  ".join(parts)
