"""Tests of walks over long lists: each page costs a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.work import Complete, FollowUp
from core.model.outcomes import Succeeded
from core.model.patterns.artifacts import ArtifactFile, KeptArtifact
from core.model.patterns.judgements import Decide, Expand
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.reports.targets import InstancePlace
from tests.store.deck import Deck, stage, task
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


def leave_files(deck: Deck, *names: str) -> None:
    """Let all that is queued succeed, each task with a file of each of these names."""
    files = tuple(ArtifactFile(name=name, path=f"{name}.txt", size=1, hash="ab" * 32) for name in names)
    while claimed := deck.claim(1_000):
        for task_id, epoch in claimed:
            deck.do(Complete(task_id=task_id, epoch=epoch, outcome=Succeeded(), artifacts=files))


async def left(
    reports: Reports, job_id: int, task_id: int | None = None, *, limit: int = 3
) -> list[KeptArtifact]:
    found: list[KeptArtifact] = []
    while page := await reports.artifacts.of_job(
        job_id, task_id=task_id, after=found[-1] if found else None, limit=limit
    ):
        found += page
    return found


async def test_files_are_those_of_a_job_a_task_or_the_instances_of_a_group(
    deck: Deck, reports: Reports
) -> None:
    wide, low = grown(deck, 4, 2)
    (job,) = deck.db.execute("SELECT job_id FROM task WHERE id = ?", (wide,)).fetchone()
    other = deck.job(stage(task("alone")))
    leave_files(deck, "a", "b")
    for limit in (1, 2, 3, 100):
        keys = [(one.key, one.file.name) for one in await left(reports, job, limit=limit)]
        expected = [
            (f"{key}[{n}]", name)
            for key, size in (("g0", 4), ("g1", 2))
            for n in range(size)
            for name in "ab"
        ]
        assert keys == expected
        of_group = await left(reports, job, wide, limit=limit)
        assert [(one.key, one.file.name) for one in of_group] == expected[:8]
        (instance,) = {one.task_id for one in of_group if one.key == "g0[2]"}
        assert [one.file.name for one in await left(reports, job, instance, limit=limit)] == ["a", "b"]
    assert len(await left(reports, job, low)) == 4
    # The task of another job is none of this one.
    assert await left(reports, other, wide) == await left(reports, other, instance) == []


@pytest.mark.parametrize("of", ["job", "group", "task"])
async def test_a_page_of_files_costs_a_page_wherever_it_is(
    deck: Deck, readers: Readers, reports: Reports, of: str
) -> None:
    costs = []
    for size in (FEW, MANY):
        (wide,) = grown(deck, size)
        leave_files(deck, "a")
        (job,) = deck.db.execute("SELECT job_id FROM task WHERE id = ?", (wide,)).fetchone()
        every = await left(reports, job, limit=1_000)
        assert len(every) == size
        task_id = {"job": None, "group": wide, "task": every[0].task_id}[of]
        for after in (None, every[size // 2]):
            plans = Plans(deck, readers)
            page = await reports.artifacts.of_job(job, task_id=task_id, after=after, limit=PAGE)
            begun = 0 if after is None else size // 2 + 1
            expected = every[begun : begun + PAGE]
            assert [*page] == [one for one in expected if of != "task" or one.task_id == task_id]
            assert "TEMP B-TREE" not in " ".join(plans.all())
            costs.append(plans.cost())
    assert max(costs) < 1.5 * min(costs) + 500
