"""Purges by an engine, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.control.api import Target
from core.control.nouns.upkeep import Purge
from core.executors.output_removal import remove_outputs
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import Effect
from core.model.errors import NotFound
from core.model.ports import AttemptRef
from core.model.purges import PurgeView, PurgeWhat
from core.model.records import replace
from tests.support.house import House, script


async def purge(house: House, request: Purge) -> PurgeView:
    """Ask for all parts; return their sum."""
    total, after = PurgeView(), 0
    while after is not None:
        part = await house.control.upkeep.purge(replace(request, after=after))
        total = PurgeView(
            jobs=total.jobs + part.jobs,
            tasks=total.tasks + part.tasks,
            bytes=total.bytes + part.bytes,
            refused=(*total.refused, *part.refused),
        )
        after = part.next
    return total


def folder(house: House, task_id: int) -> Path:
    return house.paths.output / str(task_id)


async def test_a_plan_counts_instances_and_what_their_outputs_take(house: House) -> None:
    job = await house.submit({**script("g", "head -c 9000 /dev/zero"), "for_each": [1, 2, 3]})
    await house.ended(job)
    asked = Purge(what=PurgeWhat.JOBS, where=parse("status:succeeded", Noun.JOBS), reason="old", actor="ann")
    planned = await purge(house, replace(asked, effect=Effect.NONE))
    assert planned.tasks == 4
    assert planned.bytes > 27_000
    assert (await purge(house, asked)).bytes == planned.bytes
    assert list(house.paths.output.iterdir()) == []


async def test_a_plan_tells_what_a_purge_then_takes_and_readers_hear_what_was(house: House) -> None:
    job = await house.submit(script("a", "head -c 9000 /dev/zero"), script("b", "echo b"))
    await house.ended(job)
    other = await house.submit(script("c", "echo c"))
    await house.ended(other)
    first = house.task_id(job, "a")
    await house.control.upkeep.pin(Target(job_id=other), reason="evidence")
    where = parse("status:succeeded", Noun.JOBS)
    asked = Purge(what=PurgeWhat.JOBS, where=where, reason="old", actor="ann")
    planned = await purge(house, replace(asked, effect=Effect.NONE))
    assert folder(house, first).exists()
    assert (planned.jobs, planned.tasks, [one.id for one in planned.refused]) == (1, 2, [other])
    assert planned.bytes > 9000
    taken = await purge(house, asked)
    assert (taken.jobs, taken.tasks, taken.bytes) == (1, 2, planned.bytes)
    assert not folder(house, first).exists()
    with pytest.raises(NotFound, match=rf"job {job} was purged at .* by .*ann.*: old") as gone:
        await house.control.job(job)
    assert gone.value.code == "job.purged"
    with pytest.raises(NotFound, match=f"task {first} was purged"):
        await house.control.task(first)
    # A reader that pages goes on behind what is gone.
    page = await house.control.jobs(parse("sort:id", Noun.JOBS), limit=1)
    assert [
        row.id for row in (await house.control.jobs(parse("sort:id", Noun.JOBS), after=page.next)).rows
    ] == [other]
    await house.control.upkeep.unpin(Target(job_id=other))


async def test_outputs_go_and_the_rows_stay(house: House) -> None:
    job = await house.submit(script("a", "echo a"), script("b", "exit 1"), on_task_failure="continue")
    await house.ended(job)
    where = parse(f"job:{job} status:succeeded", Noun.TASKS)
    taken = await purge(house, Purge(what=PurgeWhat.OUTPUTS, where=where))
    assert taken.tasks == 1
    assert not folder(house, house.task_id(job, "a")).exists()
    assert folder(house, house.task_id(job, "b")).exists()
    assert house.states(job) == {"a": "succeeded", "b": "failed"}
    assert house.rows("SELECT count(*) FROM removal") == [(0,)]
    assert house.engine.children.outputs.use.total is not None


@pytest.mark.parametrize("point", ["purge.decided", "purge.removed", "purge.swept"])
async def test_the_next_engine_ends_what_one_that_was_killed_began(
    house: House, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    job = await house.submit(script("a", "echo a"), script("b", "echo b"))
    await house.ended(job)
    tasks = [house.task_id(job, key) for key in ("a", "b")]

    class Killed(Exception):
        pass

    def die(name: str) -> None:
        if name == point:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("core.engine.housekeeping.purging.crash_point", die)
        with pytest.raises(Killed):
            await purge(house, Purge(what=PurgeWhat.JOBS, ids=(job,), reason="old"))
    await house.stop()
    await house.open()
    await house.until(lambda: not any(folder(house, one).exists() for one in tasks), "the outputs are gone")
    await house.until(
        lambda: house.rows("SELECT (SELECT count(*) FROM removal) + (SELECT count(*) FROM purge)") == [(0,)],
        "nothing is left to do",
    )
    assert house.rows("SELECT id FROM job WHERE id > 1") == []


async def test_a_retry_beside_a_purge_keeps_its_own_output(house: House) -> None:
    job = await house.submit(script("a", 'test "$TASKDECK_EPOCH" = 2 || exit 1; echo again'))
    await house.ended(job)
    task = house.task_id(job, "a")
    outputs = house.engine.children.outputs
    removals = [AttemptRef(task_id=task, epoch=1)]
    # Decided before the retry, carried out after it has begun.
    await house.control.retry(Target(job_id=job))
    await house.ended(job)
    await asyncio.to_thread(remove_outputs, outputs, removals)
    assert [one.name for one in folder(house, task).iterdir()] == ["2"]
    assert (await house.control.logs.chunk(task)).data == b"again\n"
