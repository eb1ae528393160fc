"""Tests of exports: every matching row, complete files, nothing overwritten."""

from __future__ import annotations

import asyncio
import csv
import errno
import json
import os
import stat
from datetime import datetime
from pathlib import Path

import pytest

from console.exports.export_file import ExportFile, is_taken
from console.exports.file_formats import Format, cell_of, csv_text, destination, heading_of, inert, suggested
from console.widgets.line_dialog import LineDialog
from core.control.reading_api import Tasks
from core.filters.fields import Noun
from core.model.errors import Invalid, Unavailable
from core.model.records import replace
from core.model.values import to_iso
from core.render.columns import COLUMNS
from core.render.job_shapes import job_shape, queue_shape, task_shape
from core.render.json_shapes import event_shape
from tests.console.support_console import HOSTILE, VISIBLE, Operator, console
from tests.console.support_fake_control import NOW, FakeControl
from tests.console.support_fake_insight import families_of

AT = datetime(2026, 11, 21, 10, 15)  # noqa: DTZ001 - The clock on the wall is what names the file.


class Slow(FakeControl):
    """A control whose second page of an export comes only when it may, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.may = asyncio.Event()
        self.lost: Unavailable | None = None

    async def answer_tasks(self, request: Tasks):
        if request.limit == 1_000 and request.after is not None:
            await self.may.wait()
            if self.lost:
                raise self.lost
        return await super().answer_tasks(request)


def stocked(control: FakeControl, tasks: int = 4) -> FakeControl:
    """Put two jobs in; every second task has failed."""
    job = control.add_job("nightly")
    control.add_job("weekly")
    for number in range(tasks):
        control.add_task(job, f"t{number + 1}", status="failed" if number % 2 else "queued")
    return control


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that the console was started in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def asked_for(operator: Operator) -> None:
    await operator.press("ctrl+e")
    await operator.until(lambda: isinstance(operator.app.screen, LineDialog), "no file is asked for")


async def export(operator: Operator, name: str) -> None:
    """Ask for a file and name it."""
    await asked_for(operator)
    await operator.press("ctrl+u")
    await operator.type(name)
    await operator.press("enter")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


async def test_all_rows_of_the_filter_are_written_in_its_order_read_or_not(folder: Path) -> None:
    control = stocked(FakeControl(), 2_500)
    async with console(control, at="3") as operator:
        await operator.press("slash")
        await operator.type("status:failed sort:id")
        await operator.press("enter")
        await operator.sees("filter 1,250/2,500")
        await export(operator, "failed.jsonl")
        await operator.hears(f"exported 1,250 rows to {folder / 'failed.jsonl'}")
        failed = [task for task in control.task_rows.values() if task.status == "failed"]
        assert lines(folder / "failed.jsonl") == [task_shape(task) for task in failed]
        assert stat.S_IMODE((folder / "failed.jsonl").stat().st_mode) == 0o600
        assert names(folder) == ["failed.jsonl"]


async def test_a_sensible_name_is_offered_and_enter_takes_it(folder: Path) -> None:
    async with console(stocked(FakeControl())) as operator:
        await operator.sees("weekly")
        await asked_for(operator)
        await operator.sees("Export all jobs of this list to (.jsonl, .csv or .txt)", "taskdeck-jobs-2")
        await operator.press("enter")
        await operator.hears("exported 2 rows to")
        (name,) = names(folder)
        assert datetime.strptime(name, "taskdeck-jobs-%Y%m%d-%H%M%S.jsonl")  # noqa: DTZ007
        await asked_for(operator)
        await operator.press("escape")
        assert names(folder) == [name]


@pytest.mark.parametrize("place", ["jobs", "queues", "events", "retries"])
async def test_every_list_is_written_as_its_command_prints_it(folder: Path, place: str) -> None:
    control = stocked(FakeControl())
    shapes = {
        "jobs": [job_shape(control.job_view(number)) for number in (3, 2)],
        "queues": [queue_shape(queue) for queue in control.queue_views()],
        "events": [event_shape(event) for event in reversed(control.event_rows)],
        "retries": [task_shape(control.task_rows[number]) for number in (4, 2)],
    }
    async with console(control) as operator:
        await operator.press("colon")
        await operator.type(place)
        await operator.press("enter")
        await operator.quiet()
        await export(operator, "rows.jsonl")
        await operator.hears(f"exported {len(shapes[place])} row")
        assert lines(folder / "rows.jsonl") == json.loads(json.dumps(shapes[place]))


async def test_marked_rows_are_written_and_no_others_whatever_the_filter(folder: Path) -> None:
    async with console(stocked(FakeControl(), 6), at="3") as operator:
        await operator.sees("t6")
        await operator.press("space", "j", "space", "slash")
        await operator.type("status:queued")
        await operator.press("enter")
        await operator.sees("filter 3/6", "marks 2")
        await asked_for(operator)
        await operator.sees("Export 2 marked tasks to")
        await operator.press("escape")
        await export(operator, "marked.jsonl")
        await operator.hears("exported 2 rows")
        assert [line["key"] for line in lines(folder / "marked.jsonl")] == ["t6", "t4"]


async def test_marked_queues_are_found_by_their_names(folder: Path) -> None:
    control = stocked(FakeControl())
    control.add_task(2, "m", queue="mail")
    async with console(control, at="7") as operator:
        await operator.sees("mail")
        await operator.press("G", "space")
        await export(operator, "queue.jsonl")
        await operator.hears("exported 1 row to")
        assert [line["name"] for line in lines(folder / "queue.jsonl")] == ["mail"]


async def test_of_all_marked_by_filter_those_unmarked_are_left_out(folder: Path) -> None:
    async with console(stocked(FakeControl(), 6), at="3") as operator:
        await operator.sees("t6")
        await operator.press("asterisk", "space")
        await operator.sees("marks 5 (by filter)")
        await export(operator, "rest.jsonl")
        await operator.hears("exported 5 rows")
        assert [line["key"] for line in lines(folder / "rest.jsonl")] == ["t5", "t4", "t3", "t2", "t1"]


async def test_a_spreadsheet_gets_the_chosen_columns_and_no_formula(folder: Path) -> None:
    control = FakeControl()
    job = control.add_job()
    control.add_task(job, "=1+1", name=HOSTILE, started_at=NOW, finished_at=NOW + 2_500, attempts=1)
    # Narrow: also columns without room are among the chosen ones.
    async with console(control, at="3", size=(60, 15)) as operator:
        await operator.sees("=1+1")
        await operator.press("C", "q", "escape")
        await export(operator, "rows.CSV")
        await operator.hears("exported 1 row to")
        with (folder / "rows.CSV").open(encoding="utf-8", newline="") as file:
            (row,) = csv.DictReader(file)
        assert "queue" not in row
        assert (row["key"], row["name"], row["status"]) == ("'=1+1", VISIBLE, "queued")
        assert (row["created_at"], row["took_seconds"], row["try"]) == (to_iso(NOW), "2.500", "1 of 1")


async def test_columns_of_one_screen_alone_stand_in_its_file(folder: Path) -> None:
    control = stocked(FakeControl())
    control.add_task(
        2, "after", needs=("t1",), error={"code": "shell.exit", "message": "no"}, status="failed"
    )
    found: dict[str, list[dict[str, str]]] = {}
    async with console(control) as operator:
        await operator.press("j", "enter")
        await operator.sees("Job 2", "after")
        await export(operator, "job.csv")
        await operator.hears("exported 5 rows")
        for key, name in (("4", "trouble"), ("7", "queues")):
            await operator.press(key)
            await operator.quiet()
            await export(operator, f"{name}.csv")
            await operator.until((folder / f"{name}.csv").exists, "no file")
    for name in ("job", "trouble", "queues"):
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            found[name] = list(csv.DictReader(file))
    assert [row["needs"] for row in found["job"] if row["key"] == "after"] == ["t1"]
    assert found["trouble"][0]["err"] == "no"
    assert [row["state"] for row in found["queues"]] == ["open"]


async def test_a_file_that_is_there_is_replaced_by_y_alone(folder: Path) -> None:
    (folder / "mine.jsonl").write_text("mine")
    async with console(stocked(FakeControl()), at="3") as operator:
        await operator.sees("t4")
        await export(operator, "mine.jsonl")
        await operator.sees("mine.jsonl is there already. Overwrite it? [y/N]")
        await operator.press("enter")
        await operator.until(lambda: isinstance(operator.app.screen, LineDialog), "it is not asked again")
        assert (folder / "mine.jsonl").read_text() == "mine"
        await operator.press("enter")
        await operator.sees("Overwrite it? [y/N]")
        await operator.press("y")
        await operator.hears("exported 4 rows")
        assert len(lines(folder / "mine.jsonl")) == 4


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("rows.doc", "a name ends in .jsonl, .csv or .txt"),
        ("nowhere/rows.csv", "cannot write rows.csv: missing folder"),
        ("below.csv", "cannot write below.csv: it is a folder, a link or a device; name another file"),
        ("shut/rows.csv/rows.csv", "cannot write rows.csv: missing folder"),
    ],
)
async def test_what_cannot_be_written_is_said_and_leaves_nothing(folder: Path, name: str, words: str) -> None:
    (folder / "below.csv").mkdir()
    (folder / "shut").mkdir()
    (folder / "shut" / "rows.csv").write_text("")
    before = sorted(folder.rglob("*"))
    async with console(stocked(FakeControl()), at="3") as operator:
        await operator.sees("t4")
        await export(operator, name)
        await operator.sees(words, name)
    assert sorted(folder.rglob("*")) == before


async def test_a_list_that_its_order_cut_says_so_in_the_end(folder: Path) -> None:
    class Cut(FakeControl):
        async def answer_tasks(self, request: Tasks):
            return replace(await super().answer_tasks(request), searched=100_000)

    async with console(stocked(Cut()), at="3") as operator:
        await operator.sees("t4")
        await export(operator, "rows.jsonl")
        await operator.hears("; only the newest 100,000 were searched in this order")


async def test_a_full_disk_takes_the_file_away_and_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with console(stocked(FakeControl()), at="3") as operator:
        await operator.sees("t4")
        monkeypatch.setattr("core.files.writing.os.fsync", full)
        await export(operator, "rows.csv")
        await operator.hears("No space left on device")
        assert names(folder) == []


async def test_an_engine_that_goes_on_the_way_leaves_no_file(folder: Path) -> None:
    control = stocked(Slow(), 1_500)
    control.lost = Unavailable("engine.lost", "the engine went away")  # type: ignore[attr-defined]
    async with console(control, at="3") as operator:
        await operator.sees("t1500")
        await export(operator, "rows.jsonl")
        await operator.sees("exported 1,000 rows ...")
        control.may.set()  # type: ignore[attr-defined]
        await operator.hears("nothing was exported: the engine went away")
        await operator.misses("exported 1,000 rows ...")
        assert names(folder) == []


async def test_escape_stops_an_export_before_it_unmarks_and_the_console_lives_meanwhile(folder: Path) -> None:
    control = stocked(Slow(), 1_500)
    async with console(control, at="3") as operator:
        await operator.sees("t1500")
        await operator.press("asterisk")
        await export(operator, "rows.jsonl")
        await operator.sees("exported 1,000 rows ... (Esc stops)")
        (draft,) = folder.iterdir()
        assert stat.S_IMODE(draft.stat().st_mode) == 0o600
        await operator.press("j", "j")
        assert operator.app.screen.table.cursor == 2
        await operator.press("ctrl+e")
        await operator.hears("an export is running: Esc stops it")
        await operator.press("escape")
        await operator.hears("export stopped after 1,000 rows: no file was written")
        await operator.sees("marks 1,500 (by filter)")
        await operator.misses("exported 1,000 rows ...")
        assert names(folder) == []


async def test_leaving_the_list_stops_its_export(folder: Path) -> None:
    control = stocked(Slow(), 1_500)
    async with console(control) as operator:
        await operator.press("j", "enter")
        await operator.sees("Job 2", "t30")
        await export(operator, "rows.jsonl")
        await operator.sees("exported 1,000 rows ...")
        await operator.press("q")
        await operator.hears("export stopped after 1,000 rows")
        assert names(folder) == []


async def test_the_end_of_the_console_stops_its_exports(folder: Path) -> None:
    control = stocked(Slow(), 1_500)
    async with console(control, at="3") as operator:
        await operator.sees("t1500")
        await export(operator, "rows.jsonl")
        await operator.sees("exported 1,000 rows ...")
    assert names(folder) == []


async def test_without_an_engine_or_rows_the_key_is_grey(folder: Path) -> None:
    control = FakeControl()
    async with console(control, at="3") as operator:
        await operator.press("ctrl+e")
        await operator.hears("no rows to export")
        control.engine = None
        await operator.beat()
        await operator.sees("NO ENGINE")
        assert operator.app.screen.why_not("export").startswith("no engine is running")


@pytest.mark.parametrize("fails", [None, errno.EPERM], ids=["links", "no links"])
def test_a_file_that_came_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: int | None
) -> None:
    def no_link(_one: Path, _other: Path) -> None:
        raise OSError(fails, "no links here")

    if fails:
        monkeypatch.setattr("core.files.writing.os.link", no_link)
    path = tmp_path / "rows.jsonl"
    draft = ExportFile(path)
    draft.open()
    draft.write(b"ours")
    path.write_text("theirs")
    with pytest.raises(Invalid, match="File exists"):
        draft.keep_new()
    draft.discard()
    assert (path.read_text(), draft.is_kept, names(tmp_path)) == ("theirs", False, ["rows.jsonl"])
    path.unlink()
    again = ExportFile(path)
    again.open()
    again.write(b"ours")
    again.keep_new()
    again.discard()
    assert (path.read_text(), again.is_kept, names(tmp_path)) == ("ours", True, ["rows.jsonl"])


def test_a_folder_that_went_away_is_told(tmp_path: Path) -> None:
    draft = ExportFile(tmp_path / "gone" / "rows.csv")
    with pytest.raises(Invalid, match=r"cannot write rows\.csv: No such file or directory"):
        draft.open()
    draft.discard()


def test_a_link_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "nothing")
    with pytest.raises(Invalid, match="a link"):
        is_taken(tmp_path / "link.csv")


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "\uff1d1"])
def test_no_cell_begins_as_a_formula(text: str) -> None:
    assert inert(text) == f"'{text}"
    (row,) = csv.reader([csv_text([[text.strip(), 'a,"b"']])])
    assert row[0].startswith("'")
    assert row[1] == 'a,"b"'


def test_an_ending_says_the_format_and_home_is_understood(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert destination(" a.JSONL ", tmp_path).format is Format.JSONL
    assert destination("~/a.csv", tmp_path).path == Path("/somewhere/a.csv")
    assert suggested(Noun.TASKS, AT) == "taskdeck-tasks-20261121-101500.jsonl"
    for bad in ("a", ".csv", "~nobody-here/a.txt"):
        with pytest.raises(Invalid):
            destination(bad, tmp_path)


def test_every_column_of_every_list_can_be_written() -> None:
    control = stocked(FakeControl())
    for noun, columns in COLUMNS.items():
        names = [heading_of(column) for column in columns]
        assert len(set(names)) == len(names)
        rows = families_of(control) if noun is Noun.FAILURES else control.rows_of(noun)
        for view in rows:
            assert all(isinstance(cell_of(column, view), str) for column in columns)
