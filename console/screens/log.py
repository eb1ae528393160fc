"""The log screen: output of a task's latest attempt, followed live.

Opened through `console.shell.places`.
"""

from __future__ import annotations

import codecs

from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.screens.base import DeskScreen
from console.widgets.text_view import TextView
from core.model.text import SafeText, safe_line

TAIL_BYTES = 262_144
"""Bytes that are read from the end of the output."""
LINES = 20_000
"""Newest lines that are kept."""
_TAB = 8


class LogScreen(DeskScreen):
    """The end of the output; while following, the last line stays in view."""

    PARTS = ("view", "log")
    NOUNS = ("task",)
    BINDINGS = bindings(*PARTS)

    def __init__(self, desk: Desk, task_id: int) -> None:
        super().__init__(desk)
        self.task_id = task_id
        self.view = TextView()
        self.following = True
        self._epoch = 0
        self._final = False
        self._lost = False
        self._buffer = LineBuffer()
        self._offset = -TAIL_BYTES

    def compose(self) -> ComposeResult:
        yield self.head
        yield self.view
        yield self.status
        yield self.hints

    def on_mount(self) -> None:
        self.view.focus()

    async def load(self) -> None:
        """Read what was written since; start over with a new attempt."""
        chunk = await self.desk.control.log(self.task_id, offset=self._offset, limit=TAIL_BYTES)
        if chunk.epoch != self._epoch and self._offset >= 0:
            self._buffer, self._offset = LineBuffer(), -TAIL_BYTES
            chunk = await self.desk.control.log(self.task_id, offset=self._offset, limit=TAIL_BYTES)
        if self._offset < 0 and chunk.offset > 0:
            self._buffer.add(f"... {chunk.offset:,} bytes before this are not shown\n".encode())
        if chunk.dropped:
            self._buffer.add(f"... {chunk.dropped:,} bytes are missing here: over the limit\n".encode())
        self._epoch, self._final, self._lost = chunk.epoch, chunk.final, chunk.lost
        self._buffer.add(chunk.data)
        self._offset = chunk.end if chunk.epoch else -TAIL_BYTES
        if chunk.data:
            self.view.put(self._buffer.lines())
            if self.following:
                self.view.end()

    def is_affected(self, kinds: frozenset[str]) -> bool:
        """Read until the attempt has ended, whatever happens: output has no events."""
        return not self._final or super().is_affected(kinds)

    def refresh_ages(self) -> None:
        self.take_changes(frozenset())

    def title_line(self) -> SafeText:
        """Name task and attempt, and say whether more output may come."""
        if not self._epoch:
            return safe_line(f" Log of task {self.task_id}  (it has not run yet)")
        state = "complete" if self._final else "following" if self.following else "not following"
        missing = "  some output could not be kept" if self._lost else ""
        return safe_line(f" Log of task {self.task_id}  attempt {self._epoch}  {state}{missing}")

    def position_text(self) -> str:
        return self.view.position_text

    def on_text_view_found(self) -> None:
        """Stop following: output that comes next must not move the match out of view."""
        self.following = False
        super().on_text_view_found()

    def action_follow(self) -> None:
        self.following = not self.following
        if self.following:
            self.view.end()
        self.show_status()


class LineBuffer:
    """Splits chunks of bytes into safe lines; characters and lines may go over the end of a chunk."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._lines: list[SafeText] = []
        self._rest = ""

    def add(self, data: bytes) -> None:
        *complete, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
        self._lines += [_line(line) for line in complete]
        del self._lines[:-LINES]

    def lines(self) -> list[SafeText]:
        """Return all lines, the last one also while it has no newline."""
        return [*self._lines, _line(self._rest)] if self._rest else list(self._lines)


def _line(text: str) -> SafeText:
    # A carriage return before the newline is part of the line's end, elsewhere it is shown.
    return safe_line(text.removesuffix("\r").expandtabs(_TAB))
