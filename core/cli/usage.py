"""usage, prices: what was spent, and what models cost.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Annotated

from core.app.attach import attach
from core.app.reading.lasting_control import GONE, PATIENCE, UNHEARD
from core.cli.access import running
from core.cli.arguments import Remote
from core.cli.commands import Command
from core.cli.output import Painted, emit, note, say
from core.cli.parameters import Option
from core.cli.reading import reading
from core.cli.refusals import usage as refused
from core.cli.tables import Table
from core.model.errors import Conflict, Unavailable
from core.model.limits.amounts import write_amount
from core.model.limits.limits import Price
from core.model.limits.usage_views import Spending, UsageBy, UsageGroup, UsageQuery, UsageView
from core.model.timing.days import day_name, day_starts
from core.model.timing.moments import FORMS, parse_past
from core.model.timing.zones import zone_of
from core.model.values import to_iso
from core.render.columns import Column, Form
from core.render.json_shapes import price_shape, spending_shape

_DAY = 86_400_000
_NONE = "(none)"
_AMOUNTS = ("total", "reported", "estimated", "corrected", "unknown")


def _by(text: str) -> UsageBy:
    try:
        return UsageBy(text)
    except ValueError:
        known = ", ".join(UsageBy)
        raise refused(f"--by takes one of: {known}", hint="taskdeck usage --by day") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Remote):
    """The arguments of `usage`."""

    by: Annotated[
        UsageBy,
        Option(read=_by, metavar="WHAT", help=f"Put together by one of: {', '.join(UsageBy)}."),
    ] = UsageBy.PROJECT
    since: Annotated[
        str, Option(metavar="TIME", help=f"What counts from then on: 30d, or a moment: {FORMS}.")
    ] = "30d"
    until: Annotated[str | None, Option(metavar="TIME", help="What counts before then. [default: now]")] = (
        None
    )
    unit: Annotated[
        str | None, Option(metavar="UNIT", help="Only this unit, such as usd. [default: each by itself]")
    ] = None
    job: Annotated[int | None, Option(metavar="JOB", min=1, help="Only this job. [default: all]")] = None
    zone: Annotated[
        tzinfo | None,
        Option(read=zone_of, metavar="ZONE", help="Days of this time zone. [default: that of this machine]"),
    ] = None
    csv: Annotated[bool, Option(help="Write CSV, with the names of its columns in the first line.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices(Remote):
    """The arguments of `prices`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A row of the table: what one group spent of one unit."""

    group: str
    unit: str
    total: str
    reported: str
    estimated: str
    corrected: str
    unknown: str


async def usage(arguments: Usage) -> int:
    """Say what attempts spent, exactly, from the ledger: the total, what of it is estimated, what is unknown.

    What is unknown is of attempts whose end was not observed; it is not in the total.
    """
    if arguments.json and arguments.csv:
        raise refused("--json and --csv do not go together", hint="choose one")
    query = _query(arguments, now=time.time_ns() // 1_000_000)
    async with reading(arguments) as deck:
        view = await deck.ledger.usage(query)
    if arguments.json:
        for group in view.groups:
            for spent in group.spent:
                emit({query.by: _name(group, query.by, arguments.zone), **spending_shape(spent)})
    elif arguments.csv:
        _write_csv(view, query.by, arguments.zone)
    elif view.groups:
        _write_table(view, query.by, arguments.zone)
    else:
        note("nothing was spent in this time")
    if view.left_out:
        note(f"{view.left_out:,} groups that spent less are left out; the total has them")
    if view.unpriced:
        listed = ", ".join(view.unpriced)
        note(Painted(text=f"booked as 0 usd, for they have no price: {listed}", colour="red"))
    return 0


async def prices(arguments: Prices) -> int:
    """List the prices of models with the day from which each holds.

    They are those of the engine that runs, or of config.toml where none does.
    """
    listed = await _prices(arguments)
    if arguments.json:
        for price in listed:
            emit(price_shape(price))
        return 0
    if not listed:
        note('no prices yet: config.toml takes them as [prices."MODEL"]')
        return 0
    Table(_PRICE_COLUMNS).page([_PriceLine.of(price) for price in listed])
    return 0


async def _prices(arguments: Prices) -> tuple[Price, ...]:
    options = arguments.options()
    if options.host is not None:
        async with running(arguments) as deck:
            return await deck.ledger.prices()
    try:
        async with attach(options, patience=PATIENCE) as deck:
            return await deck.ledger.prices()
    except (Unavailable, Conflict) as error:
        if error.code not in (*GONE, *UNHEARD):
            raise
        return options.capacity().prices


def _query(arguments: Usage, *, now: int) -> UsageQuery:
    since = parse_past(arguments.since, now=now)
    # What is booked in this very moment is of now.
    until = now + 1 if arguments.until is None else parse_past(arguments.until, now=now)
    if since >= until:
        raise refused("--since is not before --until", hint="taskdeck usage --since 30d")
    days = day_starts(since, until, arguments.zone) if arguments.by is UsageBy.DAY else ()
    return UsageQuery(
        by=arguments.by, since=since, until=until, unit=arguments.unit, job=arguments.job, days=days
    )


def _name(group: UsageGroup, by: UsageBy, zone: tzinfo | None) -> str | None:
    if group.name is None or by is not UsageBy.DAY:
        return group.name
    return day_name(int(group.name), zone)


def _amounts(spent: Spending) -> dict[str, str]:
    return {
        "total": write_amount(spent.total),
        "reported": write_amount(spent.reported),
        "estimated": write_amount(spent.estimated),
        "corrected": write_amount(spent.corrected),
        "unknown": write_amount(spent.unknown),
    }


def _write_csv(view: UsageView, by: UsageBy, zone: tzinfo | None) -> None:
    lines: list[Sequence[str]] = [(by.value, "unit", *_AMOUNTS, "entries")]
    lines += [
        (_name(group, by, zone) or "", spent.unit, *_amounts(spent).values(), str(spent.entries))
        for group in view.groups
        for spent in group.spent
    ]
    for line in lines:
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(line)
        say(text.getvalue())


def _write_table(view: UsageView, by: UsageBy, zone: tzinfo | None) -> None:
    lines = [
        *(line for group in view.groups for line in _lines(_name(group, by, zone) or _NONE, group.spent)),
        *_lines("all", view.total),
    ]
    empty = {name for name in _AMOUNTS[2:] if all(getattr(line, name) == "0" for line in lines)}
    Table(tuple(column for column in _columns(by) if column.name not in empty)).page(lines)


def _lines(name: str, spent: Iterable[Spending]) -> Iterator[_Line]:
    for one in spent:
        yield _Line(group=name, unit=one.unit, **_amounts(one))


def _columns(by: UsageBy) -> tuple[Column, ...]:
    named = (
        Column(name="name", title=by.upper(), form=Form.TEXT, path="group", width=24, min_width=10),
        Column(name="unit", title="UNIT", form=Form.TEXT, path="unit", width=8, min_width=5),
    )
    amounts = (
        Column(name=name, title=name.upper(), form=Form.NUMBER, path=name, width=14, min_width=8, priority=at)
        for at, name in enumerate(_AMOUNTS)
    )
    return (*named, *amounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PriceLine:
    """A row of the table of prices."""

    model: str
    input: str
    output: str
    per: str
    since: str

    @classmethod
    def of(cls, price: Price) -> _PriceLine:
        return cls(
            model=price.model,
            input=write_amount(price.input),
            output=write_amount(price.output),
            per=f"{price.per:,}",
            since="always" if not price.since else to_iso(price.since).removesuffix("T00:00:00.000Z"),
        )


_PRICE_COLUMNS = (
    Column(name="name", title="MODEL", form=Form.TEXT, path="model", width=30, min_width=12),
    Column(name="input", title="INPUT USD", form=Form.NUMBER, path="input", width=10),
    Column(name="output", title="OUTPUT USD", form=Form.NUMBER, path="output", width=10),
    Column(name="per", title="PER TOKENS", form=Form.NUMBER, path="per", width=12, min_width=10),
    Column(name="since", title="FROM", form=Form.TEXT, path="since", width=24, min_width=10),
)
COMMANDS = (
    Command(
        name="usage",
        arguments=Usage,
        run=usage,
        examples=(
            "taskdeck usage --by project --since 30d",
            "taskdeck usage --by day --unit usd --since 7d --zone Europe/Berlin",
            "taskdeck usage --by model --csv",
        ),
    ),
    Command(
        name="prices",
        arguments=Prices,
        run=prices,
        examples=("taskdeck prices", "taskdeck prices --json"),
    ),
)
