"""Tests of walks over long lists: each page costs a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands import FollowUp
from core.model.judgements import Decide, Expand
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.reports.targets import InstancePlace
from tests.store.deck import Deck, stage
from tests.store.test_reports_counting import Plans
from tests.store.test_store_instances import group

FEW, MANY = 100, 400
PAGE = 10


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    made.close()


def grown(deck: Deck, *sizes: int) -> list[int]:
    """Make a job with groups of so many instances; return the ids of the groups."""
    keys = [f"g{number}" for number in range(len(sizes))]
    job = deck.job(stage(*map(group, keys)))
    found = deck.db.execute("SELECT id FROM task WHERE job_id = ? ORDER BY id", (job,)).fetchall()
    ids = [task_id for (task_id,) in found]
    for task_id, size in zip(ids, sizes, strict=True):
        deck.do(Decide(task_id=task_id, verdict=Expand(items=list(range(size)))))
    while deck.report.left_over:
        deck.do(FollowUp())
    return ids


async def walked(reports: Reports, groups: list[int], *, only_active: bool = False) -> list[InstancePlace]:
    sets = (await reports.targets.groups(groups)).values()
    found: list[InstancePlace] = []
    while page := await reports.targets.instances(
        sets, after=found[-1] if found else None, limit=PAGE, only_active=only_active
    ):
        assert len(page) <= PAGE
        found += page
    return found


async def test_a_walk_over_groups_comes_to_each_instance_that_has_not_ended_once(
    deck: Deck, reports: Reports
) -> None:
    groups = grown(deck, 25, 3, 0, 12)
    claimed = deck.claim(7)
    deck.end(claimed[0])
    found = await walked(reports, [*groups, 1])
    open_ones = "SELECT id FROM task WHERE group_task IS NOT NULL AND status != 'succeeded' ORDER BY id"
    assert sorted(one.task_id for one in found) == [task_id for (task_id,) in deck.db.execute(open_ones)]
    assert len(found) == 39
    assert {one.task_id for one in await walked(reports, groups, only_active=True)} == {
        task_id for task_id, _ in claimed[1:]
    }


async def test_a_walk_over_a_group_costs_as_much_more_as_that_is_larger(
    deck: Deck, readers: Readers, reports: Reports
) -> None:
    costs = []
    for size in (FEW, MANY):
        (wide,) = grown(deck, size)
        plans = Plans(deck, readers)
        assert len(await walked(reports, [wide])) == size
        costs.append(plans.cost())
    few, many = costs
    assert many < 1.3 * few * MANY / FEW
