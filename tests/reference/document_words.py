"""What single fields of a document mean: expressions, includes, items, retries.

Used by the reference.
"""

from __future__ import annotations

from itertools import product
from typing import Any


class Box(dict[str, Any]):
    """A mapping whose items are attributes, as expressions read them; the names of one as well."""

    def __getattr__(self, name: str) -> Any:
        value = self.get(name)
        return Box(value) if isinstance(value, dict) else value

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


def value_of(text: Any, scope: dict[str, Any]) -> Any:
    """Work out what stands in `${{ }}`; everything else is itself."""
    if isinstance(text, dict):
        return {key: value_of(item, scope) for key, item in text.items()}
    if not (isinstance(text, str) and text.startswith("${{") and text.endswith("}}")) or text.count("{{") > 1:
        return text
    python = text[3:-2].replace("&&", " and ").replace("||", " or ").strip()
    test, is_choice, ends = python.partition(" ? ")
    if is_choice:
        python = "({1}) if ({0}) else ({2})".format(test, *ends.split(" : "))
    return eval(python, {"__builtins__": {}}, Box(scope))


def whole(documents: dict[str, Any], file: str) -> dict[str, Any]:
    """Return a document with the files that it includes: lists one after the other, names by the last."""
    found: dict[str, Any] = {}
    for name in [*documents[file].get("include", []), file]:
        for field, value in documents[name].items():
            if isinstance(value, list):
                value = found.get(field, []) + value
            elif isinstance(value, dict):
                value = found.get(field, {}) | value
            found[field] = value
    return found


def items_of(spec: dict[str, Any], scope: dict[str, Any]) -> list[Any]:
    """Return the items of a task that has instances."""
    if "matrix" in spec:
        axes = {name: values for name, values in spec["matrix"].items() if name != "exclude"}
        every = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
        rules = spec["matrix"].get("exclude", [])
        return [one for one in every if not any(rule.items() <= one.items() for rule in rules)]
    over = value_of(spec["for_each"], scope)
    if isinstance(over, dict):
        return [{"key": key, "value": value} for key, value in over.items()]
    if isinstance(over, list):
        return over
    first, is_range, last = str(over).partition("..")
    return [*range(int(first), int(last) + 1)] if is_range else [*range(int(over))]


def is_retried(code: int, retry: dict[str, Any]) -> bool:
    """Return whether an exit code is one of those that are tried again."""
    numbers = [one.removeprefix("scripted.exit.").partition("-") for one in retry.get("on", [])]
    return not numbers or any(int(first) <= code <= int(last or first) for first, _, last in numbers)
