"""OutputReading: the output of a task, in bytes and lines, and searches.

Used by `ReadingControl`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.control import reading_api
from core.control.output_files import MATCHES_MOST, OutputFiles, find_backward, find_forward, new_deadline
from core.executors.output_lines import PAGE_LINES, LineFile, Lines
from core.executors.output_search import Counted, OutputSearch
from core.executors.output_times import OutputTimes
from core.executors.outputs import ERR
from core.filters.text_query import TextSearch
from core.model.errors import NotFound
from core.model.log_views import LogCount, LogFacts, LogMatch, LogMatches, LogPage, Way
from core.model.ports import AttemptRef
from core.model.records import replace
from core.model.status import ATTEMPT_FINAL, AttemptStatus
from core.model.views import LogChunk, LogStream

if TYPE_CHECKING:
    from core.model.views import AttemptView, TaskDetail
    from core.store.reports import Reports

_CLOSED = frozenset(status.value for status in ATTEMPT_FINAL)


class OutputReading:
    """Reads the output of one attempt at a time."""

    def __init__(self, reports: Reports, files: OutputFiles) -> None:
        self._reports = reports
        self._files = files

    async def chunk(self, request: reading_api.Log) -> LogChunk:
        """Answer with bytes."""
        # Judged before the read: what a closed attempt has written by then is all there will be.
        task, attempt = await self._attempt(request.task_id, request.epoch)
        facts = self._facts(task, attempt, request.stream)
        if attempt is None or not facts.path:
            return LogChunk(data=b"", offset=0, end=0, final=facts.final, epoch=facts.epoch)
        outputs, ref, offset = self._files.outputs, _ref(task, attempt), request.offset
        start = offset if offset >= 0 else max(0, facts.size + offset)
        chunk = outputs.read(ref, offset=start, limit=request.limit, stream=request.stream)
        return LogChunk(
            data=chunk.data,
            offset=chunk.offset,
            end=chunk.next,
            final=facts.final and chunk.next >= chunk.size,
            epoch=attempt.epoch,
            dropped=max(0, min(chunk.offset, chunk.size) - start),
            lost=facts.lost,
            stderr=facts.stderr,
        )

    async def lines(self, request: reading_api.LogLines) -> LogPage:
        """Answer with whole lines."""
        task, attempt = await self._attempt(request.task_id, request.epoch)
        facts = self._facts(task, attempt, request.stream)
        if attempt is None or not facts.size:
            return LogPage(facts=facts, begin=0, end=0, data=b"", starts=())
        ref, count = _ref(task, attempt), max(1, min(request.lines, PAGE_LINES))

        def read(file: LineFile) -> Lines:
            # What was written since the facts were read comes with the next page.
            file.size = min(file.size, facts.size)
            way = file.forward if request.way is Way.FORWARD else file.backward
            return way(request.offset, lines=count)

        found = await self._files.read(ref, request.stream, read)
        if found is None:
            return LogPage(facts=replace(facts, size=0), begin=0, end=0, data=b"", starts=())
        return LogPage(
            facts=facts,
            begin=found.begin,
            end=found.end,
            data=found.data,
            starts=tuple(start - found.begin for start in found.starts),
            missing=found.missing,
            times=OutputTimes(path=Path(facts.path), began=attempt.started_at).between(
                found.begin, found.end
            ),
        )

    async def find(self, request: reading_api.FindInLog) -> LogMatches:
        """Answer with lines that match."""
        task, attempt = await self._attempt(request.task_id, request.epoch)
        facts = self._facts(task, attempt, request.stream)
        search = TextSearch(request.query)
        find = find_forward if request.way is Way.FORWARD else find_backward
        most = max(1, min(request.most, MATCHES_MOST))

        def look(file: LineFile) -> tuple[list[LogMatch], int]:
            found = OutputSearch(file, search)
            return find(found, request.offset, most=most, context=request.context, deadline=new_deadline())

        looked = None
        if attempt is not None and facts.size:
            looked = await self._files.search(_ref(task, attempt), request.stream, look)
        matches, end = looked or ([], facts.size if request.way is Way.FORWARD else 0)
        return LogMatches(facts=facts, matches=tuple(matches), end=end)

    async def count(self, request: reading_api.CountInLog) -> LogCount:
        """Answer with how many lines match."""
        task, attempt = await self._attempt(request.task_id, request.epoch)
        facts = self._facts(task, attempt, request.stream)
        search = TextSearch(request.query)
        most = max(0, min(request.most, MATCHES_MOST))

        def look(file: LineFile) -> Counted:
            return OutputSearch(file, search).count(request.offset, most=most, deadline=new_deadline())

        counted = None
        if attempt is not None and facts.size:
            counted = await self._files.search(_ref(task, attempt), request.stream, look)
        counted = counted or Counted(end=facts.size)
        return LogCount(facts=facts, number=counted.number, lines=tuple(counted.lines), end=counted.end)

    async def _attempt(self, task_id: int, epoch: int | None) -> tuple[TaskDetail, AttemptView | None]:
        task = await self._reports.tasks.detail(task_id)
        return task, _attempt_of(task, epoch)

    def _facts(self, task: TaskDetail, attempt: AttemptView | None, stream: LogStream) -> LogFacts:
        if attempt is None:
            return LogFacts(epoch=0, size=0, final=False, path="")
        if attempt.status == AttemptStatus.BOUNCED:
            # It never began. What lies in its place may be of another store that was there before.
            return LogFacts(epoch=attempt.epoch, size=0, final=True, path="")
        outputs, ref = self._files.outputs, _ref(task, attempt)
        return LogFacts(
            epoch=attempt.epoch,
            size=outputs.size(ref, stream),
            final=attempt.status in _CLOSED,
            path=str(outputs.directory(ref) / stream),
            lost=outputs.is_lossy(ref) or outputs.size(ref) < _written(task, attempt),
            stderr=outputs.size(ref, ERR),
        )


def _ref(task: TaskDetail, attempt: AttemptView) -> AttemptRef:
    return AttemptRef(task_id=task.task.id, epoch=attempt.epoch)


def _written(task: TaskDetail, attempt: AttemptView) -> int:
    """Return the bytes that the row says an attempt wrote: its files may have been removed since."""
    if attempt.status == "succeeded":
        said = task.output
    else:
        said = attempt.error.get("facts") if attempt.error is not None else None
    size = said.get("size") if isinstance(said, dict) else None
    return size if isinstance(size, int) else 0


def _attempt_of(task: TaskDetail, epoch: int | None) -> AttemptView | None:
    """Return the attempt asked for, or the latest; None if the task never ran."""
    if epoch is None:
        return max(task.attempts, key=lambda attempt: attempt.epoch, default=None)
    for attempt in task.attempts:
        if attempt.epoch == epoch:
            return attempt
    raise NotFound(
        "attempt.unknown",
        f"task {task.task.id} has no attempt {epoch}",
        hint=f"see 'taskdeck show {task.task.job_id}'",
        facts={"task": task.task.id, "epoch": epoch},
    )
