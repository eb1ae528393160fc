"""The journal: one line, one writer, answers after the commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from core.model.commands.work import (
    Cancel,
    Claimed,
    Complete,
    Completed,
    Enqueue,
    Enqueued,
    Fail,
    Hold,
    Operated,
    Submit,
    Submitted,
    Unhold,
)
from core.model.errors import Unavailable
from core.model.outcomes import Succeeded
from core.model.records import replace
from core.store import batch, database
from core.store.batch_report import Report
from core.store.journal import Journal
from core.store.pace import BatchPace
from core.store.verify import verify
from core.store.writer import Writer
from tests.support.deck import Deck
from tests.support.factories import flat, task, tasks
from tests.support.faults import faulty
from tests.support.manual_time import ManualClock
from tests.support.refused import Refused
from tests.support.waiting import ticks, until, within


class Line:
    """A journal on a deck's store, and the reports it told."""

    def __init__(self, deck: Deck, *, cap: int = 500, writer: Writer | None = None) -> None:
        self.deck = deck
        self.clock = ManualClock()
        self.reports: list[Report] = []
        pace = BatchPace(cap=cap)
        self.journal = Journal(
            writer or deck.writer, clock=self.clock, listener=self.reports.append, pace=pace
        )

    @property
    def claimed(self) -> list[Claimed]:
        return [claimed for report in self.reports for claimed in report.claimed]

    @property
    def groups(self) -> int:
        return len(self.reports)


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    made = Line(Deck(tmp_path / "deck.db"))
    yield made
    await made.journal.close(lambda writer: check(writer))


def check(writer: Writer) -> None:
    assert verify(writer.connection) == ()


async def test_commands_of_one_tick_share_one_commit(line: Line) -> None:
    answers = [line.journal.submit(Enqueue(tasks=tasks("a", 2))) for _ in range(20)]
    results = await asyncio.gather(*answers)
    assert line.groups == 1
    assert [result.task_ids for result in results] == [(n, n + 1) for n in range(1, 40, 2)]  # type: ignore[union-attr]


async def test_commands_that_come_during_a_commit_share_the_next(line: Line) -> None:
    first = line.journal.submit(Enqueue(tasks=tasks("a", 500)))
    # One turn lets the first group leave; what follows finds it under way.
    turn = asyncio.Event()
    asyncio.get_running_loop().call_soon(turn.set)
    await turn.wait()
    later = [line.journal.submit(Enqueue(tasks=tasks("b", 1))) for _ in range(10)]
    await asyncio.gather(first, *later)
    assert line.groups == 2


async def test_a_group_takes_no_more_than_the_cap(tmp_path: Path) -> None:
    line = Line(Deck(tmp_path / "deck.db"), cap=3)
    await asyncio.gather(*(line.journal.submit(Enqueue(tasks=tasks("a", 1))) for _ in range(10)))
    assert line.groups == 4
    await line.journal.close()


async def test_two_commands_for_one_row_keep_their_order_in_two_commits(line: Line) -> None:
    (number,) = (await enqueue(line, 1)).task_ids
    before = line.groups
    answers = await asyncio.gather(
        *(line.journal.submit(kind(task_ids=(number,))) for kind in (Hold, Unhold, Hold, Unhold))
    )
    assert answers == [Operated(changed=1)] * 4
    assert line.groups - before == 4


async def test_who_gives_a_held_task_up_and_who_unholds_it_race_for_it(line: Line) -> None:
    for first, second, status in ((Fail, Unhold, "failed"), (Unhold, Fail, "queued")):
        (number,) = (await enqueue(line, 1)).task_ids
        await line.journal.submit(Hold(task_ids=(number,)))
        before = line.groups
        one, two = await asyncio.gather(
            *(line.journal.submit(kind(task_ids=(number,))) for kind in (first, second))
        )
        assert one == Operated(changed=1)
        assert two == Operated(changed=0, refused=(Refused(number, two.refused[0].reason),))  # type: ignore[union-attr]
        assert line.groups - before == 2
        assert (await statuses(line))[-1] == (status,)


async def test_a_deferred_command_holds_back_later_ones_for_its_rows_only(line: Line) -> None:
    one, two, three = (await enqueue(line, 3)).task_ids
    before = line.groups
    await asyncio.gather(
        line.journal.submit(Hold(task_ids=(one,))),
        line.journal.submit(Unhold(task_ids=(one, two))),
        line.journal.submit(Hold(task_ids=(two,))),
        line.journal.submit(Hold(task_ids=(three,))),
    )
    assert line.groups - before == 3
    assert [row[0] for row in await statuses(line)] == ["queued", "held", "held"]


async def test_the_claim_rides_in_the_commit_that_brought_the_task(line: Line) -> None:
    line.journal.slots = 2
    await enqueue(line, 3)
    assert line.groups == 1
    assert [claimed.key for claimed in line.claimed] == ["a0", "a1"]
    done = line.claimed[0]
    await line.journal.submit(Complete(task_id=done.task_id, epoch=done.epoch, outcome=Succeeded()))
    assert line.groups == 2
    assert [claimed.key for claimed in line.claimed] == ["a0", "a1", "a2"]


async def test_a_wake_claims_without_a_command(line: Line) -> None:
    await enqueue(line, 1)
    line.journal.slots = 1
    line.journal.wake()
    await line.journal.settle()
    assert len(line.claimed) == 1


async def test_what_a_batch_leaves_over_is_followed_up_unasked(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_PER_BATCH", 5)
    submitted = await line.journal.submit(Submit(plan=flat(*tasks("a", 23))))
    assert isinstance(submitted, Submitted)
    await line.journal.submit(Cancel(job_id=submitted.job_id))
    await line.journal.settle()
    assert line.groups >= 6
    assert set(await statuses(line)) == {("cancelled",)}


async def test_a_refusal_is_raised_to_its_caller_alone(line: Line) -> None:
    good, bad = line.journal.submit(Enqueue(tasks=tasks("a", 1))), line.journal.submit(Cancel(job_id=77))
    with pytest.raises(Exception, match="job 77 does not exist"):
        await bad
    assert isinstance(await good, Enqueued)


async def test_a_caller_that_is_cancelled_leaves_its_command_in_the_line(line: Line) -> None:
    asked = line.journal.submit(Enqueue(tasks=tasks("a", 1)))
    asked.cancel()
    await line.journal.settle()
    assert await statuses(line) == [("queued",)]


async def test_an_answer_comes_only_after_its_commit(line: Line) -> None:
    other = Deck.reading(line.deck.path)
    numbers = (await enqueue(line, 3)).task_ids
    assert other.execute("SELECT id FROM task").fetchall() == [(number,) for number in numbers]
    other.close()


async def test_a_closed_journal_refuses(tmp_path: Path) -> None:
    line = Line(Deck(tmp_path / "deck.db"))
    last = line.journal.submit(Enqueue(tasks=tasks("a", 1)))
    await line.journal.close()
    assert isinstance(await last, Enqueued)
    with pytest.raises(Unavailable) as refused:
        await line.journal.submit(Enqueue(tasks=tasks("b", 1)))
    assert refused.value.code == "engine.stopped"


async def test_a_fenced_journal_tells_its_listener_and_claims_nothing(tmp_path: Path) -> None:
    line = Line(Deck(tmp_path / "deck.db"))
    await enqueue(line, 2)
    line.journal.slots = 2
    successor = Deck(line.deck.path)
    with pytest.raises(Unavailable, match="took this store over"):
        await line.journal.submit(Enqueue(tasks=tasks("b", 1)))
    failure = line.reports[-1].failure
    assert failure is not None
    assert failure.code == "engine.fenced"
    assert line.claimed == []
    await line.journal.close()
    assert verify(successor.db) == ()
    successor.db.close()


@pytest.mark.parametrize("limit", [None, 2**60])
async def test_the_writer_lives_on_after_a_failed_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int | None
) -> None:
    # With a limit of file sizes it is asked which file failed, of a connection that fails for all.
    monkeypatch.setattr(database, "file_size_limit", lambda: limit)
    deck = Deck(tmp_path / "deck.db")
    line = Line(deck, writer=replace(deck.writer, connection=faulty(deck.db, k=1, for_good=True)))
    for _ in range(2):
        with pytest.raises(Unavailable, match="refused to write"):
            await within(line.journal.submit(Enqueue(tasks=tasks("a", 1))), "it is refused")
    assert deck.rows("SELECT 1 FROM task") == []
    line.journal._work.put(None)
    await until(lambda: not line.journal._thread.is_alive(), "the writer thread ends")


async def test_a_thousand_callers_at_once_each_get_their_own_answer(line: Line) -> None:
    results = await asyncio.gather(
        *(line.journal.submit(Enqueue(tasks=(task(f"k{n}"),))) for n in range(1_000))
    )
    keys = dict(await ask(line, "SELECT id, key FROM task"))
    assert [keys[result.task_ids[0]] for result in results] == [f"k{n}" for n in range(1_000)]  # type: ignore[union-attr]
    assert line.groups == 2


async def test_of_two_completions_of_one_attempt_the_first_lands(line: Line) -> None:
    line.journal.slots = 1
    await enqueue(line, 1)
    (claimed,) = line.claimed
    end = Complete(task_id=claimed.task_id, epoch=claimed.epoch, outcome=Succeeded())
    assert await asyncio.gather(*(line.journal.submit(end) for _ in range(3))) == [
        Completed(landed=True),
        Completed(landed=False),
        Completed(landed=False),
    ]


async def test_callers_have_their_answers_though_what_hears_of_commits_breaks(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_(report: Report) -> None:
        raise LookupError("no such thing")

    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: errors.append(told["exception"]))
    monkeypatch.setattr(line.journal, "_listener", break_)
    answer = await within(line.journal.submit(Enqueue(tasks=tasks("a", 2))), "an answer comes")
    assert isinstance(answer, Enqueued)
    assert [type(error) for error in errors] == [LookupError]


async def enqueue(line: Line, count: int) -> Enqueued:
    result = await line.journal.submit(Enqueue(tasks=tasks("a", count)))
    assert isinstance(result, Enqueued)
    return result


async def statuses(line: Line) -> list[tuple]:
    return await ask(line, "SELECT status FROM task ORDER BY id")


async def ask(line: Line, sql: str) -> list[tuple]:
    reader: Callable[[], list[tuple]] = lambda: Deck.reading(line.deck.path).execute(sql).fetchall()  # noqa: E731
    return await asyncio.to_thread(reader)


async def test_slots_that_open_while_a_group_is_written_are_filled(line: Line) -> None:
    line.journal.submit(Enqueue(tasks=tasks("a", 2)))
    await ticks(1)
    assert line.journal._in_flight is not None
    line.journal.slots = 2
    line.journal.wake()
    await line.journal.settle()
    assert len(line.claimed) == 2
