"""Variables of jobs in the store: declared, set, told by events."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.work import Cancel, Complete
from core.model.outcomes import Skipped, Succeeded
from core.model.patterns.variables import VariablePlan
from tests.store.deck import Deck, failure, stage, task
from tests.support.recounts import findings
from tests.support.seeds import seeds

X = VariablePlan(name="x", type="integer", value=0)
Y = VariablePlan(name="y", value="old")


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    assert findings(made.db) == ()
    made.close()


def values(deck: Deck, job: int) -> dict[str, object]:
    rows = deck.db.execute("SELECT name, value FROM variable WHERE job_id = ? ORDER BY position", (job,))
    return {name: json.loads(value) for name, value in rows}


def told(deck: Deck) -> list[tuple[int, object, object]]:
    rows = deck.db.execute("SELECT task_id, data FROM event WHERE kind = 'variable.set' ORDER BY id")
    return [(task_id, json.loads(data)["was"], json.loads(data)["value"]) for task_id, data in rows]


def end(deck: Deck, key: int, outcome: object, **variables: object) -> None:
    deck.do(Complete(task_id=key, epoch=1, outcome=outcome, variables=variables))  # type: ignore[arg-type]


def test_a_job_begins_with_its_variables_and_its_first_event_tells_them(deck: Deck) -> None:
    job = deck.job(stage(task("a")), variables=(X, Y))
    assert values(deck, job) == {"x": 0, "y": "old"}
    ((data,),) = deck.db.execute("SELECT data FROM event WHERE kind = 'job.created'").fetchall()
    assert json.loads(data)["variables"] == {"x": 0, "y": "old"}


def test_a_success_sets_each_variable_with_an_event_and_what_stays_has_none(deck: Deck) -> None:
    job = deck.job(stage(task("a")), variables=(X, Y))
    deck.claim()
    end(deck, 1, Succeeded(), x=5, y="old", unknown=1)
    assert values(deck, job) == {"x": 5, "y": "old"}
    assert told(deck) == [(1, 0, 5)]
    ((name, at, attempt),) = deck.db.execute(
        "SELECT v.name, v.changed_at = e.at, e.attempt FROM variable v"
        " JOIN event e ON e.kind = 'variable.set' WHERE v.task_id = 1"
    ).fetchall()
    assert (name, at, attempt) == ("x", 1, 1)


def test_only_a_success_that_lands_sets_variables(deck: Deck) -> None:
    job = deck.job(stage(task("a"), task("b"), task("c")), variables=(X,), on_task_failure="continue")
    deck.claim()
    end(deck, 1, failure(), x=1)
    end(deck, 2, Skipped(reason="nothing"), x=2)
    end(deck, 3, Succeeded(), x=3)
    assert told(deck) == [(3, 0, 3)]
    end(deck, 3, Succeeded(), x=4)
    assert values(deck, job) == {"x": 3}
    assert told(deck) == [(3, 0, 3)]


def test_of_two_that_end_together_the_later_wins_and_both_are_in_the_history(deck: Deck) -> None:
    job = deck.job(stage(task("a"), task("b")), variables=(X,))
    deck.claim()
    deck.do(
        Complete(task_id=2, epoch=1, outcome=Succeeded(), variables={"x": 2}),
        Complete(task_id=1, epoch=1, outcome=Succeeded(), variables={"x": 1}),
    )
    assert values(deck, job) == {"x": 1}
    assert told(deck) == [(2, 0, 2), (1, 2, 1)]


def test_events_hold_no_secret_and_the_row_does(deck: Deck) -> None:
    job = deck.job(stage(task("a")), variables=(VariablePlan(name="api_token", value="hunter2"),))
    deck.claim()
    end(deck, 1, Succeeded(), api_token="hunter3")
    assert values(deck, job) == {"api_token": "hunter3"}
    events = " ".join(data or "" for (data,) in deck.db.execute("SELECT data FROM event"))
    assert "hunter2" not in events
    assert "hunter3" not in events


def test_variables_of_other_jobs_are_their_own(deck: Deck) -> None:
    first = deck.job(stage(task("a")), variables=(X,))
    second = deck.job(stage(task("a")), variables=(X,))
    deck.claim()
    end(deck, 2, Succeeded(), x=7)
    assert (values(deck, first), values(deck, second)) == ({"x": 0}, {"x": 7})


def test_first_values_beyond_the_room_of_an_event_are_left_out_of_it(deck: Deck) -> None:
    many = tuple(VariablePlan(name=f"v{n}", value="x" * 3_000) for n in range(3))
    job = deck.job(stage(task("a")), variables=many)
    deck.claim()
    end(deck, 1, Succeeded(), v2="y")
    assert values(deck, job)["v2"] == "y"


@pytest.mark.parametrize("seed", seeds(20, soak=2_000))
def test_random_histories_fold_into_variables(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    made = Deck(tmp_path / "deck.db")
    plans = tuple(VariablePlan(name=name, value=None) for name in "xyz")
    for _ in range(3):
        made.job(stage(*(task(f"t{n}", *([f"t{n - 1}"] if n else [])) for n in range(4))), variables=plans)
    expected: dict[tuple[int, str], object] = {}
    while taken := made.claim(draw.randint(1, 4)):
        for task_id, epoch in draw.sample(taken, len(taken)):
            sets = {name: draw.randint(0, 2) for name in "xyz" if draw.random() < 0.5}
            ends = draw.choice((Succeeded(), Succeeded(), Succeeded(), failure()))
            made.do(Complete(task_id=task_id, epoch=epoch, outcome=ends, variables=sets))  # type: ignore[arg-type]
            if isinstance(ends, Succeeded):
                ((job,),) = made.db.execute("SELECT job_id FROM task WHERE id = ?", (task_id,)).fetchall()
                expected |= {(job, name): value for name, value in sets.items()}
        if draw.random() < 0.1:
            made.do(Cancel(job_id=draw.randint(2, 4)))
    stored = {
        (job, name): json.loads(value)
        for job, name, value in made.db.execute("SELECT job_id, name, value FROM variable")
    }
    assert {key: value for key, value in stored.items() if value is not None} == expected
    assert findings(made.db) == ()
    made.close()
