"""The table of places and their screens.

Used by the app, the navigator, the palette and the place prompt.
"""

from __future__ import annotations

from console.desk import Desk
from console.navigation.history import LogPlace
from console.screens.base import DeskScreen, Subject
from console.screens.graph import GraphScreen
from console.screens.job import JobScreen
from console.screens.lists import EventsScreen, JobsScreen, TasksScreen
from console.screens.log import LogScreen
from console.screens.orphans import OrphansScreen
from console.screens.pulse import PulseScreen
from console.screens.queues import QueuesScreen
from console.screens.retries import RetriesScreen
from console.screens.runs import RunsScreen
from console.screens.task import TaskScreen
from console.screens.timeline import TimelineScreen
from console.screens.why import WhyScreen
from core.filters.fields import Noun
from core.filters.terms import Filter, In

_ROOTS: dict[str, type[DeskScreen]] = {
    "pulse": PulseScreen,
    "jobs": JobsScreen,
    "tasks": TasksScreen,
    "retries": RetriesScreen,
    "queues": QueuesScreen,
    "orphans": OrphansScreen,
    "events": EventsScreen,
}
ROOTS = tuple(_ROOTS)
"""The screens of their own; each keeps its place, filter and cursor."""
HOME = "pulse"
"""The first screen."""
_ABOUT: dict[str, type[DeskScreen]] = {
    "a job": JobScreen,
    "its graph": GraphScreen,
    "its timeline": TimelineScreen,
    "the runs of a workflow": RunsScreen,
    "a task": TaskScreen,
    "its log": LogScreen,
    "why a task waits": WhyScreen,
}
GROUPS = tuple((*screen.parts(), "app") for screen in (*_ROOTS.values(), *_ABOUT.values()))
"""The parts of the key table that are active together."""


def names_with(part: str) -> tuple[str, ...]:
    """Return the names of the screens that have a part of the key table."""
    return tuple(name for name, screen in (_ROOTS | _ABOUT).items() if part in screen.parts())


def screen_for(desk: Desk, place: str, subject: Subject | None) -> DeskScreen:
    """Return a new screen for a place and its subject; a root has none."""
    if subject is None:
        return _ROOTS[place](desk)
    match place, subject:
        case "tasks", Filter() as where:
            return TasksScreen(desk, where=where)
        case "job", int(job_id):
            return JobScreen(desk, job_id)
        case "graph", int(job_id):
            return GraphScreen(desk, job_id)
        case "task", int(task_id):
            return TaskScreen(desk, task_id)
        case "log", (int() | LogPlace()) as subject:
            return LogScreen(desk, subject)
        case "timeline", int(job_id):
            return TimelineScreen(desk, job_id)
        case "runs", str(name):
            return RunsScreen(desk, name)
        case "why", int(task_id):
            return WhyScreen(desk, task_id=task_id)
        case "why job", int(job_id):
            return WhyScreen(desk, job_id=job_id)
        case "job events", int(job_id):
            return EventsScreen(desk, job_id=job_id)
        case "task events", int(task_id):
            return EventsScreen(desk, task_id=task_id)
        case "queue", str(name):
            only = In(field="queue", values=(name,))
            return TasksScreen(desk, where=Filter(noun=Noun.TASKS, terms=(only,)))
        case _:
            return EventsScreen(desk)
