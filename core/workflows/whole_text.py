"""Whole texts: documents written out with what they include.

Called where a text is sent or stored: who reads it later needs no other file. Comments in it say which
lines come from which file, so that faults name those; the loader reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.files.reading import read_document_text
from core.model.errors import InvalidDocument
from core.model.text import safe_line
from core.model.values import JsonValue
from core.workflows.includes import make_whole
from core.workflows.loader import Loaded, load
from core.workflows.merging import INCLUDE, MergedPositions
from core.workflows.positions import DocumentPath, Step
from core.workflows.text_origins import HEADER, mark
from core.workflows.writer import fits_yaml, write_scalar

_FILLED = 3
"""Lines that are left empty rather than told of."""
_ODD = "\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff"
_LITERAL = re.compile(f"[^\x00-\x20{_ODD}][^\x00-\x08\x0b-\x1f{_ODD}]*")
"""What a block of lines can hold, without saying how far it is indented."""


def read_whole_text(path: Path) -> str:
    """Return the text of a document file, with what it includes; raise what reading both raises."""
    return whole_text(read_document_text(path), source=str(path), folder=path.parent, own=path)


def whole_text(text: str, *, source: str, folder: Path, own: Path | None = None) -> str:
    """Return a text as it is, or if it includes files, written out with them; raise as `read_whole` does."""
    if INCLUDE not in text:
        return text
    loaded = load(text, source=source)
    whole = make_whole(loaded, folder=folder, own=own, size=len(text))
    return text if whole is loaded else write_whole(whole)


def write_whole(whole: Loaded) -> str:
    """Return the text of a document that was merged: YAML, with the scalars as they were written.

    Raises `InvalidDocument` for the little that JSON files can have and YAML cannot.
    """
    if not isinstance(whole.value, dict) or not fits_yaml(whole.value):
        message = "a key of more than 400 characters, or half a character, cannot be written out"
        raise InvalidDocument(whole.source, [whole.positions.fault_at((), "include.text", message)])
    writer = _Writer(whole)
    writer.items(whole.value, (), "")
    return "".join(f"{line}\n" for line in (f"{HEADER}{safe_line(whole.source)}", *writer.lines))


@dataclass(slots=True)
class _Writer:
    """Writes lines that follow those of the files as near as they can."""

    whole: Loaded
    lines: list[str] = field(default_factory=list)
    _file: str = ""
    _line: int = 0
    """The line of that file which the next line written stands for; 0 = none yet."""

    def items(self, value: JsonValue, path: DocumentPath, indent: str, *, first: str | None = None) -> None:
        """Write what a mapping or list holds; `first` stands before its first item."""
        for number, (step, item) in enumerate(_pairs(value)):
            before = first if first is not None and number == 0 else indent
            head = f"{before}{write_scalar(step)}:" if isinstance(step, str) else f"{before}-"
            self._item(value, (*path, step), item, head=head, indent=indent)

    def _item(
        self, holder: JsonValue, path: DocumentPath, item: JsonValue, *, head: str, indent: str
    ) -> None:
        if isinstance(item, str) and "\n" in item and _LITERAL.fullmatch(item):
            self._put(path, *_literal(head, item, indent))
        elif not isinstance(item, dict | list):
            self._put(path, f"{head} {self._scalar(holder, path[-1], item)}".rstrip())
        elif not item or self._is_flow(item, path, self._place(path)[1]):
            self._put(path, f"{head} {self._flow(item)}")
        elif isinstance(path[-1], str):
            self._put(path, head)
            self.items(item, path, f"{indent}  ")
        else:
            self.items(item, path, f"{indent}  ", first=f"{head} ")

    def _put(self, path: DocumentPath, *lines: str) -> None:
        file, line = self._place(path)
        gap = line - self._line
        if file == self._file and self._line and 0 <= gap <= _FILLED:
            self.lines.extend([""] * gap)
        else:
            self.lines.append(mark(file, line))
        self.lines.extend(lines)
        self._file, self._line = file, line + len(lines)

    def _place(self, path: DocumentPath) -> tuple[str, int]:
        assert isinstance(self.whole.positions, MergedPositions)
        origin = self.whole.positions.origin(path)
        at = origin.part.loaded.positions.of_key(origin.path)
        return origin.part.file, at.line if at else 1

    def _is_flow(self, value: JsonValue, path: DocumentPath, line: int) -> bool:
        """Return whether a value stood on one line, and may."""
        for step, item in _pairs(value):
            if self._place((*path, step))[1] != line:
                return False
            if isinstance(item, dict | list):
                if not self._is_flow(item, (*path, step), line):
                    return False
            elif item is None and not self._scalar(value, step, item):
                return False
        return True

    def _flow(self, value: JsonValue) -> str:
        parts = []
        for step, item in _pairs(value):
            text = self._flow(item) if isinstance(item, dict | list) else self._scalar(value, step, item)
            parts.append(f"{write_scalar(step)}: {text}" if isinstance(step, str) else text)
        return f"{{{', '.join(parts)}}}" if isinstance(value, dict) else f"[{', '.join(parts)}]"

    def _scalar(self, holder: JsonValue, step: Step, value: JsonValue) -> str:
        text = self.whole.texts.get(id(holder), {}).get(step)
        if text is not None and not isinstance(value, str):
            return text
        return "" if value is None else write_scalar(value)


def _pairs(value: JsonValue) -> Iterator[tuple[Step, JsonValue]]:
    yield from value.items() if isinstance(value, dict) else enumerate(_listed(value))


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _literal(head: str, text: str, indent: str) -> list[str]:
    body = text.rstrip("\n")
    ends = len(text) - len(body)
    sign = {0: "|-", 1: "|"}.get(ends, "|+")
    lines = [f"{indent}  {line}" if line else "" for line in body.split("\n")]
    return [f"{head} {sign}", *lines, *[""] * max(0, ends - 1)]
