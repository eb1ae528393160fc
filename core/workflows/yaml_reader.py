"""Read YAML as plain values with positions; the only user of libyaml.

Called by the loader.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import yaml

from core.model.errors import Fault
from core.model.values import JsonValue
from core.workflows.json_reader import duplicate_key
from core.workflows.limits import FAULTS_MAX, Limits, too_deep, too_many
from core.workflows.positions import Entry, PlacedTree, Position, Step
from core.workflows.scalars import BadNumber, read_plain
from core.workflows.written import Texts, is_other

_START = Position(1, 1)
_QUOTE = "; put it in quotes to keep it as text"


class _Stop(Exception):
    """The rest of the text is not read."""


class _Mark(Protocol):
    """Where libyaml, or the pure parser, saw something; counts from 0."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


@dataclass(slots=True, kw_only=True)
class _Open:
    """A mapping or list that has begun and not ended; `key` waits for its value."""

    container: dict[str, JsonValue] | list[JsonValue]
    entries: dict[Step, Entry]
    key: str | None = None
    key_line: int = 1
    key_column: int = 1


class YamlReader:
    """One pass over libyaml's events with a stack of our own; `faults` has what is wrong."""

    def __init__(self, text: str, limits: Limits) -> None:
        self.faults: list[Fault] = []
        self.texts: Texts = {}
        self._text = text
        self._limits = limits
        self._root: JsonValue = None
        self._start = _START
        self._entries: dict[int, dict[Step, Entry]] = {}
        self._stack: list[_Open] = []
        self._nodes = 0
        self._documents = 0

    def read(self) -> PlacedTree:
        """Read to the end, or to what makes the rest meaningless."""
        source = yaml.CLoader(self._text)
        steps: dict[type[yaml.Event], Callable[..., None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        try:
            while (event := source.get_event()) is not None:
                step = steps.get(type(event))
                if step is not None:
                    step(event)
        except _Stop:
            pass
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            message = ", ".join(part for part in (error.context, error.problem) if part)
            self._add("document.syntax", message or "this is not YAML", mark)
        except yaml.YAMLError as error:
            self._add("document.syntax", " ".join(str(error).split()), None)
        finally:
            source.dispose()
        return PlacedTree(root=self._root, start=self._start, entries=self._entries)

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            self._add("document.second", "a second document starts here", event.start_mark)
            raise _Stop

    def _alias(self, event: yaml.AliasEvent) -> None:
        self._add(
            "document.alias", f"the alias *{event.anchor} is not accepted; repeat the value", event.start_mark
        )
        self._put(None, event)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if event.anchor is not None or event.tag is not None:
            self._refuse_properties(event)
        text: str = event.value
        value: JsonValue = text
        if event.implicit[0]:
            try:
                value = read_plain(text)
            except BadNumber as error:
                self._add("document.number", f"{error}{_QUOTE}", event.start_mark)
        self._put(value, event, text)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        if event.anchor is not None or event.tag is not None:
            self._refuse_properties(event)
        if len(self._stack) >= self._limits.depth:
            self.faults.append(too_deep(self._limits, *_position(event.start_mark)))
            raise _Stop
        container: dict[str, JsonValue] | list[JsonValue]
        container = {} if type(event) is yaml.MappingStartEvent else []
        self._put(container, event)
        entries = self._entries[id(container)] = {}
        self._stack.append(_Open(container=container, entries=entries))

    def _close(self, _event: yaml.CollectionEndEvent) -> None:
        self._stack.pop()

    def _put(self, value: JsonValue, event: yaml.NodeEvent, text: str = "") -> None:
        mark = event.start_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else _START
        self._nodes += 1
        if self._nodes > self._limits.nodes:
            self.faults.append(too_many(self._limits, line, column))
            raise _Stop
        if not self._stack:
            self._root, self._start = value, Position(line, column)
            return
        inner = self._stack[-1]
        step = len(inner.container) if isinstance(inner.container, list) else inner.key
        if step is not None and not isinstance(value, str | dict | list) and is_other(value, text):
            self.texts.setdefault(id(inner.container), {})[step] = text
        if isinstance(inner.container, list):
            inner.entries[len(inner.container)] = (line, column, line, column)
            inner.container.append(value)
        elif inner.key is None:
            inner.key = self._read_key(value, inner.container, event)
            inner.key_line, inner.key_column = line, column
        else:
            inner.entries[inner.key] = (inner.key_line, inner.key_column, line, column)
            inner.container[inner.key] = value
            inner.key = None

    def _read_key(self, value: JsonValue, mapping: dict[str, JsonValue], event: yaml.NodeEvent) -> str:
        mark = event.start_mark
        if not isinstance(value, str):
            kind = "a list or mapping" if isinstance(value, dict | list) else f"{value!r}"
            self._add("document.key", f"a key must be a string, not {kind}; put it in quotes", mark)
            return f"{value!r}"
        if value in mapping:
            self._keep(duplicate_key(value, *_position(mark)))
        return value

    def _refuse_properties(self, event: yaml.NodeEvent) -> None:
        tag: str | None = getattr(event, "tag", None)
        if event.anchor is not None:
            self._add("document.anchor", f"the anchor &{event.anchor} is not accepted", event.start_mark)
        if tag is not None:
            self._add("document.tag", f"the tag {tag} is not accepted; write plain values", event.start_mark)

    def _add(self, code: str, message: str, mark: _Mark | None) -> None:
        line, column = _position(mark) if mark else (None, None)
        self._keep(Fault(code=code, message=message, line=line, column=column))

    def _keep(self, fault: Fault) -> None:
        self.faults.append(fault)
        if len(self.faults) >= FAULTS_MAX:
            raise _Stop


def _position(mark: _Mark | None) -> Position:
    return Position(mark.line + 1, mark.column + 1) if mark else _START
