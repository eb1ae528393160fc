"""LogBrowser: moves through an output: its ends, matches, attempts, streams.

Owned by the log screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from console.background import sentence_of
from console.navigation.history import LogPlace
from console.screens.parts.hosts import LogHost
from console.screens.parts.log_finder import ERRORS, LogFinder
from console.screens.parts.log_reader import LogReader
from console.widgets.line_dialog import LineDialog
from console.widgets.log_view import LogView
from core.control.api import ControlAPI
from core.filters.text_query import TextQuery
from core.model.errors import Invalid
from core.model.log_views import Way
from core.model.text import SafeText, safe_line
from core.model.views import LogStream, TaskDetail

SEARCH = "search"
"""The group of the work that looks for matches and counts them."""
_READ = "read"
_QUESTION = SafeText("Search the whole output")
_SYNTAX = "a text, in any case; ~ before a pattern (RE2); n and N go on"
_TURNED = SafeText("from the other end again")
_NO_MATCH = SafeText("no line holds it")
_NO_SEARCH = SafeText("nothing was searched for: /")


class LogBrowser:
    """Reads what the view wants; while following, the last line stays in view."""

    def __init__(self, control: ControlAPI, view: LogView, host: LogHost, *, task_id: int) -> None:
        self._control = control
        self._view = view
        self._host = host
        self._task_id = task_id
        self._place: LogPlace | None = None
        self._is_chosen = False
        """The stream was chosen: else both are shown as soon as their order is known."""
        self.reader = LogReader(control, task_id, view.window)
        self.finder = LogFinder(control, task_id, self.reader, show_progress=host.show_status)
        self.following = True
        self.detail: TaskDetail | None = None

    def open_at(self, place: LogPlace) -> None:
        """Begin at a line instead of the end."""
        self._place, self.following, self._is_chosen = place, False, True
        self.reader.switch(epoch=place.epoch, stream=place.stream)

    @property
    def attempts(self) -> Sequence[int]:
        """The numbers of the attempts that are known."""
        return [] if self.detail is None else [one.epoch for one in self.detail.attempts]

    async def load(self) -> None:
        """Read what was written since; start over with a new attempt."""
        epoch = self.reader.facts.epoch
        if self._place is not None:
            place, self._place = self._place, None
            await self.reader.read_at(place.offset)
            self._show_line(place.offset)
        elif self.following:
            await self.reader.follow()
            if self.reader.facts.ordered and not self._is_chosen:
                self._is_chosen = True
                self.reader.switch(epoch=self.reader.epoch, stream=LogStream.BOTH)
                self.finder.reset()
                await self.reader.follow()
            self._take_window()
            self._view.show_end()
        else:
            await self.reader.look()
            self._take_window()
        if self.detail is None or self.reader.facts.epoch != epoch:
            self.detail = await self._control.task(self._task_id)

    def follow(self) -> None:
        """Follow the end, or stop following."""
        self.following = not self.following
        if self.following:
            self._host.reload()
        self._host.show_status()

    def moved(self, by: int) -> None:
        """Stop following when the reader moves up, follow again at the end."""
        self.following = by > 0 and self._view.at_end
        self._host.show_status()

    def attempt(self, step: int) -> None:
        """Show the attempt before or after this one."""
        attempts, here = self.attempts, self.reader.facts.epoch
        at = attempts.index(here) + step if here in attempts else -1
        if not 0 <= at < len(attempts):
            self._host.tell(SafeText(f"this is the {'oldest' if step < 0 else 'newest'} attempt"))
            return
        # The latest one gives way to the next that begins.
        self._switch(None if at == len(attempts) - 1 else attempts[at], self.reader.stream)

    def stream(self) -> None:
        """Show standard output, standard error, or both in the order they came, in turn."""
        streams = [LogStream.OUT, LogStream.ERR]
        if self.reader.facts.ordered:
            streams.append(LogStream.BOTH)
        at = streams.index(self.reader.stream) if self.reader.stream in streams else 0
        self._is_chosen = True
        self._switch(self.reader.epoch, streams[(at + 1) % len(streams)])

    def error(self, step: int) -> None:
        """Go to the next line that looks like an error, or to the one before."""
        self._find(ERRORS, step)

    def match(self, step: int) -> None:
        """Go to the next match, or to the one before."""
        if self.finder.query is None:
            self._host.tell(_NO_SEARCH)
        else:
            self._find(self.finder.query, step)

    def jump(self, way: Way) -> None:
        """Go to the begin of the output (forward) or to its end."""
        self._host.begin(partial(self._jump, way), group=_READ)

    def read_more(self, way: Way) -> None:
        """Read more lines below the window (forward) or above it."""
        self._host.begin(partial(self._read_more, way), group=_READ)

    def search(self) -> None:
        """Ask what to look for."""
        self._host.begin(self._ask, group="ask", exclusive=True)

    def count(self) -> None:
        """Count the matches in what was written since."""
        if self.finder.must_count:
            self._host.begin(self.finder.count, group=SEARCH)

    async def _ask(self) -> None:
        question, typed = _QUESTION, ""
        while typed := await self._host.ask(LineDialog(question, placeholder=_SYNTAX, value=typed)):
            try:
                query = self.finder.start(typed)
            except Invalid as error:
                question = safe_line(f"{sentence_of(error)}; {error.hint}")
                continue
            self._view.spans = self.finder.spans()
            self._view.refresh()
            self._find(query, 1)
            return

    def _find(self, query: TextQuery, step: int) -> None:
        # Counting goes on behind the match, which the reader waits for.
        self._host.begin(partial(self._find_and_show, query, step), group=SEARCH, exclusive=True)

    async def _find_and_show(self, query: TextQuery, step: int) -> None:
        way = Way.FORWARD if step > 0 else Way.BACKWARD
        start = self._search_start(way)
        line = await self.finder.find(query, start, way)
        if line is None:
            self._host.tell(_NO_MATCH)
        else:
            if line < start if step > 0 else line >= start:
                self._host.tell(_TURNED)
            self.following = False
            await self.reader.read_at(line)
            self.finder.current = line
            self._show_line(line)
        self._host.show_status()
        await self.finder.count()

    def _search_start(self, way: Way) -> int:
        """Return behind, or before, which offset to look: that of the match in view, else of the view."""
        rows = self._view.rows_in_view
        present = next((row for row in rows if row.offset == self._view.current), None)
        if present is not None:
            return present.end if way is Way.FORWARD else present.offset
        return rows[0].offset if rows else 0

    def _show_line(self, line: int) -> None:
        self._take_window()
        self._view.current = line
        index = self._view.window.index_of(line)
        place = 0
        if index is not None and self._view.spans is not None:
            spans = self._view.spans(self._view.rows[index].text)
            place = spans[0][0] if spans else 0
        self._view.show_at(line, place)

    async def _jump(self, way: Way) -> None:
        try:
            if way is Way.FORWARD:
                self.following = False
                if self._view.window.begin > 0:
                    await self.reader.read_begin()
                    self._take_window()
                self._view.show_begin()
            else:
                await self.reader.follow()
                self._take_window()
                self._view.show_end()
                self.following = True
        finally:
            self._view.release()
            self._host.show_status()

    async def _read_more(self, way: Way) -> None:
        try:
            await self.reader.read_more(way)
            self._take_window()
        finally:
            self._view.release()
            self._host.show_status()

    def _take_window(self) -> None:
        self._view.has_all_below = self.reader.has_all_below
        self._view.show_streams(shown=self.reader.shows_both)
        self._view.take_window()

    def _switch(self, epoch: int | None, stream: LogStream) -> None:
        self.reader.switch(epoch=epoch, stream=stream)
        self.finder.reset()
        self._view.current = None
        self.following = True
        self._take_window()
        self._host.reload()
