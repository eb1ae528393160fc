"""Places: which screen shows what; the one list of all screens."""

from __future__ import annotations

from console.desk import Desk
from console.screens.base import DeskScreen, Subject
from console.screens.job import JobScreen
from console.screens.lists import EventsScreen, JobsScreen, QueuesScreen, TasksScreen
from console.screens.logs import LogScreen
from console.screens.task import TaskScreen
from core.model.fields import Noun
from core.model.filters import Filter
from core.model.terms import In

ROOTS = ("jobs", "tasks", "queues", "events")
"""The screens that stand for themselves; each keeps its place, filter and cursor."""
HOME = "jobs"
"""The screen to begin with."""


def make(desk: Desk, place: str, subject: Subject | None) -> DeskScreen:
    """Return a new screen for a place and its subject."""
    match place, subject:
        case "jobs", _:
            return JobsScreen(desk)
        case "tasks", Filter() as where:
            return TasksScreen(desk, where=where)
        case "tasks", _:
            return TasksScreen(desk)
        case "queues", _:
            return QueuesScreen(desk)
        case "job", int(job_id):
            return JobScreen(desk, job_id)
        case "task", int(task_id):
            return TaskScreen(desk, task_id)
        case "log", int(task_id):
            return LogScreen(desk, task_id)
        case "job events", int(job_id):
            return EventsScreen(desk, job_id=job_id)
        case "task events", int(task_id):
            return EventsScreen(desk, task_id=task_id)
        case "queue", str(name):
            only = In(field="queue", values=(name,))
            return TasksScreen(desk, where=Filter(noun=Noun.TASKS, terms=(only,)))
        case _:
            return EventsScreen(desk)
