"""Tests of processes that live on after their attempts."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import host
from core.control.api import Target
from core.executors import child, spawning
from core.model.commands.work import StopMode
from core.model.orphans import OrphanKind
from core.model.plans import Leftovers, TaskPlan
from tests.support.house import House, script
from tests.support.waiting import within

BACKGROUND = {
    "same session": "sleep 300 & echo $! >$NOTE",
    "ignores its hang-up": "nohup sleep 300 >/dev/null 2>&1 & echo $! >$NOTE",
    "no variables": "env -i /bin/sleep 300 & echo $! >$NOTE",
    "double fork": "(sh -c 'echo $$ >$NOTE; exec sleep 300' &) ; while ! test -s $NOTE; do :; done",
}
AWAY = "setsid sh -c 'echo $$ >$NOTE; exec sleep 300' & while ! test -s $NOTE; do :; done"


async def left(house: House, text: str, **more: object) -> tuple[int, int]:
    """Run a task that leaves a process; return the task and the process."""
    note = house.paths.home / "note"
    note.unlink(missing_ok=True)
    made = script("a", text, **more)
    made["with"]["env"] = {"NOTE": str(note)}
    job = await house.submit(made)
    assert (await house.ended(job)).status == "succeeded"
    return house.task_id(job, "a"), int(Path(note).read_text())


def lives(pid: int) -> bool:
    return host.find_process(pid) is not None


async def later(house: House, condition: Callable[[], object], story: str) -> None:
    """Let time pass until it is so: what is left gets its moment a little after the attempt has ended."""
    await house.until(lambda: [house.clock.advance(seconds=1), condition()][1], story)


def told(house: House) -> list[bool]:
    rows = house.rows("SELECT data FROM event WHERE kind = 'orphan.left' ORDER BY id")
    return [json.loads(data)["killed"] for (data,) in rows]


@pytest.mark.parametrize("kind", BACKGROUND)
async def test_what_stays_in_the_session_is_ended_after_a_moment(house: House, kind: str):
    _, pid = await left(house, BACKGROUND[kind])
    assert lives(pid), "it may still finish by itself"
    await later(house, lambda: not lives(pid), "it was ended")
    await house.until(lambda: told(house) == [True], "the history tells it")
    assert await house.engine.orphan_verbs.all() == ()


async def test_it_is_ended_too_where_the_attempt_ended_before_it_was_looked_at(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    def spawn_slowly(*args: Any, **kwargs: Any) -> int:
        pid = spawning.spawn(*args, **kwargs)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return pid

    monkeypatch.setattr(child, "spawn", spawn_slowly)
    _, pid = await left(house, BACKGROUND["same session"])
    await later(house, lambda: not lives(pid), "it was ended")
    await house.until(lambda: told(house) == [True], "the history tells it")


async def test_a_look_that_fails_for_want_of_descriptors_is_repeated(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    looked: list[int] = []

    def short_once(prefix: str) -> list[tuple[host.Process, str]]:
        looked.append(1)
        if len(looked) == 1:
            raise OSError(errno.EMFILE, "too many open files")
        return marked(prefix)

    marked = host.marked
    monkeypatch.setattr(host, "marked", short_once)
    _, pid = await left(house, BACKGROUND["same session"])
    await later(house, lambda: not lives(pid), "it was ended")
    assert len(looked) > 1


async def test_what_left_the_session_is_kept_and_listed_until_it_is_killed(house: House):
    task, pid = await left(house, AWAY)
    await later(house, lambda: told(house) == [False], "the history tells it")
    (view,) = await house.control.orphans.all()
    assert (view.kind, view.task_id, view.key, view.pids) == (OrphanKind.LEFT, task, "a", (pid,))
    assert view.reason == f"left behind by task {task}"
    assert view.commands == ("sleep 300",)
    done = await house.control.orphans.kill(Target(task_ids=(task,)), reason="enough", actor="anna")
    assert (done.changed, done.refused) == (1, ())
    await house.until(lambda: not lives(pid), "it was ended")
    assert await house.control.orphans.all() == ()


async def test_keep_leaves_all_and_a_stop_with_kill_ends_them(house: House):
    _, pid = await left(house, BACKGROUND["same session"], leftovers="keep")
    await later(house, lambda: told(house) == [False], "the history tells it")
    assert lives(pid)
    await within(house.stop(), "the engine stops")
    assert lives(pid)
    await house.open()
    (view,) = await house.control.orphans.all()
    assert view.pids == (pid,), "the next engine lists it too"
    house.engine.stop(StopMode.KILL)
    await within(house.stop(kill=True), "the engine stops")
    await house.until(lambda: not lives(pid), "it was ended")


async def test_an_engine_that_stops_at_once_ends_what_the_policy_ends(house: House):
    _, pid = await left(house, BACKGROUND["same session"])
    await within(house.stop(), "the engine stops")
    await house.until(lambda: not lives(pid), "it was ended")


async def test_the_policy_of_defaults_and_of_loose_tasks(house: House):
    with_ = {"argv": ["true"]}
    job = await house.submit(
        {"key": "a", "uses": "shell", "with": with_},
        {"key": "b", "uses": "shell", "with": with_, "leftovers": "kill"},
        defaults={"leftovers": "keep"},
    )
    await house.ended(job)
    stored = "SELECT json_extract(spec, '$.leftovers') FROM task WHERE job_id = ? ORDER BY id"
    assert house.rows(stored, job) == [("keep",), (None,)]
    plan = TaskPlan(key="c", uses="shell", with_=with_, leftovers=Leftovers.KEEP)
    await house.engine.enqueue([plan], group=None, actor="anna")
    await house.settle()
    assert ("keep",) in house.rows(stored, 1)
