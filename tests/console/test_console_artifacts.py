"""Tests of the screen of artifacts: listed, copied, opened, exported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.rows.artifact_rows import ArtifactPages
from console.screens.artifacts import ArtifactsScreen
from core.model.patterns.artifacts import ArtifactFile, KeptArtifact
from core.model.records import replace
from tests.console.support_console import HOSTILE, VISIBLE, console, strips_of
from tests.console.support_fake_control import INFO, FakeControl


def kept(task_id: int, name: str, position: int = 0, *, path: str = "", key: str = "make") -> KeptArtifact:
    file = ArtifactFile(name=name, path=path or f"out/{name}{position}.pdf", size=2048, hash="ab" * 32)
    return KeptArtifact(task_id=task_id, epoch=1, position=position, file=file, key=key)


def stocked() -> FakeControl:
    control = FakeControl()
    job = control.add_job("films")
    control.add_task(job, "make", status="succeeded")
    control.add_task(job, "check", status="succeeded")
    control.artifact_rows[job] = [
        *(kept(1, "report", number) for number in range(3)),
        kept(2, "log", key="check", path=f"{HOSTILE}.log"),
    ]
    return control


async def test_pages_are_those_of_a_job_or_of_one_task() -> None:
    control = stocked()
    pages = ArtifactPages(control, home=lambda: "/deck")
    assert (await pages.read(None, 9)).rows == ()
    pages.job_id = 2
    first = await pages.read(None, 3)
    assert [str(row.copy) for row in first.rows] == [
        f"/deck/output/1/1/artifact-report-{number}.pdf" for number in range(3)
    ]
    second = await pages.read(first.next, 3)
    assert [(row.kept.key, row.job_id) for row in second.rows] == [("check", 2)]
    assert second.next is None
    pages.task_id = 1
    first = await pages.read(None, 2)
    rest = await pages.read(first.next, 2)
    assert [row.kept.position for row in (*first.rows, *rest.rows)] == [0, 1, 2]
    assert rest.next is None


async def test_files_of_a_job_and_of_a_task_are_shown_opened_copied_and_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = stocked()
    control.engine = replace(INFO, home=str(tmp_path))
    ran: list[list[str]] = []

    def run(_: object, argv: list[str]) -> str:
        ran.append(argv)
        return ""

    monkeypatch.setattr("console.screens.artifacts.run_program", run)
    monkeypatch.setattr("console.screens.artifacts.pager", lambda: ["less"])
    monkeypatch.chdir(tmp_path)
    async with console(control, home=tmp_path) as operator:
        await operator.press("2", "a")
        await operator.sees("Artifacts of job 2  4 files", "report", "2.0 kB", "out/report2.pdf", VISIBLE[:6])
        assert all(line.isprintable() for line in strips_of(operator.app.screen))
        path = tmp_path / "output/1/1/artifact-report-0.pdf"
        await operator.sees(str(path)[:40], f"sha256 {'ab' * 32}", "out/report0.pdf: attempt 1")

        await operator.press("enter")
        await operator.hears("the copy is gone")
        path.parent.mkdir(parents=True)
        path.write_text("x")
        await operator.press("enter")
        await operator.until(lambda: ran == [["less", str(path)]], "it is not opened")
        await operator.press("y", "p")
        await operator.until(lambda: (tmp_path / "copied.txt").read_text() == str(path), "no path")

        await operator.press("ctrl+e", *["backspace"] * 80, *"all.jsonl", "enter")
        await operator.hears("exported 4 rows")
        shapes = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
        assert (shapes[0]["artifact"], shapes[0]["file"], shapes[0]["sha256"]) == (
            "report",
            str(path),
            "ab" * 32,
        )

        await operator.press("i")
        await operator.sees("Task 1  make")
        await operator.press("a")
        await operator.sees("Artifacts of task 1  3 files")
        await operator.press("escape", "escape", "escape", "enter")
        await operator.sees("stage 1 main")
        await operator.press("a")
        await operator.sees("Artifacts of job 2")
        control.artifact_rows.clear()
        await operator.press("ctrl+r")
        await operator.sees("job 2 left no files: `artifacts:` of a task names them")
        # What is on another machine is not opened.
        control.artifact_rows[2] = [kept(1, "report")]
        await operator.press("ctrl+r")
        await operator.sees("out/report0.pdf")
        screen = operator.app.screen
        assert isinstance(screen, ArtifactsScreen)
        operator.app.desk.host = "me@box"
        assert "y copies its path" in screen.why_not("open")


async def test_without_an_engine_no_place_of_a_file_is_known_and_nothing_is_opened() -> None:
    control = stocked()
    control.engine = None
    async with console(control) as operator:
        await operator.press("2", "a")
        screen = await operator.sees("Artifacts of job 2", "out/report0.pdf: attempt 1")
        assert "artifact-report" not in screen
        page = operator.app.screen
        assert isinstance(page, ArtifactsScreen)
        assert page.why_not("open") == "no engine says where its files are"


async def test_the_files_of_the_instances_are_those_of_a_group() -> None:
    control = FakeControl()
    job = control.add_job("films")
    group = control.add_group(job, "cut", ["succeeded"] * 2)
    control.artifact_rows[job] = [
        kept(group + 1, "film", key="cut[0]"),
        kept(group + 2, "film", key="cut[1]"),
    ]
    async with console(control) as operator:
        await operator.press("3", "slash", *"key:cut", "enter")
        await operator.sees("cut 2/2", "row 1/1")
        await operator.press("enter", "a")
        await operator.sees(f"Artifacts of task {group}  2 files", "cut[0]", "cut[1]")


@pytest.mark.parametrize(
    ("kind", "place", "is_read"),
    [
        ("artifact.kept", "here", True),
        ("task.rerun", "here", True),
        ("artifact.kept", "elsewhere", False),
        ("task.rerun", "elsewhere", False),
        ("task.claimed", "here", False),
        ("job.succeeded", "here", False),
        ("outputs.removed", "elsewhere", True),
    ],
)
async def test_files_are_read_again_after_events_of_their_job_that_may_change_them(
    kind: str, place: str, *, is_read: bool
) -> None:
    control = stocked()
    other = control.add_job("other")
    far = control.add_task(other, "far")
    async with console(control) as operator:
        await operator.press("slash", *"id:2", "enter", "a")
        await operator.sees("Artifacts of job 2  4 files")
        await operator.beat()
        await operator.quiet()
        control.reads.clear()
        control.add_event(kind, task_id=1 if place == "here" else far)
        await operator.beat()
        await operator.quiet()
        await operator.quiet()
        assert ("artifacts" in control.reads) == is_read
        assert ("events" in control.reads) == (kind in ("artifact.kept", "task.rerun"))


async def test_the_way_to_the_last_file_says_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.rows.pages.REACH", 200)
    control = stocked()
    control.artifact_rows[2] = [kept(1, "report", number) for number in range(900)]
    async with console(control) as operator:
        await operator.press("2", "a")
        await operator.sees("Artifacts of job 2  400+ files")
        await operator.press("G")
        await operator.hears("and more follow: the same key reads on")
