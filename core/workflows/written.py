"""Scalars of a document as they are written, where they are text.

Made by the readers; used by the expansion. `3.10`, `010` and `~` are a number, a number and null to YAML,
and other texts once they are read: what goes to a command, a header or a text parameter keeps its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from core.model.errors import Fault
from core.model.expressions import OPENING
from core.model.ports import Checks
from core.model.values import JsonObject, JsonValue
from core.workflows.expressions.embedded import Embedded, split
from core.workflows.outline import is_group, outline_of
from core.workflows.positions import Positions, Step
from core.workflows.shared_inputs import SHARED

_PARAM = re.compile(
    r"params\s*(?:\.\s*|\[\s*(?P<quote>[\"'])\s*)(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?(quote)(?P=quote)\s*\])"
)
"""An expression that is a parameter and nothing else."""

Texts: TypeAlias = dict[int, dict[Step, str]]
"""By the `id` of a mapping or list: texts of its scalars that their values would not be written as."""
Places: TypeAlias = Sequence[Sequence[str]]
"""Paths within an input, `*` for any key or index."""


def is_other(value: JsonValue, text: str) -> bool:
    """Return whether a plain scalar would be written otherwise than it stood there."""
    if isinstance(value, str):
        return False
    return write_scalar(value) != text


def write_scalar(value: JsonValue) -> str:
    """Return a scalar as YAML and JSON write it; null is the empty text."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def keep_texts(document: JsonObject, texts: Texts, checks: Checks, *, null: str) -> None:
    """Put the written text in the place of each scalar that goes out as text; changes the document.

    These are the places of text that the connectors name, defaults and choices of text parameters, keys of
    limits and of `once`, and amounts; `null` is how a null was written that has no text.
    """
    known = frozenset(checks.names())
    defaults = document.get("defaults")
    _keep_terms(defaults, texts)
    if isinstance(defaults, dict):
        for name in set(SHARED) & set(defaults):
            _keep(defaults, name, texts, null=None)
    for task in outline_of(document).tasks:
        _keep_terms(task.raw, texts)
        if is_group(task.raw):
            _keep_items(task.raw, texts)
        if task.uses is not None and task.uses in known:
            for place in checks.texts(task.uses):
                for holder, step, many in _holders(task.with_, place):
                    _keep(holder, step, texts, null=null if many else None)
    for declared in _declarations(document):
        if declared.get("type", "string") == "string":
            _keep_param(declared, texts)


def number_texts(document: JsonObject, texts: Texts) -> dict[str, str]:
    """Return, by parameter, the written text of a default that is a number."""
    params = document.get("params")
    found: dict[str, str] = {}
    for name, declared in (params if isinstance(params, dict) else {}).items():
        if isinstance(declared, dict) and isinstance(declared.get("default"), int | float):
            text = texts.get(id(declared), {}).get("default")
            if text is not None:
                found[name] = text
    return found


def put_numbers(with_: JsonObject, places: Places, numbers: Mapping[str, str]) -> JsonObject:
    """Return an input whose places of text have numbers of parameters as they were written.

    That is each `${{ params.NAME }}` alone; what is computed from a number is written from its value.
    """
    if not numbers or not places:
        return with_
    copied: JsonObject = {key: _copy(value) for key, value in with_.items()}
    for place in places:
        for holder, step, _ in _holders(copied, place):
            text = _get(holder, step)
            if isinstance(text, str) and OPENING in text:
                _set(holder, step, put_in(text, numbers))
    return copied


def untyped_faults(document: JsonObject, positions: Positions) -> Iterator[Fault]:
    """Warn of numbers and truths that are defaults of parameters without a type, and so texts."""
    params = document.get("params")
    for name, declared in (params if isinstance(params, dict) else {}).items():
        if not isinstance(declared, dict) or "type" in declared:
            continue
        default = declared.get("default")
        if isinstance(default, int | float):
            message = (
                f"`{name}` has no `type`, so that its default is the text as written: say `type: string`,"
                f" or `type: {'boolean' if isinstance(default, bool) else 'number'}`"
            )
            yield positions.fault_at(("params", name, "default"), "document.untyped", message)


def put_in(text: str, numbers: Mapping[str, str]) -> str:
    """Return a text with each `${{ params.NAME }}` that is a number as it was written."""
    if not numbers or OPENING not in text:
        return text
    return "".join(
        _number(piece.source, numbers) if isinstance(piece, Embedded) else piece for piece in split(text)
    )


def _number(source: str, numbers: Mapping[str, str]) -> str:
    named = _PARAM.fullmatch(source)
    if named is not None and named["name"] in numbers:
        return numbers[named["name"]]
    return f"{OPENING} {source} }}}}"


def _declarations(document: JsonObject) -> Iterator[JsonObject]:
    params = document.get("params")
    for declared in (params if isinstance(params, dict) else {}).values():
        if isinstance(declared, dict):
            yield declared


def _keep_param(declared: JsonObject, texts: Texts) -> None:
    if isinstance(declared.get("default"), int | float):
        _force(declared, "default", texts)
    choices = declared.get("enum")
    if isinstance(choices, list):
        for index, choice in enumerate(choices):
            if isinstance(choice, int | float):
                _force(choices, index, texts)


def _keep_terms(task: JsonValue, texts: Texts) -> None:
    """Keep keys of limits and of `once`, and amounts with a point: their decimals are exact."""
    limits, cost = (task.get("limits"), task.get("cost")) if isinstance(task, dict) else (None, None)
    for use in limits if isinstance(limits, list) else ():
        if isinstance(use, dict) and type(use.get("key")) in (int, float):
            _force(use, "key", texts)
    once = task.get("once") if isinstance(task, dict) else None
    if isinstance(once, dict) and type(once.get("key")) in (int, float):
        _force(once, "key", texts)
    for unit, amount in cost.items() if isinstance(cost, dict) else ():
        if isinstance(amount, float):
            _keep(cost, unit, texts, null=None)


def _keep_items(task: JsonObject, texts: Texts) -> None:
    """Keep the items of `for_each` and the values of axes, which may go to a command."""
    matrix = task.get("matrix")
    for holder in (task.get("for_each"), *(matrix.values() if isinstance(matrix, dict) else ())):
        for step in _steps(holder, "*"):
            if not isinstance(_get(holder, step), dict | list):
                _keep(holder, step, texts, null=None)


def _force(holder: JsonValue, step: Step, texts: Texts) -> None:
    text = texts.get(id(holder), {}).get(step)
    _set(holder, step, write_scalar(_get(holder, step)) if text is None else text)


def _keep(holder: JsonValue, step: Step, texts: Texts, *, null: str | None) -> None:
    """Put a text in its place; in single fields (`null` is None) null stays, as if it was left out."""
    text = texts.get(id(holder), {}).get(step)
    if _get(holder, step) is None:
        if null is not None:
            _set(holder, step, null if text is None else text)
    elif text is not None:
        _set(holder, step, text)


class _Holder(NamedTuple):
    """A mapping or list, the key or index of a scalar in it, and whether that is one of many."""

    value: JsonValue
    step: Step
    is_many: bool


def _holders(value: JsonValue, place: Sequence[str]) -> Iterator[_Holder]:
    """Return what holds the scalars at a place."""
    *before, last = place
    level: list[JsonValue] = [value]
    for word in before:
        level = [_get(item, step) for item in level for step in _steps(item, word)]
    for item in level:
        for step in _steps(item, last):
            if not isinstance(_get(item, step), dict | list):
                yield _Holder(item, step, last == "*")


def _steps(item: JsonValue, word: str) -> Sequence[Step]:
    if isinstance(item, dict):
        return list(item) if word == "*" else [word] if word in item else []
    return range(len(item)) if isinstance(item, list) and word == "*" else []


def _get(holder: JsonValue, step: Step) -> JsonValue:
    return holder[step]  # type: ignore[index] # A step of this mapping or list.


def _set(holder: JsonValue, step: Step, value: JsonValue) -> None:
    holder[step] = value  # type: ignore[index] # A step of this mapping or list.


def _copy(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
