"""Tests of the names in lists."""

from __future__ import annotations

from core.model.errors import Unavailable
from tests.console.support_console import HOSTILE, console
from tests.console.support_fake_control import FakeControl


async def test_the_name_of_its_job_stands_beside_the_number_and_is_asked_for_once() -> None:
    control = FakeControl()
    job, odd = control.add_job(f"nightly-{'import-' * 9}region-07-customers"), control.add_job(HOSTILE)
    for _ in range(3):
        control.add_task(job, "load")
    control.add_task(odd, "odd")
    async with console(control, at="3", size=(100, 20)) as operator:
        await operator.sees("OF JOB", "nightly-import…", "region-07-customers  load", "␛[31m")
        reads = control.reads["jobs"]
        control.set_task(1, status="running")
        await operator.beat()
        await operator.sees("● running")
        assert control.reads["jobs"] == reads


async def test_tasks_are_listed_although_the_names_of_jobs_cannot_be_read() -> None:
    control = FakeControl()
    control.add_task(control.add_job("nightly"), "load")

    async def refuse(_: object) -> None:
        raise Unavailable("store.busy", "the store is busy")

    control.answer_jobs = refuse
    async with console(control, at="3", size=(140, 20)) as operator:
        await operator.sees("load", "row 1/1")
        await operator.misses("nightly")


async def test_a_loose_task_is_called_by_its_command_and_its_own_name() -> None:
    control = FakeControl()
    control.add_task(1, "sh", name="row 555")
    control.add_task(1, "sh", name="sh")
    control.add_task(control.add_job(), "parse", name="reads all")
    async with console(control, at="3", size=(140, 20)) as operator:
        screen = await operator.sees("sh · row 555", "parse")
        assert "sh · sh" not in screen
        assert "parse · " not in screen
