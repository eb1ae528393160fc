"""Watched jobs: the terminal rings when one of them ends.

Owned by the app.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from textual.app import App

from console.desk import Desk
from console.screens.base import DeskScreen
from console.terminal.signals import ring, show_on_desktop
from console.verbs.questions import Notices
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.errors import TaskdeckError
from core.model.status import JOB_FINAL
from core.model.text import SafeText, clip, safe_line
from core.model.values import JsonValue
from core.model.views import JobView, TaskDetail, TaskView

_WATCHED = "watched"
_MOST = 200
_LONGEST = 120
_NO_JOB = SafeText("no job here to watch")
_FINAL = frozenset(status.value for status in JOB_FINAL)


class Watches:
    """The jobs that the operator waits for; each is told once, by a notice, the bell and OSC 9."""

    def __init__(self, app: App[None], desk: Desk, *, notices: Notices) -> None:
        self._app = app
        self._desk = desk
        self._notices = notices

    @property
    def jobs(self) -> tuple[int, ...]:
        """The watched jobs, the newest watch first."""
        kept = self._desk.memory.get(_WATCHED)
        numbers = kept if isinstance(kept, list) else []
        return tuple(n for n in numbers if isinstance(n, int) and not isinstance(n, bool) and 0 < n < 2**63)

    def toggle(self, screen: DeskScreen) -> None:
        """Watch the job under the cursor, or that of the task; watched already: not any more."""
        job_id, status = _job_of(screen)
        if job_id is None:
            self._notices.inform(_NO_JOB)
        elif status in _FINAL:
            self._notices.inform(safe_line(f"job {job_id} has ended: {status}"))
        elif job_id in self.jobs:
            self._keep(number for number in self.jobs if number != job_id)
            self._notices.inform(safe_line(f"job {job_id} is not watched any more"))
        else:
            self._keep((job_id, *self.jobs))
            self._notices.inform(safe_line(f"job {job_id} is watched: the bell rings when it ends"))

    async def follow(self, kinds: frozenset[str]) -> None:
        """Tell of the watched jobs that have ended, after events of these kinds."""
        watched = self.jobs
        if not watched or not any(kind.startswith("job.") for kind in kinds):
            return
        only = Filter(noun=Noun.JOBS, terms=(In(field="id", values=watched),))
        try:
            page = await self._desk.control.jobs(only, limit=_MOST)
        except TaskdeckError:
            # The screen shows what is wrong; the next event asks again.
            return
        ended = [job for job in page.rows if job.status in _FINAL]
        gone = {job.id for job in ended} | (set(watched) - {job.id for job in page.rows})
        if gone:
            self._keep(number for number in self.jobs if number not in gone)
        for job in ended:
            self._tell(job)

    def _tell(self, job: JobView) -> None:
        sentence = clip(safe_line(f"job {job.id} {job.name}: {job.status}"), _LONGEST)
        show = self._notices.inform if job.status == "succeeded" else self._notices.warn
        show(sentence)
        driver = self._app._driver  # noqa: SLF001 # Textual has no public way to it.
        ring(driver)
        show_on_desktop(driver, sentence, environ=os.environ)

    def _keep(self, numbers: Iterable[int]) -> None:
        kept: list[JsonValue] = list(numbers)
        self._desk.memory.keep(_WATCHED, kept[:_MOST])


class _Job(NamedTuple):
    """A job and its status; '' = it is not known."""

    id: int | None
    status: str


def _job_of(screen: DeskScreen) -> _Job:
    """Return the job that a screen shows."""
    for view in (screen.selected_view(), screen.job_view()):
        match view:
            case JobView():
                return _Job(view.id, view.status)
            case TaskView():
                return _Job(view.job_id, "")
            case TaskDetail():
                return _Job(view.task.job_id, "")
    return _Job(None, "")
