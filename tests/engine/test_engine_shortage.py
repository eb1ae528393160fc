"""Tests of an engine whose machine lacks what a start needs."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from core import host
from core.control.api import Target
from core.engine.attempts.attempt import Running
from core.engine.attempts.resolved_input import ResolvedInput
from core.engine.shortage import Closed, Shortage
from core.executors import child, spawning
from core.model.errors import MachineShort, TaskdeckError
from core.model.outcomes import Outcome
from core.model.ports import AttemptRef, ProcessExit
from core.model.shortages import shortage
from tests.support.house import House, script, task
from tests.support.manual_time import ManualAlarms, ManualClock
from tests.support.waiting import until_now

KINDS = {
    errno.EMFILE: "short.descriptors",
    errno.ENFILE: "short.descriptors",
    errno.EAGAIN: "short.processes",
    errno.ENOMEM: "short.memory",
}


class Machine:
    """Refuses to start processes while it is short."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: int | None = None
        self.refused = 0
        self._popen = subprocess.Popen
        monkeypatch.setattr("core.executors.spawning.subprocess.Popen", self.start)

    def start(self, *args: Any, **how: Any) -> subprocess.Popen[bytes]:
        if self.error is not None:
            self.refused += 1
            raise OSError(self.error, os.strerror(self.error))
        return self._popen(*args, **how)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


async def pause(house: House) -> int:
    """Let the pause that is told pass; return how long it was, in seconds."""
    (closed,) = house.engine.info().closed
    assert closed.until is not None
    seconds = (closed.until - house.clock.now()) // 1000
    house.clock.advance(seconds=seconds)
    await house.settle()
    return seconds


@pytest.mark.parametrize("number", KINDS)
async def test_a_shortage_closes_the_claims_and_fails_no_task(house: House, machine: Machine, number: int):
    machine.error = number
    job = await house.submit(script("a", "exit 0"), script("b", "exit 0"), script("c", "exit 0"))
    await house.until(lambda: machine.refused >= 3, "all three were refused")
    await house.settle()
    begun = house.clock.now()
    assert [closed.code for closed in house.engine.info().closed] == [KINDS[number]]
    # The slots of a try are those that are taken and one more; each pause is twice the one before.
    assert [await pause(house) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert machine.refused == 3 + 8
    assert set(house.states(job).values()) == {"queued"}
    assert (await house.control.status()).closed[0].since == begun
    machine.error = None
    await pause(house)
    assert (await house.ended(job)).status == "succeeded"
    assert house.engine.info().closed == ()
    assert house.rows("SELECT sum(bounces) FROM task WHERE job_id = ?", job) == [(0,)]
    assert house.engine.journal.slots == 4


@pytest.mark.parametrize("place", ["resolve", "start"])
async def test_memory_that_is_short_before_a_call_begins_fails_no_task(
    house: House, monkeypatch: pytest.MonkeyPatch, place: str
):
    def short(*_: object, **__: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        if place == "resolve":
            patched.setattr(ResolvedInput, "call", short)
        else:
            patched.setattr("core.executors.child.spawn", short)
        job = await house.submit(script("a", "exit 0"))
        await house.until(lambda: house.attempts(job, "a") == ["bounced"], "it was refused")
        await house.settle()
        assert [closed.code for closed in house.engine.info().closed] == ["short.memory"]
    await pause(house)
    assert (await house.ended(job)).status == "succeeded"


async def test_a_process_that_began_although_memory_was_short_runs_once(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    begun = spawning.spawn

    def short(*args: Any, **how: Any) -> int:
        begun(*args, **how)
        until_now((tmp_path / "ran").exists, "it runs")
        raise MemoryError

    os.mkfifo(tmp_path / "go")
    with monkeypatch.context() as patched:
        patched.setattr("core.executors.child.spawn", short)
        job = await house.submit(script("a", f"echo x >>{tmp_path}/ran; read line <{tmp_path}/go"))
        await house.until((tmp_path / "ran").exists, "it runs")
        await house.settle()
    assert house.history(job, "a") == ["task.claimed"], "it is no orphan, which would be ended"
    await asyncio.to_thread((tmp_path / "go").write_text, "x\n")
    assert (await house.ended(job)).status == "succeeded"
    assert ((tmp_path / "ran").read_text(), house.attempts(job, "a")) == ("x\n", ["succeeded"])


async def test_a_process_that_cannot_be_seen_for_want_of_memory_has_not_ended(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    find, asked = host.find_child, []

    def find_child(pid: int) -> host.Process | None:
        asked.append(pid)
        if len(asked) < 4:
            raise MemoryError
        return find(pid)

    os.mkfifo(tmp_path / "go")
    monkeypatch.setattr(child, "BLIND_SECONDS", 0)
    monkeypatch.setattr(host, "find_child", find_child)
    job = await house.submit(script("a", f"read line <{tmp_path}/go"))
    await house.until(lambda: len(asked) >= 4, "it was looked for")
    assert house.states(job) == {"a": "running"}
    await asyncio.to_thread((tmp_path / "go").write_text, "x\n")
    assert (await house.ended(job)).status == "succeeded"
    assert house.attempts(job, "a") == ["succeeded"]


async def test_the_end_of_a_process_is_judged_again_when_there_is_memory(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    judged, asked = ResolvedInput.conclude, []

    def conclude(self: ResolvedInput, end: ProcessExit) -> Outcome:
        asked.append(end)
        if len(asked) < 3:
            raise MemoryError
        return judged(self, end)

    monkeypatch.setattr(ResolvedInput, "conclude", conclude)
    job = await house.submit(script("a", "exit 0"))
    await house.until(lambda: asked, "its end was judged")
    await house.settle()
    assert [closed.code for closed in house.engine.info().closed] == ["short.memory"]
    assert house.states(job) == {"a": "running"}

    def judged_again() -> bool:
        house.clock.advance(seconds=1)
        return len(asked) == 3

    await house.until(judged_again, "it is judged again")
    assert (await house.ended(job)).status == "succeeded"
    assert house.attempts(job, "a") == ["succeeded"]


async def test_a_full_disk_for_outputs_closes_the_claims(house: House, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("core.executors.outputs.write_new", full)
        job = await house.submit(script("a", "exit 0"))
        await house.until(lambda: house.attempts(job, "a") == ["bounced"], "it was refused")
        await house.settle()
        assert [closed.code for closed in house.engine.info().closed] == ["short.disk"]
    await pause(house)
    assert (await house.ended(job)).status == "succeeded"


async def test_a_wrapper_that_cannot_fork_closes_the_claims(house: House, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patched:
        patched.setattr(spawning, "WRAPPER", spawning.WRAPPER.replace("(true", "exit 2; (true"))
        job = await house.submit(script("a", "exit 0"))
        await house.until(lambda: house.attempts(job, "a") == ["bounced"], "it was not begun")
        await house.settle()
        assert [closed.code for closed in house.engine.info().closed] == ["short.start"]
    await pause(house)
    assert (await house.ended(job)).status == "succeeded"
    assert house.rows("SELECT sum(bounces) FROM task WHERE job_id = ?", job) == [(0,)]


async def test_a_file_in_the_place_of_all_outputs_fails_no_task(house: House):
    house.paths.output.rmdir()
    house.paths.output.write_text("in the way")
    job = await house.submit(script("a", "exit 0"))
    await house.until(lambda: house.engine.info().closed, "the claims are closed")
    await house.settle()
    assert [closed.code for closed in house.engine.info().closed] == ["output.unwritable"]
    house.paths.output.unlink()
    await pause(house)
    assert (await house.ended(job)).status == "succeeded"


async def test_a_shortage_that_nothing_can_show_any_more_is_over(house: House, machine: Machine):
    machine.error = errno.EAGAIN
    job = await house.submit(script("a", "exit 0"))
    await house.until(lambda: house.engine.info().closed, "the claims are closed")
    await house.settle()
    await house.control.cancel(Target(job_id=job))
    await house.ended(job)
    await pause(house)
    house.clock.advance(seconds=1)
    assert house.engine.info().closed == ()
    assert (await house.finish(task("b"))).status == "succeeded"


async def test_a_shortage_is_not_over_while_the_start_that_is_tried_takes_longer_than_its_pause(
    house: House, machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    inputs, gate, asked = house.engine.runner.inputs, asyncio.Event(), []
    resolve = inputs.resolve

    async def slow(running: Running) -> ResolvedInput:
        asked.append(running.ref)
        await gate.wait()
        return await resolve(running)

    machine.error = errno.EAGAIN
    job = await house.submit(script("a", "exit 0"), script("b", "exit 0"))
    await house.until(lambda: machine.refused == 2, "both were refused")
    await house.settle()
    monkeypatch.setattr(inputs, "foresee", lambda _: None)
    monkeypatch.setattr(inputs, "resolve", slow)
    assert await pause(house) == 1
    await house.until(lambda: asked, "one is tried")
    for _ in range(5):
        house.clock.advance(seconds=1)
        await house.settle()
    assert [one.code for one in house.engine.info().closed] == ["short.processes"]
    assert len(asked) == 1
    gate.set()
    await house.until(lambda: machine.refused == 3, "it was refused")
    await house.settle()
    machine.error = None
    assert await pause(house) == 2
    assert (await house.ended(job)).status == "succeeded"
    assert house.engine.info().closed == ()


class Claims:
    """Claims that nothing has looked for yet."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.has_claimed = False

    def close(self, reason: Closed, error: TaskdeckError | None = None, *, until: int | None = None) -> None:
        self.said.append("close")

    def retry(self, reason: Closed) -> None:
        self.said.append("retry")

    def reopen(self, reason: Closed) -> None:
        self.said.append("reopen")


async def test_a_shortage_is_not_over_before_a_batch_has_looked_for_what_could_show_it():
    clock, claims = ManualClock(), Claims()
    short = Shortage(clock, ManualAlarms(clock))
    short.control(claims)
    short.report(MachineShort("short.memory", "none left", hint="free some"))
    clock.advance(seconds=10)
    assert claims.said == ["close", "retry"]
    claims.has_claimed = True
    clock.advance(seconds=1)
    assert claims.said == ["close", "retry", "reopen"]


async def test_pauses_grow_though_each_process_is_made_before_it_says_that_it_cannot_begin():
    clock, claims = ManualClock(), Claims()
    short = Shortage(clock, ManualAlarms(clock))
    short.control(claims)
    pauses = []
    for number in range(4):
        ref = AttemptRef(task_id=1, epoch=number + 1)
        begun = clock.now()
        short.report(MachineShort("short.start", "cannot fork", hint="end some"))
        while claims.said[-1] != "retry":
            clock.advance(seconds=1)
        pauses.append((clock.now() - begun) // 1000)
        short.begin(ref)
        short.passed(ref)
        assert claims.said[-1] == "reopen"
    assert pauses == [1, 2, 4, 8]
    short.prove()
    short.report(MachineShort("short.start", "cannot fork", hint="end some"))
    clock.advance(seconds=1)
    assert claims.said[-1] == "retry"


async def test_a_cancel_of_what_bounced_for_want_of_something_is_told_by_its_events(
    house: House, machine: Machine
):
    """The fixture folds the events into the rows."""
    machine.error = errno.EMFILE
    job = await house.submit(script("a", "exit 0"))
    await house.until(lambda: house.history(job, "a").count("task.bounced") == 1, "it bounced")
    await house.control.cancel(house.target(job, "a"))
    assert (await house.ended(job)).status == "cancelled"
    assert await house.code(job, "a") == "machine.short"


def test_the_cause_of_an_error_is_looked_for():
    inner = ExceptionGroup("all attempts", [ValueError("x"), OSError(errno.EMFILE, "many")])
    outer = OSError("all connection attempts failed")
    outer.__cause__ = inner
    found = shortage(outer)
    assert found is not None
    assert (found.code, found.facts) == ("short.descriptors", {"errno": "EMFILE"})
    assert shortage(OSError(errno.EACCES, "no")) is None
