"""Lines of health as config.toml has them.

Loaded by `core.app.options` for an engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from core.config.capacity import load_capacity, read_capacity
from core.config.faults import refusal
from core.config.sections import HEALTH
from core.model.health import DEFAULT_LINES, Lines, Measure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from core.config.health_tables import HealthTable
    from core.model.limits.limits import Capacity


class Tables(NamedTuple):
    """What the sections of a file say."""

    capacity: Capacity
    health: Mapping[Measure, Lines]


def load_tables(home: Path, *, slots: int | None = None) -> Tables:
    """Return what the sections of a data directory say; raise as `load_capacity` does."""
    return Tables(load_capacity(home, slots=slots), load_lines(home))


def load_lines(home: Path) -> Mapping[Measure, Lines]:
    """Return the lines of each measure; raise `InvalidDocument` as `load_capacity` does."""
    report = read_capacity(home)
    if report.faults:
        raise refusal(report.file, report.faults)
    return lines_of(report.tables.one(HEALTH))


def lines_of(table: HealthTable) -> Mapping[Measure, Lines]:
    """Return what a table says of each measure, with the defaults of those that it leaves out."""
    found = dict(DEFAULT_LINES)
    for name in type(table).model_fields:
        said = getattr(table, name)
        if said is not None:
            found[Measure(name)] = Lines(soft=said.soft, hard=said.hard)
    if table.disk is not None:
        found[Measure.OUTPUTS] = found[Measure.DISK]
    return found
