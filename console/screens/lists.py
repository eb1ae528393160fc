"""The screens of jobs, tasks and events, each only a listing.

Opened through `console.shell.places`.
"""

from __future__ import annotations

from functools import partial

from console.desk import Desk
from console.key_table import bindings
from console.navigation.history import JobPair
from console.rows.listing import events, jobs, tasks_with_jobs
from console.screens.list_screen import ListScreen
from console.screens.parts.unfolder import NO_GROUP, instances_of
from core.filters.terms import Filter
from core.model.events import EventView
from core.model.text import SafeText, safe_line
from core.model.views import JobView, TaskView

_COMPARED = 2
TASK_PLACES = {"open": "task", "logs": "log", "events": "task events", "why": "why"}
"""What shows the task under the cursor, by action."""


class JobsScreen(ListScreen[JobView]):
    """What was submitted, and how far it is."""

    PARTS = (
        "list",
        "retry",
        "again",
        "cancel",
        "kill",
        "purge",
        "pause",
        "why",
        "runs",
        "events",
        "job_history",
        "artifacts",
        "compare",
        "bundle",
        "times",
    )
    NOUNS = ("job", "task")
    BINDINGS = bindings(*PARTS)
    PLACES = {
        "open": "job",
        "events": "job events",
        "why": "why job",
        "history": "history",
        "artifacts": "artifacts",
    }
    nothing = SafeText("no job yet: o starts one; try the sample")

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, jobs(desk.control))
        self.action_history = partial(self._visit, "history")
        self.action_artifacts = partial(self._visit, "artifacts")

    def title_line(self) -> SafeText:
        return SafeText(" Jobs")

    def action_runs(self) -> None:
        """Compare the last runs of the workflow of the job under the cursor."""
        self.visit("runs", None if self.table.selected is None else self.table.selected.name)

    def action_compare(self) -> None:
        """Compare the two marked jobs; without marks, the job under the cursor with the last run before."""
        marked = sorted(self.picker.marks.job_ids())
        if len(marked) == _COMPARED:
            self.visit("difference", JobPair(before=marked[0], after=marked[1]))
        elif marked or self.picker.marks:
            self.tell(SafeText("two jobs are compared: mark two of them"))
        elif self.table.selected is not None:
            self.visit("difference", JobPair(after=self.table.selected.id))


class TasksScreen(ListScreen[TaskView]):
    """The tasks of all jobs, or those that a filter finds."""

    PARTS = (
        "list",
        "retry",
        "again",
        "cancel",
        "kill",
        "purge",
        "hold",
        "why",
        "logs",
        "events",
        "unfold",
        "times",
    )
    NOUNS = ("task",)
    BINDINGS = bindings(*PARTS)
    PLACES = TASK_PLACES

    def __init__(self, desk: Desk, *, where: Filter | None = None) -> None:
        super().__init__(desk, tasks_with_jobs(desk.control), where=where)

    def title_line(self) -> SafeText:
        return SafeText(" Tasks")

    def why_not(self, action: str) -> SafeText:
        is_group = self.table.selected is not None and self.table.selected.instances is not None
        return NO_GROUP if action == "unfold" and not is_group else super().why_not(action)

    def action_unfold(self) -> None:
        """List the instances of the group under the cursor."""
        group = self.table.selected
        if group is not None:
            self.narrow(instances_of(group))


class EventsScreen(ListScreen[EventView]):
    """The newest events first: of everything, or of one job or task."""

    PARTS = ("list", "logs", "times")
    BINDINGS = bindings(*PARTS)

    def __init__(
        self,
        desk: Desk,
        *,
        job_id: int | None = None,
        task_id: int | None = None,
        where: Filter | None = None,
    ) -> None:
        super().__init__(desk, events(desk.control, job_id=job_id, task_id=task_id), where=where)
        self._of = f" of job {job_id}" if job_id else f" of task {task_id}" if task_id else ""

    def title_line(self) -> SafeText:
        return safe_line(f" Events{self._of}")

    def action_open(self) -> None:
        """Show the task of the event, else its job."""
        event = self.table.selected
        if event is not None and event.task_id is not None:
            self.visit("task", event.task_id)
        elif event is not None:
            self.visit("job", event.job_id)

    def action_logs(self) -> None:
        self.visit("log", None if self.table.selected is None else self.table.selected.task_id)
