"""LogReader: fills the window of a log from the control.

Owned by the log screen.
"""

from __future__ import annotations

import asyncio

from console.widgets.log_window import MOST_LINES, LogWindow
from core.control.api import ControlAPI, LogLines
from core.model.log_views import LOG_END, LOG_LINES, LogFacts, LogPage, Way
from core.model.records import replace
from core.model.views import LogStream

_AROUND = 100
"""Lines that are read above a place that is shown."""
_BEHIND_BYTES = 1_048_576
"""A window that is further behind begins again at the end, when it follows."""
NOTHING = LogFacts(epoch=0, size=0, final=False, path="")


class LogReader:
    """Reads one output at a time; each method reads as much as a page, and one runs at a time."""

    def __init__(self, control: ControlAPI, task_id: int, window: LogWindow) -> None:
        self._control = control
        self._task_id = task_id
        self._window = window
        self._lock = asyncio.Lock()
        self.epoch: int | None = None
        """The attempt that is read; None = the latest."""
        self.stream = LogStream.OUT
        self.facts = NOTHING

    @property
    def has_all_below(self) -> bool:
        """Whether the window goes to the end of the output as it was last seen."""
        return self._window.end >= self.facts.size

    @property
    def shows_both(self) -> bool:
        """Whether lines of both streams are read, in the order they came."""
        return self.stream is LogStream.BOTH and self.facts.ordered

    def switch(self, *, epoch: int | None, stream: LogStream) -> None:
        """Read another attempt (None = the latest), or another stream, from now on."""
        # Of the same attempt it is known which streams there are: keys that follow at once act on that.
        self.facts = replace(self.facts, size=0, final=False) if epoch == self.epoch else NOTHING
        self.epoch, self.stream = epoch, stream
        self._window.replace(LogPage(facts=NOTHING, begin=0, end=0, data=b"", starts=()))

    async def read_begin(self) -> None:
        async with self._lock:
            self._replace(await self._page(0, Way.FORWARD))

    async def read_end(self) -> None:
        async with self._lock:
            self._replace(await self._page(LOG_END, Way.BACKWARD))

    async def read_at(self, offset: int) -> None:
        """Hold the line of an offset with what is around it, unless the window has it."""
        async with self._lock:
            if self._window.index_of(offset) is not None:
                return
            self._replace(await self._page(offset, Way.FORWARD))
            await self._above(lines=_AROUND)
            self._window.dropped_above = 0

    async def read_more(self, way: Way) -> None:
        """Read on above or below the window."""
        async with self._lock:
            await (self._below() if way is Way.FORWARD else self._above())

    async def follow(self) -> None:
        """Read what was written since, to the end."""
        async with self._lock:
            if not self._window.rows:
                await self._open()
                return
            page = await self._page(self._growing, Way.FORWARD)
            if page.facts.size - self._window.end > _BEHIND_BYTES:
                page = await self._page(LOG_END, Way.BACKWARD)
                self._replace(page)
                return
            self._add_below(page)
            while self._window.end < page.facts.size and page.end > page.begin:
                page = await self._page(self._growing, Way.FORWARD)
                self._add_below(page)

    async def look(self) -> None:
        """See how much was written since; lines that the window has room for are added."""
        async with self._lock:
            page = await self._page(self._growing, Way.FORWARD)
            if page.begin <= self._window.end and len(self._window.rows) + len(page.starts) <= MOST_LINES:
                self._add_below(page)

    async def _open(self) -> None:
        """Hold the whole output if a page does, else its end."""
        page = await self._page(0, Way.FORWARD, lines=MOST_LINES)
        if page.end < page.facts.size:
            page = await self._page(LOG_END, Way.BACKWARD)
        self._replace(page)

    async def _below(self) -> None:
        if not self.has_all_below:
            self._add_below(await self._page(self._growing, Way.FORWARD))

    async def _above(self, *, lines: int = LOG_LINES) -> None:
        if self._window.begin > 0:
            page = await self._page(self._window.begin, Way.BACKWARD, lines=lines)
            if page.end == self._window.begin:
                self._window.put_above(page)

    @property
    def _growing(self) -> int:
        """Where to read on: the last line may have grown."""
        window = self._window
        if window.rows and not window.rows[-1].is_gap and self.has_all_below:
            return window.rows[-1].offset
        return window.end

    def _add_below(self, page: LogPage) -> None:
        if page.end > page.begin:
            self._window.put_below(page)

    def _replace(self, page: LogPage) -> None:
        self._window.replace(page)

    async def _page(self, offset: int, way: Way, *, lines: int = LOG_LINES) -> LogPage:
        page = await self._control.logs.lines(
            LogLines(
                task_id=self._task_id,
                epoch=self.epoch,
                stream=self.stream,
                offset=offset,
                way=way,
                lines=lines,
            )
        )
        if page.facts.epoch != self.facts.epoch and self.facts.epoch:
            # Another attempt has begun: its output is another file.
            self.facts = page.facts
            page = await self._control.logs.lines(
                LogLines(
                    task_id=self._task_id,
                    epoch=self.epoch,
                    stream=self.stream,
                    offset=LOG_END,
                    way=Way.BACKWARD,
                )
            )
            self._window.replace(page)
        self.facts = page.facts
        return page
