"""Outputs: their requests, and the verbs that ask them.

The part `logs` of the ReadingAPI.
"""

from __future__ import annotations

from core.control.arguments import LOG_BYTES, PAGE
from core.control.requests import Kind, Request, Verbs, verb
from core.filters.terms import Filter
from core.filters.text_query import TextQuery
from core.model import log_views, views


@verb("log", Kind.READ)
class Log(Request[views.LogChunk], frozen=True, kw_only=True):
    task_id: int
    epoch: int | None = None
    offset: int = 0
    limit: int = LOG_BYTES
    stream: views.LogStream = views.LogStream.OUT


@verb("log_lines", Kind.READ)
class LogLines(Request[log_views.LogPage], frozen=True, kw_only=True):
    task_id: int
    epoch: int | None = None
    stream: views.LogStream = views.LogStream.OUT
    offset: int = 0
    way: log_views.Way = log_views.Way.FORWARD
    lines: int = log_views.LOG_LINES


@verb("find_in_log", Kind.READ)
class FindInLog(Request[log_views.LogMatches], frozen=True, kw_only=True):
    task_id: int
    query: TextQuery
    epoch: int | None = None
    stream: views.LogStream = views.LogStream.OUT
    offset: int = 0
    way: log_views.Way = log_views.Way.FORWARD
    most: int = PAGE
    context: int = 0


@verb("count_in_log", Kind.READ)
class CountInLog(Request[log_views.LogCount], frozen=True, kw_only=True):
    task_id: int
    query: TextQuery
    epoch: int | None = None
    stream: views.LogStream = views.LogStream.OUT
    offset: int = 0
    most: int = PAGE


@verb("find_in_logs", Kind.READ)
class FindInLogs(Request[log_views.TaskMatches], frozen=True, kw_only=True):
    where: Filter
    query: TextQuery
    after: str | None = None
    most: int = PAGE


class Logs(Verbs):
    """Outputs, read and searched."""

    async def chunk(
        self,
        task_id: int,
        *,
        epoch: int | None = None,
        offset: int = 0,
        limit: int = LOG_BYTES,
        stream: views.LogStream = views.LogStream.OUT,
    ) -> views.LogChunk:
        """Return at most `limit` bytes of an attempt's output from a byte offset; None = latest attempt.

        A negative offset counts from the end, as far as the output goes back. A task that never ran,
        or wrote nothing, has an empty chunk (epoch 0 if it never ran). `err` is standard error where a task
        keeps it apart. Raises `NotFound`
        (`task.unknown`, `attempt.unknown`).
        """
        return await self._control.ask(
            Log(task_id=task_id, epoch=epoch, offset=offset, limit=limit, stream=stream)
        )

    async def lines(self, request: LogLines) -> log_views.LogPage:
        """Return whole lines of an output, of any size, from an offset on or before it.

        Forward from the line that holds the offset; backward those before it, of an offset behind the end
        the last ones. A page ends at a hole (the middle of an output over its limit), which is a page of
        its own; it has at most 2,000 lines and 256 KiB, but at least one line. Raises as `chunk` does.
        """
        return await self._control.ask(request)

    async def find(self, request: FindInLog) -> log_views.LogMatches:
        """Return lines of an output that match, forward from an offset, or backward before it.

        Answers after a fifth of a second at the latest, with what it found by then: go on from `end`. An
        output is looked through when `end` is its size, backward 0. Raises as `chunk` does.
        """
        return await self._control.ask(request)

    async def count(self, request: CountInLog) -> log_views.LogCount:
        """Count the lines of an output that match, from an offset on; answers and raises as `find`."""
        return await self._control.ask(request)

    async def find_in_tasks(self, request: FindInLogs) -> log_views.TaskMatches:
        """Return lines that match in what the latest attempts of tasks wrote, in order of the tasks.

        Answers in time as `find` does, also with no match at all: `next` is what to give as `after`.
        Raises `Invalid` (`page.cursor`).
        """
        return await self._control.ask(request)
