"""OutputFiles: reads and searches in output files, beside the loop.

Used by the readers of outputs in this room.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from core.executors.output_lines import LineFile
from core.executors.output_search import Deadline, OutputSearch
from core.executors.outputs import STREAMS, Outputs
from core.executors.woven_output import WovenFile, read_turns
from core.files.untrusted import open_regular
from core.model.log_views import CONTEXT_MOST, LogLine, LogMatch
from core.model.views import LogStream

if TYPE_CHECKING:
    from pathlib import Path

    from core.executors.output_lines import Lines
    from core.model.ports import AttemptRef

T = TypeVar("T")
SEARCH_SECONDS = 0.2
"""A search answers after so long at the latest, with how far it came."""
MATCHES_MOST = 1_000
"""Matches of one answer."""
_ANSWER_BYTES = 1_048_576
"""Bytes of lines in one answer, but for one match."""


class OutputFiles:
    """Works on output files in threads: many readers, but one search at a time."""

    def __init__(self, output_dir: Path) -> None:
        self.outputs = Outputs(output_dir)
        # One: many searches take no more of the processor than one does, and take turns.
        self._searching = ThreadPoolExecutor(max_workers=1, thread_name_prefix="search")

    def close(self) -> None:
        """Let go of the thread, which ends its present piece."""
        self._searching.shutdown(wait=False, cancel_futures=True)

    async def read(self, ref: AttemptRef, stream: LogStream, work: Callable[[LineFile], T]) -> T | None:
        """Return what some short work finds in a file; None = the file does not exist."""
        return await asyncio.to_thread(self._with_file, ref, stream, work)

    async def search(self, ref: AttemptRef, stream: LogStream, work: Callable[[LineFile], T]) -> T | None:
        """Return what a search finds, which keeps to its deadline; None = the file does not exist."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._searching, self._with_file, ref, stream, work)

    def _with_file(self, ref: AttemptRef, stream: LogStream, work: Callable[[LineFile], T]) -> T | None:
        with ExitStack() as opened:
            try:
                file = _file_of(opened, self.outputs.directory(ref), stream)
            except OSError:
                return None
            return work(file)


def _file_of(opened: ExitStack, directory: Path, stream: LogStream) -> LineFile:
    if stream is not LogStream.BOTH:
        return _open(opened, directory / stream)
    out, err = (_open(opened, directory / name) for name in STREAMS)
    return WovenFile(out, err, read_turns(directory))


def _open(opened: ExitStack, path: Path) -> LineFile:
    descriptor = open_regular(path)
    opened.callback(os.close, descriptor)
    return LineFile(descriptor)


def new_deadline() -> Deadline:
    """Return the end of the time that one answer may take, from the begin of the search on."""
    return Deadline(seconds=SEARCH_SECONDS)


class FoundMatches(NamedTuple):
    """Lines that match, and where to go on."""

    matches: list[LogMatch]
    end: int
    missing: int = 0
    """Bytes of what was looked at that are gone."""


def find_forward(
    search: OutputSearch, offset: int, *, most: int, context: int, deadline: Deadline
) -> FoundMatches:
    """Return matches from an offset on, in order."""
    lines, end = search.forward(offset, most=most, deadline=deadline)
    found, size = list[LogMatch](), 0
    for line in lines:
        match = _match(search.file, line, context)
        size += _size_of(match)
        if found and size > _ANSWER_BYTES:
            return FoundMatches(found, line)
        found.append(match)
    return FoundMatches(found, end)


def find_backward(
    search: OutputSearch, offset: int, *, most: int, context: int, deadline: Deadline
) -> FoundMatches:
    """Return matches before the line of an offset, in order."""
    lines, end = search.backward(offset, most=most, deadline=deadline)
    found, size = list[LogMatch](), 0
    for line in reversed(lines):
        match = _match(search.file, line, context)
        size += _size_of(match)
        if found and size > _ANSWER_BYTES:
            return FoundMatches(found, found[0].line)
        found.insert(0, match)
    return FoundMatches(found, end)


def _match(file: LineFile, line: int, context: int) -> LogMatch:
    wanted = max(0, min(context, CONTEXT_MOST))
    before = file.backward(line, lines=wanted) if wanted else None
    after = file.forward(line, lines=1 + wanted)
    lines = (*(_lines_of(before) if before else ()), *_lines_of(after))
    return LogMatch(line=line, lines=tuple(lines))


def _lines_of(found: Lines) -> Sequence[LogLine]:
    return [
        LogLine(offset=start, data=found.data[start - found.begin : end - found.begin].removesuffix(b"\n"))
        for start, end in pairwise((*found.starts, found.end))
    ]


def _size_of(match: LogMatch) -> int:
    return sum(len(line.data) for line in match.lines)
