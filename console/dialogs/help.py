"""The keys of a screen in columns, grouped by purpose.

Opened by the app.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from console.key_table import KEYS, Key, bindings, shown_keys
from console.widgets.text_view import TextView
from core.filters.fields import FIELDS, Noun
from core.model.text import SafeText, cells, fit, safe_line
from core.render.wrapping import wrap


class KeyLine(NamedTuple):
    """What is typed, and what it does."""

    typed: str
    meaning: str


_MOVES = frozenset(
    ("table", "text", "graph", "pulse", "view", "node", "drawn", "log", "bars", "runs", "choose_run")
)
_MOVES_BY_ID = frozenset(("open", "back", "orphan_open", "orphan_back"))
_FINDS = frozenset(("rows", "times", "preset"))
_FINDS_BY_ID = frozenset(("filter", "inspect", "search", "next_match", "previous_match"))
_ACTS_BY_ID = frozenset(("export",))
_COLUMN, _GAP, _KEY_CELLS = 46, 2, 13
"""Least width of a column, cells between two, and most cells of the keys."""
_GRAMMAR = (
    KeyLine("state:failed,retrying", "one of these"),
    KeyLine("queue:mail*", "any text for the *"),
    KeyLine('err~"timeout|429"', "a regular expression"),
    KeyLine("age>10m  attempts>=3", "more, at least"),
    KeyLine("-group:canary", "not this"),
    KeyLine("text", "in a name or key"),
    KeyLine("sort:-id", "the newest first"),
)

Block = tuple[str, Sequence[KeyLine]]
"""A title, and its lines."""


class HelpDialog(ModalScreen[None]):
    """The keys of the screen below, those of the whole console, what cannot be done now, and the filter."""

    BINDINGS = bindings("view")

    def __init__(
        self,
        parts: tuple[str, ...],
        keymap: Mapping[str, str],
        *,
        why_not: Callable[[str], SafeText],
        noun: Noun | None = None,
    ) -> None:
        super().__init__()
        self._parts = parts
        self._keymap = keymap
        self._why_not = why_not
        self._noun = noun
        self._view = TextView()

    def compose(self) -> ComposeResult:
        """Hold a head and the text."""
        yield Static(Content(" Keys of this screen (Esc: back, /: search)"), classes="head")
        yield self._view

    def on_mount(self) -> None:
        """Write the keys."""
        self._write()
        self._view.focus()

    def on_resize(self) -> None:
        """Set as many columns as have room."""
        self._write()

    def action_back(self) -> None:
        """Close."""
        self.dismiss()

    def _write(self) -> None:
        blocks = [block for block in self._blocks() if block[1]]
        self._view.put(in_columns(blocks, max(20, self.app.size.width - 2)))

    def _blocks(self) -> Iterator[Block]:
        groups: dict[str, list[Key]] = {"Move": [], "Find": [], "Act": []}
        for part in self._parts:
            for key in KEYS[part]:
                groups[_group_of(part, key)].append(key)
        for title, keys in (*groups.items(), ("Everywhere", KEYS["app"])):
            yield title, [KeyLine(shown_keys(key, self._keymap), key.description) for key in keys]
        yield "Not now", list(self._unavailable())
        if self._noun is not None:
            fields = ", ".join(field.name for field in FIELDS[self._noun].fields)
            yield "Filter (/)", [*_GRAMMAR, KeyLine("fields", fields)]

    def _unavailable(self) -> Iterator[KeyLine]:
        for key in (key for part in (*self._parts, "app") for key in KEYS[part]):
            if reason := self._why_not(key.action.partition("(")[0]):
                yield KeyLine(shown_keys(key, self._keymap), reason)


def _group_of(part: str, key: Key) -> str:
    if key.id in _FINDS_BY_ID or (part in _FINDS and key.id not in _ACTS_BY_ID):
        return "Find"
    return "Move" if part in _MOVES or key.id in _MOVES_BY_ID else "Act"


def in_columns(blocks: Sequence[Block], width: int) -> list[SafeText]:
    """Lay blocks out in as many columns as have room, each block in the shortest one so far."""
    many = max(1, (width + _GAP) // (_COLUMN + _GAP))
    room = (width - _GAP * (many - 1)) // many
    columns: list[list[SafeText]] = [[] for _ in range(many)]
    for title, lines in blocks:
        column = min(columns, key=len)
        if column:
            column.append(SafeText(""))
        column += _written(title, lines, room)
    return [
        safe_line((" " * _GAP).join(fit(cell, room) for cell in row).rstrip())
        for row in zip_longest(*columns, fillvalue=SafeText(""))
    ]


def _written(title: str, lines: Sequence[KeyLine], room: int) -> Iterator[SafeText]:
    yield safe_line(f"{title} {'─' * (room - cells(title) - 1)}")
    # Single letters leave their room to what they do.
    most = min(_KEY_CELLS, room // 3, max(cells(typed) for typed, _ in lines))
    for typed, meaning in lines:
        label = fit(safe_line(typed), max(most, cells(typed))) + "  "
        if cells(label) > room // 2:
            yield safe_line(typed)
            label = "  "
        for piece in wrap(safe_line(meaning), room - cells(label)):
            yield safe_line(f"{label}{piece.strip()}")
            label = " " * cells(label)
