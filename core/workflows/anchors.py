"""Anchors of a YAML document, and copies of their values.

Used by the YAML reader. Each alias gets a copy, so that a change of one reaches no other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from core.model.values import JsonValue
from core.workflows.positions import Entry, Step
from core.workflows.written import Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A value with a name: how many values it is in all, and lists and mappings within each other."""

    value: JsonValue
    text: str = ""
    """A scalar as it is written."""
    size: int = 1
    length: int = 0
    """Characters of its scalars and keys, what aliases in it stand for included."""
    height: int = 0


class Anchors:
    """The anchors read so far; a later one of a name takes its place."""

    def __init__(self, entries: dict[int, dict[Step, Entry]], texts: Texts) -> None:
        self._entries = entries
        self._texts = texts
        self._named: dict[str, Named] = {}
        self._bases: list[JsonValue] = []
        """Kept, since positions and texts are known by the identity of their holder."""

    @property
    def names(self) -> Collection[str]:
        """Return the names so far."""
        return self._named

    def get(self, name: str) -> Named | None:
        """Return the value of a name."""
        return self._named.get(name)

    def put(self, name: str, named: Named) -> None:
        """Give a value a name."""
        self._named[name] = named

    def copy(self, value: JsonValue) -> JsonValue:
        """Return the same value, with the same positions and texts, that shares nothing with it."""
        if not isinstance(value, dict | list):
            return value
        root: list[JsonValue] = [value]
        pending: list[dict[str, JsonValue] | list[JsonValue]] = [root]
        # Without a call for each value: there may be many.
        while pending:
            holder = pending.pop()
            for step, item in [*(holder.items() if isinstance(holder, dict) else enumerate(holder))]:
                if isinstance(item, dict | list):
                    copy = item.copy()
                    holder[step] = copy
                    self._entries[id(copy)] = self._entries[id(item)]
                    if id(item) in self._texts:
                        self._texts[id(copy)] = self._texts[id(item)]
                    pending.append(copy)
        return root[0]

    def merge(self, mapping: dict[str, JsonValue], base: dict[str, JsonValue]) -> None:
        """Give a mapping the items of another whose keys it does not have."""
        self._bases.append(base)
        texts = self._texts.get(id(base), {})
        for key, value in base.items():
            if key not in mapping:
                mapping[key] = value
                self._entries[id(mapping)][key] = self._entries[id(base)][key]
                if key in texts:
                    self._texts.setdefault(id(mapping), {})[key] = texts[key]
