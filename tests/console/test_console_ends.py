"""The key to the last row gets there, or says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from console.navigation.history import AsOf, GaugeRef
from core.model.limits.entry_views import EntryView
from core.model.past import PastJob
from core.model.patterns.artifacts import ArtifactFile, KeptArtifact
from core.model.views import Page
from tests.console.support_console import console
from tests.console.support_fake_control import NOW, FakeControl
from tests.console.support_stocked_notices import notice
from tests.console.support_stocked_schedules import MINUTE, fire, stock_schedules

ROWS = 900


def jobs(control: FakeControl) -> None:
    for _ in range(ROWS):
        control.add_job("nightly", status="succeeded")


def notices(control: FakeControl) -> None:
    control.notice_views = [notice(number + 1) for number in range(ROWS)]


def fires(control: FakeControl) -> None:
    stock_schedules(control)
    control.fire_views = [fire(MINUTE * number) for number in range(ROWS)]


def entries(control: FakeControl) -> None:
    control.entries = [
        EntryView(
            id=ROWS - number, at=NOW, kind="settled", unit="usd", amount=5, counted_at=NOW, task_id=1, epoch=1
        )
        for number in range(ROWS)
    ]


def artifacts(control: FakeControl) -> None:
    job = control.add_job("nightly")
    control.artifact_rows[job] = [
        KeptArtifact(
            task_id=1,
            epoch=1,
            position=number,
            key="a",
            file=ArtifactFile(name="report", path=f"{number:04}.pdf", size=1, hash="ab"),
        )
        for number in range(ROWS)
    ]


LISTS: dict[str, tuple[Callable[[FakeControl], None], str, object]] = {
    "jobs": (jobs, "jobs", None),
    "notices": (notices, "notices", None),
    "fires of a schedule": (fires, "schedule", "backup"),
    "entries of a budget": (entries, "entries", GaugeRef(limit="team", key="")),
    "files of a job": (artifacts, "artifacts", 2),
    "an earlier time": (jobs, "as of", AsOf(at=NOW)),
}


@pytest.mark.parametrize("name", LISTS)
async def test_the_last_row_is_reached_in_steps_that_say_that_more_follow(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.rows.pages.REACH", 300)
    control = FakeControl()
    stock, place, subject = LISTS[name]
    stock(control)
    async with console(control) as operator:
        if subject is None:
            operator.app.navigator.show_root(place)
        else:
            operator.app.navigator.visit(place, subject)
        await operator.sees("row 1/")
        await operator.press("G")
        await operator.hears(", and more follow: the same key reads on")
        operator.told.clear()
        await operator.press("G")
        await operator.sees("row 900/900")
        await operator.misses("900+")
        assert not [words for words in operator.told if "more follow" in words]


async def test_jobs_of_then_that_were_not_all_looked_through_say_so() -> None:
    control = FakeControl()
    control.add_job("nightly", status="succeeded")
    whole = control.answer_past_jobs

    async def cut(request: object) -> Page[PastJob]:
        found = await whole(request)
        return Page(rows=found.rows, next="100001", searched=100_000)

    control.answer_past_jobs = cut
    async with console(control) as operator:
        operator.app.navigator.visit("as of", AsOf(at=NOW))
        await operator.sees("Jobs   (searched newest 100k)", "row 1/1")
