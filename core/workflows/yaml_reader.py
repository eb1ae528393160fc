"""Read YAML as plain values with positions; the only user of libyaml.

Called by the loader.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import yaml

from core.model.errors import Fault
from core.model.near_misses import did_you_mean
from core.model.values import JsonValue
from core.workflows.anchors import Anchors, Named
from core.workflows.json_reader import duplicate_key
from core.workflows.limits import FAULTS_MAX, Limits, too_deep, too_long, too_many
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
    anchor: str | None = None
    size: int = 0
    """Values of the document up to its beginning, so that its own are known at its end."""
    length: int = 0
    """Characters up to its beginning, for the same reason."""
    height: int = 1
    """Lists and mappings within each other, it included."""
    merged: list[JsonValue] = field(default_factory=list)
    """What stands at `<<`: mappings, or lists of them, whose items it gets where it has none of its own."""
    is_merging: bool = False
    """The key `<<` waits for its value."""


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
        self._anchors = Anchors(self._entries, self.texts)
        self._stack: list[_Open] = []
        self._nodes = 0
        self._length = 0
        """Characters of scalars and keys so far, with what aliases stand for."""
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
        name = str(event.anchor)
        found = self._anchors.get(name)
        if any(one.anchor == name for one in self._stack):
            self._add("document.alias", f"*{name} stands within &{name}", event.start_mark)
        elif found is None:
            near = did_you_mean(name, self._anchors.names)
            message = f"no anchor &{name} stands before *{name}{near}"
            self._add("document.alias", message, event.start_mark)
        else:
            self._put_again(found, event)
            return
        self._put(None, event)

    def _note_height(self, height: int) -> None:
        if self._stack:
            self._stack[-1].height = max(self._stack[-1].height, height + 1)

    def _put_again(self, found: Named, event: yaml.AliasEvent) -> None:
        # What it stands for is at most what was read so far: a few lines never make millions of values.
        if len(self._stack) + found.height > self._limits.depth:
            self.faults.append(too_deep(self._limits, *_position(event.start_mark)))
            raise _Stop
        self._nodes += found.size - 1
        self._length += found.length
        if self._length > self._limits.size:
            # Few values may be megabytes each: a small text would be gigabytes wherever it is stored or sent.
            self.faults.append(too_long(self._limits, *_position(event.start_mark)))
            raise _Stop
        self._note_height(found.height)
        self._put(self._anchors.copy(found.value), event, found.text)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        if event.tag is not None:
            self._refuse_tag(event)
        text: str = event.value
        self._length += len(text)
        if text == "<<" and event.implicit[0] and self._awaits_key():
            self._stack[-1].is_merging = True
            return
        value: JsonValue = text
        if event.implicit[0]:
            try:
                value = read_plain(text)
            except BadNumber as error:
                self._add("document.number", f"{error}{_QUOTE}", event.start_mark)
        if event.anchor is not None:
            self._anchors.put(event.anchor, Named(value=value, text=text, length=len(text)))
        self._put(value, event, text)

    def _awaits_key(self) -> bool:
        inner = self._stack[-1] if self._stack else None
        return inner is not None and inner.key is None and isinstance(inner.container, dict)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            self._refuse_tag(event)
        if len(self._stack) >= self._limits.depth:
            self.faults.append(too_deep(self._limits, *_position(event.start_mark)))
            raise _Stop
        container: dict[str, JsonValue] | list[JsonValue]
        container = {} if type(event) is yaml.MappingStartEvent else []
        before = self._nodes
        self._put(container, event)
        entries = self._entries[id(container)] = {}
        begun = _Open(
            container=container, entries=entries, anchor=event.anchor, size=before, length=self._length
        )
        self._stack.append(begun)

    def _close(self, event: yaml.CollectionEndEvent) -> None:
        ended = self._stack.pop()
        if ended.merged and isinstance(ended.container, dict) and not self._merge(ended.container, ended):
            self._add("document.merge", "`<<` takes a mapping, or a list of mappings", event.start_mark)
        if ended.anchor is not None:
            named = Named(
                value=ended.container,
                size=self._nodes - ended.size,
                length=self._length - ended.length,
                height=ended.height,
            )
            self._anchors.put(ended.anchor, named)
        self._note_height(ended.height)

    def _merge(self, mapping: dict[str, JsonValue], ended: _Open) -> bool:
        for one in ended.merged:
            for base in one if isinstance(one, list) else [one]:
                if not isinstance(base, dict):
                    return False
                self._anchors.merge(mapping, base)
        return True

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
        if inner.is_merging:
            inner.merged.append(value)
            inner.is_merging = False
            return
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

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        self._add(
            "document.tag", f"the tag {event.tag} is not accepted; write plain values", event.start_mark
        )

    def _add(self, code: str, message: str, mark: _Mark | None) -> None:
        line, column = _position(mark) if mark else (None, None)
        self._keep(Fault(code=code, message=message, line=line, column=column))

    def _keep(self, fault: Fault) -> None:
        self.faults.append(fault)
        if len(self.faults) >= FAULTS_MAX:
            raise _Stop


def _position(mark: _Mark | None) -> Position:
    return Position(mark.line + 1, mark.column + 1) if mark else _START
