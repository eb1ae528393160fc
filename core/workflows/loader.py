"""Load a document, YAML or JSON, as plain values with their positions.

Called by the engine's admission, the registry and the expansion.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from core.files.reading import decode_document, fault_after, read_document, too_large
from core.model.errors import Fault, InvalidDocument
from core.model.values import JsonValue
from core.workflows.json_reader import JsonReader
from core.workflows.limits import LIMITS, Limits, survey
from core.workflows.positions import Positions, Step
from core.workflows.scalars import BadNumber, read_float, read_int, refuse_constant
from core.workflows.text_origins import HEADER, TextPositions
from core.workflows.written import Texts, is_other
from core.workflows.yaml_reader import YamlReader

_JSON = re.compile(r'\s*\{\s*["}]')
"""What begins like a JSON object is JSON; YAML in braces has bare keys."""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")

_MAY_BEGIN_CONTROL = bytes({*range(0x20), 0x7F, 0xC2, 0xEF} - {0x09, 0x0A, 0x0D})
"""First bytes, in UTF-8, of what the pattern finds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A document as plain values; `source` is what it is called in messages."""

    value: JsonValue
    positions: Positions
    source: str
    texts: Texts = field(default_factory=dict)
    """Scalars that were written otherwise than their values would be."""
    null: str = ""
    """How a null was written that is not among them."""


def read(path: Path, *, limits: Limits = LIMITS) -> Loaded:
    """Read a document file; raise what `read_document` and `load` raise."""
    return load(read_document(path, limit=limits.size), source=str(path), limits=limits)


def load(data: bytes | str, *, source: str = "document", limits: Limits = LIMITS) -> Loaded:
    """Read text, or bytes in UTF-8: JSON when it begins with `{"`, otherwise YAML.

    Raises `InvalidDocument` with every fault found, in the order of their positions.
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
    """The fast reading met what only the slow one can give a position."""


def _load_json(text: str, source: str, limits: Limits) -> Loaded:
    numbers = _Numbers()
    try:
        value: JsonValue = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=numbers.read_int,
            parse_float=numbers.read_float,
            parse_constant=refuse_constant,
        )
        if survey(value, limits) is None:
            positions = Positions(lambda: JsonReader(text, limits).read())
            return Loaded(
                value=value, positions=positions, source=source, texts=numbers.texts(value), null="null"
            )
    except (_Suspicious, BadNumber, RecursionError, json.JSONDecodeError):
        # The slow reading of the same text finds every fault with its position.
        pass
    reader = JsonReader(text, limits)
    reader.read()
    raise InvalidDocument(
        source, reader.faults or [Fault(code="document.syntax", message="this is not JSON")]
    )


class _WrittenInt(int):
    """A whole number that was written otherwise."""

    text: str


class _WrittenFloat(float):
    """A number that was written otherwise."""

    text: str


class _Numbers:
    """The numbers of one JSON text, some of them with the text they were written as."""

    def __init__(self) -> None:
        self._found = False

    def read_int(self, text: str) -> int:
        number = read_int(text)
        if not is_other(number, text):
            return number
        self._found = True
        written = _WrittenInt(number)
        written.text = text
        return written

    def read_float(self, text: str) -> float:
        number = read_float(text)
        if not is_other(number, text):
            return number
        self._found = True
        written = _WrittenFloat(number)
        written.text = text
        return written

    def texts(self, value: JsonValue) -> Texts:
        """Return the texts by their places, and leave plain numbers behind."""
        texts: Texts = {}
        pending = [value] if self._found else []
        while pending:
            holder = pending.pop()
            items: list[tuple[Step, JsonValue]]
            items = [*holder.items()] if isinstance(holder, dict) else [*enumerate(_listed(holder))]
            for step, item in items:
                if isinstance(item, dict | list):
                    pending.append(item)
                elif isinstance(item, _WrittenInt | _WrittenFloat):
                    texts.setdefault(id(holder), {})[step] = item.text
                    plain = int(item) if isinstance(item, int) else float(item)
                    holder[step] = plain  # type: ignore[index] # a step of it
        return texts


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _Suspicious
    return result


def _load_yaml(text: str, source: str, limits: Limits) -> Loaded:
    reader = YamlReader(text, limits)
    tree = reader.read()
    if reader.faults:
        raise InvalidDocument(source, sorted(reader.faults, key=lambda fault: fault.order))
    positions = TextPositions(lambda: tree, text) if text.startswith(HEADER) else Positions(lambda: tree)
    return Loaded(value=tree.root, positions=positions, source=source, texts=reader.texts)
