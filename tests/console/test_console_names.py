"""Tests of the names in lists."""

from __future__ import annotations

import pytest

from console.navigation.history import AsOf
from core.filters.fields import Noun
from core.filters.terms import Filter
from core.model.errors import Unavailable
from tests.console.support_console import HOSTILE, console
from tests.console.support_fake_control import NOW, FakeControl


async def test_the_name_of_its_job_stands_beside_the_number_and_is_asked_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # An age of whole days is narrower: the name would have more room, in one hour of each day.
    monkeypatch.setattr("console.rows.listing.present_ms", lambda: NOW + 1_000 * 86_400_000 + 43_200_000)
    control = FakeControl()
    job, odd = control.add_job(f"nightly-{'import-' * 9}region-07-customers"), control.add_job(HOSTILE)
    for _ in range(3):
        control.add_task(job, "load")
    control.add_task(odd, "odd")
    async with console(control, at="3", size=(100, 20)) as operator:
        await operator.sees("OF JOB", "nightly-impor…", "region-07-customers  load", "␛[31m")
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


@pytest.mark.parametrize("place", ["tasks", "retries", "events", "orphans", "pulse", "as of", "found lines"])
async def test_beside_every_number_of_a_job_stands_its_name(place: str) -> None:
    control = FakeControl()
    job = control.add_job("nightly-import-of-customers")
    control.add_task(job, "load", status="failed", error={"code": "exit", "message": "exit 3"})
    control.add_task(job, "parse", status="running")
    control.add_orphan(2)
    control.outputs[1] = b"red\n"
    async with console(control, size=(160, 30)) as operator:
        subjects = {"as of": AsOf(at=NOW), "found lines": Filter(noun=Noun.TASKS)}
        if place in subjects:
            operator.app.navigator.visit(place, subjects[place])
            await operator.quiet()
            if place == "as of":
                await operator.press("a")
            else:
                await operator.press(*"red", "enter")
        else:
            operator.app.navigator.show_root(place)
        await operator.sees("OF JOB", "nightly-import-of")
