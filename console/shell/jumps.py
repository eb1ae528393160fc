"""Jumps: from a task to its job, children, needs and dependants.

Owned by the app.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from textual.app import App

from console.desk import Desk
from console.dialogs.finder import Enters, Finder, Offer
from console.rows.listing import worded
from console.screens.base import DeskScreen, Visit
from console.verbs.questions import Notices
from core.control.api import ControlAPI
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.errors import TaskdeckError
from core.model.events import EventView
from core.model.orphans import OrphanView
from core.model.text import SafeText, safe_line
from core.model.values import INBOX
from core.model.views import ChildView, JobView, TaskDetail, TaskView

_WHOLE = 1_000
"""Tasks of a job up to which what needs a task is looked for."""
_NOTHING = SafeText("nothing here to jump from: put the cursor on a task or a job")


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The job of a task, the children of both, and the tasks around it."""

    job: JobView
    children: tuple[ChildView, ...] = ()
    needs: tuple[TaskView, ...] = ()
    dependants: tuple[TaskView, ...] = ()


class Jumps:
    """Offers what is around the task or job under the cursor; Esc comes back."""

    def __init__(self, app: App[None], desk: Desk, *, notices: Notices) -> None:
        self._app = app
        self._desk = desk
        self._notices = notices

    async def ask(self, screen: DeskScreen) -> None:
        """Ask where to, and go there on top of the screen."""
        view = screen.selected_view()
        task_id, job_id = _ids(view)
        if job_id is None:
            # On a stage of a job.
            task_id, job_id = _ids(screen.job_view())
        if job_id is None:
            self._notices.inform(_NOTHING)
            return
        try:
            around = await neighbours(self._desk.control, job_id, task_id)
        except TaskdeckError as error:
            self._notices.warn(safe_line(error.message))
            return
        visits = dict(self._visits(around, task_id if isinstance(view, EventView | OrphanView) else None))
        offers = list(visits)
        finder = Finder(
            SafeText("Jump to"),
            lambda typed: [offer for offer in offers if typed.strip().lower() in offer.title.lower()],
            enters=Enters.THE_FIRST_OFFER,
        )
        chosen = await self._app.push_screen_wait(finder)
        visit = next((visit for offer, visit in visits.items() if offer.text == chosen), None)
        if visit is not None:
            self._app.post_message(visit)

    def _visits(self, around: Neighbours, task_id: int | None) -> Iterator[tuple[Offer, Visit]]:
        job = around.job
        if task_id is not None:
            yield _offer(f"task {task_id}", ""), Visit("task", task_id)
        name = "the loose tasks" if job.id == INBOX else f"{job.name}  {worded(job.status, self._desk.look)}"
        yield _offer(f"job {job.id}", name), Visit("job", job.id)
        if job.parent is not None:
            yield _offer(f"parent job {job.parent['job']}", ""), Visit("job", int(str(job.parent["job"])))
            of = f"task {job.parent['task']} of job {job.parent['job']}"
            yield _offer(f"parent {job.parent['key']}", of), Visit("task", int(str(job.parent["task"])))
        for child in around.children:
            stands = f"{child.key}: {child.name}  {worded(child.status, self._desk.look)}"
            what = "worklet" if child.is_worklet else "child"
            yield _offer(f"{what} job {child.job_id}", stands), Visit("job", child.job_id)
        for word, tasks in (("need", around.needs), ("needed by", around.dependants)):
            for task in tasks:
                note = f"task {task.id}  {worded(task.status, self._desk.look)}"
                yield _offer(f"{word} {task.key}", note), Visit("task", task.id)


async def neighbours(control: ControlAPI, job_id: int, task_id: int | None) -> Neighbours:
    """Read the job and, unless it is that of the loose tasks, what is around one of its tasks, or the job.

    Of a job of more than `_WHOLE` tasks children and dependants are left out. Raises what the control raises.
    """
    job = await control.job(job_id)
    if job_id == INBOX:
        return Neighbours(job=job)
    if task_id is None:
        is_large = sum(job.tasks.values()) > _WHOLE
        return Neighbours(job=job, children=() if is_large else (await control.job_detail(job_id)).children)
    detail = await control.task(task_id)
    if sum(job.tasks.values()) > _WHOLE:
        terms = (In(field="job", values=(job_id,)), In(field="key", values=detail.needs))
        needs = await control.tasks(Filter(noun=Noun.TASKS, terms=terms)) if detail.needs else None
        return Neighbours(job=job, needs=needs.rows if needs else ())
    whole = await control.job_detail(job_id)
    tasks = whole.tasks
    return Neighbours(
        job=job,
        children=tuple(child for child in whole.children if child.task_id == task_id),
        needs=tuple(one.task for one in tasks if one.task.key in detail.needs),
        dependants=tuple(one.task for one in tasks if detail.task.key in one.needs),
    )


class _Subject(NamedTuple):
    """The task and the job that a view is about."""

    task_id: int | None
    job_id: int | None


def _ids(view: object) -> _Subject:
    """Return what a view is about."""
    match view:
        case JobView():
            return _Subject(None, view.id)
        case TaskDetail():
            return _Subject(view.task.id, view.task.job_id)
        case TaskView():
            return _Subject(view.id, view.job_id)
        case EventView():
            return _Subject(view.task_id, view.job_id)
        case OrphanView():
            return _Subject(view.task_id, view.job_id)
    return _Subject(None, None)


def _offer(title: str, note: str) -> Offer:
    return Offer(text=title, title=safe_line(title), note=safe_line(note))
