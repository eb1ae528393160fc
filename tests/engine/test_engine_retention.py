"""Retention by an engine, and what the clock may not bring."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import zstandard

from core.control.api import Target
from core.engine.housekeeping.output_quota import Made
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.disk import LEAST_PAGES
from core.model.limits.limits import Capacity
from core.model.retention import DAY_MS, Keep, KeepBoth, RetentionPolicy
from tests.support.house import House, script, task

DAY_HOURS = 24


def folder(house: House, task_id: int) -> Path:
    return house.paths.output / str(task_id)


async def passes(house: House, *, days: float = 0) -> None:
    """Let time pass, both looks at the clock included, and wait for the end of the pass that follows."""
    house.clock.advance(hours=DAY_HOURS * days, minutes=11)
    await settled(house)
    house.clock.advance(hours=1.1)
    await settled(house)


async def settled(house: House) -> None:
    retention = house.engine.upkeep.retention
    await house.until(lambda: retention._running is None or retention._running.done(), "the pass ends")
    assert retention._running is None or retention._running.exception() is None


def archived(folder: Path) -> list[dict]:
    rows = []
    for file in folder.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600
        with file.open("rb") as packed:
            text = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read()
        rows += [json.loads(line) for line in text.splitlines()]
    return rows


def jobs(house: House) -> list[int]:
    return [row[0] for row in house.rows("SELECT id FROM job WHERE id > 1 ORDER BY id")]


async def test_outputs_go_before_rows_and_what_failed_stays_longer(house: House) -> None:
    good = await house.submit(script("a", "echo a"))
    bad = await house.submit(script("b", "exit 1"))
    kept = await house.submit(script("c", "echo c"))
    for job in (good, bad, kept):
        await house.ended(job)
    await house.control.upkeep.pin(Target(job_id=kept))
    tasks = {job: house.task_id(job, key) for job, key in ((good, "a"), (bad, "b"), (kept, "c"))}
    await passes(house, days=29)
    assert all(folder(house, task).exists() for task in tasks.values())
    await passes(house, days=2)
    assert [folder(house, task).exists() for task in tasks.values()] == [False, True, True]
    assert jobs(house) == [good, bad, kept]
    await passes(house, days=60)
    assert jobs(house) == [bad, kept]
    fact = house.rows("SELECT actor, data FROM event WHERE kind = 'job.purged'")
    assert [(actor, json.loads(data)["cause"]) for actor, data in fact] == [("engine", "age")]
    await passes(house, days=300)
    assert jobs(house) == [kept]


async def test_a_store_without_retention_before_is_told_a_week_ahead_or_until_it_is_applied(
    empty_house: House,
) -> None:
    house = empty_house
    policy = RetentionPolicy(usual=KeepBoth(succeeded=Keep(outputs_ms=DAY_MS, rows_ms=DAY_MS)))
    house.capacity = Capacity(retention=policy)
    engine = await house.open()
    # As a store of an older version is brought up.
    engine.journal._writer.connection.execute("UPDATE retention SET noticed_at = NULL, applied_at = NULL")
    job = await house.submit(script("a", "echo a"))
    await house.ended(job)
    await passes(house, days=2)
    noticed = await house.control.events(None)
    (notice,) = [one for one in noticed.rows if one.kind == "retention.noticed"]
    assert (notice.data["jobs"], notice.data["outputs_of_tasks"]) == (1, 1)
    await passes(house, days=6)
    view = await house.control.upkeep.retention()
    assert (view.policy.usual.succeeded.rows_ms, view.state.found["jobs"]) == (90 * DAY_MS, 1)
    assert jobs(house) == [job]
    assert await engine.upkeep.retention.make_room(1) is Made.NOTHING
    await house.control.upkeep.apply_retention(actor="ann")
    await settled(house)
    assert jobs(house) == []
    assert len((await house.control.events(None)).rows) > 0
    assert house.rows("SELECT count(*) FROM event WHERE kind = 'retention.applied'") == [(1,)]


async def test_a_step_of_the_clock_ahead_takes_nothing_before_a_second_look(house: House) -> None:
    job = await house.submit(script("a", "echo a"))
    await house.ended(job)
    await passes(house)
    house.clock.set_wall(4_000 * DAY_MS)
    # The first pass after the step only looks.
    house.clock.advance(hours=1.1)
    await settled(house)
    assert jobs(house) == [job]
    house.clock.advance(minutes=9)
    await settled(house)
    assert jobs(house) == [job]
    # It is set right before the second look.
    house.clock.set_wall(-4_000 * DAY_MS)
    await passes(house)
    assert jobs(house) == [job]
    house.clock.set_wall(4_000 * DAY_MS)
    house.clock.advance(hours=1.1)
    await settled(house)
    house.clock.advance(minutes=11)
    await settled(house)
    assert jobs(house) == []


async def test_the_newest_jobs_of_a_workflow_stay_and_rows_are_archived(empty_house: House) -> None:
    house = empty_house
    own = KeepBoth(succeeded=Keep(jobs=2))
    house.capacity = Capacity(retention=RetentionPolicy(workflows={"work": own}, archive="archive"))
    await house.open()
    numbers = []
    for _ in range(4):
        numbers.append(await house.submit(script("a", "echo a")))
        await house.ended(numbers[-1])
    other = await house.submit(script("a", "echo a"), name="other")
    await house.ended(other)
    await passes(house)
    assert jobs(house) == [*numbers[2:], other]
    rows = archived(house.paths.home / "archive")
    assert [row["id"] for row in rows if row["table"] == "job"] == numbers[:2]
    kinds = [row["kind"] for row in rows if row["table"] == "event" and row["job_id"] == numbers[0]]
    assert {"job.created", "task.created", "job.succeeded"} <= set(kinds)
    assert {"definition", "stage", "task", "attempt"} < {row["table"] for row in rows}


async def test_what_belongs_to_no_job_goes_after_a_year_and_is_archived_first(empty_house: House) -> None:
    house = empty_house
    house.capacity = Capacity(retention=RetentionPolicy(archive="archive", history_ms=100 * DAY_MS))
    first = await house.open()
    begun = house.rows("SELECT id, kind FROM event WHERE job_id IS NULL")
    assert ("engine.started",) in [row[1:] for row in begun]
    job = await house.submit(script("a", "echo a"))
    await house.ended(job)
    await passes(house, days=99)
    assert house.rows("SELECT count(*) FROM event WHERE kind = 'engine.started'") == [(1,)]
    assert jobs(house) == []
    await passes(house, days=2)
    assert house.rows("SELECT count(*) FROM event WHERE kind = 'engine.started'") == [(0,)]
    assert house.rows("SELECT count(*) FROM definition") == [(0,)]
    assert len(house.rows("SELECT id FROM event WHERE kind = 'history.forgotten'")) == 1
    rows = archived(house.paths.home / "archive")
    assert {row["id"] for row in rows if row["table"] == "event"} >= {number for number, _ in begun}
    assert first is house.engine


async def test_a_first_notice_counts_what_belongs_to_no_job_and_takes_nothing(empty_house: House) -> None:
    house = empty_house
    house.capacity = Capacity(retention=RetentionPolicy(history_ms=DAY_MS))
    engine = await house.open()
    engine.journal._writer.connection.execute("UPDATE retention SET noticed_at = NULL, applied_at = NULL")
    await house.ended(await house.submit(script("a", "echo a")))
    await passes(house, days=2)
    assert (await house.control.upkeep.retention()).state.found["events"] >= 1
    assert house.rows("SELECT count(*) FROM event WHERE kind = 'engine.started'") == [(1,)]


async def test_large_outputs_in_the_store_go_with_the_last_task_that_names_them(empty_house: House) -> None:
    house = empty_house
    policy = RetentionPolicy(usual=KeepBoth(succeeded=Keep(rows_ms=3 * DAY_MS)))
    house.capacity = Capacity(retention=policy)
    await house.open()
    text = "head -c 9000 /dev/zero | tr '\\0' x"
    for _ in range(2):
        await house.ended(await house.submit(script("a", text), script("b", "head -c 8000 /dev/zero")))
        house.clock.advance(hours=2 * DAY_HOURS)
    large = house.rows("SELECT count(*) FROM payload WHERE length(body) > 8000")[0][0]
    assert large == 4
    await passes(house)
    assert house.rows("SELECT count(*) FROM payload WHERE length(body) > 8000") == [(2,)]
    assert len(jobs(house)) == 1
    await passes(house, days=2)
    assert jobs(house) == []
    assert house.rows("SELECT count(*) FROM payload") == [(0,)]


async def test_the_file_of_the_store_gets_smaller_after_a_pass(empty_house: House) -> None:
    house = empty_house
    house.capacity = Capacity(retention=RetentionPolicy(usual=KeepBoth(succeeded=Keep(rows_ms=DAY_MS))))
    await house.open()
    text = "x" * 3_000
    await house.ended(await house.submit(*(task(f"t{n}", steer={"text": text}) for n in range(800))))
    (before,) = house.rows("PRAGMA page_count")[0]
    await passes(house, days=2)
    (after,), (unused,) = house.rows("PRAGMA page_count")[0], house.rows("PRAGMA freelist_count")[0]
    assert after < before - LEAST_PAGES
    assert LEAST_PAGES - 256 < unused <= LEAST_PAGES
    view = await house.control.upkeep.disk()
    assert (view.is_shrinking, view.unused_pages) == (True, unused)


async def test_at_the_quota_the_oldest_outputs_go_and_claims_stay_open(house: House) -> None:
    numbers = []
    for text in ("head -c 400000 /dev/zero", "head -c 400000 /dev/zero; exit 1", "head -c 400000 /dev/zero"):
        job = await house.submit(script("a", text))
        await house.ended(job)
        numbers.append(house.task_id(job, "a"))
    janitor, use = house.engine.upkeep.janitor, house.engine.children.outputs.use
    janitor.quota = 1_000_000
    house.clock.advance(seconds=1)
    await house.until(lambda: not folder(house, numbers[0]).exists(), "the oldest outputs are removed")
    await house.until(lambda: (use.total or 0) < 900_000, "what is left is counted")
    assert [folder(house, task).exists() for task in numbers] == [False, True, True]
    assert house.engine.info().closed == ()
    told = [
        one for one in (await house.control.events(None, limit=500)).rows if one.kind == "outputs.removed"
    ]
    assert [one.data["cause"] for one in told] == ["quota"]
    assert (await house.control.count(parse("kind:outputs.removed", Noun.EVENTS))).number == 1
    # Of what failed nothing goes: when there is nothing else, claims close and say so.
    janitor.quota = 300_000

    def are_closed() -> bool:
        house.clock.advance(seconds=1)
        return bool(house.engine.info().closed)

    await house.until(are_closed, "the claims are closed")
    assert [one.code for one in house.engine.info().closed] == ["output.quota"]
    assert folder(house, numbers[1]).exists()
    view = await house.control.upkeep.disk()
    assert (view.folders, view.is_partial) == (1, False)
    assert {(share.of, share.name) for share in view.shares} >= {
        ("workflow", "work"),
        ("age", "over 90 days"),
    }


async def test_room_is_looked_for_among_older_tasks_again_but_not_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.engine.housekeeping.output_quota.AGAIN", 1e9)
    numbers = []
    for end in ("exit 1", ":", ":"):
        job = await house.submit(script("a", f"head -c 400000 /dev/zero; {end}"))
        await house.ended(job)
        numbers.append((job, house.task_id(job, "a")))
    await house.control.upkeep.pin(Target(job_id=numbers[1][0]))
    use, retention = house.engine.children.outputs.use, house.engine.upkeep.retention
    await house.until(lambda: use.total is not None, "outputs are walked")
    use.measure(())
    assert await retention.make_room(1_000_000) is Made.ENOUGH
    assert [folder(house, task).exists() for _, task in numbers] == [True, True, False]
    # In vain up to the last id: the pin that goes then is not seen for a while.
    assert await retention.make_room(600_000) is Made.NOTHING
    await house.control.upkeep.unpin(Target(job_id=numbers[1][0]))
    assert await retention.make_room(600_000) is Made.NOTHING
    monkeypatch.setattr(retention._quota, "_again_at", 0.0)
    assert await retention.make_room(600_000) is Made.ENOUGH
    assert [folder(house, task).exists() for _, task in numbers] == [True, False, False]


async def test_claims_stay_open_until_there_is_nothing_left_to_remove(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.ended(await house.submit(script("a", "head -c 400000 /dev/zero; exit 1")))
    answers, closed = [Made.NOTHING, Made.MORE, Made.MORE], []

    async def make_room(_quota: int) -> Made:
        closed.append(house.engine.info().closed)
        return answers.pop() if answers else Made.NOTHING

    monkeypatch.setattr(house.engine.upkeep.retention, "make_room", make_room)
    house.engine.upkeep.janitor.quota = 300_000

    def are_closed() -> bool:
        house.clock.advance(seconds=1)
        return bool(house.engine.info().closed)

    await house.until(are_closed, "the claims are closed")
    assert (closed[:3], answers) == ([(), (), ()], [])


@pytest.fixture(autouse=True)
def in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing rests beside what runs."""
    monkeypatch.setattr("core.engine.housekeeping.retention.BUSY_SHARE", 0.0)
    monkeypatch.setattr("core.engine.housekeeping.output_quota.REST", 0.0)
