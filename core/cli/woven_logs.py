"""Write both streams of a task in their order.

Used by `logs --both`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

from core.cli.log_parts import Output
from core.cli.output import emit, note, put, put_bytes
from core.cli.output_sinks import text_or_base64
from core.control.api import LogLines, ReadingAPI
from core.model.log_views import LogFacts, LogLine, LogPage
from core.model.values import ID_MAX, JsonObject
from core.model.views import LogStream

ERROR = "err| "
"""Before lines of standard error."""
FOLLOW_SECONDS = 0.2
"""Between two looks at what was written since."""
_LINES = 2_000


class WovenLines:
    """A place in what both streams of an attempt brought, from which lines are written on."""

    def __init__(self, deck: ReadingAPI, output: Output, *, json: bool, raw: bool) -> None:
        self._deck, self._output, self._json = deck, output, json
        self._is_text = not raw and sys.stdout.isatty()
        self._epoch = output.epoch or 0
        self._is_told = False

    async def drain(self, at: int, *, end: int = ID_MAX) -> int:
        """Write the lines from an offset on, up to another; return where to go on.

        The last line of an attempt that runs waits for its end.
        """
        while True:
            page = await self._page(at)
            if self._epoch and page.facts.epoch != self._epoch:
                note(f"attempt {page.facts.epoch}")
                at, self._epoch = 0, page.facts.epoch
                continue
            self._epoch = page.facts.epoch
            self._tell(page.facts)
            following = self._write(page, end)
            if following <= at:
                return at
            at = following

    async def follow(self, at: int, is_over: Callable[[], Awaitable[bool]]) -> None:
        """Write lines as they come until it is over."""
        while True:
            # Asked before the lines are read: what was written before the end is read after it.
            over = await is_over()
            at = await self.drain(at)
            if over:
                return
            await asyncio.sleep(FOLLOW_SECONDS)

    async def _page(self, at: int) -> LogPage:
        return await self._deck.logs.lines(
            LogLines(
                task_id=self._output.task_id,
                epoch=self._output.epoch,
                stream=LogStream.BOTH,
                offset=at,
                lines=_LINES,
            )
        )

    def _write(self, page: LogPage, end: int) -> int:
        if page.missing:
            note(f"{page.missing:,} bytes are missing here: over the limit")
            return page.end
        errors = frozenset(page.errors)
        at = page.begin
        for number, line in enumerate(page.lines()):
            behind = line.offset + len(line.data) + 1
            if line.offset >= end or (
                behind > page.end and page.end >= page.facts.size and not page.facts.final
            ):
                return at
            self._line(line, is_error=number in errors)
            at = min(behind, page.end)
        return page.end

    def _line(self, line: LogLine, *, is_error: bool) -> None:
        prefix = ERROR if is_error else ""
        if self._json:
            stream = LogStream.ERR if is_error else LogStream.OUT
            place: JsonObject = {"attempt": self._epoch, "offset": line.offset, "stream": stream.value}
            emit({**place, **text_or_base64(line.data)})
        elif self._is_text:
            put(f"{prefix}{line.data.decode('utf-8', 'backslashreplace')}\n")
        else:
            put_bytes(prefix.encode() + line.data + b"\n")

    def _tell(self, facts: LogFacts) -> None:
        if facts.stderr and not facts.ordered and not self._is_told:
            note("in which order both came is not known: this is standard output, --stderr has the other")
            self._is_told = True
