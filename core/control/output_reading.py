"""OutputReading: the output of a task, in bytes and lines, and searches.

Used by `ReadingControl`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.control.nouns import logs
from core.control.output_files import (
    MATCHES_MOST,
    FoundMatches,
    OutputFiles,
    find_backward,
    find_forward,
    new_deadline,
)
from core.executors.output_lines import PAGE_LINES, LineFile, Lines
from core.executors.output_search import Counted, OutputSearch
from core.executors.output_times import OutputTimes
from core.executors.outputs import ERR, OUT, Chunk
from core.executors.woven_output import WovenFile, woven_size
from core.filters.text_query import TextSearch
from core.model.errors import NotFound
from core.model.log_views import LogCount, LogFacts, LogMatches, LogPage, Way
from core.model.ports import AttemptRef
from core.model.records import replace
from core.model.status import ATTEMPT_FINAL, AttemptStatus
from core.model.views import LogChunk, LogStream

if TYPE_CHECKING:
    from core.model.views import AttemptView, TaskDetail
    from core.store.reports import Reports

_CLOSED = frozenset(status.value for status in ATTEMPT_FINAL)


class _Attempt(NamedTuple):
    """A task, and one of its attempts; None = it has none."""

    task: TaskDetail
    attempt: AttemptView | None


class OutputReading:
    """Reads the output of one attempt at a time."""

    def __init__(self, reports: Reports, files: OutputFiles) -> None:
        self._reports = reports
        self._files = files

    async def chunk(self, request: logs.Log) -> LogChunk:
        """Answer with bytes."""
        # Judged before the read: what a closed attempt has written by then is all there will be.
        task, attempt = await self._attempt(request.task_id, request.epoch)
        facts = self._facts(task, attempt, request.stream)
        if attempt is None or not facts.path:
            return LogChunk(data=b"", offset=0, end=0, final=facts.final, epoch=facts.epoch)
        start = request.offset if request.offset >= 0 else max(0, facts.size + request.offset)
        chunk = await self._chunk(_ref(task, attempt), replace(request, offset=start), facts)
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

    async def lines(self, request: logs.LogLines) -> LogPage:
        """Answer with whole lines."""
        task, attempt = await self._attempt(request.task_id, request.epoch)
        facts = self._facts(task, attempt, request.stream)
        if attempt is None or not facts.size:
            return LogPage(facts=facts, begin=0, end=0, data=b"", starts=())
        ref, count = _ref(task, attempt), max(1, min(request.lines, PAGE_LINES))

        def read(file: LineFile) -> LogPage:
            # What was written since the facts were read comes with the next page.
            file.size = min(file.size, facts.size)
            way = file.forward if request.way is Way.FORWARD else file.backward
            return _page(facts, way(request.offset, lines=count), file, began=attempt.started_at)

        found = await self._files.read(ref, _known(request.stream, facts), read)
        return found or LogPage(facts=replace(facts, size=0), begin=0, end=0, data=b"", starts=())

    async def find(self, request: logs.FindInLog) -> LogMatches:
        """Answer with lines that match."""
        task, attempt = await self._attempt(request.task_id, request.epoch)
        facts = self._facts(task, attempt, request.stream)
        search = TextSearch(request.query)
        find = find_forward if request.way is Way.FORWARD else find_backward
        most = max(1, min(request.most, MATCHES_MOST))

        def look(file: LineFile) -> FoundMatches:
            file.size = min(file.size, facts.size)
            found = OutputSearch(file, search)
            seen = find(found, request.offset, most=most, context=request.context, deadline=new_deadline())
            low, high = sorted((max(0, request.offset), seen.end))
            return seen._replace(missing=file.missing(low, high))

        looked = None
        if attempt is not None and facts.size:
            looked = await self._files.search(_ref(task, attempt), _known(request.stream, facts), look)
        if looked is None:
            looked = FoundMatches([], facts.size if request.way is Way.FORWARD else 0)
        return LogMatches(facts=facts, matches=tuple(looked.matches), end=looked.end, missing=looked.missing)

    async def count(self, request: logs.CountInLog) -> LogCount:
        """Answer with how many lines match."""
        task, attempt = await self._attempt(request.task_id, request.epoch)
        facts = self._facts(task, attempt, request.stream)
        search = TextSearch(request.query)
        most = max(0, min(request.most, MATCHES_MOST))

        def look(file: LineFile) -> Counted:
            file.size = min(file.size, facts.size)
            seen = OutputSearch(file, search).count(request.offset, most=most, deadline=new_deadline())
            seen.missing = file.missing(max(0, request.offset), seen.end)
            return seen

        counted = None
        if attempt is not None and facts.size:
            counted = await self._files.search(_ref(task, attempt), _known(request.stream, facts), look)
        counted = counted or Counted(end=facts.size)
        return LogCount(
            facts=facts,
            number=counted.number,
            lines=tuple(counted.lines),
            end=counted.end,
            missing=counted.missing,
        )

    async def _chunk(self, ref: AttemptRef, request: logs.Log, facts: LogFacts) -> Chunk:
        stream = _known(request.stream, facts)
        if stream is not LogStream.BOTH:
            return self._files.outputs.read(ref, offset=request.offset, limit=request.limit, stream=stream)

        def read(file: LineFile) -> Chunk:
            file.size = min(file.size, facts.size)
            begin, end = file.extent(request.offset)
            return Chunk(offset=begin, data=file.read(begin, min(end, begin + request.limit)), size=file.size)

        return await self._files.read(ref, stream, read) or Chunk(offset=request.offset, data=b"", size=0)

    async def _attempt(self, task_id: int, epoch: int | None) -> _Attempt:
        task = await self._reports.tasks.detail(task_id)
        return _Attempt(task, _attempt_of(task, epoch))

    def _facts(self, task: TaskDetail, attempt: AttemptView | None, stream: LogStream) -> LogFacts:
        if attempt is None:
            return LogFacts(epoch=0, size=0, final=False, path="")
        if attempt.status == AttemptStatus.BOUNCED:
            # It never began. What lies in its place may be of another store that was there before.
            return LogFacts(epoch=attempt.epoch, size=0, final=True, path="")
        outputs, ref = self._files.outputs, _ref(task, attempt)
        directory, is_final = outputs.directory(ref), attempt.status in _CLOSED
        out, err = outputs.size(ref), outputs.size(ref, ERR)
        both = woven_size(directory, out=out, err=err, is_final=is_final) if err else 0
        is_woven = bool(both) and stream is LogStream.BOTH
        return LogFacts(
            epoch=attempt.epoch,
            size=both if is_woven else err if stream is LogStream.ERR else out,
            final=is_final,
            path=str(directory if is_woven else directory / (ERR if stream is LogStream.ERR else OUT)),
            lost=outputs.is_lossy(ref) or out < _written(task, attempt),
            stderr=err,
            ordered=bool(both),
        )


def _known(stream: LogStream, facts: LogFacts) -> LogStream:
    """Return what is read: without an order both are not woven."""
    return LogStream.OUT if stream is LogStream.BOTH and not facts.ordered else stream


def _page(facts: LogFacts, found: Lines, file: LineFile, *, began: int) -> LogPage:
    woven = file if isinstance(file, WovenFile) else None
    return LogPage(
        facts=facts,
        begin=found.begin,
        end=found.end,
        data=found.data,
        starts=tuple(start - found.begin for start in found.starts),
        missing=found.missing,
        errors=woven.errors(found.starts) if woven else (),
        times=(
            woven.times(found.begin, found.end, began=began)
            if woven
            else OutputTimes(path=Path(facts.path), began=began).between(found.begin, found.end)
        ),
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
