"""A task in full as lines of text, and its requests.

Used by the task screen and the row inspector.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from console.rows.listing import now_ms, worded
from console.themes import Look
from core.control.api import ControlAPI, EventQuery
from core.filters.fields import Noun
from core.filters.terms import Filter, Sort
from core.model.events import EventView
from core.model.outcomes import error_line
from core.model.patterns.group_views import GroupCounts
from core.model.text import SafeText, fit, safe_line
from core.model.values import JsonValue, to_iso
from core.model.views import AttemptView, TaskDetail, TaskView
from core.model.waits import TaskWaits
from core.render.coloured import coloured_line
from core.render.limit_texts import limit_texts
from core.render.output_notes import output_notes
from core.render.times import age_text, duration_text, usual_text

_EVENTS = 20
_LABEL = 12


_OUTPUT_LINES = 6
_OUTPUT_BYTES = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """A task, why it waits if it does, its newest events, newest first, and the last lines of its output."""

    detail: TaskDetail
    waits: TaskWaits | None
    events: Sequence[EventView]
    output: Sequence[SafeText] = ()


async def read_task_page(control: ControlAPI, task_id: int) -> TaskPage:
    detail = await control.task(task_id)
    newest = Filter(noun=Noun.EVENTS, sort=Sort(field="id", descending=True))
    events = await control.events(EventQuery(task_id=task_id, filter=newest), limit=_EVENTS)
    waits = await control.why(task_id) if detail.task.waits_for else None
    return TaskPage(detail=detail, waits=waits, events=events.rows)


async def read_last_lines(control: ControlAPI, task_id: int) -> Sequence[SafeText]:
    """Return the last lines that the latest attempt wrote, without their colours."""
    chunk = await control.logs.chunk(task_id, offset=-_OUTPUT_BYTES, limit=_OUTPUT_BYTES)
    lines = chunk.data.rstrip().splitlines()[-_OUTPUT_LINES:]
    return [coloured_line(line).text for line in lines]


def facts_of(task: TaskView, look: Look) -> SafeText:
    """Return how a task stands, on one line."""
    facts = [worded(task.status, look), f"try {task.attempts}/{task.max_attempts}"]
    if task.started_at is not None:
        end = now_ms() if task.finished_at is None else task.finished_at
        facts.append(f"took {duration_text(end - task.started_at)}")
    facts += [f"created {age_text(now_ms() - task.created_at)} ago", task.uses, f"queue {task.queue}"]
    return safe_line("  ".join(facts))


def task_lines(page: TaskPage, look: Look) -> Iterator[SafeText]:
    detail, task = page.detail, page.detail.task
    yield facts_of(task, look)
    if page.output:
        yield SafeText("")
        yield SafeText("last lines of the output (l: all of it)")
        yield from (safe_line(f"  {line}") for line in page.output)
    yield SafeText("")
    yield from _waits(page.waits)
    if task.error is not None:
        yield _pair("error", error_line(task.error))
    if task.stop_requested is not None:
        yield _pair("stop asked", json.dumps(task.stop_requested, ensure_ascii=False))
    for label, text in (
        ("changed by", task.status_by),
        ("because", task.status_reason),
        ("asked by", task.actor),
        ("name", task.name),
        ("job", str(task.job_id)),
        ("queue", f"{task.queue}, priority {task.priority}"),
        ("uses", task.uses),
        ("needs", ", ".join(detail.needs)),
        ("group", task.group),
        ("instances", None if task.instances is None else _instances(task.instances)),
        ("on error", "its job goes on" if detail.continue_on_error else None),
        ("succeeds with", _codes(detail.success_exit_codes)),
        ("skips with", _codes(detail.skip_exit_codes)),
        *limit_texts(detail).items(),
    ):
        if text:
            yield _pair(label, text)
    for label, at in (
        ("created", task.created_at),
        ("queued", task.queued_at),
        ("started", task.started_at),
        ("finished", task.finished_at),
        ("due", task.retry_at),
    ):
        if at is not None:
            yield _pair(label, to_iso(at))
    yield SafeText("")
    yield _pair("attempts", _attempts(task))
    if task.usual is not None:
        yield _pair(
            "usually",
            usual_text(task.usual).removeprefix("usually ") + f" (of the last {task.usual.attempts})",
        )
    yield from (_attempt(attempt, task, look) for attempt in detail.attempts)
    yield from _block("error", task.error)
    yield from _block("with", dict(detail.with_))
    yield from _block("output", detail.output)
    yield from (safe_line(f"  ! {note}") for note in output_notes(detail.output))
    yield from _block("metadata", dict(detail.metadata) or None)
    if page.events:
        yield SafeText("")
        yield SafeText(f"newest events (of at most {_EVENTS})")
        yield from (_event(event) for event in page.events)


def _instances(group: GroupCounts) -> str:
    most = "" if group.parallel is None else f", at most {group.parallel:,} at once"
    rule = "" if group.needed is None else f", {group.needed:,} have to succeed"
    return f"{group.short}: {group.told}{rule}{most} (set {group.number})"


def _codes(codes: Sequence[int]) -> str | None:
    return f"exit {', '.join(map(str, codes))}" if codes else None


def _attempts(task: TaskView) -> str:
    """Count those since the last rerun, and all where there are more."""
    more = f", {task.attempts} in all" if task.attempts > task.tries else ""
    return f"{task.tries} of {task.max_attempts}{more}"


def _waits(waits: TaskWaits | None) -> Iterator[SafeText]:
    for number, reason in enumerate(waits.reasons if waits else ()):
        yield _pair("" if number else "waits for", reason.text)
        about = "" if reason.until is None else f", about in {duration_text(max(0, reason.until - now_ms()))}"
        yield _pair("", f"ends by {reason.ends}{about}")


def _attempt(attempt: AttemptView, task: TaskView, look: Look) -> SafeText:
    end = now_ms() if attempt.finished_at is None else attempt.finished_at
    error = f"  {error_line(attempt.error)}" if attempt.error else ""
    took = duration_text(end - attempt.started_at)
    if task.usual is not None and attempt.finished_at is None:
        took = f"{took}, usually {duration_text(task.usual.median_ms)}"
    status = fit(worded(attempt.status, look), 13)
    return safe_line(f"  {attempt.epoch:>3}  {status}  {to_iso(attempt.started_at)}  {took}{error}")


def _event(event: EventView) -> SafeText:
    data = json.dumps(event.data, ensure_ascii=False, separators=(",", ":")) if event.data else ""
    return safe_line(f"  {to_iso(event.at)}  {fit(event.kind, 22)}{data}")


def _block(label: str, value: JsonValue) -> Iterator[SafeText]:
    if value is None or value in ({}, []):
        return
    yield SafeText("")
    yield SafeText(label)
    for line in json.dumps(value, ensure_ascii=False, indent=2).splitlines():
        yield safe_line(f"  {line}")


def _pair(label: str, text: str) -> SafeText:
    return safe_line(fit(label, _LABEL) + text)
