"""Text origins: comments that name files and lines of a text.

Written with a document that includes files; read by the loader, so that faults name those files.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from core.model.errors import Fault
from core.model.text import safe_line
from core.workflows.positions import PlacedTree, Positions, Step

HEADER = "# Written out with what it includes: "
"""How a text with such comments begins."""
_MARK = re.compile(r"^# >> (?:(?P<file>[^\n]{1,5000}):)?(?P<line>[0-9]{1,9})$", re.MULTILINE)


def mark(file: str, line: int) -> str:
    """Return the comment that the next line is one of a file; '' = the document itself."""
    return f"# >> {safe_line(file)}:{line}" if file else f"# >> {line}"


class _Mark(NamedTuple):
    """The line of the text behind a comment, and where that line comes from."""

    text_line: int
    file: str
    line: int


class TextPositions(Positions):
    """Positions in the files that a text was written out from."""

    def __init__(self, place: Callable[[], PlacedTree], text: str) -> None:
        super().__init__(place)
        self._marks = _marks(text)

    def fault_at(self, path: Sequence[Step], code: str, message: str) -> Fault:
        """Return a fault at the value of a path, with the file that it comes from."""
        return self._moved(super().fault_at(path, code, message))

    def fault_at_key(self, path: Sequence[Step], code: str, message: str) -> Fault:
        """Return a fault at the key of a path, with the file that it comes from."""
        return self._moved(super().fault_at_key(path, code, message))

    def _moved(self, fault: Fault) -> Fault:
        number = bisect_right(self._marks, fault.line or 0, key=lambda mark: mark.text_line)
        if fault.line is None or number == 0:
            return fault
        found = self._marks[number - 1]
        line = found.line + fault.line - found.text_line
        # Columns are those of the text, which may stand otherwise than the file.
        return replace(fault, file=found.file, line=line, column=None)


def _marks(text: str) -> list[_Mark]:
    found: list[_Mark] = []
    line, seen = 1, 0
    for match in _MARK.finditer(text):
        line += text.count("\n", seen, match.start())
        seen = match.start()
        found.append(_Mark(line + 1, match["file"] or "", int(match["line"])))
    return found
