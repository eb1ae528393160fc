"""Views of outputs by lines: pages, matches, and where they are.

Answered by the control; shown by the commands and the log screens.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from core.model.views import LogStream

LOG_END = 2**63 - 1
"""An offset that is behind every output."""
LOG_LINES = 500
"""Lines of a page unless another number is asked for; at most 2,000 are served."""
CONTEXT_MOST = 100
"""Lines of context on either side of a match, at the most."""


class Way(StrEnum):
    """In which direction lines are read or looked for."""

    FORWARD = "forward"
    BACKWARD = "backward"


class LogLine(Struct, frozen=True, kw_only=True):
    """A line of an output without its end, and the offset of its first byte.

    A line that has no end for long is cut, at most 128 KiB behind its begin.
    """

    offset: int
    data: bytes


class LogFacts(Struct, frozen=True, kw_only=True):
    """Which output this is, and how much of it there is by now."""

    epoch: int
    """The attempt; 0 = the task never ran."""
    size: int
    """Bytes written so far, those that are missing by now included."""
    final: bool
    """The attempt has closed: nothing follows behind `size`."""
    path: str
    """The file, on the machine of the engine."""
    lost: bool = False
    """Output is missing: it could not be written."""
    stderr: int = 0
    """Bytes of standard error, where it is kept apart."""
    ordered: bool = False
    """It is known in which order both streams came: `both` has them woven."""


class OutputTime(NamedTuple):
    """When the bytes from an offset on came."""

    offset: int
    at: int
    """Time, ms UTC."""


class LogPage(Struct, frozen=True, kw_only=True):
    """Lines of an output in order, without a gap from `begin` to `end`."""

    facts: LogFacts
    begin: int
    end: int
    """The begin of the next line, or where the output ends."""
    data: bytes
    starts: tuple[int, ...]
    """Of each line, from the begin of `data`."""
    missing: int = 0
    """Bytes between `begin` and `end` that are gone; the page has no lines then."""
    errors: tuple[int, ...] = ()
    """Which lines, counted from 0, are of standard error, where both streams are woven."""
    times: tuple[OutputTime, ...] = ()
    """When its bytes came, in order; empty = not known."""

    def lines(self) -> Iterator[LogLine]:
        """Return the lines, each without its end."""
        for start, end in pairwise((*self.starts, len(self.data))):
            yield LogLine(offset=self.begin + start, data=self.data[start:end].removesuffix(b"\n"))


class LogMatch(Struct, frozen=True, kw_only=True):
    """A line that matches, among the lines around it that were asked for."""

    line: int
    """The offset of the line that matches."""
    lines: tuple[LogLine, ...] = ()


class LogMatches(Struct, frozen=True, kw_only=True):
    """Lines that match, in order of their offsets, in the part that was looked at."""

    facts: LogFacts
    matches: tuple[LogMatch, ...]
    end: int
    """Up to where it was looked: go on from there, if it is not the begin or the end of the output."""
    missing: int = 0
    """Bytes of that part that are gone and could not be looked at."""


class LogCount(Struct, frozen=True, kw_only=True):
    """How many lines match in the part that was looked at, and the offsets of the first of them."""

    facts: LogFacts
    number: int
    lines: tuple[int, ...]
    """At most as many as were asked for."""
    end: int
    missing: int = 0
    """Bytes of that part that are gone and could not be looked at."""


class TaskMatch(Struct, frozen=True, kw_only=True):
    """A line that matches in the output of one of several tasks."""

    task_id: int
    job_id: int
    key: str
    epoch: int
    stream: LogStream
    match: LogMatch


class TaskMatches(Struct, frozen=True, kw_only=True):
    """Matches in the outputs of tasks, in order of the tasks, in the part that was looked at."""

    matches: tuple[TaskMatch, ...]
    next: str | None
    """Where to go on; None = all outputs were looked at."""
    tasks: int
    """Tasks whose outputs were finished in this part."""
    size: int
    """Bytes that were looked at in this part."""
    missing: int = 0
    """Bytes of this part that are gone and could not be looked at."""
