"""Names of the jobs of the tasks in memory.

Used by every list of what belongs to a job.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from console.widgets.row_format import RowFormat
from core.control.api import ControlAPI
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.errors import TaskdeckError
from core.model.records import replace
from core.model.text import SafeText, safe_line
from core.model.values import INBOX
from core.render.columns import Column, Form

V = TypeVar("V")
OF_JOB = Column(name="of", title="OF JOB", form=Form.TEXT, path="job_id", min_width=9, width=16, priority=3)
"""The column of names."""
_MOST = 5_000
"""Names that are kept: those of many pages."""


class JobNames:
    """Asks once for the name of each job: it never changes."""

    def __init__(self, control: ControlAPI) -> None:
        self._control = control
        self._names: dict[int, str] = {INBOX: ""}

    async def learn(self, rows: Iterable[object]) -> None:
        """Read the names of the jobs of rows; what cannot be read is asked for with the next page."""
        numbers = (_job_id(row) for row in rows)
        wanted = dict.fromkeys(number for number in numbers if number and number not in self._names)
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

    def of(self, row: object) -> SafeText:
        """Return the name of the job of a row; '' = loose tasks, none, or not known."""
        return safe_line(self._names.get(_job_id(row), ""))


def beside_jobs(row_format: RowFormat[V], names: JobNames) -> RowFormat[V]:
    """Write the name of a job beside its number."""

    def write(row: V, columns: Sequence[Column]) -> tuple[SafeText, ...]:
        others = iter(row_format.write(row, [column for column in columns if column.name != OF_JOB.name]))
        return tuple(names.of(row) if column.name == OF_JOB.name else next(others) for column in columns)

    return replace(row_format, columns=with_names(row_format.columns), write=write)


def with_names(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return columns with that of names behind that of jobs, if there is one."""
    at = next((at for at, column in enumerate(columns) if column.name == "job"), None)
    return tuple(columns) if at is None else (*columns[: at + 1], OF_JOB, *columns[at + 1 :])


def _job_id(row: object) -> int:
    number = getattr(row, "job_id", None)
    return number if isinstance(number, int) else 0
