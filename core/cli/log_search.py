"""Search in what tasks wrote, by the engine.

Used by `logs --grep`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from core.cli.log_parts import Output
from core.cli.output import emit, note, put, put_bytes
from core.cli.output_sinks import OVER_OR_CUT, text_or_base64
from core.control.api import CountInLog, FindInLog, FindInLogs, ReadingAPI
from core.filters.terms import Filter
from core.filters.text_query import TextQuery
from core.model.log_views import LogFacts, LogLine, LogMatch
from core.model.views import LogStream
from core.render.output_notes import LOST_OUTPUT

_FOUND, _NOTHING = 0, 1


class MatchWriter:
    """Writes matches: bytes as they are to a pipe, safe text to a terminal, or objects."""

    def __init__(self, *, json: bool, raw: bool) -> None:
        self._json = json
        self._is_text = not raw and sys.stdout.isatty()
        self._end = -1
        """The offset of the last line that was written; -1 = none was."""

    def matches(self, matches: Sequence[LogMatch], *, epoch: int) -> None:
        """Write the matches of one output with the lines around them, each line once."""
        found = {match.line for match in matches}
        for match in matches:
            lines = [line for line in match.lines if line.offset > self._end]
            if lines and len(match.lines) > 1 and self._end >= 0 and len(lines) == len(match.lines):
                self._line(b"--")
            for line in lines:
                self._match(line, epoch=epoch, is_match=line.offset in found)
                self._end = line.offset

    def named(self, name: str, line: LogLine, *, facts: dict[str, int | str]) -> None:
        """Write a match of one of many outputs behind the name of its task."""
        if self._json:
            emit({**facts, "offset": line.offset, **text_or_base64(line.data)})
        else:
            self._line(f"{name}: ".encode() + line.data)

    def _match(self, line: LogLine, *, epoch: int, is_match: bool) -> None:
        if self._json:
            emit({"attempt": epoch, "offset": line.offset, "match": is_match, **text_or_base64(line.data)})
        else:
            self._line(line.data)

    def _line(self, data: bytes) -> None:
        if self._is_text:
            put(data.decode("utf-8", "backslashreplace") + "\n")
        elif not self._json:
            put_bytes(data + b"\n")


async def find(
    deck: ReadingAPI, output: Output, query: TextQuery, *, context: int, writer: MatchWriter
) -> int:
    """Write the lines of an output that match; return the exit status."""
    at, missing, has_found = 0, 0, False
    while True:
        answer = await deck.logs.find(
            FindInLog(
                task_id=output.task_id,
                query=query,
                epoch=output.epoch,
                stream=output.stream,
                offset=at,
                context=context,
            )
        )
        writer.matches(answer.matches, epoch=answer.facts.epoch)
        has_found = has_found or bool(answer.matches)
        missing += answer.missing
        if answer.end <= at or answer.end >= answer.facts.size:
            _tell_missing(missing, lost=answer.facts.lost)
            _tell_apart(output, answer.facts)
            return _status(has_found=has_found)
        at = answer.end


async def count(deck: ReadingAPI, output: Output, query: TextQuery, *, json: bool) -> int:
    """Write how many lines of an output match; return the exit status."""
    at = number = missing = 0
    while True:
        answer = await deck.logs.count(
            CountInLog(
                task_id=output.task_id,
                query=query,
                epoch=output.epoch,
                stream=output.stream,
                offset=at,
                most=0,
            )
        )
        number += answer.number
        missing += answer.missing
        if answer.end <= at or answer.end >= answer.facts.size:
            break
        at = answer.end
    if json:
        emit({"attempt": answer.facts.epoch, "count": number, "missing": missing})
    else:
        put(f"{number}\n")
    _tell_missing(missing, lost=answer.facts.lost)
    _tell_apart(output, answer.facts)
    return _FOUND if number else _NOTHING


async def find_in_tasks(deck: ReadingAPI, where: Filter, query: TextQuery, *, writer: MatchWriter) -> int:
    """Write the lines that match in what the tasks of a filter wrote; return the exit status."""
    after, missing, has_found = None, 0, False
    while True:
        answer = await deck.logs.find_in_tasks(FindInLogs(where=where, query=query, after=after))
        for one in answer.matches:
            facts: dict[str, int | str] = {
                "job": one.job_id,
                "task": one.task_id,
                "key": one.key,
                "attempt": one.epoch,
                "stream": one.stream.value,
            }
            for line in one.match.lines:
                writer.named(f"{one.job_id}/{one.key}", line, facts=facts)
        has_found = has_found or bool(answer.matches)
        after, missing = answer.next, missing + answer.missing
        if after is None:
            _tell_missing(missing, lost=False)
            return _status(has_found=has_found)


def _tell_missing(missing: int, *, lost: bool) -> None:
    """Say that lines could not be searched: a text may have stood where output is missing."""
    if missing:
        note(f"{missing:,} bytes of output are missing and were not searched: {OVER_OR_CUT}")
    if lost:
        note(LOST_OUTPUT)


def _tell_apart(output: Output, facts: LogFacts) -> None:
    """Say that standard error was not searched, where it is kept apart and was not asked for."""
    if facts.stderr and output.stream is LogStream.OUT:
        note(f"{facts.stderr:,} bytes of standard error were not searched: --stderr or --both searches them")


def _status(*, has_found: bool) -> int:
    if not has_found:
        note("no line holds it")
    return _FOUND if has_found else _NOTHING
