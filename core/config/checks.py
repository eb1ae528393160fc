"""config check: settings and capacity of one data directory, all faults, warnings.

Called by the commands that check and show the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.config.capacity import CapacityReport, capacity_of, read_capacity
from core.config.faults import Faults, refusal
from core.config.lines import lines_of
from core.config.positions import Positions
from core.config.sections import HEALTH
from core.config.settings import Settings, load, origins
from core.model.errors import Fault, Invalid
from core.model.limits.limits import DEFAULT_POOL, Capacity
from core.model.near_misses import one_of
from core.model.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from core.config.checked_tables import CheckedTables
    from core.config.files import ConfigFile
    from core.config.tables import MatchTable, OnTable
    from core.model.health import Lines, Measure

DEFAULT_QUEUE = "default"
"""Where tasks are that name no queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What is configured for a data directory, and what is legal but may not be meant."""

    settings: Settings
    capacity: Capacity = Capacity()
    health: Mapping[Measure, Lines] = field(default_factory=dict)
    """From where on measures of health warn."""
    file: ConfigFile
    tables: CheckedTables
    """The sections beside the capacity: `tables.named(SECRETS)`."""
    warnings: tuple[Fault, ...] = ()


def check(home: Path, *, slots: int | None = None) -> Configuration:
    """Return the configuration of a data directory.

    Raises `Invalid` for what is not TOML and for faulty variables, as `load` does, or else
    `InvalidDocument` with the faults of settings and tables.
    """
    report = read_capacity(home)
    try:
        settings = load(home, slots=slots)
    except Invalid as error:
        faults = [*_of_settings(error, report), *report.faults]
        if all(fault.line is None for fault in faults):
            # Of a variable: the file has nothing to do with it.
            raise
        raise refusal(report.file, faults) from error
    capacity = capacity_of(report, home, slots=slots)
    warnings = (*_warnings_of_slots(report, origins(home, slots=slots)), *_warnings_of_names(report))
    return Configuration(
        settings=settings,
        capacity=capacity,
        health=lines_of(report.tables.one(HEALTH)),
        file=report.file,
        tables=report.tables,
        warnings=warnings,
    )


def _of_settings(error: Invalid, report: CapacityReport) -> Iterator[Fault]:
    positions = Positions(report.file.text)
    prefix = f"{safe_line(str(report.file.path))}: "
    found = error.facts["faults"]
    for fault in found if isinstance(found, list) else ():
        if isinstance(fault, dict):
            message, key = str(fault["message"]), str(fault["path"])
            # Another place, a variable, has no line here.
            line = positions.line(report.file.setting_path(key)) if message.startswith(prefix) else None
            yield Fault(code=str(fault["code"]), message=message.removeprefix(prefix), line=line, path=key)


def _warnings_of_slots(report: CapacityReport, sources: Mapping[str, str]) -> Iterator[Fault]:
    pools, notes = report.tables.pools, Faults(report.file)
    is_from_file = sources["slots"] == str(report.file.path)
    if pools and DEFAULT_POOL not in pools and sources["slots"] != "default":
        path, subject = (
            (report.file.setting_path("slots"), "") if is_from_file else (("pools",), f"{sources['slots']} ")
        )
        notes.add(path, f"{subject}changes nothing: no pool is named `{DEFAULT_POOL}`")
    if is_from_file and DEFAULT_POOL in pools and pools[DEFAULT_POOL].slots is not None:
        notes.add(
            report.file.setting_path("slots"),
            f"changes nothing: [pools.{DEFAULT_POOL}] has `slots` of its own",
        )
    yield from _as_warnings(notes)


def _warnings_of_names(report: CapacityReport) -> Iterator[Fault]:
    tables, notes = report.tables, Faults(report.file)
    drained = _drained(report)
    if drained is not None and DEFAULT_QUEUE not in drained:
        notes.add(("pools",), f"no pool drains the queue `{DEFAULT_QUEUE}`, where tasks are that name none")
    scopes: list[tuple[tuple[str, str, str], OnTable | MatchTable]] = [
        *((("limits", name, "on"), limit.on) for name, limit in tables.limits.items() if limit.on),
        *((("budgets", name, "on"), budget.on) for name, budget in tables.budgets.items()),
        *((("backends", name, "match"), backend.match) for name, backend in tables.backends.items()),
    ]
    pools = set(tables.pools) or {DEFAULT_POOL}
    for path, scope in scopes:
        if scope.pool is not None and scope.pool not in pools:
            notes.add((*path, "pool"), f"`{scope.pool}` is not a pool{one_of(scope.pool, pools)}")
        queue = getattr(scope, "queue", None)
        if drained is not None and queue is not None and queue not in drained:
            notes.add((*path, "queue"), f"no pool drains the queue `{queue}`{one_of(queue, drained)}")
    for name, budget in tables.budgets.items():
        if budget.default_cost > budget.max:
            reason = "is more than `max`: a task that estimates nothing never starts"
            notes.add(("budgets", name, "default_cost"), reason)
    yield from _as_warnings(notes)


def _drained(report: CapacityReport) -> frozenset[str] | None:
    """Return the queues that the pools drain; None = every queue."""
    pools = report.tables.pools.values()
    if not pools or any(pool.queues is None for pool in pools):
        return None
    return frozenset(queue for pool in pools for queue in pool.queues or ())


def _as_warnings(notes: Faults) -> Iterator[Fault]:
    for note in notes.found:
        yield Fault(code="config.doubtful", message=note.message, line=note.line, path=note.path)
