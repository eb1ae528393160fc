"""What the ledger comes to: every property agrees with a plain sum."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

from core.model.errors import Invalid
from core.model.limits.amounts import AMOUNT_MAX
from core.model.limits.limits import MICRO, UNPRICED
from core.model.limits.usage_views import GROUPS_MAX, Spending, UsageBy, UsageQuery, UsageView
from core.store.readers import Readers
from core.store.reports import Reports
from tests.store.deck import Deck

NUMBER = 30_000
END = 40 * 86_400_000
COLUMNS = ("at", "task_id", "unit", "amount", "kind", "counted_at", "released", "job_id", "pool", "project",
           "workflow", "key", "queue", "model", "price", "gauge_id")  # fmt: skip
_PUT = f"INSERT INTO entry ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"


def entries(random: Random, number: int) -> list[tuple]:
    """Return a ledger with losses, what became of them, corrections, models without a price."""
    rows = []
    for _ in range(number):
        kind = random.choice(
            ("settled", "settled", "charged", "estimated", "unknown", "reconciled", "correction")
        )
        amount = random.choice(
            (0, 1, random.randrange(10**6), random.randrange(10**12), 50 * AMOUNT_MAX * MICRO)
        )
        if kind == "correction":
            gauge_only = [None] * 7
            rows.append(
                (0, None, random.choice(("usd", "tokens")), amount * random.choice((1, -1)), kind,
                 random.randrange(END), None, *gauge_only, None, random.randint(1, 3))
            )  # fmt: skip
            continue
        unit = random.choice(("usd", "usd", "tokens", "calls", "pages"))
        price = random.choice((None, "1/2 usd per 10", UNPRICED)) if unit == "usd" else None
        rows.append(
            (0, random.randint(1, 9_000), unit, 0 if price == UNPRICED else amount, kind,
             random.randrange(END), random.randrange(10**9) if kind == "reconciled" else None,
             random.randint(1, 400),
             random.choice((None, "gpu")), random.choice((None, "ana", "bo", "ü")),
             random.choice(("nightly", "inbox", "work")), random.choice(("a", "b", "c[1]")),
             random.choice(("default", "deep")), random.choice((None, "gpt-x", "gpt-y")), price, None)
        )  # fmt: skip
    return rows


def plain(rows: list[tuple], *, since: int, until: int, unit: str | None) -> dict[str, Spending]:
    """Add everything up one by one."""
    sums: dict[str, Counter[str]] = {}
    for row in rows:
        one = dict(zip(COLUMNS, row, strict=True))
        if not since <= one["counted_at"] < until or unit not in (None, one["unit"]):
            continue
        found = sums.setdefault(one["unit"], Counter())
        found[one["kind"]] += one["amount"]
        found["released"] += one["released"] or 0
        found["entries"] += 1
        found["unpriced"] += one["price"] == UNPRICED
    return {
        name: Spending(
            unit=name,
            reported=found["settled"] + found["charged"] + found["reconciled"],
            estimated=found["estimated"],
            corrected=found["correction"],
            unknown=found["unknown"] - found["released"],
            entries=found["entries"],
            unpriced=found["unpriced"],
        )
        for name, found in sums.items()
    }


def added(view: UsageView) -> dict[str, Spending]:
    """Add the groups of a view up."""
    sums: dict[str, Counter[str]] = {}
    for group in view.groups:
        for spent in group.spent:
            found = sums.setdefault(spent.unit, Counter())
            for name in Spending.__struct_fields__[1:]:
                found[name] += getattr(spent, name)
    return {
        unit: Spending(unit=unit, **{name: found[name] for name in Spending.__struct_fields__[1:]})
        for unit, found in sums.items()
    }


@pytest.fixture
def deck(tmp_path: Path):
    made = Deck(tmp_path / "deck.db")
    yield made
    made.close()


def query(by: UsageBy, **more: object) -> UsageQuery:
    asked = {"since": 0, "until": END, **more}
    if by is UsageBy.DAY:
        # Days are not of one length.
        asked["days"] = tuple(range(0, END // 2, 86_400_000)) + tuple(range(END // 2, END, 82_800_000))
    return UsageQuery(by=by, **asked)  # type: ignore[arg-type]


async def test_every_property_comes_to_the_plain_sum(deck: Deck) -> None:
    random = Random(7)
    rows = entries(random, NUMBER)
    deck.db.executemany(_PUT, rows)
    readers = Readers(deck.path)
    try:
        for times in ({}, {"since": END // 7, "until": END // 3}, {"unit": "usd"}, {"unit": "none"}):
            asked = [query(by, **times) for by in UsageBy]
            expected = plain(rows, since=asked[0].since, until=asked[0].until, unit=asked[0].unit)
            for one in asked:
                if one.by is UsageBy.DAY:
                    one = query(one.by, **times)  # days that begin before the time
                view = await Reports(readers).usage.of(one)
                assert {spent.unit: spent for spent in view.total} == expected
                assert added(view) == expected
                assert view.left_out == 0
    finally:
        await readers.close()


async def test_groups_come_most_first_and_days_in_order(deck: Deck) -> None:
    rows = [
        (0, 1, "usd", amount, "settled", at, None, 1, None, project, "w", "k", "q", None, None, None)
        for project, amount, at in (("a", 1, 5), ("b", 7, 3), ("a", 2, 90_000_000), (None, 4, 3))
    ]
    deck.db.executemany(_PUT, rows)
    readers = Readers(deck.path)
    by_project = await Reports(readers).usage.of(query(UsageBy.PROJECT))
    by_day = await Reports(readers).usage.of(query(UsageBy.DAY))
    await readers.close()
    assert [(group.name, group.spent[0].total) for group in by_project.groups] == [
        ("b", 7),
        (None, 4),
        ("a", 3),
    ]
    assert [(group.name, group.spent[0].total) for group in by_day.groups] == [("0", 12), ("86400000", 2)]


async def test_more_groups_than_are_listed_are_in_the_total(deck: Deck) -> None:
    rows = [
        (0, 1, "usd", job, "settled", 1, None, job, None, None, "w", "k", "q", None, None, None)
        for job in range(1, GROUPS_MAX + 4)
    ]
    deck.db.executemany(_PUT, rows)
    readers = Readers(deck.path)
    view = await Reports(readers).usage.of(query(UsageBy.JOB))
    await readers.close()
    assert (len(view.groups), view.left_out) == (GROUPS_MAX, 3)
    assert view.groups[0].name == str(GROUPS_MAX + 3)
    assert view.total[0].total == sum(range(1, GROUPS_MAX + 4))


@pytest.mark.parametrize(
    "more",
    [
        {"by": UsageBy.DAY},
        {"by": UsageBy.JOB, "days": (0,)},
        {"by": UsageBy.DAY, "days": (1,)},
        {"by": UsageBy.DAY, "days": (0, 2, 2)},
        {"by": UsageBy.DAY, "days": tuple(range(5_000))},
        {"by": UsageBy.JOB, "unit": "U!"},
        {"by": UsageBy.JOB, "since": -1},
    ],
)
def test_a_question_that_no_answer_fits_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        UsageQuery(**{"since": 0, "until": 9, **more})  # type: ignore[arg-type]


def test_a_sum_is_exact_where_floats_are_not() -> None:
    spent = Spending(unit="usd", reported=10**19 + 1, estimated=1, corrected=-1)
    assert Fraction(spent.total, MICRO) == Fraction(10**19 + 1, MICRO)
