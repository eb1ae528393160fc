"""Lists of limits and of budgets, a row for each key.

Used by `limits` and `budgets`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from core.cli.arguments import Common
from core.cli.output import Painted, emit, note
from core.cli.paging import PAGE_ROWS, Fetch, pages
from core.cli.reading import note_closed_claims, reading
from core.cli.summary import cause_text
from core.cli.tables import Table
from core.control.api import ReadingAPI
from core.model.errors import NotFound
from core.model.limits.limit_views import BreakerState, CapacityView, GaugeView, LimitGauge, LimitView
from core.model.limits.limits import LimitKind, Per
from core.model.near_misses import did_you_mean, one_of
from core.model.text import safe_line
from core.model.values import to_iso
from core.render.backend_shapes import shut_text
from core.render.columns import Column
from core.render.limit_shapes import amount_text, cause_shape, is_windowed, left_of, limit_shape, max_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a list is of: its word, which limits, its verbs and columns."""

    noun: str
    others: str
    """The list of all other limits."""
    holds: Callable[[LimitView], bool]
    verbs: Sequence[str]
    columns: tuple[Column, ...]
    none: str
    """What is said where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of the table: a limit under one of its keys."""

    name: str
    key: str
    kind: str
    max: str
    unit: str
    per: str
    used: str
    in_use: str
    """What counts against the limit now: of open attempts their number."""
    reserved: str
    unknown: str
    left: str
    waiting: int
    opens: int | None
    turns: int | None
    state: str

    @classmethod
    def of(cls, row: LimitGauge) -> Line:
        limit, gauge = row
        return cls(
            name=limit.name,
            key="" if gauge is None else gauge.key,
            kind=limit.kind.value,
            max=max_text(limit, gauge),
            unit=limit.unit,
            per=limit.window.per.value if is_windowed(limit) else "",
            used=amount_text(limit, 0 if gauge is None else gauge.used),
            in_use=amount_text(limit, 0 if gauge is None else gauge.used + gauge.reserved + gauge.unknown),
            reserved=amount_text(limit, 0 if gauge is None else gauge.reserved),
            unknown=amount_text(limit, 0 if gauge is None else gauge.unknown),
            left=(max_of(limit, None) if gauge is None else left_of(limit, gauge)) or "",
            waiting=0 if gauge is None else gauge.tasks,
            opens=None if gauge is None else gauge.next_at,
            turns=None if gauge is None else gauge.turns_at,
            state=", ".join(_state(limit, gauge)),
        )


async def list_limits(arguments: Common, names: Sequence[str], listing: Listing) -> int:
    """Write the limits of a list with the keys of which most is used; of those named, all keys."""
    async with reading(arguments) as deck:
        view = await deck.limits.capacity()
        found = _chosen(view, names, listing)
        await _write(arguments, _pages(deck, found, is_whole=bool(names)), view, listing)
    if not found:
        note(listing.none)
    for limit in found:
        if not names and limit.keys > len(limit.gauges):
            command = arguments.command(listing.noun, limit.name)
            note(f"{safe_line(limit.name)} has {limit.keys - len(limit.gauges):,} keys more: {command}")
    if view.frozen is not None:
        by = cause_text(view.frozen.by, view.frozen.reason)
        text = (
            f"all spending is frozen since {to_iso(view.frozen.at)} {by}; 'taskdeck budgets unfreeze' ends it"
        )
        note(Painted(text=text, colour="red"))
    await note_closed_claims(arguments)
    return 0


def tell_limit(view: CapacityView, name: str) -> str:
    """Write which maximum of a limit or budget binds, after a change."""
    return told(next(limit for limit in view.limits if limit.name == name))


def max_text(limit: LimitView, gauge: GaugeView | None) -> str:
    """Write the maximum of this moment as the configuration has it: `20`, of a rate `60/min`."""
    if limit.kind is LimitKind.RATE:
        return limit.rate
    if limit.share is not None:
        return f"{limit.share:.0%}"
    return max_of(limit, gauge) or ""


def told(limit: LimitView) -> str:
    """Write which maximum binds, after a change: `team: at most 25 usd a month, configured 20`."""
    unit = f" {safe_line(limit.unit)}" if limit.unit else ""
    per = f", per {limit.window.per}" if is_windowed(limit) and limit.window.per is not Per.TOTAL else ""
    until = f" until {to_iso(limit.window_turns)}" if limit.window_turns is not None else ""
    changed = f", configured {_configured(limit)}" if limit.changed is not None else ""
    return f"{safe_line(limit.name)}: at most {max_text(limit, None)}{unit}{until}{per}{changed}"


async def _pages(
    deck: ReadingAPI, found: Sequence[LimitView], *, is_whole: bool
) -> AsyncIterator[list[LimitGauge]]:
    if not is_whole:
        rows: list[LimitGauge] = [
            LimitGauge(limit, gauge) for limit in found for gauge in limit.gauges or (None,)
        ]
        yield rows
        return
    for limit in found:
        shown = 0
        async for page in pages(_fetch(deck, limit.name), 0):
            shown += len(page.rows)
            yield [LimitGauge(limit, gauge) for gauge in page.rows]
        if not shown:
            yield [LimitGauge(limit, None)]


def _fetch(deck: ReadingAPI, name: str) -> Fetch[GaugeView]:
    return lambda after, limit: deck.limits.gauges(name, after=after, limit=limit)


async def _write(
    arguments: Common, found: AsyncIterator[list[LimitGauge]], view: CapacityView, listing: Listing
) -> None:
    table: Table | None = None
    async for rows in found:
        if arguments.json:
            for limit, gauge in rows:
                emit({**limit_shape(limit, gauge), "frozen": cause_shape(view.frozen)})
            continue
        lines = [Line.of(row) for row in rows]
        if table is None and lines:
            table = Table(_filled(listing.columns, lines, is_whole=len(lines) < PAGE_ROWS))
        if table is not None and lines:
            table.page(lines)


def _filled(columns: tuple[Column, ...], lines: Sequence[Line], *, is_whole: bool) -> tuple[Column, ...]:
    """Leave out columns that say nothing; of more than a page none, for they may say something later."""
    return tuple(
        column
        for column in columns
        if not is_whole or any(getattr(line, column.path) not in ("", None) for line in lines)
    )


def _chosen(view: CapacityView, names: Sequence[str], listing: Listing) -> list[LimitView]:
    own = [limit for limit in view.limits if listing.holds(limit)]
    for name in names:
        if name not in [limit.name for limit in own]:
            raise _unknown(name, view, listing)
    return [limit for limit in own if not names or limit.name in names]


def _unknown(name: str, view: CapacityView, listing: Listing) -> NotFound:
    shown, noun = safe_line(name), listing.noun
    known = [limit.name for limit in view.limits if listing.holds(limit)]
    near = did_you_mean(name, [*known, *listing.verbs]) or one_of(name, known)
    hint = f"'taskdeck {noun}' lists them"
    if name in listing.verbs:
        near, hint = "", f"a verb stands before all options: taskdeck {noun} {name} ..."
    elif any(limit.name == name for limit in view.limits):
        near, hint = "", f"'taskdeck {listing.others} {shown}' has one of that name"
    return NotFound(
        "limit.unknown",
        f"{noun.removesuffix('s')} `{shown}` does not exist{near}",
        hint=hint,
        facts={"limit": shown},
    )


def _configured(limit: LimitView) -> str:
    if limit.kind is LimitKind.RATE:
        return limit.configured_rate
    return amount_text(limit, limit.configured_max)


def _state(limit: LimitView, gauge: GaugeView | None) -> Sequence[str]:
    parts = []
    if gauge is not None:
        if gauge.left < 0:
            parts.append(f"over by {amount_text(limit, -gauge.left)}")
        if gauge.breaker is not BreakerState.CLOSED:
            until = "" if gauge.shut_until is None else f"until {to_iso(gauge.shut_until)}"
            parts.append(safe_line(shut_text(gauge, until=until)))
        if gauge.starts is not None:
            parts.append(f"of {gauge.starts:,} starts in five minutes")
        if gauge.soft_at is not None:
            parts.append("soft limit passed")
        if gauge.estimated:
            parts.append(f"{gauge.estimated:.0%} estimated")
    if limit.changed is not None:
        scope = " for this window" if limit.window_max is not None else ""
        by = cause_text(limit.changed.by, limit.changed.reason)
        parts.append(f"configured {_configured(limit)}, changed{scope} {by}".rstrip())
    return parts
