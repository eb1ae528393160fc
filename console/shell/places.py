"""The table of places and their screens.

Used by the app, the navigator, the palette and the place prompt.
"""

from __future__ import annotations

from collections.abc import Callable

from console.desk import Desk
from console.navigation.history import AsOf, GaugeRef, JobMoment, JobPair, LogPlace
from console.screens.artifacts import ArtifactsScreen
from console.screens.base import DeskScreen, Subject
from console.screens.budgets import BudgetsScreen
from console.screens.difference import DifferenceScreen
from console.screens.entries import EntriesScreen
from console.screens.failures import FailuresScreen
from console.screens.found_lines import FoundLinesScreen
from console.screens.gauges import GaugesScreen
from console.screens.graph import GraphScreen
from console.screens.graph_at import GraphAtScreen
from console.screens.handoff import HandoffScreen
from console.screens.health import HealthScreen
from console.screens.history import HistoryScreen
from console.screens.job import JobScreen
from console.screens.job_at import JobAtScreen
from console.screens.lists import EventsScreen, JobsScreen, TasksScreen
from console.screens.log import LogScreen
from console.screens.notices import NoticesScreen
from console.screens.orphans import OrphansScreen
from console.screens.past import PastScreen
from console.screens.people import PeopleScreen
from console.screens.pulse import PulseScreen
from console.screens.queues import QueuesScreen
from console.screens.retries import RetriesScreen
from console.screens.runs import RunsScreen
from console.screens.schedule import ScheduleScreen
from console.screens.schedules import SchedulesScreen
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
    "failures": FailuresScreen,
    "schedules": SchedulesScreen,
    "budgets": BudgetsScreen,
    "queues": QueuesScreen,
    "health": HealthScreen,
    "people": PeopleScreen,
    "orphans": OrphansScreen,
    "events": EventsScreen,
    "handoff": HandoffScreen,
    "notices": NoticesScreen,
}
ROOTS = tuple(_ROOTS)
"""The screens of their own; each keeps its place, filter and cursor."""
HOME = "pulse"
"""The first screen."""
ABOUT: dict[str, type[DeskScreen]] = {
    "a job": JobScreen,
    "its graph": GraphScreen,
    "its timeline": TimelineScreen,
    "its history": HistoryScreen,
    "it after an event": JobAtScreen,
    "its graph after an event": GraphAtScreen,
    "two jobs compared": DifferenceScreen,
    "the runs of a workflow": RunsScreen,
    "a task": TaskScreen,
    "its log": LogScreen,
    "files that tasks left": ArtifactsScreen,
    "lines found in logs": FoundLinesScreen,
    "why a task waits": WhyScreen,
    "an earlier time": PastScreen,
    "a schedule": ScheduleScreen,
    "the gauges of a limit": GaugesScreen,
    "the entries of a budget": EntriesScreen,
}
_NUMBERED: dict[str, Callable[[Desk, int], DeskScreen]] = {
    "job": JobScreen,
    "graph": GraphScreen,
    "timeline": TimelineScreen,
    "history": HistoryScreen,
    "task": TaskScreen,
    "log": LogScreen,
    "why": lambda desk, task_id: WhyScreen(desk, task_id=task_id),
    "why job": lambda desk, job_id: WhyScreen(desk, job_id=job_id),
    "artifacts": lambda desk, job_id: ArtifactsScreen(desk, job_id=job_id),
    "task artifacts": lambda desk, task_id: ArtifactsScreen(desk, task_id=task_id),
    "job events": lambda desk, job_id: EventsScreen(desk, job_id=job_id),
    "task events": lambda desk, task_id: EventsScreen(desk, task_id=task_id),
}
"""What shows a job or a task, by its number."""
_FILTERED: dict[str, Callable[[Desk, Filter], DeskScreen]] = {
    "tasks": lambda desk, where: TasksScreen(desk, where=where),
    "some events": lambda desk, where: EventsScreen(desk, where=where),
    "found lines": FoundLinesScreen,
}
"""What shows those that match a filter."""
GROUPS = tuple((*screen.parts(), "app") for screen in (*_ROOTS.values(), *ABOUT.values()))
"""The parts of the key table that are active together."""


def all_names() -> tuple[str, ...]:
    """Return the names of all screens."""
    return (*_ROOTS, *ABOUT)


def names_with(part: str) -> tuple[str, ...]:
    """Return the names of the screens that have a part of the key table."""
    return tuple(name for name, screen in (_ROOTS | ABOUT).items() if part in screen.parts())


def screen_for(desk: Desk, place: str, subject: Subject | None) -> DeskScreen:
    """Return a new screen for a place and its subject; a root has none."""
    if subject is None:
        return _ROOTS[place](desk)
    match place, subject:
        case known, Filter() as where if known in _FILTERED:
            return _FILTERED[known](desk, where)
        case "log", LogPlace() as at:
            return LogScreen(desk, at)
        case "as of", AsOf() as moment:
            return PastScreen(desk, moment)
        case known, JobMoment() as then if known in _THEN:
            return _THEN[known](desk, then)
        case "difference", JobPair() as jobs:
            return DifferenceScreen(desk, jobs)
        case "entries", GaugeRef() as gauge:
            return EntriesScreen(desk, gauge)
        case known, str(name) if known in _NAMED:
            return _NAMED[known](desk, name)
        case known, int(number) if known in _NUMBERED:
            return _NUMBERED[known](desk, number)
        case _:
            return EventsScreen(desk)


def _queue(desk: Desk, name: str) -> DeskScreen:
    only = In(field="queue", values=(name,))
    return TasksScreen(desk, where=Filter(noun=Noun.TASKS, terms=(only,)))


_NAMED: dict[str, Callable[[Desk, str], DeskScreen]] = {
    "runs": RunsScreen,
    "schedule": ScheduleScreen,
    "gauges": GaugesScreen,
    "queue": _queue,
}
"""What shows something by its name."""
_THEN: dict[str, Callable[[Desk, JobMoment], DeskScreen]] = {
    "job at": JobAtScreen,
    "graph at": GraphAtScreen,
}
"""What shows a job as it stood."""
