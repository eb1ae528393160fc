"""Artifacts of attempts in an engine: kept, read, missing, kept once."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from core.control.nouns.upkeep import Purge
from core.model.purges import PurgeWhat
from tests.support.house import House, script


def leaves(key: str, text: str, folder: Path, *needs: str, **more: Any) -> dict[str, Any]:
    made = script(key, text, *needs, **more)
    made["with"]["cwd"] = str(folder)
    return made


def copies(house: House) -> dict[str, bytes]:
    root = house.paths.output
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.glob("*/*/artifact-*"))
    }


async def two_that_leave_the_same(house: House, folder: Path) -> list[int]:
    """Submit two jobs that leave files of the same content, each in a folder of its own."""
    jobs = []
    for name in ("one", "two"):
        (folder / name).mkdir()
        jobs.append(await house.submit(leaves("make", "echo same >x", folder / name, artifacts={"x": "x"})))
    return jobs


async def test_files_that_a_task_leaves_are_kept_and_read_by_others(house: House, tmp_path: Path):
    job = await house.submit(
        leaves(
            "make",
            "mkdir -p out/in; echo one >out/a.pdf; echo two >out/in/b.txt; echo three >out/.c",
            tmp_path,
            artifacts={"report": "out/*.pdf", "all": "${{ params.where }}/**"},
        ),
        script("lose", f"rm -r {tmp_path}/out", "make"),
        {
            "key": "read",
            "uses": "shell",
            "needs": ["lose"],
            "with": {
                "argv": [
                    "cat",
                    "${{ tasks.make.artifacts.report.path }}",
                    "${{ tasks.make.artifacts.all.paths[1] }}",
                ]
            },
            "when": "tasks.make.artifacts.all.files == 2 && tasks.make.artifacts.all.path == null"
            " && tasks.make.artifacts.report.size == 4",
        },
        params={"where": {"default": "out"}},
    )
    assert (await house.ended(job)).status == "succeeded"
    assert (await house.look(job, "read")).output["text"] == "one\ntwo\n"
    make = house.task_id(job, "make")
    assert copies(house) == {
        f"{make}/1/artifact-all-0.pdf": b"one\n",
        f"{make}/1/artifact-all-1.txt": b"two\n",
        f"{make}/1/artifact-report-0.pdf": b"one\n",
    }
    assert house.rows("SELECT name, position, path, size FROM artifact ORDER BY name, position") == [
        ("all", 0, "out/a.pdf", 4),
        ("all", 1, "out/in/b.txt", 4),
        ("report", 0, "out/a.pdf", 4),
    ]
    assert house.history(job, "make")[-2:] == ["artifact.kept", "artifact.kept"]
    by_hash = house.paths.home / "artifacts" / hashlib.sha256(b"one\n").hexdigest()[:2]
    (one,) = by_hash.iterdir()
    assert (one.stat().st_nlink, one.stat().st_mode & 0o777) == (3, 0o400)
    assert not (house.paths.home / "artifacts/part").exists() or not list(
        (house.paths.home / "artifacts/part").iterdir()
    )


@pytest.mark.parametrize(
    ("text", "pattern", "code"),
    [
        ("true", "out/*.pdf", "artifact.missing"),
        ("true", "out.pdf", "artifact.missing"),
        ("ln -s /etc/passwd x", "x", "artifact.link"),
        ("ln -s /etc/passwd x", "*", "artifact.link"),
        ("ln -s /etc d", "d/passwd", "artifact.missing"),
        ("ln -s /etc d", "**/passwd", "artifact.missing"),
        ("mkdir d", "d", "artifact.kind"),
        ("mkfifo p", "p", "artifact.kind"),
        ("echo >x; chmod 0 x", "x", None if os.getuid() == 0 else "artifact.kind"),
        ("true", "${{ '..' }}/x", "artifact.path"),
        ("true", "${{ '/etc/passwd' }}", "artifact.path"),
        ("true", "${{ tasks.x.output }}", None),
        ("head -c 2000 /dev/zero >x", "x", "artifact.too_large"),
    ],
)
async def test_what_cannot_be_kept_fails_the_task_by_name(
    house: House, tmp_path: Path, text: str, pattern: str, code: str | None
):
    if code is None:
        return
    await house.stop()
    await house.open(artifact_cap=1_024)
    job = await house.submit(leaves("make", text, tmp_path, artifacts={"report": pattern}))
    assert (await house.ended(job)).status == "failed"
    assert await house.code(job, "make") == code
    error = (await house.look(job, "make")).task.error
    assert error is not None
    assert error["facts"]["exit"] == 0
    assert copies(house) == {}
    assert house.rows("SELECT * FROM artifact") == []


async def test_a_task_that_leaves_nothing_in_time_is_retried(house: House, tmp_path: Path):
    text = "test -e mark && echo x >x || touch mark"
    policy = {"max_attempts": 2, "base": 0}
    job = await house.submit(leaves("make", text, tmp_path, artifacts={"x": "x"}, retry=policy))
    assert (await house.ended(job)).status == "succeeded"
    assert house.attempts(job, "make") == ["failed", "succeeded"]
    assert [key.split("/")[1] for key in copies(house)] == ["2"]


async def test_the_same_content_is_kept_once_and_goes_with_the_last_that_has_it(house: House, tmp_path: Path):
    jobs = await two_that_leave_the_same(house, tmp_path)
    for job in jobs:
        await house.ended(job)
    (by_hash,) = (house.paths.home / "artifacts").glob("??/*")
    assert by_hash.stat().st_nlink == 3
    first, second = (house.task_id(job, "make") for job in jobs)
    await house.control.upkeep.purge(Purge(what=PurgeWhat.OUTPUTS, ids=(first,), actor="ann"))
    assert house.rows("SELECT task_id FROM artifact") == [(second,)]
    assert by_hash.stat().st_nlink == 2
    await house.control.upkeep.purge(Purge(what=PurgeWhat.JOBS, ids=(jobs[1],), actor="ann"))
    assert house.rows("SELECT task_id FROM artifact") == []
    assert not by_hash.exists()


async def test_the_same_content_is_kept_once_where_two_attempts_find_none_of_it(
    house: House, tmp_path: Path, monkeypatch
):
    link, both = os.link, threading.Barrier(2)

    def link_late(source: Path, target: Path) -> None:
        try:
            link(source, target)
        except FileNotFoundError:
            both.wait(timeout=30)
            raise

    monkeypatch.setattr(os, "link", link_late)
    jobs = await two_that_leave_the_same(house, tmp_path)
    for job in jobs:
        assert (await house.ended(job)).status == "succeeded"
    (by_hash,) = (house.paths.home / "artifacts").glob("??/*")
    assert by_hash.stat().st_nlink == 3


async def test_a_rerun_leaves_its_own_files(house: House, tmp_path: Path):
    job = await house.submit(leaves("make", "date +%s%N >x", tmp_path, artifacts={"x": "x"}))
    await house.ended(job)
    await house.control.retry(house.target(job, "make"))
    await house.ended(job)
    await house.until(lambda: len(copies(house)) == 2, "both are there")
    (kept,) = await house.control.data.artifacts(job)
    assert kept.epoch == 2
    assert await house.control.data.artifacts(job, task_id=kept.task_id) == (kept,)
    assert await house.control.data.artifacts(job, task_id=kept.task_id + 1) == ()


async def test_an_engine_that_goes_after_the_copy_leaves_it_to_the_next_which_keeps_it_once(
    house: House, tmp_path: Path, monkeypatch
):
    keep = house.engine._results.artifacts.keep
    kept: list[Any] = []

    async def killed(*args: Any) -> Any:
        kept.append(await keep(*args))
        await asyncio.Event().wait()

    job = await house.submit(leaves("make", "echo x >x", tmp_path, artifacts={"x": "x"}))
    monkeypatch.setattr(house.engine._results.artifacts, "keep", killed)
    await house.until(lambda: kept, "they are copied")
    (house.paths.home / "artifacts/part/9-9").mkdir(parents=True, exist_ok=True)
    await house.stop()
    await house.open()
    assert (await house.ended(job)).status == "succeeded"
    assert len(copies(house)) == 1
    assert house.rows("SELECT count(*) FROM artifact") == [(1,)]
    assert not (house.paths.home / "artifacts/part/9-9").exists()
