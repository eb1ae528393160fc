"""Task: everything about one task on a page: state, attempts, input, output, error, events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.rows.listing import now_ms, worded
from console.screens.base import DeskScreen
from console.themes import Look
from console.verbs.selection import Selection, task_selection
from console.widgets.text_view import TextView
from core.control.api import EventQuery
from core.filters.fields import Noun
from core.filters.grammar import Filter
from core.filters.terms import Sort
from core.model.events import EventView
from core.model.text import SafeText, fit, safe_line
from core.model.values import JsonValue, to_iso
from core.model.views import AttemptView, TaskDetail
from core.render.times import duration_text

_EVENTS = 20
_LABEL = 12


class TaskScreen(DeskScreen):
    """One task; it is read again each tick."""

    PARTS = ("view", "retry", "again", "cancel", "kill", "hold", "logs", "events")
    NOUNS = ("task", "attempt")
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, task_id: int) -> None:
        super().__init__(desk)
        self.task_id = task_id
        self.view = TextView()
        self._detail: TaskDetail | None = None
        self._newest: tuple[EventView, ...] = ()

    def compose(self) -> ComposeResult:
        """Stack the lines."""
        yield self.head
        yield self.view
        yield self.status
        yield self.hints

    def on_mount(self) -> None:
        """Give the keys to the text."""
        self.view.focus()

    async def load(self) -> None:
        """Read the task and its newest events."""
        self._detail = await self.desk.control.task(self.task_id)
        newest = Filter(noun=Noun.EVENTS, sort=Sort(field="id", descending=True))
        query = EventQuery(task_id=self.task_id, filter=newest)
        events = await self.desk.control.events(query, limit=_EVENTS)
        self._newest = events.rows
        self._write()

    def age(self) -> None:
        """Write how long it has been running."""
        self._write()
        super().age()

    def restyle(self) -> None:
        """Take the glyphs of another theme."""
        self._write()

    def subject_status(self) -> str:
        """Return how the task stands."""
        return "" if self._detail is None else self._detail.task.status

    def yank(self) -> object:
        """Return the task as a whole."""
        return self._detail

    def title_line(self) -> SafeText:
        """Name the task and how it stands."""
        if self._detail is None:
            return safe_line(f" Task {self.task_id}")
        task = self._detail.task
        return safe_line(f" Task {task.id}  {task.key}  {worded(task.status, self.desk.look)}")

    def rows_words(self) -> str:
        """Tell where in the text one is."""
        return self.view.words

    def chosen(self) -> Selection | None:
        """Return this task."""
        return None if self._detail is None else task_selection(self._detail.task)

    def action_logs(self) -> None:
        """Show its output."""
        self.visit("log", self.task_id)

    def action_events(self) -> None:
        """Show all its events."""
        self.visit("task events", self.task_id)

    def _write(self) -> None:
        if self._detail is not None:
            self.view.put(list(describe(self._detail, self._newest, look=self.desk.look)))


def describe(detail: TaskDetail, events: Sequence[EventView], *, look: Look) -> Iterator[SafeText]:
    """Write everything about a task as lines."""
    task = detail.task
    yield _pair("status", worded(task.status, look))
    if task.error is not None:
        yield from _block("error", task.error)
    if task.stop_requested is not None:
        yield _pair("stop asked", json.dumps(task.stop_requested, ensure_ascii=False))
    for label, text in (
        ("name", task.name),
        ("job", str(task.job_id)),
        ("queue", f"{task.queue}, priority {task.priority}"),
        ("uses", task.uses),
        ("needs", ", ".join(detail.needs)),
        ("group", task.group),
        ("waits for", task.wait_reason),
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
    yield _pair("attempts", f"{task.attempts} of {task.max_attempts}")
    yield from (_attempt(attempt, look) for attempt in detail.attempts)
    yield from _block("with", dict(detail.with_))
    yield from _block("output", detail.output)
    yield from _block("metadata", dict(detail.metadata) or None)
    if events:
        yield SafeText("")
        yield SafeText(f"newest events (of at most {_EVENTS})")
        yield from (_event(event) for event in events)


def _attempt(attempt: AttemptView, look: Look) -> SafeText:
    end = now_ms() if attempt.finished_at is None else attempt.finished_at
    error = f"  {attempt.error.get('message', '')}" if attempt.error else ""
    took = duration_text(end - attempt.started_at)
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
