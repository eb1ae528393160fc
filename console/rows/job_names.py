"""Names of the jobs of the tasks in memory.

Used by the listing of tasks.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.control.api import ControlAPI
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.errors import TaskdeckError
from core.model.text import SafeText, safe_line
from core.model.values import INBOX

_MOST = 5_000
"""Names that are kept: those of many pages."""


class JobNames:
    """Asks once for the name of each job: it never changes."""

    def __init__(self, control: ControlAPI) -> None:
        self._control = control
        self._names: dict[int, str] = {INBOX: ""}

    async def learn(self, job_ids: Iterable[int]) -> None:
        """Read the names that are not known yet; what cannot be read is asked for with the next page."""
        wanted = dict.fromkeys(number for number in job_ids if number not in self._names)
        if not wanted:
            return
        only = Filter(noun=Noun.JOBS, terms=(In(field="id", values=tuple(wanted)),))
        try:
            page = await self._control.jobs(only, limit=len(wanted))
        except TaskdeckError:
            return
        if len(self._names) > _MOST:
            self._names = {INBOX: ""}
        self._names |= dict.fromkeys(wanted, "") | {job.id: job.name for job in page.rows}

    def of(self, job_id: int) -> SafeText:
        """Return the name of a job; '' = that of loose tasks, or not known."""
        return safe_line(self._names.get(job_id, ""))
