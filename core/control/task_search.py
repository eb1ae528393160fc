"""Search in the outputs of many tasks, one after the other.

Used by `ReadingControl`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from core.control.nouns import logs
from core.control.output_files import MATCHES_MOST, OutputFiles, find_forward, new_deadline
from core.executors.output_search import Deadline, OutputSearch
from core.filters.terms import Sort
from core.filters.text_query import TextSearch
from core.model.errors import Invalid
from core.model.log_views import LogMatch, TaskMatch, TaskMatches
from core.model.ports import AttemptRef
from core.model.records import replace
from core.model.values import ID_MAX
from core.model.views import LogStream

if TYPE_CHECKING:
    from core.executors.output_lines import LineFile
    from core.model.views import TaskView
    from core.store.reports import Reports

_TASKS = 50
"""Tasks that are read at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cursor:
    """Where to go on: the page of tasks, and in it the output and the offset."""

    page: str = ""
    task_id: int = 0
    stream: LogStream = LogStream.OUT
    offset: int = 0

    def encode(self) -> str:
        return f"{self.task_id}.{self.stream}.{self.offset}.{self.page}"

    @classmethod
    def decode(cls, text: str | None) -> _Cursor:
        """Read a cursor; raise `Invalid` (`page.cursor`) for what is none."""
        if text is None:
            return cls()
        match text.split(".", 3):
            case [task_id, ("out" | "err") as stream, offset, page] if _is_id(task_id) and _is_id(offset):
                return cls(page=page, task_id=int(task_id), stream=LogStream(stream), offset=int(offset))
        raise Invalid(
            "page.cursor",
            "this cursor does not belong to this search",
            hint="take `next` of the answer before, with the same filter and text",
        )


class _Looked(NamedTuple):
    """What of an output matches, up to where it was looked through, and its size."""

    matches: list[LogMatch]
    end: int
    size: int
    missing: int = 0


class _Output(NamedTuple):
    """One stream of a task."""

    task: TaskView
    stream: LogStream


class TaskSearch:
    """Looks through the outputs of the latest attempts, in order of the tasks."""

    def __init__(self, reports: Reports, files: OutputFiles) -> None:
        self._reports = reports
        self._files = files

    async def find(self, request: logs.FindInLogs) -> TaskMatches:
        """Answer with lines that match."""
        at = _Cursor.decode(request.after)
        where = replace(request.where, sort=Sort(field="id"))
        page = await self._reports.tasks.page(where, after=at.page or None, limit=_TASKS)
        look = _Look(
            files=self._files,
            search=TextSearch(request.query),
            most=max(1, min(request.most, MATCHES_MOST)),
            epochs=await self._reports.attempts.latest([task.id for task in page.rows]),
        )
        for task, stream in _outputs_from(at, page.rows):
            begin = at.offset if (task.id, stream) == (at.task_id, at.stream) else 0
            end = begin if look.is_over else await look.into(task, stream, begin)
            if end is not None:
                here = replace(at, task_id=task.id, stream=stream, offset=end)
                return look.answer(here.encode())
        return look.answer(None if page.next is None else _Cursor(page=page.next).encode())


@dataclass(slots=True, kw_only=True)
class _Look:
    """One answer as it grows."""

    files: OutputFiles
    search: TextSearch
    most: int
    epochs: dict[int, int]
    deadline: Deadline | None = None
    """From when the first output is looked into: each answer comes further."""
    found: list[TaskMatch] = field(default_factory=list)
    tasks: int = 0
    size: int = 0
    missing: int = 0

    @property
    def is_over(self) -> bool:
        return (self.deadline is not None and self.deadline.is_over()) or len(self.found) >= self.most

    async def into(self, task: TaskView, stream: LogStream, begin: int) -> int | None:
        """Look through an output; return where to go on, None = it is finished."""
        epoch, room = self.epochs.get(task.id, 0), self.most - len(self.found)

        def look(file: LineFile) -> _Looked:
            self.deadline = self.deadline or new_deadline()
            search = OutputSearch(file, self.search)
            found = find_forward(search, begin, most=room, context=0, deadline=self.deadline)
            return _Looked(found.matches, found.end, file.size, file.missing(begin, found.end))

        ref = AttemptRef(task_id=task.id, epoch=epoch)
        looked = await self.files.search(ref, stream, look) if epoch else None
        matches, end, size, missing = looked or _Looked([], 0, 0)
        self.missing += missing
        self.size += max(0, end - begin)
        self.found += [
            TaskMatch(
                task_id=task.id, job_id=task.job_id, key=task.key, epoch=epoch, stream=stream, match=match
            )
            for match in matches
        ]
        if end < size:
            return end
        self.tasks += stream is LogStream.ERR
        return None

    def answer(self, following: str | None) -> TaskMatches:
        return TaskMatches(
            matches=tuple(self.found),
            next=following,
            tasks=self.tasks,
            size=self.size,
            missing=self.missing,
        )


def _outputs_from(at: _Cursor, tasks: Sequence[TaskView]) -> Iterator[_Output]:
    """Return the outputs that are not looked through yet: of each task the output, then standard error."""
    for task in tasks:
        if task.id > at.task_id or (task.id == at.task_id and at.stream is LogStream.OUT):
            yield _Output(task, LogStream.OUT)
        if task.id >= at.task_id:
            yield _Output(task, LogStream.ERR)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= ID_MAX
