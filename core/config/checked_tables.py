"""Sections of config.toml as checked tables, every fault noted.

Used by the capacity.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from core.config.faults import UNKNOWN
from core.config.field_types import NAMED
from core.config.files import SECTIONS
from core.config.prices import PlacedPrice
from core.config.tables import (
    LIMIT_TABLES,
    NESTED,
    NOT_TAKEN,
    BackendTable,
    BudgetTable,
    ConcurrencyTable,
    PoolTable,
    PriceTable,
    QuotaTable,
    RateTable,
    Table,
)
from core.model import bounds
from core.model.errors import Invalid
from core.model.limits import DEFAULT_POOL
from core.model.near_misses import one_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from core.config.faults import Faults
    from core.config.positions import KeyPath

_TableT = TypeVar("_TableT", bound=Table)
_Found = Iterator[tuple[str, _TableT]]


class CheckedTables:
    """The tables of a file by section and name; what is faulty is left out and noted."""

    def __init__(self, values: Mapping[str, object], faults: Faults) -> None:
        self._faults = faults
        self._sections = {section: self._section(section, values) for section in SECTIONS}
        self.pools = dict(self._each("pools", PoolTable))
        self.limits = dict(self._limits())
        self.budgets = dict(self._each("budgets", BudgetTable))
        self.backends = dict(self._each("backends", BackendTable))
        self.prices = list(self._prices())
        """With their place, in the order of the file."""
        for name, value in self._sections["pools"].items():
            if name != DEFAULT_POOL and isinstance(value, Mapping) and "slots" not in value:
                faults.add(("pools", name, "slots"), "is missing")
        for name in self._sections["limits"].keys() & self._sections["budgets"].keys():
            faults.add(("budgets", name), "a limit has this name, and no two limits or budgets share one")

    def _each(self, section: str, kind: type[_TableT]) -> _Found[_TableT]:
        for name, value in self._named(section):
            if (table := self._read((section, name), value, kind)) is not None:
                yield name, table

    def _limits(self) -> _Found[ConcurrencyTable | RateTable | QuotaTable]:
        for name, value in self._named("limits"):
            path = ("limits", name)
            kind = value.get("kind")
            if kind is None and "kind" not in value:
                self._faults.add((*path, "kind"), f"is missing: one of {', '.join(LIMIT_TABLES)}")
            elif not isinstance(kind, str) or kind not in LIMIT_TABLES:
                near = one_of(kind, LIMIT_TABLES) if isinstance(kind, str) else ""
                self._faults.add((*path, "kind"), f"must be one of {', '.join(LIMIT_TABLES)}{near}")
            elif (table := self._read(path, value, LIMIT_TABLES[kind])) is not None:
                yield name, table

    def _prices(self) -> Iterator[PlacedPrice]:
        for model, value in self._sections["prices"].items():
            path = ("prices", model)
            if not 1 <= len(model) <= bounds.NAME_MAX:
                self._faults.add(path, f"must be the name of a model, of 1 to {bounds.NAME_MAX} characters")
            several = isinstance(value, list)
            for number, one in enumerate(value if isinstance(value, list) else [value]):
                place: KeyPath = (*path, number) if several else path
                if not isinstance(one, Mapping):
                    self._faults.add(place, f'must be a table, [prices."{model}"]')
                elif (table := self._read(place, one, PriceTable)) is not None:
                    yield PlacedPrice(place, table)

    def _named(self, section: str) -> Iterator[tuple[str, Mapping[str, object]]]:
        for name, value in self._sections[section].items():
            try:
                bounds.check_name("name", name)
            except Invalid:
                self._faults.add((section, name), f"must have {NAMED}")
            if isinstance(value, Mapping):
                yield name, value
            else:
                self._faults.add((section, name), f"must be a table, [{section}.NAME]")

    def _section(self, section: str, values: Mapping[str, object]) -> Mapping[str, object]:
        value = values.get(section, {})
        if isinstance(value, Mapping):
            return value
        self._faults.add((section,), f"must hold tables, [{section}.NAME]")
        return {}

    def _read(self, path: KeyPath, value: Mapping[str, object], kind: type[_TableT]) -> _TableT | None:
        try:
            return kind.model_validate(value)
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_context=False, include_input=False):
                self._note(path, detail, kind)
        return None

    def _note(self, path: KeyPath, detail: ErrorDetails, kind: type[Table]) -> None:
        place = (*path, *detail["loc"])
        match detail["type"]:
            case "extra_forbidden":
                key = str(place[-1])
                nested = NESTED.get(str(place[-2])) if len(detail["loc"]) > 1 else None
                if (kind, key) in NOT_TAKEN:
                    self._faults.add(place, NOT_TAKEN[kind, key], code=UNKNOWN)
                elif nested is None and (others := _kinds_with(key)) and kind in LIMIT_TABLES.values():
                    self._faults.add(place, f"is for limits of kind {others}")
                else:
                    self._faults.unknown(place, _keys(nested or kind))
            case "missing":
                self._faults.add(place, "is missing")
            case "model_type":
                self._faults.add(place, "must be a table")
            case _:
                reason = detail["msg"].removeprefix("Value error, ")
                self._faults.add(place, f"{reason[:1].lower()}{reason[1:]}")


def _keys(kind: type[Table]) -> Collection[str]:
    return [field.alias or name for name, field in kind.model_fields.items()]


def _kinds_with(key: str) -> str:
    return " or ".join(kind for kind, table in LIMIT_TABLES.items() if key in table.model_fields)
