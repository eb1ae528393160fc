"""What reads a store answers, or names the row at fault."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.control import reading_api as api
from core.control import wire
from core.control.all_verbs import VERBS
from core.control.arguments import EventQuery
from core.control.nouns import (
    data,
    failures,
    health,
    history,
    ledger,
    limits,
    logs,
    notices,
    past,
    schedules,
    signals,
    upkeep,
    work_items,
    workflows,
)
from core.control.reading import ReadingControl
from core.control.requests import Kind, Request, verb_of
from core.control.sights import Sights
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.errors import TaskdeckError, Unavailable
from core.model.failures import FamilyScope
from core.model.limits.entry_views import EntryQuery
from core.model.limits.usage_views import UsageBy, UsageQuery
from core.store.damage import Damage as FoundDamage
from core.store.damage import find_damage
from core.store.readers import Readers
from core.store.reports import Reports
from tests.store.deck import Deck
from tests.support.damage import Damage, damages, fill, inflict
from tests.support.seeds import seeds

Home = Callable[[], Path]
_ASKED: tuple[Request[Any], ...] = (
    api.Jobs(),
    api.Job(job_id=2),
    api.JobDetail(job_id=2),
    api.Tasks(),
    *(api.Task(task_id=number) for number in (1, 2, 3)),
    api.FindTask(ref="2/a"),
    api.Groups(),
    api.Queues(),
    api.Events(),
    api.Events(query=EventQuery(job_id=2)),
    api.Count(where=parse("status:failed", Noun.TASKS)),
    api.Preview(where=parse("status:failed", Noun.TASKS)),
    api.Pulse(),
    api.Why(task_id=1),
    api.WhyJob(job_id=2),
    api.Timeline(job_id=2),
    api.Runs(workflow="work"),
    api.Definition(job_id=2),
    limits.Capacity(),
    limits.Gauges(name="api"),
    health.ReadHealth(),
    ledger.Entries(query=EntryQuery(limit="api")),
    ledger.Usage(query=UsageQuery(by=UsageBy.PROJECT, since=0, until=10**13)),
    notices.ListNotices(),
    schedules.ListSchedules(),
    schedules.GetSchedule(name="nightly"),
    schedules.ExpectedWorkflows(),
    schedules.GetDowntime(),
    schedules.Fires(name="nightly"),
    signals.ListSignals(),
    work_items.ListWorkItems(),
    work_items.GetWorkItem(item_id=1),
    work_items.FindWorkItem(ref="2/a"),
    workflows.ListWorkflows(),
    workflows.GetWorkflow(name="wf"),
    failures.Families(scope=FamilyScope.ALL),
    data.Variables(job_id=2),
    data.Outputs(job_id=2),
    data.Artifacts(job_id=2),
    data.Instances(group_id=1),
    logs.LogLines(task_id=3),
    upkeep.Retention(),
    upkeep.Disk(),
    past.PastCounts(at=1_100),
    past.PastJobs(event=8),
    past.PastTasks(event=8),
    history.GetJobAt(job_id=2, at=1_100),
    history.TasksAt(job_id=2, event=15),
    history.CompareJobs(before=2, after=2),
)
_NOT_OF_ROWS = {
    "bundle_rows": "writes a file",
    "predict": "needs a document",
    "fires_to_come": "reads no row",
    "machine_zone": "reads no row",
    "log": "as log_lines",
    "find_in_log": "as log_lines",
    "count_in_log": "as log_lines",
    "find_in_logs": "as log_lines",
}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    deck = Deck(tmp_path_factory.mktemp("deck") / "deck.db", fill=fill)
    deck.close()
    return deck.path.read_bytes()


@pytest.fixture
def new_home(image: bytes, tmp_path: Path) -> Iterator[Home]:
    """Make homes with the store of these tests."""
    numbers = iter(range(10_000))

    def make() -> Path:
        home = tmp_path / str(next(numbers))
        home.mkdir()
        (home / "taskdeck.db").write_bytes(image)
        return home

    return make


@asynccontextmanager
async def opened(home: Path, heard: list[TaskdeckError] | None = None) -> AsyncIterator[ReadingControl]:
    readers = Readers(home / "taskdeck.db")
    sights = Sights(damage=None if heard is None else heard.append)
    control = ReadingControl(Reports(readers), home / "output", sights=sights, readers=readers)
    try:
        yield control
    finally:
        await control.close()


async def fault(control: ReadingControl, request: Request[Any]) -> str:
    """Ask for what can be shown, and read it as a client does; return the code."""
    try:
        answer = await control.ask_checked(request)
        wire.decode_answer(wire.encode_answer(answer), verb_of(request).answer)
    except TaskdeckError as error:
        return error.code
    return ""


def test_these_tests_ask_all_that_reads_rows() -> None:
    reading = {verb.name for verb in VERBS.values() if verb.kind is Kind.READ}
    assert reading == {verb_of(request).name for request in _ASKED} | _NOT_OF_ROWS.keys()


async def test_a_sound_store_is_read_as_it_is(new_home: Home) -> None:
    async with opened(new_home()) as control:
        codes = {await fault(control, request) for request in _ASKED}
        assert codes <= {"", "limit.unmetered"}
        assert control.sound_rows.damaged == ()


@pytest.mark.parametrize("seed", seeds(1, soak=160))
async def test_whatever_stands_in_a_column_is_answered_or_named(new_home: Home, seed: int) -> None:
    chosen = random.Random(seed).sample(list(damages()), 8)
    for damage in chosen:
        home = new_home()
        if inflict(home / "taskdeck.db", damage):
            async with opened(home) as control:
                for request in _ASKED:
                    code = await fault(control, request)
                    assert code not in ("engine.garbled", "store.broken", "number.range"), (damage, request)


async def test_rows_beside_a_damaged_one_are_read_and_that_is_named(new_home: Home) -> None:
    home, heard = new_home(), list[TaskdeckError]()
    damaged = Damage("check_change", "status", "blob", "x'ff'")
    assert inflict(home / "taskdeck.db", damaged)
    async with opened(home, heard) as control:
        assert (await control.ask(health.ReadHealth())).checks == ()
    assert heard[0].code == "store.row"
    assert heard[0].facts == {"table": "check_change", "row": "1", "column": "status"}
    assert "row 1 of check_change breaks a rule of its table: `status` is a text" in heard[0].message


async def test_what_could_not_be_shown_is_answered_without_its_row(new_home: Home) -> None:
    home = new_home()
    inflict(home / "taskdeck.db", Damage("notice", "at", "text", "'high'"))
    async with opened(home) as control:
        assert (await control.ask(notices.ListNotices())).rows != ()
        assert control.left_out == ()
        assert (await control.ask_checked(notices.ListNotices())).rows == ()
        assert all("of notice breaks a rule" in row for row in control.left_out)
        assert len(control.left_out) == 2


async def test_what_only_a_damaged_row_could_tell_is_refused_with_its_name(new_home: Home) -> None:
    home = new_home()
    inflict(home / "taskdeck.db", Damage("check_change", "status", "blob", "x'ff'"))
    inflict(home / "taskdeck.db", Damage("workflow", "added_at", "text", "'high'"))
    async with opened(home) as control:
        with pytest.raises(Unavailable, match="and 1 more") as refused:
            await control.sound_rows.ask(workflows.GetWorkflow(name="wf"), KeyError())
    assert refused.value.code == "store.row"
    assert refused.value.facts == {"table": "workflow", "row": "wf 1", "column": "added_at"}


async def test_a_version_whose_text_is_gone_is_named(new_home: Home) -> None:
    home = new_home()
    inflict(home / "taskdeck.db", Damage("workflow_text", "hash", "word", "'other'"))
    async with opened(home) as control:
        with pytest.raises(Unavailable, match="row wf 1 of workflow") as refused:
            await control.ask(workflows.GetWorkflow(name="wf"))
    assert refused.value.code == "store.row"


async def test_an_error_that_comes_of_no_row_stays_what_it_is(
    new_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(new_home()) as control:

        async def broken() -> None:
            raise KeyError("ours")

        looks = list[Path]()

        def find(path: Path) -> FoundDamage:
            looks.append(path)
            return find_damage(path)

        monkeypatch.setattr("core.control.sound_rows.find_damage", find)
        monkeypatch.setattr(control._reports.queues, "all", broken)
        for _ in range(3):
            with pytest.raises(KeyError, match="ours"):
                await control.ask(api.Queues())
        assert len(looks) == 1


async def test_a_damaged_store_is_looked_through_once_for_many_readings(
    new_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, looks = new_home(), list[Path]()
    inflict(home / "taskdeck.db", Damage("check_change", "status", "blob", "x'ff'"))

    def find(path: Path) -> FoundDamage:
        looks.append(path)
        return find_damage(path)

    monkeypatch.setattr("core.control.sound_rows.find_damage", find)
    async with opened(home) as control:
        for _ in range(3):
            assert (await control.ask(health.ReadHealth())).checks == ()
    assert len(looks) == 1
