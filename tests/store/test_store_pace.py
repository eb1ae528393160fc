"""Long work in short batches, and what waits between them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.model.commands.purges import Purge
from core.model.commands.work import Cancel, Command, Enqueue, FollowUp, Hold, Submit, Submitted
from core.model.patterns.instances import ForEach
from core.model.patterns.judgements import Decide, Expand
from core.store import batch
from core.store.apply.upkeep import purge
from core.store.batch_report import Report
from core.store.journal import Journal
from core.store.pace import FIRST, LEAST, MOST, TARGET_MS, BatchPace
from core.store.sql import digest, pack
from core.store.verify import verify
from tests.store import deck as by_hand
from tests.support.deck import Deck
from tests.support.factories import flat, tasks
from tests.support.manual_time import ManualClock
from tests.support.recounts import findings
from tests.support.steps import counted_sql


def learned(pace: BatchPace, *, ms_each: float) -> int:
    for _ in range(40):
        pace.note(commands=1, carried=pace.limit, ms=ms_each * pace.limit)
    return pace.limit


@pytest.mark.parametrize("ms_each", [0.01, 0.02, 0.05])
def test_a_batch_carries_out_what_its_time_lets(ms_each: float) -> None:
    assert learned(BatchPace(), ms_each=ms_each) == pytest.approx(TARGET_MS / ms_each, rel=0.1)


@pytest.mark.parametrize(("ms_each", "limit"), [(100, LEAST), (0.000_1, MOST)])
def test_a_batch_is_never_too_small_to_go_on_or_larger_than_a_batch_may_be(
    ms_each: float, limit: int
) -> None:
    assert learned(BatchPace(), ms_each=ms_each) == limit


def test_one_slow_sync_does_not_stop_long_work() -> None:
    pace = BatchPace()
    pace.note(commands=1, carried=FIRST, ms=10_000)
    assert LEAST < pace.limit < FIRST


def test_a_batch_of_other_work_says_nothing_of_consequences() -> None:
    pace = BatchPace()
    pace.note(commands=100, carried=100, ms=1_000)
    pace.note(commands=1, carried=0, ms=1_000)
    assert pace.limit == FIRST


class Line:
    """A journal on a job of many tasks, each batch of which takes as long as a test says."""

    def __init__(self, path: Path) -> None:
        self.deck = Deck(path)
        self.reports: list[Report] = []
        self.seconds = 0.0
        self.calls = 0
        self.asks = 0
        """Commands that come while something is left over, one with each report."""
        pace = BatchPace(stopwatch=self._passed)
        self.journal = Journal(self.deck.writer, clock=ManualClock(), listener=self.hear, pace=pace)

    def _passed(self) -> float:
        self.calls += 1
        return self.calls * self.seconds

    def hear(self, report: Report) -> None:
        self.reports.append(report)
        if self.asks and report.left_over:
            self.asks -= 1
            self.journal.submit(Enqueue(tasks=tasks("other", 1)))

    async def cancel_many(self, number: int) -> list[int]:
        """Cancel a job of many tasks; return what each batch carried out of it, from the first on."""
        submitted = await self.journal.submit(Submit(plan=flat(*tasks("a", number))))
        assert isinstance(submitted, Submitted)
        self.reports.clear()
        await self.journal.submit(Cancel(job_id=submitted.job_id))
        await self.journal.settle()
        return [report.carried for report in self.reports]


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    made = Line(tmp_path / "deck.db")
    yield made
    await made.journal.close(lambda writer: check(writer.connection))


def check(connection: object) -> None:
    assert verify(connection) == ()  # type: ignore[arg-type]


async def test_batches_of_what_was_left_over_get_smaller_while_they_take_too_long(line: Line) -> None:
    line.seconds = 0.04
    carried = await line.cancel_many(600)
    assert carried[0] == FIRST + 1
    assert carried[-2] <= LEAST + 1
    assert sum(carried) == 600


async def test_batches_of_what_was_left_over_get_larger_while_they_take_next_to_no_time(line: Line) -> None:
    carried = await line.cancel_many(3_000)
    assert carried[0] == FIRST + 1
    assert max(carried) > 4 * FIRST
    assert sum(carried) == 3_000


async def test_commands_that_wait_go_first_and_each_second_time_take_some_of_it_along(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_PER_BATCH", 5)
    line.asks = 10
    carried = await line.cancel_many(30)
    # The first command comes while the second batch is under way.
    assert carried[:8] == [5, 5, 0, 5, 0, 5, 0, 5]
    assert sum(carried) == 30


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[by_hand.Deck]:
    made = by_hand.Deck(tmp_path / "deck.db")
    yield made
    assert findings(made.db) == ()
    made.close()


def wide(deck: by_hand.Deck, items: int) -> int:
    """Begin a job with one group; return the task of the group."""
    deck.job(by_hand.stage(by_hand.task("g", for_each=ForEach())))
    ((task_id,),) = deck.db.execute("SELECT max(id) FROM task")
    deck.do(Decide(task_id=task_id, verdict=Expand(items=list(range(items)))))
    return int(task_id)


def test_an_expansion_may_stop_within_a_page_and_goes_on_there(
    deck: by_hand.Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_PER_BATCH", 70)
    wide(deck, 600)
    for at in itertools.count(1):
        made = min(600, 70 * at)
        assert deck.db.execute("SELECT made FROM instance_set").fetchone() == (made,)
        first = deck.db.execute("SELECT min(first) FROM instance_page").fetchone()[0]
        assert first == (None if made == 600 else made)
        if not deck.report.left_over:
            break
        deck.do(FollowUp())
    items = deck.db.execute("SELECT item, spec->>'$.item.value' FROM task WHERE set_id = 1 ORDER BY item")
    assert items.fetchall() == [(at, at) for at in range(600)]


def test_items_are_hashed_as_earlier_versions_hashed_them(deck: by_hand.Deck) -> None:
    wide(deck, 2_300)
    lists = [list(range(first, min(first + 1_000, 2_300))) for first in (0, 1_000, 2_000)]
    assert deck.db.execute("SELECT digest FROM instance_set").fetchone() == (
        digest("\n".join(map(pack, lists))),
    )


def test_what_was_left_over_has_its_turn_each(deck: by_hand.Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MAX_PER_BATCH", 10)
    for _ in range(3):
        wide(deck, 100)
    for _ in range(6):
        deck.do(FollowUp())
    assert deck.db.execute("SELECT made FROM instance_set ORDER BY id").fetchall() == [(30,), (30,), (30,)]
    while deck.report.left_over:
        deck.do(FollowUp())


def test_instances_without_a_dependant_leave_nothing_to_follow(
    deck: by_hand.Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_PER_BATCH", 10)
    group = wide(deck, 40)
    while deck.report.left_over:
        deck.do(FollowUp())
    deck.do(Cancel(task_ids=(group,)))
    assert deck.report.left_over
    while deck.report.left_over:
        kinds = {kind for (kind,) in deck.db.execute("SELECT DISTINCT kind FROM followup")}
        assert "set" in kinds or "job" in kinds
        assert "task" not in kinds
        deck.do(FollowUp())


def steps_of_a_batch(deck: by_hand.Deck, *commands: Command[object]) -> int:
    with counted_sql(deck.db, every=1) as count:
        deck.do(*commands)
    return count.number


@pytest.mark.parametrize("verb", [Cancel, Hold])
def test_a_batch_for_a_group_costs_the_same_beside_small_and_large_groups(
    deck: by_hand.Deck, monkeypatch: pytest.MonkeyPatch, verb: type[Cancel | Hold]
) -> None:
    found = []
    for beside in (30, 600):
        each = ForEach()
        deck.job(by_hand.stage(by_hand.task("g", for_each=each), by_hand.task("h", for_each=each)))
        first, second = (one for (one,) in deck.db.execute("SELECT id FROM task WHERE status = 'blocked'"))
        deck.do(Decide(task_id=second, verdict=Expand(items=list(range(beside)))))
        deck.do(Decide(task_id=first, verdict=Expand(items=list(range(30)))))
        with monkeypatch.context() as patch:
            patch.setattr(batch, "MAX_PER_BATCH", 10)
            deck.do(verb(task_ids=(first,)))
            found.append(steps_of_a_batch(deck, FollowUp()))
            while deck.report.left_over:
                deck.do(FollowUp())
    assert found[1] < 1.2 * found[0]


def test_a_batch_of_a_purge_costs_the_same_for_small_and_large_jobs(
    deck: by_hand.Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "ROWS_PER_BATCH", 60)
    found = []
    for tasks_ in (200, 2_000):
        job = deck.job(by_hand.stage(*(by_hand.task(f"t{at}") for at in range(tasks_))))
        deck.do(Cancel(job_id=job))
        while deck.report.left_over:
            deck.do(FollowUp())
        deck.do(Purge(job_ids=(job,)))
        found.append(steps_of_a_batch(deck, Purge(job_ids=(job,))))
        while deck.do(Purge(job_ids=(job,)))[0].left:
            pass
    assert found[1] < 1.2 * found[0]


def test_a_purge_deletes_fewer_rows_where_batches_take_longer(
    deck: by_hand.Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = deck.job(by_hand.stage(*(by_hand.task(f"t{at}") for at in range(300))))
    deck.do(Cancel(job_id=job))
    monkeypatch.setattr(batch, "MAX_PER_BATCH", 10)
    (taken,) = deck.do(Purge(job_ids=(job,)))
    assert taken.tasks + taken.events <= 10 * purge.ROWS_EACH + 3
