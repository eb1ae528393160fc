"""Requests to read outputs, and to search them.

Asked by the methods of the ReadingAPI.
"""

from __future__ import annotations

from core.control.arguments import LOG_BYTES, PAGE
from core.control.requests import Kind, Request, verb
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
