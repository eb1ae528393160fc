"""Section: one part of config.toml, with the table that stands in it.

Listed in `core.config.sections`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from core.config.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

TableT = TypeVar("TableT", bound=Table)
TableT_co = TypeVar("TableT_co", bound=Table, covariant=True)


class Form(StrEnum):
    """How the tables of a section are written."""

    ONE = "[SECTION]"
    """One table."""
    NAMED = "[SECTION.NAME]"
    """A table for each name, which is one of letters, digits, `_`, `.` and `-`."""
    FREE = "[SECTION.ANY_NAME]"
    """The same with names of any text, and perhaps several tables of one name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section(Generic[TableT_co]):
    """A part of config.toml; `tables.named(SECTION)` or `tables.one(SECTION)` has what stands in it."""

    name: str
    table: type[TableT_co]
    form: Form = Form.NAMED
    example: str
    """As `config init` writes it, before it is commented out: correct, and with a remark at each key."""
    kinds: Mapping[str, type[Table]] = field(default_factory=dict)
    """The tables by their key `kind`, where they differ; `table` is then the first of them."""
    is_reloaded: bool = True
    """A running engine takes a change of it; False = the next one does."""
