"""Job keys: what each view of one job does with the job.

Owned by the screens of a job: list, graph and timeline.
"""

from __future__ import annotations

from console.desk import Desk
from console.rows.job_heading import heading
from console.screens.parts.hosts import JobHost
from console.screens.parts.verb_keys import VerbKeys
from console.verbs.selection import job_selection
from core.model.text import SafeText, safe_line
from core.model.views import JobView, TaskDetail, TaskView

JOB_PARTS = (
    "drawn",
    "runs",
    "retry",
    "again",
    "cancel",
    "kill",
    "pause",
    "hold",
    "why",
    "logs",
    "events",
    "job_history",
    "artifacts",
    "bundle",
)
"""The parts of the key table that all views of a job know."""


class JobKeys:
    """Visits what belongs to the job of its screen, or to the task under the cursor, and pauses the job."""

    def __init__(self, desk: Desk, verbs: VerbKeys, host: JobHost, *, job_id: int) -> None:
        self._desk = desk
        self._verbs = verbs
        self._host = host
        self._job_id = job_id

    def title(self, width: int) -> SafeText:
        """Return name, status and progress of the job; its number while it has not been read."""
        job = self._job
        if job is None:
            return safe_line(f" Job {self._job_id}")
        return heading(job, self._desk.look, width=width)

    def runs(self) -> None:
        """Compare the last runs of the workflow."""
        self._host.visit("runs", None if self._job is None else self._job.name)

    def history(self) -> None:
        self._host.visit("history", self._job_id)

    def artifacts(self) -> None:
        self._host.visit("artifacts", self._job_id)

    def events(self) -> None:
        self._host.visit("job events", self._job_id)

    def logs(self) -> None:
        self._host.visit("log", self._host.subject())

    def why(self) -> None:
        """Say why the task under the cursor waits; without one, for what the job waits."""
        task_id = self._host.subject()
        if task_id is None:
            self._host.visit("why job", self._job_id)
        else:
            self._host.visit("why", task_id)

    def pause(self) -> None:
        """Pause or resume the job, wherever the cursor is: tasks are held instead."""
        if self._job is not None:
            self._verbs.act_on(job_selection(self._job), self._desk.operations.pause)

    def first_task(self) -> int | None:
        """Return the task that the screen below shows or has under its cursor, to begin with it."""
        view = self._host.view_below()
        task = view.task if isinstance(view, TaskDetail) else view
        return (task.group_task or task.id) if isinstance(task, TaskView) else None

    @property
    def _job(self) -> JobView | None:
        view = self._host.job_view()
        return view if isinstance(view, JobView) else None
