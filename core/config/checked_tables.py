"""Sections of config.toml as checked tables, every fault noted.

Used by the capacity.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError

from core.config.field_types import NAMED
from core.config.health_tables import LINE_TABLES, HealthTable
from core.config.notify_tables import EmailTable, QuietTable
from core.config.prices import PlacedPrice
from core.config.section import Form, Section, TableT
from core.config.sections import BACKENDS, BUDGETS, LIMITS, NOTIFY, POOLS, PRICES, SECTIONS
from core.config.tables import (
    LIMIT_TABLES,
    NESTED,
    ConcurrencyTable,
    PriceTable,
    QuotaTable,
    RateTable,
    Table,
)
from core.model import bounds
from core.model.errors import Invalid
from core.model.limits.limits import DEFAULT_POOL
from core.model.near_misses import one_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from core.config.faults import Faults
    from core.config.positions import KeyPath

NESTED_TABLES: Mapping[str, type[Table]] = {**NESTED, "email": EmailTable, "quiet": QuietTable}
"""The tables within tables, by their key."""
_Found = Iterator[tuple[str, TableT]]


class CheckedTables:
    """The tables of a file by section and name; what is faulty is left out and noted."""

    def __init__(self, values: Mapping[str, object], faults: Faults) -> None:
        self._faults = faults
        self._sections = {section.name: self._section(section, values) for section in SECTIONS}
        self._tables = {section.name: self._checked(section) for section in SECTIONS}
        self.pools = self.named(POOLS)
        self.limits = dict(self._limits())
        self.budgets = self.named(BUDGETS)
        self.backends = self.named(BACKENDS)
        self.sinks = self.named(NOTIFY)
        self.prices = list(self._prices())
        """With their place, in the order of the file."""
        for name, value in self._sections["pools"].items():
            if name != DEFAULT_POOL and isinstance(value, Mapping) and "slots" not in value:
                faults.add(("pools", name, "slots"), "is missing")
        for name in self._sections["limits"].keys() & self._sections["budgets"].keys():
            faults.add(("budgets", name), "a limit has this name, and no two limits or budgets share one")

    def named(self, section: Section[TableT]) -> dict[str, TableT]:
        """Return the tables of a section by their names."""
        tables = self._tables[section.name].items()
        return {name: table for name, table in tables if isinstance(table, section.table)}

    def one(self, section: Section[TableT]) -> TableT:
        """Return the table of a section that has one; where it is missing or faulty, with all defaults."""
        return next(iter(self.named(section).values()), None) or section.table()

    def _checked(self, section: Section[Table]) -> dict[str, Table]:
        # These two are read in another way: their tables differ by a key, or are lists.
        if section in (LIMITS, PRICES):
            return {}
        if section.form is Form.ONE:
            table = self._read((section.name,), self._sections[section.name], section.table)
            return {} if table is None else {section.name: table}
        return dict(self._each(section.name, section.table))

    def _each(self, section: str, kind: type[TableT]) -> _Found[TableT]:
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

    def _section(self, section: Section[Table], values: Mapping[str, object]) -> Mapping[str, object]:
        value = values.get(section.name, {})
        if isinstance(value, Mapping):
            return value
        wanted = "be a table" if section.form is Form.ONE else f"hold tables, [{section.name}.NAME]"
        self._faults.add((section.name,), f"must {wanted}")
        return {}

    def _read(self, path: KeyPath, value: Mapping[str, object], kind: type[TableT]) -> TableT | None:
        try:
            return kind.model_validate(value)
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_context=False, include_input=False):
                self._note(path, detail, kind)
        return None

    def _note(self, path: KeyPath, detail: ErrorDetails, kind: type[Table]) -> None:
        # What is wrong with a key is said of the key.
        place = (*path, *(step for step in detail["loc"] if step != "[key]"))
        match detail["type"]:
            case "extra_forbidden":
                key = str(place[-1])
                nested = (
                    (LINE_TABLES if kind is HealthTable else NESTED_TABLES).get(str(place[-2]))
                    if len(detail["loc"]) > 1
                    else None
                )
                if nested is None and (others := _kinds_with(key)) and kind in LIMIT_TABLES.values():
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
