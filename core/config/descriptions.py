"""Pools, limits, budgets, prices and backends in the terms of config.toml.

Shown by the commands, as JSON and as lines.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from core.config.differences import plain
from core.config.retention import describe_retention
from core.config.sections import SECTIONS
from core.model.backend_checks import CommandTarget, HttpTarget, TcpTarget, target_text
from core.model.health import UNITS, Measure, Unit
from core.model.limits.amounts import write_amount
from core.model.limits.limits import DEFAULT_POOL, MICRO, Capacity, LimitKind, Per, Pool
from core.model.limits.rates import shown_rate
from core.model.redaction import shareable_text
from core.model.timing.durations import write_duration
from core.render.sizes import size_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.config.checks import Configuration
    from core.model.backend_checks import Check, Target
    from core.model.health import Lines
    from core.model.limits.limits import Backend, Dimension, Limit, Price
    from core.model.values import JsonObject, JsonValue


CAPACITY: Final = ("pools", "limits", "budgets", "prices", "backends")
"""The sections of which `describe_capacity` returns a table for each name."""


def describe_capacity(capacity: Capacity, *, slots: int) -> JsonObject:
    """Return all of it by section and name; without pools the one that the setting `slots` makes.

    Prices are a list for each model. Amounts are numbers of units, lengths of time are texts.
    """
    prices: dict[str, JsonValue] = {}
    for price in capacity.prices:
        former = prices.get(price.model)
        prices[price.model] = [*(former if isinstance(former, list) else []), _price(price)]
    budgets = [limit for limit in capacity.limits if limit.kind is LimitKind.BUDGET]
    limits = [limit for limit in capacity.limits if limit.kind is not LimitKind.BUDGET]
    return {
        "pools": {
            pool.name: _pool(pool) for pool in capacity.pools or (Pool(name=DEFAULT_POOL, slots=slots),)
        },
        "limits": {limit.name: _limit(limit) for limit in limits},
        "budgets": {limit.name: _budget(limit) for limit in budgets},
        "prices": prices,
        "backends": {backend.name: _backend(backend) for backend in capacity.backends},
        "retention": describe_retention(capacity.retention),
    }


def describe_sections(configuration: Configuration) -> JsonObject:
    """Return every section of the registry: what holds, defaults too, or what is written of it.

    What is written comes without what has the name of a secret, and of a command with its program alone: an
    argument may be a password.
    """
    slots, written = configuration.settings.slots, configuration.file.values
    effective: JsonObject = {
        **describe_capacity(configuration.capacity, slots=slots),
        "health": {
            # The lines of `outputs` are those of `disk`.
            measure: _lines(measure, lines)
            for measure, lines in configuration.health.items()
            if measure is not Measure.OUTPUTS
        },
    }
    return {
        section.name: effective[section.name]
        if section.name in effective
        else _hidden(plain(written.get(section.name, {})))
        for section in SECTIONS
    }


def _lines(measure: Measure, lines: Lines) -> JsonObject:
    """Return the lines of a measure as config.toml writes them."""
    return {
        name: "none" if value is None else _WRITTEN[UNITS[measure]](value)
        for name, value in (("soft", lines.soft), ("hard", lines.hard))
    }


_WRITTEN: Final[dict[Unit, Callable[[float], JsonValue]]] = {
    Unit.RATIO: lambda value: value,
    Unit.SHARE: lambda value: f"{100 * value:g} %",
    Unit.BYTES: lambda value: str(size_text(int(value))),
    Unit.MS: lambda value: write_duration(int(value)),
}


def _hidden(value: JsonValue) -> JsonValue:
    match value:
        case dict():
            return {
                name: _program(part) if name == "command" else _hidden(part) for name, part in value.items()
            }
        case str():
            return shareable_text(value)
        case _:
            return value


def _program(words: JsonValue) -> JsonValue:
    return f"{words[0]} ..." if isinstance(words, list) and words else None


class DescribedTable(NamedTuple):
    """The name of a table, and what stands in it."""

    name: str
    text: str


def lines_of(described: JsonObject) -> list[DescribedTable]:
    """Return the tables as TOML writes them; a section without any is `none`."""
    found = []
    for section, tables in described.items():
        if isinstance(tables, dict):
            found += [
                DescribedTable(f"{section}.{name}", _inline(one))
                for name, table in tables.items()
                for one in (table if isinstance(table, list) else [table])
            ] or [DescribedTable(section, "none")]
    return found


def _inline(value: JsonValue) -> str:
    match value:
        case dict():
            return ", ".join(
                f"{key} = {{{_inline(part)}}}" if isinstance(part, dict) else f"{key} = {_inline(part)}"
                for key, part in value.items()
            )
        case list():
            return ", ".join(map(_inline, value)) or "all"
        case bool():
            return str(value).lower()
        case _:
            return str(value)


def _pool(pool: Pool) -> JsonObject:
    return {"slots": pool.slots, "queues": list(pool.queues), "order": pool.order}


def _limit(limit: Limit) -> JsonObject:
    match limit.kind:
        case LimitKind.RATE:
            shown: JsonObject = {
                "kind": limit.kind,
                "rate": shown_rate(limit.step_us, limit.rate),
                "burst": limit.max,
            }
        case LimitKind.QUOTA:
            most = _number(limit.max) if limit.unit else limit.max
            unit: JsonObject = {"unit": limit.unit} if limit.unit else {}
            shown = {"kind": limit.kind, "max": most, **unit, **_window(limit)}
        case _:
            shown = {"kind": limit.kind, "max": limit.max}
    return shown if limit.on is None else {**shown, "on": _on(limit.on)}


def _budget(limit: Limit) -> JsonObject:
    shown: JsonObject = {"unit": limit.unit, "max": _number(limit.max), **_window(limit)}
    if limit.soft is not None:
        shown["soft"] = limit.soft
    shown["default_cost"] = _number(limit.default_cost)
    if limit.estimate_after_ms is not None:
        shown["unknown"] = f"estimate after {write_duration(limit.estimate_after_ms)}"
    return {**shown, "on_exhausted": limit.on_exhausted, "on": _on(limit.on or {})}


def _window(limit: Limit) -> JsonObject:
    window = limit.window
    if window.per in (Per.TOTAL, Per.JOB):
        return {"per": window.per}
    hours, minutes = divmod(window.starts_ms // 60_000, 60)
    return {"per": window.per, "zone": window.zone, "starts": f"{hours:02}:{minutes:02}"}


def _price(price: Price) -> JsonObject:
    shown: JsonObject = {"input": _number(price.input), "output": _number(price.output), "per": price.per}
    if price.since:
        shown["from"] = datetime.fromtimestamp(price.since / 1_000, UTC).isoformat()
    return shown


def _backend(backend: Backend) -> JsonObject:
    return {
        "match": _on(backend.match),
        "breaker": {
            "failures": backend.failures,
            "period": write_duration(backend.period_ms),
            "rest": write_duration(backend.rest_ms),
        },
        "retry_share": backend.retry_share,
        **({} if backend.check is None else {"check": _check(backend.check)}),
    }


def _check(check: Check) -> JsonObject:
    shown: JsonObject = {_kind(check.target): _looked_at(check.target)}
    shown |= {"every": write_duration(check.every_ms), "timeout": write_duration(check.timeout_ms)}
    if check.slow_ms is not None:
        shown["slow"] = write_duration(check.slow_ms)
    return {**shown, "rise": check.rise, "fall": check.fall}


def _kind(target: Target) -> str:
    match target:
        case HttpTarget():
            return "http"
        case TcpTarget():
            return "tcp"
        case CommandTarget():
            return "command"


def _looked_at(target: Target) -> JsonValue:
    return list(target.argv) if isinstance(target, CommandTarget) else target_text(target)


def _on(on: Mapping[Dimension, str]) -> JsonObject:
    return {dimension.value: name for dimension, name in on.items()}


def _number(amount: int) -> int | float:
    # A double holds 15 digits, as many as the largest amount has.
    return amount // MICRO if amount % MICRO == 0 else float(write_amount(amount))
