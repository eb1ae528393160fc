"""Tests of orphans: the wrapper dies, the command lives on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import Any

import pytest

from core import host
from core.engine.attempts.orphans import KILL_SECONDS
from core.model.commands.work import Fail, Operated, StopMode, Unhold
from core.model.orphans import OrphanKind, OrphanView
from tests.support.house import House, script, task
from tests.support.refused import Refused
from tests.support.waiting import DEADLINE, ticks, within

RUN = 'test -e "$FLAG" && exit 0; touch "$FLAG"; exec sleep 300'
STATES = "SELECT id, key, status FROM task"
NO_ORPHAN = "it is not a living orphan"


async def orphaned(house: House, key: str = "a", *, on_loss: str = "ask", **more: Any) -> int:
    """Submit a task whose first run sleeps, and kill its wrapper; return its job."""
    flag = house.paths.home / f"{key}.flag"
    # While an engine stops, the manual clock runs on: longer than any stop.
    made = script(key, RUN, on_loss=on_loss, timeout="30d", **more)
    made["with"]["env"] = {"FLAG": str(flag)}
    job = await house.submit(made)
    await house.until(flag.exists, "the child runs")
    kill_wrapper(house, job, key)
    return job


def kill_wrapper(house: House, job: int, key: str = "a") -> None:
    pid = house.paths.output / str(house.task_id(job, key)) / "1" / "pid"
    os.kill(int(pid.read_text().split()[0]), signal.SIGKILL)


async def found(house: House, number: int = 1) -> tuple[OrphanView, ...]:
    """Return the orphans as soon as there are so many, and their commands are what they will be."""
    register = house.engine.runner.orphans
    await house.until(
        lambda: len(register._living) == number, f"{number} orphans are found: {house.rows(STATES)}"
    )
    views = await register.views()
    async with asyncio.timeout(DEADLINE):
        while not all(word.startswith("sleep ") for view in views for word in view.commands):
            views = await register.views()
    return views


def lives(pid: int) -> bool:
    return host.find_process(pid) is not None


async def kill(house: House, *task_ids: int, reason: str = "stuck") -> Operated:
    killing = house.engine.orphan_verbs.kill(task_ids, reason=reason, actor="anna")
    return await within(killing, "the kill is answered")


async def test_a_living_orphan_is_listed_with_its_processes_and_keeps_its_slot(house: House):
    job = await orphaned(house)
    (view,) = await found(house)
    (pid,) = view.pids
    assert lives(pid)
    assert view == OrphanView(
        kind=OrphanKind.LIVING,
        task_id=house.task_id(job, "a"),
        job_id=job,
        key="a",
        epoch=1,
        since=house.clock.now(),
        reason="its wrapper was ended by SIGKILL",
        pids=(pid,),
        commands=("sleep 300",),
        kept=False,
    )
    assert house.engine.info().running == 1
    assert house.states(job) == {"a": "running"}


async def test_what_runs_as_it_should_is_no_orphan(house: House):
    flag = house.paths.home / "a.flag"
    made = script("a", RUN, on_loss="ask")
    made["with"]["env"] = {"FLAG": str(flag)}
    job = await house.submit(made, task("b", "block"))
    await house.until(flag.exists, "the child runs")
    assert await house.engine.orphan_verbs.all() == ()
    done = await kill(house, house.task_id(job, "a"), house.task_id(job, "b"), 4_711)
    assert done == Operated(
        changed=0, refused=tuple(Refused(one, NO_ORPHAN) for one in (*house_ids(house, job), 4_711))
    )
    assert house.states(job) == {"a": "running", "b": "running"}


def house_ids(house: House, job: int) -> list[int]:
    return [one for (one,) in house.rows("SELECT id FROM task WHERE job_id = ? ORDER BY id", job)]


async def test_a_kept_orphan_is_watched_on_and_says_so(house: House):
    job = await orphaned(house)
    (view,) = await found(house)
    task_id = view.task_id
    assert await house.engine.orphan_verbs.keep([task_id, 99], actor="anna") == Operated(
        changed=1, refused=(Refused(99, NO_ORPHAN),)
    )
    assert (await house.engine.orphan_verbs.keep([task_id], actor="anna")).changed == 0
    (kept,) = await found(house)
    assert kept.kept
    assert lives(kept.pids[0])
    assert house.states(job) == {"a": "running"}


async def test_the_history_tells_who_found_an_orphan_and_who_kept_it(house: House):
    job = await orphaned(house)
    (view,) = await found(house)
    await house.engine.orphan_verbs.keep([view.task_id], actor="anna")
    assert house.history(job, "a") == ["task.claimed", "orphan.found", "orphan.kept"]
    (first, second) = house.rows(
        "SELECT job_id, attempt, actor, data FROM event WHERE kind LIKE 'orphan.%' ORDER BY id"
    )
    assert first[:3] == (job, 1, "engine")
    assert json.loads(first[3]) == {"reason": view.reason, "pids": list(view.pids)}
    assert second[:3] == (job, 1, "anna")
    await house.engine.orphan_verbs.keep([view.task_id], actor="berta")
    assert house.history(job, "a").count("orphan.kept") == 1, "what is kept is kept"
    await kill(house, view.task_id)
    # Found before it was closed: the loss stands behind it.
    assert house.history(job, "a")[-3:] == ["orphan.kept", "attempt.lost", "task.held"]


async def test_a_kill_ends_the_processes_and_the_loss_names_who_and_why(house: House):
    job = await orphaned(house)
    (view,) = await found(house)
    assert await kill(house, view.task_id) == Operated(changed=1)
    assert not lives(view.pids[0])
    assert house.states(job) == {"a": "held"}, "on_loss: ask asks what becomes of it"
    assert house.attempts(job, "a") == ["lost"]
    message = "its wrapper was ended by SIGKILL; what lived on was killed by anna: stuck"
    ((data,),) = house.rows("SELECT data FROM event WHERE kind = 'attempt.lost'")
    assert message in data
    error = (await house.look(job, "a")).task.error
    assert error == {"code": "attempt.lost", "message": message}
    assert await house.engine.orphan_verbs.all() == ()


async def test_a_kill_finds_members_that_left_the_session(house: House):
    note = house.paths.home / "note"
    text = "setsid sh -c 'echo $$ >\"$NOTE\"; exec sleep 301' & exec sleep 300"
    made = script("a", text, on_loss="ask")
    made["with"]["env"] = {"NOTE": str(note)}
    job = await house.submit(made)
    await house.until(lambda: note.exists() and note.read_text().strip(), "both run")
    kill_wrapper(house, job)
    (view,) = await found(house)
    assert sorted(view.commands) == ["sleep 300", "sleep 301"]
    assert (await kill(house, view.task_id)).changed == 1
    assert not any(map(lives, view.pids))


async def test_of_many_those_named_are_killed_and_the_others_live_on(house: House):
    first, second = await orphaned(house), await orphaned(house, "b")
    views = await found(house, 2)
    assert [view.key for view in views] == ["a", "b"]
    assert (await kill(house, views[0].task_id)).changed == 1
    assert house.states(first) == {"a": "held"}
    assert house.states(second) == {"b": "running"}
    assert lives(views[1].pids[0])


async def test_who_has_ended_since_it_was_listed_is_refused_and_nobody_is_named(house: House):
    job = await orphaned(house)
    (view,) = await found(house)
    os.kill(view.pids[0], signal.SIGKILL)
    await house.reach(job, "a", "held")
    assert await kill(house, view.task_id) == Operated(changed=0, refused=(Refused(view.task_id, NO_ORPHAN),))
    error = (await house.look(job, "a")).task.error
    assert error == {"code": "attempt.lost", "message": "its wrapper was ended by SIGKILL"}


async def test_who_ended_a_moment_before_the_kill_was_not_killed_by_it(house: House):
    job = await orphaned(house)
    (view,) = await found(house)
    os.kill(view.pids[0], signal.SIGKILL)
    while lives(view.pids[0]):
        # The loop must not turn: the engine has not heard of the end yet.
        os.sched_yield()
    # Straight to the orphans: the way there gives the loop a turn.
    killing = house.engine.runner.orphans.kill([view.task_id], reason="stuck", actor="anna")
    refused = (Refused(view.task_id, NO_ORPHAN),)
    assert await within(killing, "the kill is answered") == Operated(changed=0, refused=refused)
    await house.reach(job, "a", "held")
    error = (await house.look(job, "a")).task.error
    assert error == {"code": "attempt.lost", "message": "its wrapper was ended by SIGKILL"}


async def test_an_orphan_of_a_former_attempt_is_not_taken_for_the_present_one(house: House):
    job = await orphaned(house)
    (view,) = await found(house)
    assert (await kill(house, view.task_id)).changed == 1
    await house.engine.operate(Unhold(task_ids=(view.task_id,)))
    assert (await house.ended(job)).status == "succeeded"
    assert house.attempts(job, "a") == ["lost", "succeeded"]
    assert (await kill(house, view.task_id)).changed == 0


async def test_processes_that_no_kill_ends_are_refused_and_stay_listed(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    job = await orphaned(house)
    (view,) = await found(house)
    # As for a process of another user.
    with monkeypatch.context() as patched:
        patched.setattr(host, "signal_process", lambda process, number: False)
        killing = asyncio.ensure_future(
            house.engine.orphan_verbs.kill([view.task_id], reason="", actor="anna")
        )
        await house.until(
            lambda: round(KILL_SECONDS * 1000) in house.clock.pending(), "it waits for their end"
        )
        house.clock.advance(seconds=KILL_SECONDS)
        done = await within(killing, "the kill is answered")
    assert done == Operated(changed=0, refused=(Refused(view.task_id, "its processes could not be ended"),))
    assert (await found(house)) == (view,)
    assert house.states(job) == {"a": "running"}


@pytest.mark.parametrize(("on_loss", "status"), [("retry", "failed"), ("fail", "failed")])
async def test_without_ask_the_engine_ends_orphans_itself(house: House, on_loss: str, status: str):
    job = await orphaned(house, on_loss=on_loss)
    assert (await house.ended(job)).status == status
    assert await house.code(job, "a") == {"retry": "shell.exit", "fail": "attempt.lost"}[on_loss]
    assert await house.engine.orphan_verbs.all() == ()


async def test_a_cancel_ends_an_orphan_too(house: House):
    job = await orphaned(house)
    (view,) = await found(house)
    await house.control.cancel(house.target(job, "a"))
    await house.reach(job, "a", "cancelled")
    assert not lives(view.pids[0])
    assert house.attempts(job, "a") == ["cancelled"]


async def test_orphans_are_found_again_by_the_next_engine_which_has_forgotten_who_kept_them(house: House):
    job = await orphaned(house)
    (view,) = await found(house)
    await house.engine.orphan_verbs.keep([view.task_id], actor="anna")
    await house.stop()
    house.clock.advance(minutes=5)
    await house.open()
    (again,) = await found(house)
    assert (again.pids, again.commands, again.kept) == (view.pids, view.commands, False)
    assert again.since == house.clock.now()
    assert (await kill(house, again.task_id)).changed == 1
    assert house.states(job) == {"a": "held"}


async def test_a_drain_waits_for_orphans_until_they_are_killed(house: House):
    job = await orphaned(house)
    (view,) = await found(house)
    house.engine.stop(StopMode.DRAIN)
    await house.settle()
    await ticks(20)
    assert not house.engine._stopped.is_set()
    assert (await kill(house, view.task_id)).changed == 1
    await within(house.engine.stopped(), "the engine ends")
    assert house.states(job) == {"a": "held"}


async def test_a_task_held_after_its_loss_runs_again_when_it_is_let_go(house: House):
    job = await orphaned(house)
    (view,) = await found(house)
    await kill(house, view.task_id)
    assert (await house.engine.operate(Unhold(task_ids=(view.task_id,)))).changed == 1
    assert (await house.ended(job)).status == "succeeded"


async def test_a_task_held_after_its_loss_can_be_given_up(house: House):
    job = await orphaned(house)
    (view,) = await found(house)
    await kill(house, view.task_id)
    done = await house.engine.operate(Fail(task_ids=(view.task_id,), reason="not worth it", actor="anna"))
    assert done == Operated(changed=1)
    assert (await house.ended(job)).status == "failed"
    assert house.states(job) == {"a": "failed"}
