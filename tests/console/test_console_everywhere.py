"""Tests that every screen can be copied and exported, and how."""

from __future__ import annotations

import json
from pathlib import Path

from console.dialogs.menu import MenuDialog
from console.navigation.history import AsOf, GaugeRef, JobMoment, JobPair
from console.shell.palette_entries import entries_of
from console.shell.places import ROOTS, all_names
from console.widgets.form import SafeInput
from console.widgets.line_dialog import LineDialog
from core.filters.fields import Noun
from core.filters.terms import Filter
from core.model.limits.entry_views import EntryView
from core.model.orphans import OrphanKind
from core.model.patterns.artifacts import ArtifactFile, KeptArtifact
from tests.console.support_console import HOSTILE, VISIBLE, Operator, console
from tests.console.support_fake_control import NOW, FakeControl
from tests.console.support_fake_items import item
from tests.console.support_fake_money import stock_limits
from tests.console.support_stocked_notices import stock_notices
from tests.console.support_stocked_schedules import stock_schedules

ABOUT = {
    "a job": ("job", 2),
    "its graph": ("graph", 2),
    "its timeline": ("timeline", 2),
    "its history": ("history", 2),
    "it after an event": ("job at", JobMoment(job_id=2, event=2, noise=3)),
    "its graph after an event": ("graph at", JobMoment(job_id=2, event=2, noise=3)),
    "two jobs compared": ("difference", JobPair(after=2)),
    "the runs of a workflow": ("runs", "nightly"),
    "a task": ("task", 1),
    "its log": ("log", 1),
    "files that tasks left": ("artifacts", 2),
    "lines found in logs": ("found lines", Filter(noun=Noun.TASKS)),
    "why a task waits": ("why", 2),
    "an earlier time": ("as of", AsOf(at=NOW)),
    "a schedule": ("schedule", "backup"),
    "the gauges of a limit": ("gauges", "team"),
    "the entries of a budget": ("entries", GaugeRef(limit="team", key="")),
}
"""The places that are about something, by their name, with what they are about."""


def stocked() -> FakeControl:
    control = FakeControl()
    job = control.add_job("nightly")
    error = {"code": "exit", "message": f"no {HOSTILE}"}
    control.add_task(job, "fetch", status="failed", error=error, attempts=1, family="3fa91c22d0")
    control.add_task(job, "load", status="blocked", needs=("fetch",))
    control.add_task(job, "gone", status="running")
    control.add_orphan(3, kind=OrphanKind.LOST)
    stock_limits(control)
    stock_schedules(control)
    stock_notices(control)
    control.add_item(item(1, title=HOSTILE))
    left = ArtifactFile(name="report", path=f"{HOSTILE}.pdf", size=1, hash="ab")
    control.artifact_rows[job] = [KeptArtifact(task_id=1, epoch=1, position=0, file=left, key=HOSTILE)]
    control.outputs[1] = b"first\n\x1b[31mred\n"
    control.entries = [
        EntryView(id=1, at=NOW, kind="settled", unit="usd", amount=5, counted_at=NOW, task_id=1, epoch=1)
    ]
    return control


def test_every_place_is_walked() -> None:
    assert {*ROOTS, *ABOUT} == set(all_names())


async def offers_both(operator: Operator, name: str) -> None:
    """Go to a place; it offers to copy and to export."""
    if name in ROOTS:
        operator.app.navigator.show_root(name)
    else:
        # So that none stands on another.
        operator.app.navigator.show_root("jobs")
        operator.app.navigator.visit(*ABOUT[name])
    await operator.quiet()
    if name == "lines found in logs":
        await operator.press(*"red", "enter")
        await operator.quiet()
    screen = operator.app.navigator.current
    assert screen is not None
    await operator.until(lambda: not screen.exporter.why_not(), f"{name} cannot be exported")
    offered = {str(entry.action): entry.reason for entry in entries_of(screen, None)}
    assert (offered["app.copy"], offered["app.export"]) == ("", ""), name
    await operator.press("y")
    await operator.until(lambda: isinstance(operator.app.screen, MenuDialog), f"{name} cannot be copied")
    await operator.press("escape", "ctrl+e")
    await operator.until(lambda: isinstance(operator.app.screen, LineDialog), f"{name} asks for no file")
    await operator.press("escape")


async def test_every_screen_offers_to_copy_and_to_export_what_it_shows(tmp_path: Path) -> None:
    async with console(stocked(), home=tmp_path) as operator:
        for name in (*ROOTS, *ABOUT):
            await offers_both(operator, name)


async def written(operator: Operator, to: Path) -> str:
    """Export what is shown to a file, and return what is in it."""
    await operator.press("ctrl+e")
    await operator.until(lambda: isinstance(operator.app.screen, LineDialog), "no file is asked for")
    operator.app.screen.query_one(SafeInput).value = str(to)
    await operator.press("enter")
    await operator.until(to.exists, f"{to.name} was not written")
    await operator.quiet()
    return to.read_bytes().decode()


async def test_a_panel_is_exported_as_json_csv_and_text(tmp_path: Path) -> None:
    async with console(stocked(), at="1") as operator:
        await operator.sees("exit")
        (row,) = map(json.loads, (await written(operator, tmp_path / "a.jsonl")).splitlines())
        assert row["id"] == "3fa91c22d0"
        assert VISIBLE in await written(operator, tmp_path / "a.csv")
        head, line = (await written(operator, tmp_path / "a.txt")).splitlines()
        assert head.startswith("WHAT FAILS")
        assert VISIBLE in line
        await operator.press("tab")
        assert "needs" in await written(operator, tmp_path / "b.txt")


async def test_texts_are_exported_as_they_stand_and_an_output_byte_by_byte(tmp_path: Path) -> None:
    async with console(stocked(), at="3") as operator:
        await operator.press("G", "w")
        await operator.sees("Why task")
        assert "fetch" in await written(operator, tmp_path / "why.txt")
        assert json.loads(await written(operator, tmp_path / "why.jsonl"))["task_id"]
    async with console(stocked()) as operator:
        operator.app.navigator.visit("log", 1)
        await operator.sees("first")
        assert await written(operator, tmp_path / "o.log") == "first\n\x1b[31mred\n"


async def test_a_row_is_copied_as_shown_and_a_command_names_its_home_and_host(tmp_path: Path) -> None:
    async with console(stocked(), at="3", home=tmp_path) as operator:
        await operator.press("g", "y")
        await operator.sees("row: ", "command line: taskdeck logs", "--home")
        await operator.press("r")
        await operator.hears("copied the row")
        assert "\t" in (tmp_path / "copied.txt").read_text()
