"""No id comes twice, whatever was deleted by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.patterns.instances import ForEach
from core.model.patterns.judgements import Decide, Expand
from core.model.values import ID_MAX
from tests.store.deck import Deck, stage, task


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    made.close()


def newest(deck: Deck, table: str, column: str = "id") -> int:
    return deck.db.execute(f"SELECT max({column}) FROM {table}").fetchone()[0]


def test_a_job_whose_row_was_deleted_leaves_its_id_taken(deck: Deck) -> None:
    gone = deck.job(stage(task("a"), task("b", "a")))
    deck.change("DELETE FROM job WHERE id = ?", gone)
    made = deck.job(stage(task("a")))
    assert made > gone
    assert deck.db.execute("SELECT count(*) FROM task WHERE job_id = ?", (made,)).fetchone() == (1,)
    deck.change("DELETE FROM job WHERE id = ?", made)
    deck.change("DELETE FROM stage WHERE job_id = ?", made)
    deck.change("DELETE FROM task WHERE job_id = ?", made)
    assert deck.job(stage(task("a"))) > made, "its events are left"


def test_a_stage_and_a_task_whose_rows_were_deleted_leave_their_ids_taken(deck: Deck) -> None:
    job = deck.job(stage(task("a"), task("b", "a")))
    gone, last = newest(deck, "stage"), newest(deck, "task")
    deck.change("DELETE FROM stage WHERE id = ?", gone)
    other = deck.job(stage(task("a")))
    assert newest(deck, "stage") > gone
    assert deck.db.execute("SELECT stage_id FROM task WHERE job_id = ?", (other,)).fetchone() != (gone,)
    deck.change("DELETE FROM task WHERE job_id = ?", other)
    deck.change("DELETE FROM task WHERE job_id = ?", job)
    (loose,) = deck.loose(task("x"))
    assert loose > last


def test_a_set_whose_row_was_deleted_leaves_its_instances_its_own(deck: Deck) -> None:
    for _ in range(2):
        job = deck.job(stage(task("g", for_each=ForEach())))
        (group,) = deck.db.execute("SELECT id FROM task WHERE job_id = ? AND key = 'g'", (job,)).fetchone()
        deck.do(Decide(task_id=group, verdict=Expand(items=[1, 2, 3])))
        made = newest(deck, "instance_set")
        mine = "SELECT count(*) FROM task WHERE set_id = ? AND job_id = ?"
        assert deck.db.execute(mine, (made, job)).fetchone() == (3,)
        deck.change("DELETE FROM instance_set WHERE id = ?", made)


def test_a_row_that_has_the_last_of_all_ids_keeps_no_job_from_being_made(deck: Deck) -> None:
    job = deck.job(stage(task("a")))
    deck.change(f"UPDATE event SET job_id = {ID_MAX}, task_id = {ID_MAX} WHERE job_id = ?", job)
    assert deck.job(stage(task("a"))) > job
    deck.change(f"UPDATE stage SET id = {ID_MAX} WHERE job_id = ?", job)
    deck.change(f"UPDATE job SET id = {ID_MAX} WHERE id = ?", job)
    deck.loose(task("of a stage before"))
    made = [deck.job(stage(task("a"))) for _ in range(2)]
    assert job < made[0] < made[1] < ID_MAX
