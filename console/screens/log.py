"""Log: the output of a task's latest attempt, with follow."""

from __future__ import annotations

import codecs

from textual.app import ComposeResult

from console.desk import Desk
from console.key_table import bindings
from console.screens.base import DeskScreen
from console.widgets.text_view import TextView
from core.model.text import SafeText, safe_line

TAIL_BYTES = 262_144
"""Bytes of output that are looked at, from its end."""
LINES = 20_000
"""Lines that are kept; older ones go."""
_TAB = 8


class LogScreen(DeskScreen):
    """The newest output; while following, the last line stays in view."""

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
        self._book = LineBook()
        self._offset = -TAIL_BYTES

    def compose(self) -> ComposeResult:
        """Stack the lines."""
        yield self.head
        yield self.view
        yield self.status
        yield self.hints

    def on_mount(self) -> None:
        """Give the keys to the text."""
        self.view.focus()

    async def load(self) -> None:
        """Read what was written since; begin anew with a new attempt."""
        chunk = await self.desk.control.log(self.task_id, offset=self._offset, limit=TAIL_BYTES)
        if chunk.epoch != self._epoch and self._offset >= 0:
            self._book, self._offset = LineBook(), -TAIL_BYTES
            chunk = await self.desk.control.log(self.task_id, offset=self._offset, limit=TAIL_BYTES)
        if self._offset < 0 and chunk.offset > 0:
            self._book.add(f"... {chunk.offset:,} bytes before this are not shown\n".encode())
        self._epoch, self._final = chunk.epoch, chunk.final
        self._book.add(chunk.data)
        self._offset = chunk.end if chunk.epoch else -TAIL_BYTES
        if chunk.data:
            self.view.put(self._book.lines())
            if self.following:
                self.view.end()

    def concerned(self, kinds: frozenset[str]) -> bool:
        """Output has no events: read on until the attempt has closed, and then when a new one may begin."""
        return not self._final or super().concerned(kinds)

    def age(self) -> None:
        """Read on."""
        self.news(frozenset())

    def title_line(self) -> SafeText:
        """Say whose output it is and whether more may come."""
        if not self._epoch:
            return safe_line(f" Log of task {self.task_id}  (it has not run yet)")
        state = "complete" if self._final else "following" if self.following else "not following"
        return safe_line(f" Log of task {self.task_id}  attempt {self._epoch}  {state}")

    def rows_words(self) -> str:
        """Tell where in the text one is."""
        return self.view.words

    def on_text_view_found(self) -> None:
        """Stay with the match: what is written next must not take it out of view."""
        self.following = False
        super().on_text_view_found()

    def action_follow(self) -> None:
        """Follow the end, or stop following."""
        self.following = not self.following
        if self.following:
            self.view.end()
        self.show_status()


class LineBook:
    """Bytes become safe lines: split at newlines, decoded over the seams of pieces."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._lines: list[SafeText] = []
        self._open = ""

    def add(self, data: bytes) -> None:
        """Take the next piece."""
        *whole, self._open = (self._open + self._decoder.decode(data)).split("\n")
        self._lines += [_line(line) for line in whole]
        del self._lines[:-LINES]

    def lines(self) -> list[SafeText]:
        """Return all lines, the unfinished one too."""
        return [*self._lines, _line(self._open)] if self._open else list(self._lines)


def _line(text: str) -> SafeText:
    # A carriage return before the newline is part of the line's end, elsewhere it is shown.
    return safe_line(text.removesuffix("\r").expandtabs(_TAB))
