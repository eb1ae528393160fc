"""Read a document, YAML or JSON, into plain values with their places."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import yaml

from core.files.reading import decode_document, fault_after, read_document, too_large
from core.model.errors import Fault, InvalidDocument
from core.model.values import JsonValue
from core.workflows.jsonpass import JsonPass, duplicate_key
from core.workflows.limits import FAULTS_MAX, LIMITS, Limits, survey, too_deep, too_many
from core.workflows.marks import Marks, Place, Table
from core.workflows.scalars import BadNumber, read_float, read_int, read_plain, refuse_constant

_JSON = re.compile(r'\s*\{\s*["}]')
"""What begins like a JSON object is JSON; YAML in braces has bare keys."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")

_MAY_BEGIN_CONTROL = bytes({*range(0x20), 0x7F, 0xC2, 0xEF} - {0x09, 0x0A, 0x0D})
"""First bytes, in UTF-8, of what the pattern finds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A document as plain values, where they stand, and what it is called in messages."""

    value: JsonValue
    marks: Marks
    source: str


def read(path: Path, *, limits: Limits = LIMITS) -> Loaded:
    """Read a document file; raise what `read_document` and `load` raise."""
    return load(read_document(path, limit=limits.size), source=str(path), limits=limits)


def load(data: bytes | str, *, source: str = "document", limits: Limits = LIMITS) -> Loaded:
    """Read text, or bytes in UTF-8: JSON when it begins with `{"`, otherwise YAML.

    Raises `InvalidDocument` with every fault found, in the order of their places.
    """
    if len(data) > limits.size:
        raise InvalidDocument(source, [too_large(len(data), limits.size)])
    text = _decode(data, source)
    control = _CONTROL.search(text) if _may_have_controls(data) else None
    if control is not None:
        message = f"the control character U+{ord(control.group()):04X} is not allowed"
        raise InvalidDocument(source, [fault_after(text[: control.start()], "document.control", message)])
    return (_load_json if _JSON.match(text) else _load_yaml)(text, source, limits)


def _decode(data: bytes | str, source: str) -> str:
    return data.removeprefix("\ufeff") if isinstance(data, str) else decode_document(data, name=source)


def _may_have_controls(data: bytes | str) -> bool:
    """Answer for megabytes in a few ms; the search itself would take a tenth of a second."""
    if isinstance(data, str):
        return True
    return any(byte in data for byte in _MAY_BEGIN_CONTROL)


class _Suspicious(Exception):
    """The fast pass met what only the slow one can place."""


def _load_json(text: str, source: str, limits: Limits) -> Loaded:
    try:
        value: JsonValue = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=read_int,
            parse_float=read_float,
            parse_constant=refuse_constant,
        )
        if survey(value, limits) is None:
            return Loaded(value=value, marks=Marks(lambda: _json_marks(text, limits)), source=source)
    except (_Suspicious, BadNumber, RecursionError, json.JSONDecodeError):
        # The slow pass reads the same text again and finds every fault with its place.
        pass
    faults = JsonPass(text, limits).run().faults
    raise InvalidDocument(source, faults or [Fault(code="document.syntax", message="this is not JSON")])


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _Suspicious
    return result


def _json_marks(text: str, limits: Limits) -> tuple[JsonValue, Table, Place]:
    done = JsonPass(text, limits).run()
    return done.root, done.table, done.start


def _load_yaml(text: str, source: str, limits: Limits) -> Loaded:
    done = _YamlPass(text, limits).run()
    if done.faults:
        raise InvalidDocument(
            source, sorted(done.faults, key=lambda fault: (fault.line or 0, fault.column or 0))
        )
    return Loaded(value=done.root, marks=Marks(lambda: (done.root, done.table, done.start)), source=source)


class _Stop(Exception):
    """What follows is not read."""


class _Mark(Protocol):
    """Where libyaml, or the pure parser, saw something; counts from 0."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


def _place(mark: _Mark | None) -> Place:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


class _YamlPass:
    """One pass over libyaml's events with a stack of our own: values, places, faults."""

    def __init__(self, text: str, limits: Limits) -> None:
        self.root: JsonValue = None
        self.table: Table = {}
        self.start: Place = (1, 1)
        self.faults: list[Fault] = []
        self._text = text
        self._limits = limits
        self._stack: list[dict[str, JsonValue] | list[JsonValue]] = []
        self._keys: list[str | None] = []
        """The key that waits for its value, for each open container."""
        self._key_places: list[Place] = []
        self._nodes = 0
        self._documents = 0

    def run(self) -> _YamlPass:
        """Read to the end, or to what makes the rest meaningless; return itself."""
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
            words = ", ".join(part for part in (error.context, error.problem) if part)
            self._add("document.syntax", words or "this is not YAML", mark)
        except yaml.YAMLError as error:
            self._add("document.syntax", " ".join(str(error).split()), None)
        finally:
            source.dispose()
        return self

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
                self._add("document.number", str(error), event.start_mark)
        self._put(value, event)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        if event.anchor is not None or event.tag is not None:
            self._refuse_properties(event)
        if len(self._stack) >= self._limits.depth:
            self.faults.append(too_deep(self._limits, *_place(event.start_mark)))
            raise _Stop
        made: dict[str, JsonValue] | list[JsonValue]
        made = {} if type(event) is yaml.MappingStartEvent else []
        self._put(made, event)
        self.table[id(made)] = {}
        self._stack.append(made)
        self._keys.append(None)
        self._key_places.append((0, 0))

    def _close(self, _event: yaml.CollectionEndEvent) -> None:
        self._stack.pop()
        self._keys.pop()
        self._key_places.pop()

    def _put(self, value: JsonValue, event: yaml.NodeEvent) -> None:
        place = _place(event.start_mark)
        self._nodes += 1
        if self._nodes > self._limits.nodes:
            self.faults.append(too_many(self._limits, *place))
            raise _Stop
        if not self._stack:
            self.root, self.start = value, place
            return
        inner = self._stack[-1]
        if isinstance(inner, list):
            self.table[id(inner)][len(inner)] = (*place, *place)
            inner.append(value)
            return
        key = self._keys[-1]
        if key is None:
            self._keys[-1] = self._read_key(value, inner, event)
            self._key_places[-1] = place
            return
        self.table[id(inner)][key] = (*self._key_places[-1], *place)
        inner[key] = value
        self._keys[-1] = None

    def _read_key(self, value: JsonValue, inner: dict[str, JsonValue], event: yaml.NodeEvent) -> str:
        mark = event.start_mark
        if not isinstance(value, str):
            kind = "a list or mapping" if isinstance(value, dict | list) else f"{value!r}"
            self._add("document.key", f"a key must be a string, not {kind}; put it in quotes", mark)
            return f"{value!r}"
        if value in inner:
            self._keep(duplicate_key(value, *_place(mark)))
        return value

    def _refuse_properties(self, event: yaml.NodeEvent) -> None:
        tag: str | None = getattr(event, "tag", None)
        if event.anchor is not None:
            self._add("document.anchor", f"the anchor &{event.anchor} is not accepted", event.start_mark)
        if tag is not None:
            self._add("document.tag", f"the tag {tag} is not accepted; write plain values", event.start_mark)

    def _add(self, code: str, message: str, mark: _Mark | None) -> None:
        line, column = _place(mark) if mark else (None, None)
        self._keep(Fault(code=code, message=message, line=line, column=column))

    def _keep(self, fault: Fault) -> None:
        self.faults.append(fault)
        if len(self.faults) >= FAULTS_MAX:
            raise _Stop
