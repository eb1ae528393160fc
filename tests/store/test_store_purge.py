"""Purge and pins: what stays still agrees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.purges import (
    FilesRemoved,
    Pin,
    Purge,
    Purged,
    RemoveOutputs,
    SizedOutputs,
    SweepPayloads,
    SweepPurged,
    Unpin,
)
from core.model.commands.work import Cancel, Operated, Recount, Rerun
from core.model.errors import Conflict
from core.model.limits.once import Once
from core.model.outcomes import GiveUp, Succeeded
from core.model.patterns.instances import ForEach
from core.model.patterns.judgements import Decide, Expand
from core.model.patterns.variables import VariablePlan
from core.store.apply.upkeep import purge
from core.store.apply.upkeep.purged_facts import spans
from core.store.verify import verify
from tests.support.deck import Deck
from tests.support.factories import failure, job, stage, task
from tests.support.recounts import findings
from tests.support.refused import Refused


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    deck = Deck(tmp_path / "deck.db")
    yield deck
    assert findings(deck.db) == ()
    deck.db.close()


def purged(deck: Deck, *job_ids: int, task_ids: tuple[int, ...] = (), **more: object) -> Purged:
    """Purge to the end, in as many batches as that takes; return what all took."""
    answers = [deck.do(Purge(job_ids=job_ids, task_ids=task_ids, actor="ada", **more))[0]]
    while answers[-1].left:
        assert findings(deck.db) == ()
        answers += deck.do(Purge(job_ids=answers[-1].left, actor="ada"))
    while deck.do(SweepPurged())[0]:
        assert findings(deck.db) == ()
    return Purged(
        jobs=sum(one.jobs for one in answers),
        tasks=sum(one.tasks for one in answers),
        events=sum(one.events for one in answers),
        refused=tuple(refusal for one in answers for refusal in one.refused),
        files=tuple(number for one in answers for number in one.files),
    )


def ended_job(deck: Deck, *, fails: bool = False, tasks: int = 3) -> int:
    number = deck.submit(job(stage(*(task(f"t{n}") for n in range(tasks)))))
    for claimed in deck.claim():
        if fails:
            deck.end(claimed.task_id, failure(), GiveUp())
        else:
            deck.end(claimed.task_id)
    deck.settle()
    return number


def test_a_job_goes_as_a_whole_and_the_fact_stays(deck: Deck) -> None:
    first, second = ended_job(deck, fails=True), ended_job(deck)
    before = deck.value("SELECT max(id) FROM event")
    taken = purged(deck, first, reason="too old")
    assert (taken.jobs, taken.tasks, taken.refused, sorted(taken.files)) == (1, 3, (), [1, 2, 3])
    assert deck.rows("SELECT id FROM job WHERE id > 1") == [(second,)]
    for table in ("stage", "lane", "family_job", "attempt", "edge"):
        column = "task_id" if table in ("attempt", "edge") else "job_id"
        gone = "SELECT value FROM json_each('[1,2,3]')" if column == "task_id" else str(first)
        assert deck.rows(f"SELECT 1 FROM {table} WHERE {column} IN ({gone})") == [], table
    assert deck.rows("SELECT kind, actor FROM event WHERE job_id = ?", first) == [("job.purged", "ada")]
    fact = deck.told("job.purged")[0]
    assert (fact["name"], fact["status"], fact["reason"]) == ("work", "failed", "too old")
    assert (fact["first"], fact["last"], fact["cause"]) == (1, 3, "operator")
    # Ids of events rise, whatever was deleted, and no id comes again.
    assert deck.value("SELECT max(id) FROM event") > before
    purged(deck, second)
    assert ended_job(deck) == second + 1
    assert deck.rows("SELECT min(id) FROM task") == [(7,)]


def test_what_has_not_ended_is_pinned_or_has_a_key_stays_with_the_reason(deck: Deck) -> None:
    pinned, part = ended_job(deck), ended_job(deck)
    running = deck.submit(job(stage(task("a"))))
    keyed = deck.submit(job(stage(task("k", once=Once(key="x", for_="ever")))))
    for claimed in deck.claim():
        if claimed.job_id == keyed:
            deck.end(claimed.task_id)
    deck.settle()
    deck.do(Pin(job_id=pinned, actor="ann", reason="evidence"))
    kept = deck.value("SELECT max(id) FROM task WHERE job_id = ?", part)
    deck.do(Pin(task_ids=(kept,), actor="ann"))
    taken = purged(deck, 1, running, pinned, part, keyed, 99)
    assert [refusal.id for refusal in taken.refused] == [99, 1, pinned, part, running, keyed]
    assert [refusal.reason for refusal in taken.refused] == [
        "this job does not exist",
        "it is the inbox: its tasks go one by one (purge tasks)",
        "it is pinned",
        f"its task {kept} is pinned",
        "it is running",
        f"the key by `once` of its task {deck.id('k')} is still taken",
    ]
    assert taken.jobs == 0
    deck.do(Unpin(job_id=pinned, actor="ann"), Unpin(task_ids=(kept,)))
    assert purged(deck, pinned, part).jobs == 2


def test_a_pin_tells_who_and_why_and_is_taken_back_once(deck: Deck) -> None:
    number = ended_job(deck)
    assert deck.operate(Pin(job_id=number, actor="ann", reason="evidence")).changed == 1
    assert deck.rows("SELECT pinned_by, pin_reason FROM job WHERE id = ?", number) == [("ann", "evidence")]
    again = Operated(changed=0, refused=(Refused(number, "it is pinned already"),))
    assert deck.operate(Pin(job_id=number)) == again
    assert isinstance(deck.ask(Pin(job_id=1))[0], Conflict)
    assert deck.operate(Pin(task_ids=(1, 999))).refused == (Refused(999, "this task does not exist"),)
    assert deck.operate(Unpin(task_ids=(1, 2))).refused == (Refused(2, "it is not pinned"),)
    assert deck.operate(Unpin(job_id=number)).changed == 1
    assert deck.operate(Unpin(job_id=number)).changed == 0


def test_a_large_job_goes_in_bites_and_nothing_of_it_comes_back(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "ROWS_PER_BATCH", 12)
    number = ended_job(deck, fails=True, tasks=8)
    (first,) = deck.do(Purge(job_ids=(number,), actor="ada"))
    assert (first.jobs, first.left) == (0, (number,))
    assert 0 < first.tasks < 8
    assert findings(deck.db) == ()
    assert isinstance(deck.ask(Rerun(job_id=number))[0], Conflict)
    left = deck.value("SELECT min(id) FROM task WHERE job_id = ?", number)
    refused = deck.operate(Rerun(task_ids=(left,))).refused
    assert refused == (Refused(left, "its job is being purged"),)
    pin = deck.operate(Pin(job_id=number))
    assert pin.refused == (Refused(number, "it is being purged"),)
    # The next engine goes on from the row alone.
    assert deck.rows("SELECT job_id, is_empty FROM purge") == [(number, 0)]
    assert purged(deck, number).tasks == 8 - first.tasks
    assert deck.rows("SELECT noun, first, last FROM purged ORDER BY 1, 2")[0] == ("job", number, number)


def test_what_a_purged_job_tolerated_is_counted_no_more(deck: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "ROWS_PER_BATCH", 12)
    number = deck.submit(job(stage(*(task(f"t{n}", continue_on_error=True) for n in range(8)))))
    deck.end_all(deck.claim(), failure())
    deck.settle()
    assert purged(deck, number).tasks == 8
    assert deck.rows("SELECT * FROM counter WHERE scope LIKE '%tolerated' AND n > 0") == []


def test_of_a_purge_and_a_retry_in_one_batch_the_first_wins(deck: Deck) -> None:
    first, second = ended_job(deck, fails=True), ended_job(deck, fails=True)
    taken, refused = deck.ask(Purge(job_ids=(first,)), Rerun(job_id=first))
    assert (taken.jobs, type(refused)) == (1, Conflict)
    again, stays = deck.ask(Rerun(job_id=second), Purge(job_ids=(second,)))
    assert (again.changed, stays.refused) == (3, (Refused(second, "it is running"),))
    deck.do(Cancel(job_id=second))
    deck.settle()


def test_the_variables_of_a_purged_job_go_with_it(deck: Deck) -> None:
    number = deck.submit(job(stage(task("a")), variables=(VariablePlan(name="n", value=1),)))
    deck.drain()
    purged(deck, number)
    assert deck.rows("SELECT * FROM variable") == []


def test_the_items_of_a_purged_group_that_were_never_made_go_with_it(deck: Deck) -> None:
    number = deck.submit(job(stage(task("a", for_each=ForEach(over=[])))))
    deck.do(Decide(task_id=deck.id("a"), verdict=Expand(items=[*range(2_500)])), Cancel(job_id=number))
    deck.settle()
    assert deck.rows("SELECT set_id FROM instance_page") != []
    purged(deck, number)
    assert deck.rows("SELECT set_id FROM instance_page") == []


def test_loose_tasks_go_one_by_one_and_the_rest_stays(deck: Deck) -> None:
    numbers = deck.enqueue(*(task(f"l{n}") for n in range(5)))
    number = ended_job(deck)
    deck.end_all(deck.claim())
    of_job = deck.value("SELECT max(id) FROM task WHERE job_id = ?", number)
    deck.do(Pin(task_ids=(numbers[1],)))
    running = deck.enqueue(task("r"))
    taken = purged(deck, task_ids=(*numbers, of_job, *running, 99), reason="done with")
    assert taken.tasks == 4
    assert [refusal.reason for refusal in taken.refused] == [
        "it is pinned",
        f"it is of job {number}, which goes as a whole",
        "it is queued",
        "this task does not exist",
    ]
    assert deck.rows("SELECT first, last FROM purged WHERE noun = 'task'") == [(1, 1), (3, 5)]
    assert deck.told("task.purged") == [
        {"reason": "done with", "tasks": 4, "first": 1, "last": 5, "cause": "operator"}
    ]
    # The job's counts and families know nothing of them.
    assert deck.rows("SELECT 1 FROM task WHERE id IN (1, 3, 4, 5)") == []


def test_outputs_of_ended_tasks_go_and_what_is_not_removed_yet_is_known(deck: Deck) -> None:
    number = deck.submit(job(stage(task("a"), task("b"))))
    claimed = deck.claim()
    deck.end(claimed[0].task_id)
    (loose,) = deck.enqueue(task("l"))
    deck.claim()
    deck.end(loose)
    wanted = tuple(SizedOutputs(task_id=one, size=10) for one in (1, 2, loose, 99))
    (taken,) = deck.do(RemoveOutputs(outputs=wanted, actor="ada", reason="room"))
    assert taken.files == (loose,)
    assert [refusal.reason for refusal in taken.refused] == ["its job has not ended", "it is running"]
    assert deck.rows("SELECT task_id, epoch FROM removal") == [(loose, 1)]
    told = {"reason": "room", "tasks": 1, "bytes": 10, "first": loose, "last": loose, "cause": "operator"}
    assert deck.told("outputs.removed") == [told]
    deck.do(FilesRemoved(task_ids=(loose,)))
    assert deck.rows("SELECT 1 FROM removal") == []
    deck.end(claimed[1].task_id)
    deck.do(RemoveOutputs(outputs=(SizedOutputs(task_id=1, size=1), SizedOutputs(task_id=2, size=1))))
    deck.do(RemoveOutputs(outputs=(SizedOutputs(task_id=2, size=1),)))
    ranges = deck.rows("SELECT first, last, event FROM purged WHERE noun = 'output' ORDER BY first")
    assert [row[:2] for row in ranges] == [(1, 1), (2, 2), (3, 3)]
    deck.do(Pin(job_id=number))
    (kept,) = deck.do(RemoveOutputs(outputs=(SizedOutputs(task_id=1, size=1),)))
    assert kept.refused == (Refused(1, "it is pinned, or its job is"),)


def test_failures_of_what_is_gone_still_count_for_their_family(deck: Deck) -> None:
    first = ended_job(deck, fails=True)
    ended_job(deck, fails=True)
    ((family, failures),) = deck.rows("SELECT id, failures FROM family")
    purged(deck, first)
    assert deck.rows("SELECT failures, purged FROM family") == [(failures, failures // 2)]
    assert deck.rows("SELECT jobs FROM family WHERE id = ?", family) == [(1,)]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([], []), ([3], [(3, 3)]), ([1, 2, 3, 5, 7, 8], [(1, 3), (5, 5), (7, 8)])],
)
def test_rising_numbers_are_written_as_ranges(numbers: list[int], expected: list[tuple[int, int]]) -> None:
    assert list(spans(numbers)) == expected


def test_a_text_that_a_row_names_again_is_not_swept(deck: Deck) -> None:
    body = "x" * 9_000
    (first,) = deck.enqueue(task("l"))
    deck.claim()
    deck.end(first, Succeeded(output=body))
    ((known,),) = deck.rows("SELECT hash FROM payload")
    before = deck.now
    purged(deck, task_ids=(first,))
    # Between the look and the removal another task ends with the same output, a minute and more later.
    deck.now += 61_000
    (second,) = deck.enqueue(task("l"))
    deck.claim()
    deck.end(second, Succeeded(output=body))
    assert deck.do(SweepPayloads(hashes=(known,), before=before + 60_000)) == [0]
    assert deck.do(SweepPayloads(hashes=("gone",), before=10**15)) == [0]
    purged(deck, task_ids=(second,))
    assert deck.do(SweepPayloads(hashes=(known,), before=10**15)) == [1]


def test_a_recount_deletes_what_purges_left_behind(deck: Deck) -> None:
    deck.db.execute("PRAGMA foreign_keys = OFF")
    deck.db.execute("INSERT INTO variable (job_id, name, position, value) VALUES (99, 'n', 0, '1')")
    deck.db.execute("INSERT INTO instance_page VALUES (99, 0, '[1]')")
    deck.db.execute("PRAGMA foreign_keys = ON")
    assert {one.code for one in verify(deck.db)} >= {"variable.dangling", "instance_page.dangling"}
    assert deck.do(Recount()) == [2]
    told = deck.db.execute("SELECT data->>'$.what' FROM event WHERE kind = 'fault.repaired'").fetchall()
    assert sorted(told) == [("instance_page.dangling",), ("variable.dangling",)]
    assert findings(deck.db) == ()
