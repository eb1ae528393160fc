"""Tests of silence and of soft limits of attempts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.model.errors import Invalid, InvalidDocument
from core.model.task_specs import TaskSpec
from tests.support.house import House, script, task

ECHO = 'touch "$FLAG"; while read -r line; do echo "$line"; done <"$PIPE"'


GRACE_MS = 7_321
"""How long an attempt that was asked to end has for it."""


class Told:
    """A task that writes a line whenever it is told to."""

    def __init__(self, house: House, folder: Path) -> None:
        self._house = house
        self._flag, self._pipe = folder / "flag", folder / "pipe"
        os.mkfifo(self._pipe)

    async def start(self, **limits: object) -> int:
        env = {"FLAG": str(self._flag), "PIPE": str(self._pipe)}
        self.job = await self._house.submit({**script("a", ECHO, **limits), "env": env})
        await self._house.until(self._flag.exists, "the child runs")
        self._end = os.open(self._pipe, os.O_RDWR)
        return self.job

    async def write(self) -> None:
        """Let it write, and wait until that is in its output."""
        before = self._size()
        os.write(self._end, b"line\n")
        await self._house.until(lambda: self._size() > before, "the line is kept")

    def events(self, kind: str) -> int:
        ((number,),) = self._house.rows("SELECT count(*) FROM event WHERE kind = ?", kind)
        return int(number)

    def close(self) -> None:
        os.close(self._end)

    def _size(self) -> int:
        path = self._house.paths.output / str(self._house.task_id(self.job, "a")) / "1" / "out"
        return path.stat().st_size


async def test_a_child_that_writes_nothing_is_ended_and_one_that_writes_goes_on(house: House, tmp_path: Path):
    told = Told(house, tmp_path)
    job = await told.start(silence="80s", retry={"max_attempts": 1, "on": ["timeout"]})
    for _ in range(3):
        house.clock.advance(seconds=70)
        await told.write()
    await house.settle()
    assert house.states(job) == {"a": "running"}
    house.clock.advance(seconds=79)
    await house.settle()
    assert house.states(job) == {"a": "running"}
    house.clock.advance(seconds=12)
    assert (await house.ended(job)).status == "failed"
    assert house.attempts(job, "a") == ["timed_out"]
    assert await house.code(job, "a") == "timeout.silence"
    assert (await house.control.logs.chunk(house.task_id(job, "a"))).data == 3 * b"line\n"
    told.close()


async def test_the_sleep_of_a_machine_is_no_silence(empty_house: House, tmp_path: Path):
    house, told = empty_house, Told(empty_house, tmp_path)
    await house.open(cancel_grace=GRACE_MS / 1000)
    job = await told.start(silence="80s")
    house.clock.leap(ms=3_600_000)
    house.clock.advance(seconds=70)
    assert GRACE_MS not in house.clock.pending()
    house.clock.advance(seconds=10)
    assert GRACE_MS in house.clock.pending()
    await house.ended(job)
    told.close()


async def test_soft_limits_tell_and_end_nothing(house: House, tmp_path: Path):
    told = Told(house, tmp_path)
    job = await told.start(soft_timeout="10m", soft_silence="80s")
    house.clock.advance(seconds=300)
    await told.write()
    house.clock.advance(seconds=200)
    await house.until(lambda: told.events("task.silent") == 2, "both silences are told")
    house.clock.advance(seconds=100)
    await house.until(lambda: told.events("task.slow") == 1, "it is told to be slow")
    # The engine that takes over tells it no second time.
    await house.stop()
    await house.open()
    house.clock.advance(seconds=1)
    await house.settle()
    assert told.events("task.slow") == 1
    assert house.states(job) == {"a": "running"}
    os.write(told._end, b"")
    told.close()
    await house.ended(job)


async def test_a_call_without_output_has_no_silence(house: House):
    with pytest.raises(InvalidDocument) as of_document:
        await house.submit(task("a", "succeed", silence="1m"))
    (fault,) = of_document.value.faults
    assert (fault.code, fault.path) == ("document.silence", "tasks[0].silence")
    with pytest.raises(Invalid) as loose:
        await house.control.enqueue([TaskSpec(uses="steer", with_={"do": "succeed"}, soft_silence="1m")])
    assert loose.value.code == "task.soft_silence"
    await house.finish(task("a"), defaults={"silence": "1m"})


def test_a_loose_task_says_its_limits_and_faults_name_the_field():
    plan = TaskSpec(uses="shell", silence="15m", soft_timeout=90, soft_silence="none").to_plan()
    assert (plan.watchdog.silence_ms, plan.watchdog.soft_timeout_ms) == (900_000, 90_000)
    with pytest.raises(Invalid) as caught:
        TaskSpec(uses="shell", silence="soon")
    assert caught.value.code == "task.silence"
