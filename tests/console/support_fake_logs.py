"""Outputs of the fake control, as files in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate

from core.control.nouns import logs
from core.control.output_files import find_backward, find_forward
from core.executors.output_lines import LineFile
from core.executors.output_search import Deadline, OutputSearch
from core.filters.text_query import TextSearch
from core.model.errors import NotFound
from core.model.log_views import LogCount, LogFacts, LogMatches, LogPage, TaskMatch, TaskMatches, Way
from core.model.status import TASK_FINAL
from core.model.views import LogChunk, LogStream
from tests.console.support_fake_rows import FakeRows


class FakeLogs(FakeRows):
    """Answers what reads outputs; `outputs` = by task, `earlier` = by task and number of an older attempt."""

    def __init__(self) -> None:
        super().__init__()
        self.earlier: dict[tuple[int, int], bytes] = {}
        self.errors: dict[int, bytes] = {}
        """Standard error by task, kept apart."""
        self.woven: dict[int, tuple[tuple[LogStream, bytes], ...]] = {}
        """Lines of both streams by task, in the order they came."""
        self.times: dict[int, tuple[tuple[int, int], ...]] = {}
        self.deadline: Callable[[], Deadline] = lambda: Deadline(seconds=9)

    async def answer_log(self, r: logs.Log) -> LogChunk:
        facts, data = self._output(r.task_id, r.epoch, r.stream)
        start = r.offset if r.offset >= 0 else max(0, len(data) + r.offset)
        piece = data[start : start + r.limit]
        return LogChunk(
            data=piece, offset=start, end=start + len(piece), final=facts.final, epoch=facts.epoch
        )

    async def answer_log_lines(self, r: logs.LogLines) -> LogPage:
        facts, data = self._output(r.task_id, r.epoch, r.stream)
        with _opened(data) as file:
            found = (file.forward if r.way is Way.FORWARD else file.backward)(r.offset, lines=r.lines)
        return LogPage(
            facts=facts,
            begin=found.begin,
            end=found.end,
            data=found.data,
            starts=tuple(start - found.begin for start in found.starts),
            missing=found.missing,
            errors=self._errors(r, facts, found.starts),
            times=self.times.get(r.task_id, ()),
        )

    async def answer_find_in_log(self, r: logs.FindInLog) -> LogMatches:
        facts, data = self._output(r.task_id, r.epoch, r.stream)
        find = find_forward if r.way is Way.FORWARD else find_backward
        with _opened(data) as file:
            search = OutputSearch(file, TextSearch(r.query))
            seen = find(search, r.offset, most=r.most, context=r.context, deadline=self.deadline())
        return LogMatches(facts=facts, matches=tuple(seen.matches), end=seen.end)

    async def answer_count_in_log(self, r: logs.CountInLog) -> LogCount:
        facts, data = self._output(r.task_id, r.epoch, r.stream)
        with _opened(data) as file:
            search = OutputSearch(file, TextSearch(r.query))
            counted = search.count(r.offset, most=r.most, deadline=self.deadline())
        return LogCount(facts=facts, number=counted.number, lines=tuple(counted.lines), end=counted.end)

    async def answer_find_in_logs(self, r: logs.FindInLogs) -> TaskMatches:
        """Look through one task an answer."""
        tasks = sorted(self.found(r.where), key=lambda task: task.id)
        at = int(r.after or 0)
        if at >= len(tasks):
            return TaskMatches(matches=(), next=None, tasks=0, size=0)
        task = tasks[at]
        facts, data = self._output(task.id, None, LogStream.OUT)
        with _opened(data) as file:
            search = OutputSearch(file, TextSearch(r.query))
            seen = find_forward(search, 0, most=r.most, context=0, deadline=Deadline(seconds=9))
        found = [
            TaskMatch(
                task_id=task.id,
                job_id=task.job_id,
                key=task.key,
                epoch=facts.epoch,
                stream=LogStream.OUT,
                match=match,
            )
            for match in seen.matches
        ]
        following = str(at + 1) if at + 1 < len(tasks) else None
        return TaskMatches(matches=tuple(found), next=following, tasks=1, size=len(data))

    def _output(self, task_id: int, epoch: int | None, stream: LogStream) -> tuple[LogFacts, bytes]:
        if task_id not in self.task_rows:
            raise NotFound("task.unknown", f"no task {task_id}")
        task = self.task_rows[task_id]
        data = self.outputs.get(task_id, b"")
        latest = max(1, task.attempts) if data else 0
        number = latest if epoch is None else epoch
        is_latest = number == latest
        data = data if is_latest else self.earlier[task_id, number]
        errors = self.errors.get(task_id, b"") if is_latest else b""
        woven = self.woven.get(task_id, ()) if is_latest else ()
        if woven and stream is LogStream.BOTH:
            data = b"".join(line for _, line in woven)
        data = errors if stream is LogStream.ERR else data
        facts = LogFacts(
            epoch=number,
            size=len(data),
            final=not is_latest or task.status in TASK_FINAL,
            path=f"/home/output/{task_id}/{number}/{stream}",
            stderr=len(errors),
            ordered=bool(woven),
        )
        return facts, data

    def weave(self, task_id: int, *lines: tuple[LogStream, bytes]) -> None:
        """Let a task have written these lines in this order."""
        self.woven[task_id] = lines
        for stream, outputs in ((LogStream.OUT, self.outputs), (LogStream.ERR, self.errors)):
            outputs[task_id] = b"".join(line for one, line in lines if one is stream)

    def _errors(self, r: logs.LogLines, facts: LogFacts, starts: tuple[int, ...]) -> tuple[int, ...]:
        if not facts.ordered or r.stream is not LogStream.BOTH:
            return ()
        woven = self.woven[r.task_id]
        begins = list(accumulate((len(line) for _, line in woven), initial=0))
        errors = {begin for begin, (stream, _) in zip(begins, woven, strict=False) if stream is LogStream.ERR}
        return tuple(number for number, start in enumerate(starts) if start in errors)


@contextmanager
def _opened(data: bytes) -> Iterator[LineFile]:
    descriptor = os.memfd_create("output")
    try:
        os.write(descriptor, data)
        yield LineFile(descriptor)
    finally:
        os.close(descriptor)
