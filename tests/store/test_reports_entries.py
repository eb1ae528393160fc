"""Entries of the ledger, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from core.model.commands.capacity import ChangeCapacity, CorrectGauge, Reconcile
from core.model.commands.limits import Configure
from core.model.commands.work import Complete, FollowUp
from core.model.errors import Conflict, Invalid, NotFound, TaskdeckError
from core.model.limits.entry_views import EntryQuery
from core.model.limits.estimates import Estimate
from core.model.limits.limits import GaugeKey, Limit, LimitKind, LimitRef, Per, Spent, Window
from core.model.limits.usage_views import UsageBy, UsageQuery
from core.model.outcomes import Lost, Outcome, Succeeded
from core.model.plans import TaskPlan
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.reports.limits import entries as rows_of_entries
from tests.store.deck import Deck, stage

USD = 1_000_000
TEAM = Limit(name="team", kind=LimitKind.BUDGET, max=90 * USD, unit="usd", on={}, window=Window(per=Per.DAY))
CLIENTS = Limit(name="clients", kind=LimitKind.BUDGET, max=90 * USD, unit="usd", window=Window(per=Per.DAY))
DB = Limit(name="db", kind=LimitKind.CONCURRENCY, max=9)


class LedgerDeck(Deck):
    """A store with two budgets, one of them by client."""

    def spend(self, key: str, usd: float | None, *, client: str = "", outcome: Outcome | None = None) -> None:
        """Run a task to its end; None = it runs on."""
        named = (LimitRef(name="clients", key=client),) if client else ()
        cost = Estimate(amounts={"usd": USD // 2})
        self.loose(TaskPlan(key=key, uses="delay", cost=cost, limits=named))
        while self.report.left_over:
            self.do(FollowUp())
        ((task, epoch),) = self.claim(slots=1)
        if usd is not None:
            spent = (Spent(unit="usd", amount=round(usd * USD)),) if outcome is None else ()
            self.do(Complete(task_id=task, epoch=epoch, outcome=outcome or Succeeded(), spent=spent))


@pytest.fixture
def deck(tmp_path: Path) -> LedgerDeck:
    made = LedgerDeck(tmp_path / "deck.db")
    made.now = 1_700_000_000_000
    made.do(Configure(limits=(TEAM, CLIENTS, DB)))
    return made


@pytest_asyncio.fixture
async def reports(deck: LedgerDeck) -> AsyncIterator[Reports]:
    readers = Readers(deck.path)
    yield Reports(readers)
    await readers.close()
    deck.close()


async def test_entries_come_newest_first_with_what_is_held_before_them(
    deck: LedgerDeck, reports: Reports
) -> None:
    deck.spend("a", 1)
    deck.spend("b", 2, client="acme")
    deck.spend("lost", 0, outcome=Lost(reason="x"))
    deck.do(ChangeCapacity(change=CorrectGauge(name="team", amount="-0.25"), reason="refund", actor="ada"))
    deck.do(ChangeCapacity(change=Reconcile(task_id=3, amount="0.1"), reason="the bill", actor="ada"))
    deck.spend("runs", None)
    page = await reports.entries.page(EntryQuery(limit="team"), after=None, limit=50)
    told = [(one.kind, one.amount, one.key, one.actor, one.reason) for one in page.rows]
    assert told == [
        ("reserved", USD // 2, "runs", None, None),
        ("reconciled", USD // 10, "lost", "ada", "the bill"),
        ("correction", -USD // 4, None, "ada", "refund"),
        ("unknown", USD // 2, "lost", None, None),
        ("settled", 2 * USD, "b", None, None),
        ("settled", USD, "a", None, None),
    ]
    assert [(one.task_id, one.epoch) for one in page.rows[-2:]] == [(2, 1), (1, 1)]
    assert (page.next, page.rows[1].released) == (None, USD // 2)
    of_client = await reports.entries.page(EntryQuery(limit="clients", key="acme"), after=None, limit=50)
    assert [one.key for one in of_client.rows] == ["b"]


async def test_pages_follow_one_another_without_a_gap(
    deck: LedgerDeck, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_of_entries, "SCANNED", 3)
    for number in range(7):
        deck.spend(f"t{number}", 1, client="acme" if number in (0, 6) else "")
    deck.spend("runs", None)
    seen, after, pages = [], None, 0
    while True:
        page = await reports.entries.page(EntryQuery(limit="team"), after=after, limit=2)
        seen += [one.key for one in page.rows]
        after, pages = page.next, pages + 1
        if after is None:
            break
    assert seen == ["runs", "t6", "t5", "t4", "t3", "t2", "t1", "t0"]
    seen, after = [], None
    while True:
        page = await reports.entries.page(EntryQuery(limit="clients", key="acme"), after=after, limit=2)
        seen += [one.key for one in page.rows]
        after = page.next
        if after is None:
            break
    assert seen == ["t6", "t0"]


async def test_a_budget_that_was_never_used_has_no_entries(deck: LedgerDeck, reports: Reports) -> None:
    deck.do(Configure(limits=(CLIENTS,)))
    assert (await reports.entries.page(EntryQuery(limit="clients"), after=None, limit=9)).rows == ()


@pytest.mark.parametrize(
    ("query", "after", "kind", "code"),
    [
        (EntryQuery(limit="teem"), None, NotFound, "limit.unknown"),
        (EntryQuery(limit="db"), None, Conflict, "limit.unmetered"),
        (EntryQuery(limit="team", key="x"), None, NotFound, "gauge.unknown"),
        (EntryQuery(limit="team"), "-1", Invalid, "page.cursor"),
        (EntryQuery(limit="team"), "9" * 40, Invalid, "page.cursor"),
    ],
)
async def test_what_has_no_entries_is_refused(
    deck: LedgerDeck,
    reports: Reports,
    query: EntryQuery,
    after: str | None,
    kind: type[TaskdeckError],
    code: str,
) -> None:
    deck.spend("a", 1)
    with pytest.raises(kind) as caught:
        await reports.entries.page(query, after=after, limit=9)
    assert caught.value.code == code


async def test_what_one_job_spent_names_the_budgets_in_which_it_counts(
    deck: LedgerDeck, reports: Reports
) -> None:
    deck.spend("a", 1, client="acme")
    cost = Estimate(amounts={"usd": USD // 2})
    named = (LimitRef(name="clients", key="zeta"), LimitRef(name="db"))
    job = deck.job(stage(TaskPlan(key="b", uses="delay", cost=cost, limits=named)))
    while deck.report.left_over:
        deck.do(FollowUp())
    ((task, epoch),) = deck.claim(slots=1)
    spent = (Spent(unit="usd", amount=2 * USD), Spent(unit="pages", amount=3 * USD))
    deck.do(Complete(task_id=task, epoch=epoch, outcome=Succeeded(), spent=spent))
    span = {"since": 0, "until": 2**53}
    usage = await reports.usage.of(UsageQuery(by=UsageBy.JOB, job=job, **span))
    assert {one.unit: one.total for one in usage.total if one.unit in ("usd", "pages")} == {
        "usd": 2 * USD,
        "pages": 3 * USD,
    }
    assert [group.name for group in usage.groups] == [str(job)]
    assert usage.counted_in == (GaugeKey(name="clients", key="zeta"), GaugeKey(name="team"))
    by_day = await reports.usage.of(UsageQuery(by=UsageBy.DAY, days=(0,), job=job, unit="usd", **span))
    assert [one.total for one in by_day.total] == [2 * USD]
    only = await reports.usage.of(UsageQuery(by=UsageBy.DAY, days=(0,), job=job, unit="pages", **span))
    assert [(one.unit, one.total) for one in only.total] == [("pages", 3 * USD)]
    assert only.counted_in == ()
