"""Jobs, Tasks, Queues, Events: the lists of the console."""

from __future__ import annotations

from dataclasses import replace

from console.desk import Desk
from console.key_table import bindings
from console.rows.listing import events, jobs, tasks
from console.screens.listed import ListScreen
from console.verbs.selection import Selection, job_selection, task_selection
from core.filters.fields import Noun
from core.filters.grammar import Filter
from core.filters.terms import In
from core.model.events import EventView
from core.model.text import SafeText, safe_line
from core.model.views import JobView, TaskView


class JobsScreen(ListScreen[JobView]):
    """What was submitted, and how far it is."""

    PARTS = ("list", "retry", "again", "cancel", "kill", "pause", "events", "times")
    NOUNS = ("job", "task")
    BINDINGS = bindings(*PARTS)
    nothing = SafeText("no job yet: o starts one; try the sample")

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, jobs(desk.control))

    def title_line(self) -> SafeText:
        """Name the list."""
        return SafeText(" Jobs")

    def chosen(self) -> Selection | None:
        """Return the job under the cursor."""
        return None if self.table.selected is None else job_selection(self.table.selected)

    def action_open(self) -> None:
        """Look into the job."""
        self.visit("job", self._subject())

    def action_events(self) -> None:
        """Show the events of the job."""
        self.visit("job events", self._subject())

    def _subject(self) -> int | None:
        return None if self.table.selected is None else self.table.selected.id


class TasksScreen(ListScreen[TaskView]):
    """The tasks of all jobs, or those that a filter lets pass."""

    PARTS = ("list", "retry", "again", "cancel", "kill", "hold", "logs", "events", "times")
    NOUNS = ("task",)
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, *, where: Filter | None = None) -> None:
        super().__init__(desk, tasks(desk.control), where=where)

    def title_line(self) -> SafeText:
        """Name the list."""
        return SafeText(" Tasks")

    def chosen(self) -> Selection | None:
        """Return the task under the cursor."""
        return None if self.table.selected is None else task_selection(self.table.selected)

    def action_open(self) -> None:
        """Look into the task."""
        self.visit("task", self._subject())

    def action_logs(self) -> None:
        """Show the output of the task."""
        self.visit("log", self._subject())

    def action_events(self) -> None:
        """Show the events of the task."""
        self.visit("task events", self._subject())

    def _subject(self) -> int | None:
        return None if self.table.selected is None else self.table.selected.id


class EventsScreen(ListScreen[EventView]):
    """What happened, newest first: everywhere, or to one job or task."""

    PARTS = ("list", "logs", "times")
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, *, job_id: int | None = None, task_id: int | None = None) -> None:
        super().__init__(desk, events(desk.control, job_id=job_id, task_id=task_id))
        fields = {"job": job_id, "task": task_id}
        self._terms = tuple(In(field=name, values=(value,)) for name, value in fields.items() if value)
        self._of = f" of job {job_id}" if job_id else f" of task {task_id}" if task_id else ""

    def predicate(self) -> Filter:
        """Return the filter that finds these events, wherever it is asked."""
        return replace(self.where, terms=(*self.where.terms, *self._terms))

    def count_base(self) -> Filter:
        """Return the filter that finds all events of what this is about."""
        return Filter(noun=Noun.EVENTS, terms=self._terms)

    def title_line(self) -> SafeText:
        """Say of what."""
        return safe_line(f" Events{self._of}")

    def action_open(self) -> None:
        """Look into the task of the event, else into its job."""
        event = self.table.selected
        if event is not None and event.task_id is not None:
            self.visit("task", event.task_id)
        elif event is not None:
            self.visit("job", event.job_id)

    def action_logs(self) -> None:
        """Show the output of the event's task."""
        self.visit("log", None if self.table.selected is None else self.table.selected.task_id)
