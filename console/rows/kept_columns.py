"""What an operator chose of the columns of a list.

Used by the list screen and its column keys.
"""

from __future__ import annotations

from collections.abc import Collection

from console.memory import Memory
from console.rows.sort_order import sortable
from console.rows.time_columns import Times
from core.filters.terms import Filter, Sort
from core.model.records import replace
from core.model.values import JsonObject
from core.render.columns import Column


class KeptColumns:
    """Hidden columns, order and times of a list, from one console to the next; faulty ones do not count."""

    def __init__(self, memory: Memory, name: str, columns: Collection[Column]) -> None:
        self._memory = memory
        self._name = f"list {name}"
        self._columns = tuple(columns)
        kept = memory.get(self._name)
        self._kept: JsonObject = dict(kept) if isinstance(kept, dict) else {}

    @property
    def hidden(self) -> frozenset[str]:
        kept = self._kept.get("hidden")
        known = {column.name for column in self._columns}
        return frozenset(name for name in kept if name in known) if isinstance(kept, list) else frozenset()

    @property
    def times(self) -> Times | None:
        kept = self._kept.get("times")
        return Times(kept) if isinstance(kept, str) and kept in set(Times) else None

    def ordered(self, where: Filter) -> Filter:
        """Return a filter in the order that was chosen last, unless it names one."""
        field, descending = self._kept.get("sort"), self._kept.get("descending")
        if where.sort is not None or field not in sortable(where.noun, self._columns):
            return where
        return replace(where, sort=Sort(field=str(field), descending=descending is True))

    def keep_hidden(self, names: Collection[str]) -> None:
        self._keep("hidden", sorted(names))

    def keep_times(self, times: Times) -> None:
        self._keep("times", times.value)

    def keep_order(self, sort: Sort | None) -> None:
        if sort is not None:
            self._keep("sort", sort.field)
            self._keep("descending", sort.descending)

    def _keep(self, name: str, value: object) -> None:
        self._kept = {**self._kept, name: value}  # type: ignore[dict-item]
        self._memory.keep(self._name, dict(self._kept))
