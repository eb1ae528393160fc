"""LogFinder: looks for a text in a whole output, by the engine.

Owned by the log screen.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable
from functools import lru_cache

from console.screens.parts.log_reader import LogReader
from core.control.api import ControlAPI, CountInLog, FindInLog
from core.filters.patterns import Case
from core.filters.text_query import Syntax, TextQuery, TextSearch
from core.model.log_views import LOG_END, Way
from core.model.ranges import Range
from core.model.text import SafeText

PATTERN_MARK = "~"
"""In front of a pattern, as in filters."""
KNOWN_MOST = 100_000
"""Offsets of matches that are kept, to say which of them is in view."""
ERRORS = TextQuery(
    text=(
        r"\b(error|errors|exception|fatal|panic|panicked|traceback|critical|crit|emerg|failed|failure|fail|abort"
        r"|aborted|segfault|segmentation fault|killed|oom)\b|[a-z](Error|Exception)\b"
    ),
    syntax=Syntax.PATTERN,
    case=Case.ANY,
)
"""What lines have that look like errors."""


def query_of(typed: str) -> TextQuery:
    """Return what is looked for, in any case; raise `Invalid` (`search.*`)."""
    if typed.startswith(PATTERN_MARK):
        return TextQuery(text=typed[len(PATTERN_MARK) :], syntax=Syntax.PATTERN, case=Case.ANY)
    return TextQuery(text=typed, case=Case.ANY)


class LogFinder:
    """Finds matches one by one, and counts all of them beside that.

    `find` and `count` go on until they are done; who cancels them stops the search.
    """

    def __init__(
        self, control: ControlAPI, task_id: int, reader: LogReader, *, show_progress: Callable[[], None]
    ) -> None:
        self._control = control
        self._task_id = task_id
        self._reader = reader
        self._show_progress = show_progress
        self.query: TextQuery | None = None
        self.current: int | None = None
        """The offset of the line that was found last."""
        self._number = 0
        self._counted_to = 0
        self._known = array("Q")
        self._searched = 0
        """Bytes that the present search has looked at; 0 = none is under way."""

    def start(self, typed: str) -> TextQuery:
        """Look for something else from now on; raise `Invalid` (`search.*`)."""
        self.query = query_of(typed)
        self.reset()
        return self.query

    def reset(self) -> None:
        """Forget what was found: another output is read."""
        self.current, self._number, self._counted_to, self._known = None, 0, 0, array("Q")

    def spans(self) -> Callable[[SafeText], list[Range]] | None:
        """Return what finds the places in a line that is shown."""
        if self.query is None:
            return None
        return lru_cache(512)(TextSearch(self.query).spans)

    @property
    def must_count(self) -> bool:
        """Whether there is output that was not looked through."""
        return self.query is not None and self._counted_to < self._reader.facts.size

    @property
    def is_searching(self) -> bool:
        """Whether the operator waits for a match, and is told so."""
        return self._searched > 0

    @property
    def work_text(self) -> str:
        """Say how far the search came; '' = none is under way."""
        if not self.is_searching:
            return ""
        return f"searching {_percent(self._searched, self._reader.facts.size)} (Esc stops)"

    @property
    def words(self) -> str:
        """Say which match is in view, and of how many."""
        if self.query is None:
            return ""
        number = f"{self._number:,}"
        if self.current is not None and (at := self._place_of(self.current)) is not None:
            number = f"{at + 1:,}/{number}"
        part = f" in {_percent(self._counted_to, self._reader.facts.size)}" if self.must_count else ""
        return f"match {number}{part}"

    async def find(self, query: TextQuery, start: int, way: Way) -> int | None:
        """Return the line of the nearest match from an offset on, or before it; None = there is none.

        Behind the last match the first follows, before the first the last.
        """
        try:
            found = await self._find_from(query, start, way)
            if found is None:
                found = await self._find_from(query, 0 if way is Way.FORWARD else LOG_END, way)
        finally:
            self._searched = 0
        return found

    async def count(self) -> None:
        """Count what was not looked through yet."""
        while self.query is not None and self.must_count:
            answer = await self._control.logs.count(
                CountInLog(
                    task_id=self._task_id,
                    query=self.query,
                    epoch=self._reader.facts.epoch or None,
                    stream=self._reader.stream,
                    offset=self._counted_to,
                    most=1_000 if len(self._known) < KNOWN_MOST else 0,
                )
            )
            # A last line that has grown since was counted before.
            again = bool(self._known and answer.lines and answer.lines[0] <= self._known[-1])
            if len(self._known) == self._number:
                self._known.extend(answer.lines[again:])
            is_stuck = answer.end <= self._counted_to
            self._number, self._counted_to = self._number + answer.number - again, answer.end
            self._show_progress()
            if is_stuck:
                return

    async def _find_from(self, query: TextQuery, start: int, way: Way) -> int | None:
        at = start
        while True:
            answer = await self._control.logs.find(
                FindInLog(
                    task_id=self._task_id,
                    query=query,
                    epoch=self._reader.facts.epoch or None,
                    stream=self._reader.stream,
                    offset=at,
                    way=way,
                    most=1,
                )
            )
            if answer.matches:
                return answer.matches[0].line
            if answer.end == at or not 0 < answer.end < answer.facts.size:
                return None
            at = answer.end
            self._searched = at if way is Way.FORWARD else answer.facts.size - at
            self._show_progress()

    def _place_of(self, line: int) -> int | None:
        at = bisect_left(self._known, line)
        return at if at < len(self._known) and self._known[at] == line else None


def _percent(part: int, whole: int) -> str:
    return f"{100 * part // max(1, whole)}%"
