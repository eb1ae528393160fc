"""Pools, limits, budgets, prices and backends of config.toml as nouns.

Loaded by `core.app.options` for an engine, and by the commands that check and show them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.config.checked_tables import CheckedTables
from core.config.faults import Faults, refusal
from core.config.files import ConfigFile, read_file
from core.config.notify import sink_of
from core.config.prices import prices_of
from core.config.retention import retention_of
from core.config.sections import RETENTION
from core.config.settings import load, origins
from core.config.tables import ConcurrencyTable, OnTable, QuotaTable, RateTable
from core.model.backend_checks import Check, CommandTarget, HttpTarget, Target, TcpTarget
from core.model.errors import Fault, Invalid
from core.model.limits.limits import (
    DEFAULT_POOL,
    MICRO,
    Backend,
    Capacity,
    Dimension,
    Limit,
    LimitKind,
    Pool,
    Price,
)
from core.model.paths import Paths
from core.model.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from core.config.tables import BackendTable, BudgetTable, CheckTable, MatchTable


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityReport:
    """What the tables of a file say, and every fault in them."""

    file: ConfigFile
    tables: CheckedTables
    prices: tuple[Price, ...]
    faults: tuple[Fault, ...]


def load_capacity(home: Path, *, slots: int | None = None) -> Capacity:
    """Return what config.toml of a data directory says of pools, limits, backends and prices.

    `slots` is that of a command line: it, and the variable of the setting, are stronger than `slots` of the
    pool `default`. Raises `Invalid` (`config.*`), as `load` does, or `InvalidDocument` with every fault.
    """
    return capacity_of(read_capacity(home), home, slots=slots)


def capacity_of(report: CapacityReport, home: Path, *, slots: int | None = None) -> Capacity:
    """Do the same of a file that was read."""
    if report.faults:
        raise refusal(report.file, report.faults)
    return Capacity(
        pools=_pools(report, home, slots),
        limits=(
            *(_limit(name, table) for name, table in report.tables.limits.items()),
            *(_budget(name, table) for name, table in report.tables.budgets.items()),
        ),
        backends=tuple(_backend(name, table) for name, table in report.tables.backends.items()),
        prices=report.prices,
        retention=retention_of(report.tables.one(RETENTION)),
        sinks=tuple(sink_of(name, table) for name, table in report.tables.sinks.items()),
    )


def read_capacity(home: Path) -> CapacityReport:
    """Return the tables of a data directory with their faults; raise `Invalid` for what is not TOML."""
    file = read_file(Paths(home=home).config)
    faults = Faults(file)
    tables = CheckedTables(file.values, faults)
    prices = prices_of(tables.prices, faults)
    return CapacityReport(file=file, tables=tables, prices=prices, faults=tuple(faults.found))


def _pools(report: CapacityReport, home: Path, slots: int | None) -> tuple[Pool, ...]:
    tables = report.tables.pools
    if not tables:
        return ()
    if slots is not None and DEFAULT_POOL not in tables:
        raise _no_default(report, slots)
    setting, source = load(home, slots=slots).slots, origins(home, slots=slots)["slots"]
    is_from_file = source in ("default", str(report.file.path))
    return tuple(
        Pool(
            name=name,
            slots=setting
            if table.slots is None or (name == DEFAULT_POOL and not is_from_file)
            else table.slots,
            queues=tuple(table.queues or ()),
            order=table.order,
        )
        for name, table in tables.items()
    )


def _no_default(report: CapacityReport, slots: int) -> Invalid:
    file = safe_line(str(report.file.path))
    return Invalid(
        "config.value",
        f"--slots {slots} is for the pool `{DEFAULT_POOL}`, and {file} has only others:"
        f" {', '.join(report.tables.pools)}",
        hint=f"change `slots` of a pool in the file, or add [pools.{DEFAULT_POOL}]",
        facts={"file": file, "slots": slots},
    )


def _limit(name: str, table: ConcurrencyTable | RateTable | QuotaTable) -> Limit:
    on = None if table.on is None else _on(table.on)
    match table:
        case ConcurrencyTable():
            return Limit(name=name, kind=LimitKind.CONCURRENCY, max=table.max, on=on)
        case RateTable():
            return Limit(
                name=name,
                kind=LimitKind.RATE,
                max=table.burst,
                step_us=table.rate.step_us,
                rate=table.rate.written,
                on=on,
            )
        case QuotaTable():
            return Limit(
                name=name,
                kind=LimitKind.QUOTA,
                max=table.max // MICRO if table.unit is None else table.max,
                unit=table.unit or "",
                window=table.window,
                on=on,
            )


def _budget(name: str, table: BudgetTable) -> Limit:
    return Limit(
        name=name,
        kind=LimitKind.BUDGET,
        max=table.max,
        unit=table.unit,
        window=table.window,
        on=_on(table.on),
        soft=table.soft,
        default_cost=table.default_cost,
        estimate_after_ms=table.unknown,
        on_exhausted=table.on_exhausted,
    )


def _backend(name: str, table: BackendTable) -> Backend:
    return Backend(
        name=name,
        match=_on(table.match),
        failures=table.breaker.failures,
        period_ms=table.breaker.period,
        rest_ms=table.breaker.rest,
        retry_share=table.retry_share,
        check=None if table.check is None else _check(table.check),
    )


def _check(table: CheckTable) -> Check:
    return Check(
        target=_target(table),
        every_ms=table.every,
        timeout_ms=table.timeout,
        slow_ms=table.slow,
        rise=table.rise,
        fall=table.fall,
    )


def _target(table: CheckTable) -> Target:
    if table.http is not None:
        return HttpTarget(url=table.http)
    if table.tcp is not None:
        return TcpTarget(host=table.tcp.host, port=table.tcp.port)
    return CommandTarget(argv=tuple(table.command or ()))


def _on(table: OnTable | MatchTable) -> Mapping[Dimension, str]:
    return {Dimension(key): value for key, value in table.model_dump(exclude_none=True).items()}
