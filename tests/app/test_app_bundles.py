"""Bundles: what they hold, leave out and refuse."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import sqlite3
import stat
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

import core
from core.app.bundles.check import report_on
from core.app.bundles.contents import Contents
from core.app.bundles.control import BundleControl
from core.app.bundles.opening import open_bundle
from core.app.bundles.writing import Wanted, write_bundle
from core.app.options import Options
from core.app.reading.store import read_store
from core.control.api import ControlAPI, LogLines, ReadingAPI
from core.control.arguments import Target
from core.control.dialers import SocketDialer
from core.control.reading_api import BundleRows
from core.control.remote import RemoteControl
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.bundles import MANIFEST, ROWS
from core.model.errors import Invalid, NotFound, TaskdeckError, Unavailable
from core.model.failures import FamilyScope
from core.model.present import present_ms
from core.model.records import replace
from core.store.bundles.selection import BY_KEY, CARRIED, LEFT_OUT, MADE_AGAIN
from core.store.tables.schema import metadata
from core.store.version import SCHEMA_VERSION
from tests.support.file_limits import file_limit
from tests.support.homes import Home
from tests.support.old_stores import write_old_store

CANARY = "canary7"
WORKFLOW = {
    "name": "night",
    "params": {
        "day": {"type": "string", "default": "monday"},
        "pin": {"type": "string", "default": f"{CANARY}-default"},
        "api_token": {"type": "string", "default": f"{CANARY}-named"},
    },
    "variables": {
        "note": "plain",
        "hide": f"{CANARY}-hidden",
        "api_key": {"type": "string", "value": f"{CANARY}-variable"},
    },
    "env": {"SHARED": f"{CANARY}-env-of-all"},
    "on_task_failure": "continue",
    "tasks": [
        {
            "key": "good",
            "uses": "shell",
            "with": {
                "argv": ["printf", "%s\\n", "of ${{ params.day }}", "--password", f"{CANARY}-flag"],
                "env": {"MINE": f"{CANARY}-env", "PIN": "${{ params.pin }}"},
                "stdin": f"{CANARY}-stdin",
                "parse": "text",
            },
            "set": {"hide": f"{CANARY}-set", "api_key": f"{CANARY}-key", "note": "of ${{ params.day }}"},
        },
        {
            "key": "bad",
            "uses": "shell",
            "with": {"script": "seq 20000; echo 'cannot reach db-17'; exit 3", "stderr": "separate"},
            "retry": {"max_attempts": 2, "base": 0},
        },
        {
            "key": "web",
            "uses": "http",
            "with": {
                "url": f"http://ana:{CANARY}-url@127.0.0.1:9/x?access_token={CANARY}-query&sig={CANARY}-sig",
                "headers": {"X-Plain": f"{CANARY}-header"},
            },
        },
        {"key": "after", "needs": ["bad"], "uses": "delay", "with": {"seconds": 0}},
        {
            "key": "hides",
            "needs": ["good"],
            "uses": "shell",
            "with": {"argv": ["true"], "env": {"X": "${{ vars.hide }}"}},
        },
    ],
}
FLAG_FREE = {**WORKFLOW, "name": "other", "tasks": [{"key": "one", "uses": "delay", "with": {"seconds": 0}}]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory with two jobs that ended, of which the first failed, and a loose task."""
    folder = tmp_path_factory.mktemp("bundles") / "home"

    async def fill() -> None:
        os.environ["CANARY_OF_PARENT"] = f"{CANARY}-parent"
        async with core.open_engine(home=folder, slots=4) as deck:
            pin = f"{CANARY}-param"
            for document, params in ((WORKFLOW, {"pin": pin}), (FLAG_FREE, {})):
                job = await deck.submit(document, params=params)
                await deck.wait_job(job.id)
            await deck.wait_tasks([await deck.enqueue(core.TaskSpec(uses="delay", with_={"seconds": 0}))])

    # What the task echoes is its own business: it prints no canary.
    WORKFLOW["tasks"][0]["with"]["argv"][1] = "%.2s\\n"
    asyncio.run(fill())
    return folder


async def written(control: ReadingAPI, *jobs: int, max_log: int | None = None) -> bytes:
    sink = io.BytesIO()
    await write_bundle(control, Wanted(jobs=jobs, max_log=max_log), sink)
    return sink.getvalue()


@pytest.fixture(scope="module")
def bundle(home: Path) -> bytes:
    """Return a bundle of the first job, made without an engine."""

    async def make() -> bytes:
        async with read_store(Options(home=home)) as control:
            return await written(control, 2)

    return asyncio.run(make())


def files_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_every_table_of_the_store_is_carried_or_made_again() -> None:
    assert {table.name for table in metadata.sorted_tables} == {*CARRIED, *BY_KEY, *MADE_AGAIN, *LEFT_OUT}


def test_no_secret_is_in_a_bundle_in_whatever_form(bundle: bytes) -> None:
    files = files_of(bundle)
    assert len(files) > 4
    assert [name for name, data in files.items() if CANARY.encode() in data] == []
    rows = files[ROWS].decode()
    assert "[redacted]" in rows
    # What is no secret stays: names of variables and parameters, and what was asked for.
    for kept in ("MINE", "X-Plain", "monday", "cannot reach db-17", "127.0.0.1:9/x"):
        assert kept in rows


async def test_a_bundle_opens_as_a_sound_store_with_everything_of_its_job(
    home: Path, bundle: bytes, tmp_path: Path
) -> None:
    file = tmp_path / "b.zip"
    file.write_bytes(bundle)
    async with read_store(Options(home=home)) as there, open_bundle(file, tell=print) as opened:
        here = opened.control
        assert [check.message for check in report_on(opened).checks if not check.ok] == []
        job, source = await here.job(2), await there.job(2)
        assert (job.name, job.status, job.tasks) == (source.name, source.status, source.tasks)
        assert (job.created_at, job.finished_at, job.actor) == (
            source.created_at,
            source.finished_at,
            source.actor,
        )
        tasks = [task.task for task in (await here.job_detail(2)).tasks]
        assert [(t.key, t.status) for t in tasks] == [
            ("good", "succeeded"),
            ("bad", "failed"),
            ("web", "failed"),
            ("after", "skipped"),
            ("hides", "succeeded"),
        ]
        bad = tasks[1].id
        whole = LogLines(task_id=bad, epoch=2, offset=10**12, lines=3, way="backward")
        assert (await here.logs.lines(whole)).data == (await there.logs.lines(whole)).data
        assert (await here.logs.lines(LogLines(task_id=bad, epoch=1))).times
        assert (await here.timeline(2)).critical == (await there.timeline(2)).critical
        (mine,) = [
            f for f in (await here.failures.families(FamilyScope.FAILING)).families if "exit 3" in f.line
        ]
        (theirs,) = [
            f for f in (await there.failures.families(FamilyScope.FAILING)).families if f.id == mine.id
        ]
        assert (mine.tasks, mine.jobs, mine.line) == (theirs.tasks, theirs.jobs, theirs.line)
        assert [job.id for job in (await here.jobs()).rows] == [2, 1]
        assert (await here.why_job(2)).status == "succeeded"
        with pytest.raises(NotFound):
            await here.job(3)
        kept = opened.home
        assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert not kept.exists()


async def test_the_engine_on_its_socket_lends_the_same_rows_in_pieces(home: Path, bundle: bytes) -> None:
    async with (
        core.open_engine(home=home, slots=1),
        RemoteControl(SocketDialer(home / "engine.sock")) as remote,
    ):
        over_socket = files_of(await written(remote, 2))
    known = files_of(bundle)
    assert over_socket.keys() == known.keys()
    assert {n: d for n, d in over_socket.items() if n.startswith("output/")} == {
        n: d for n, d in known.items() if n.startswith("output/")
    }


async def test_a_job_that_runs_is_bundled_as_of_one_moment(tmp_path: Path) -> None:
    tasks = [{"key": f"t{n}", "uses": "delay", "with": {"seconds": 0}} for n in range(300)]
    waits = {"key": "last", "uses": "shell", "with": {"argv": ["sleep", "60"]}}
    async with core.open_engine(home=tmp_path / "home", slots=4) as deck:
        job = await deck.submit({"name": "many", "tasks": [*tasks, waits]})
        async with RemoteControl(SocketDialer(tmp_path / "home" / "engine.sock")) as remote:
            (tmp_path / "b.zip").write_bytes(await written(remote, job.id))
        # What runs by then would outlive the engine.
        await deck.control.cancel(Target(job_id=job.id))
        await deck.wait_job(job.id)
        async with open_bundle(tmp_path / "b.zip", tell=print) as opened:
            assert [check.message for check in report_on(opened).checks if not check.ok] == []
            assert sum((await opened.control.job(job.id)).tasks.values()) == 301


async def test_the_limits_of_a_job_come_along_with_what_it_spent_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text('[budgets.team]\nunit = "usd"\nmax = 5\n')
    one = {"key": "a", "uses": "delay", "cost": {"usd": "0.5"}, "with": {"seconds": 0}}
    async with core.open_engine(home=home, slots=2) as deck:
        for _ in range(2):
            job = await deck.submit({"name": "w", "tasks": [one]})
            await deck.wait_job(job.id)
    async with read_store(Options(home=home)) as control:
        (tmp_path / "b.zip").write_bytes(await written(control, job.id))
    async with open_bundle(tmp_path / "b.zip", tell=print) as opened:
        assert report_on(opened).ok
        with closing(sqlite3.connect(opened.home / "taskdeck.db")) as db:
            assert db.execute("SELECT name, used FROM gauge").fetchall() == [("team", 500_000)]
            assert db.execute("SELECT count(*) FROM entry").fetchone() == (1,)


async def test_run_times_of_other_jobs_come_along_and_failures_of_others_do_not(tmp_path: Path) -> None:
    home = tmp_path / "home"
    document = {"name": "w", "tasks": [{"key": "a", "uses": "shell", "with": {"argv": ["true"]}}]}
    failing = {
        "name": "f",
        "tasks": [{"key": "a", "uses": "shell", "with": {"script": "echo SEEN-1; exit 1"}}],
    }
    async with core.open_engine(home=home, slots=2) as deck:
        for one in (document, document, failing, failing):
            await deck.wait_job((await deck.submit(one)).id)
        await deck.wait_tasks([await deck.enqueue(core.TaskSpec(uses="delay", with_={"seconds": 0}))])
    async with read_store(Options(home=home)) as control:
        data = await written(control, 2, 4)
    (tmp_path / "b.zip").write_bytes(data)
    async with open_bundle(tmp_path / "b.zip", tell=print) as opened:
        with closing(sqlite3.connect(opened.home / "taskdeck.db")) as db:
            assert db.execute("SELECT count(*) FROM run_time").fetchone() == (2,)
            assert db.execute("SELECT count(*) FROM job").fetchone() == (3,)
        (family,) = (await opened.control.failures.families()).families
        assert (family.tasks, family.failures) == (1, 1)
        assert report_on(opened).ok


async def test_a_bundle_has_the_keys_of_its_tasks(tmp_path: Path) -> None:
    home = tmp_path / "home"
    task = {"key": "a", "uses": "delay", "with": {"seconds": 0}, "once": {"key": "k", "for": "ever"}}
    loose = core.TaskSpec(uses="delay", with_={"seconds": 0}, once=core.Once(key="k"))
    async with core.open_engine(home=home, slots=2) as deck:
        jobs = [(await deck.submit({"name": "w", "tasks": [task]})).id for _ in range(2)]
        for job in jobs:
            await deck.wait_job(job)
        first = (await deck.control.job_detail(jobs[0])).tasks[0].task.id
        known = await deck.enqueue_once(loose)
        assert (known.id, known.duplicate, await deck.enqueue(loose)) == (first, True, first)
        other = await deck.enqueue_once(replace(loose, once=core.Once(key="l")))
        assert not other.duplicate
    async with read_store(Options(home=home)) as control:
        (tmp_path / "b.zip").write_bytes(await written(control, *jobs))
    async with open_bundle(tmp_path / "b.zip", tell=print) as opened:
        with closing(sqlite3.connect(opened.home / "taskdeck.db")) as db:
            found = db.execute("SELECT key, task_id, lasts FROM once_key").fetchall()
        assert found == [('"k"', first, "ever")]
        assert report_on(opened).ok


async def test_time_stands_still_while_a_bundle_is_open(bundle: bytes, tmp_path: Path) -> None:
    (tmp_path / "night.zip").write_bytes(bundle)
    async with open_bundle(tmp_path / "night.zip", tell=print) as opened:
        assert present_ms() == opened.manifest.at
        assert (await opened.control.jobs(parse("age>1h", Noun.JOBS), limit=9)).rows == ()
    assert present_ms() > opened.manifest.at


async def test_outputs_are_asked_for_several_at_a_time_and_stand_in_order(home: Path) -> None:
    asked: list[int] = []
    most = 0

    async def ask(request):
        nonlocal most
        if not isinstance(request, LogLines):
            return await whole(request)
        asked.append(request.task_id)
        most = max(most, len(asked))
        try:
            return await whole(request)
        finally:
            asked.remove(request.task_id)

    async with read_store(Options(home=home)) as control:
        plain = files_of(await written(control, 2, 3))
        whole, control.ask = control.ask, ask
        files = files_of(await written(control, 2, 3))
    assert most > 1
    assert list(files) == list(plain)
    assert all(files[name] == plain[name] for name in files if name != "manifest.json")


async def test_an_output_is_cut_in_its_middle_and_that_is_said(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    async with read_store(Options(home=home)) as there:
        file.write_bytes(await written(there, 2, max_log=16_384))
        async with open_bundle(file, tell=print) as opened:
            task = next(t.task.id for t in (await opened.control.job_detail(2)).tasks if t.task.key == "bad")
            assert opened.manifest.cut == 2
            whole = await there.logs.chunk(task, limit=10**6)
            head = await opened.control.logs.chunk(task, limit=10**6)
            assert whole.data.startswith(head.data)
            assert len(head.data) == 8_192
            behind = await opened.control.logs.chunk(task, offset=head.end, limit=10**6)
            assert behind.dropped > 0
            assert whole.data.endswith(behind.data)
            assert behind.end == whole.end


def older_bundle(tmp_path: Path, version: str) -> tuple[Path, int]:
    """Write a bundle as an older release did; return its file and the first of its jobs."""
    old = write_old_store(tmp_path / "old.db", version)
    with closing(sqlite3.connect(old)) as db:
        lines, jobs = [], [job for (job,) in db.execute("SELECT id FROM job WHERE id > 1")]
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table in [*(t for t in CARRIED if t in tables), "payload"]:
            cursor = db.execute(f"SELECT * FROM {table}")
            lines.append(json.dumps({"table": table, "columns": [c[0] for c in cursor.description]}))
            lines += [json.dumps(row) for row in cursor]
    file = tmp_path / "b.zip"
    file.write_bytes(
        packed({ROWS: "".join(f"{line}\n" for line in lines).encode()}, schema=int(version), jobs=jobs)
    )
    return file, jobs[0]


@pytest.mark.parametrize("version", ["2"])
async def test_rows_of_an_older_version_are_brought_up(version: str, tmp_path: Path) -> None:
    file, job = older_bundle(tmp_path, version)
    async with open_bundle(file, tell=print) as opened:
        assert report_on(opened).ok
        assert (await opened.control.job(job)).id == job


@pytest.mark.parametrize("size", [16_384, 150_000])
async def test_a_limit_of_file_sizes_is_named_by_who_opens_a_bundle(tmp_path: Path, size: int) -> None:
    file, _ = older_bundle(tmp_path, "2")
    with file_limit(size), pytest.raises(Unavailable) as refused:
        async with open_bundle(file, tell=print):
            pytest.fail("it opens")
    assert (refused.value.code, refused.value.facts["limit"]) == ("store.file_limit", size)


def packed(
    files: Mapping[str, bytes],
    *,
    schema: int = SCHEMA_VERSION,
    jobs: list[int] | None = None,
    outputs: object = None,
    **more: object,
) -> bytes:
    """Return a bundle of these files, with right checksums."""
    files = {"config.json": b"{}", **files}
    manifest = {
        "format": "taskdeck-bundle",
        "version": 1,
        "taskdeck": "0",
        "schema": schema,
        "at": 1,
        "jobs": jobs or [2],
        "max_log": None,
        "files": {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in files.items()
        },
        "outputs": outputs or {},
        **more,
    }
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr(MANIFEST, json.dumps(manifest))
    return sink.getvalue()


def changed(data: bytes, change: Callable[[dict[str, bytes]], None]) -> bytes:
    files = files_of(data)
    change(files)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return sink.getvalue()


def with_link(_: bytes) -> bytes:
    """Return a bundle that is right but for a file that is a link."""
    content = {**lines(QUEUE), "output/1/1/out": b"/etc/passwd"}
    whole = packed(content, outputs={"1/1/out": {"size": 11, "pieces": [[0, 11]], "cut": 0, "lost": False}})
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, data in files_of(whole).items():
            info = zipfile.ZipInfo(name)
            info.external_attr = ((stat.S_IFLNK if name.endswith("out") else stat.S_IFREG) | 0o600) << 16
            archive.writestr(info, data)
    return sink.getvalue()


def twice(data: bytes) -> bytes:
    sink = io.BytesIO(data)
    with zipfile.ZipFile(sink, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(ROWS, "{}")
    return sink.getvalue()


def lines(*values: object) -> dict[str, bytes]:
    return {ROWS: "".join(f"{json.dumps(value)}\n" for value in values).encode()}


def _other_byte(files: dict[str, bytes]) -> None:
    files[ROWS] = files[ROWS].replace(b"night", b"nighT", 1)


QUEUE = {"table": "queue", "columns": ["name", "paused_at"]}
OUT = {"1/1/out": {"size": 5, "pieces": [[0, 5]], "cut": 0, "lost": False}}
HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "not a zip": lambda _: b"hello" * 100,
    "empty": lambda _: b"",
    "cut short": lambda data: data[: len(data) // 2],
    "another zip": lambda _: changed(packed({}), lambda files: files.pop(MANIFEST)),
    "other manifest": lambda _: changed(packed({}), lambda f: f.update({MANIFEST: b'{"format": "other"}'})),
    "wrong checksum": lambda data: changed(data, _other_byte),
    "path traversal": lambda data: changed(data, lambda files: files.update({"../../evil": b"x"})),
    "absolute path": lambda data: changed(data, lambda files: files.update({"/tmp/evil": b"x"})),
    "path in an output": lambda _: packed(
        {**lines(QUEUE), "output/1/1/out": b"12345"}, outputs={"../1/out": OUT["1/1/out"]}
    ),
    "path traversal that agrees with itself": lambda _: packed(
        {**lines(QUEUE), "output/../../evil": b"12345"}, outputs={"../../evil": OUT["1/1/out"]}
    ),
    "controls in a name": lambda data: changed(data, lambda files: files.update({"a\x1b[31m": b"x"})),
    "a link": with_link,
    "a file twice": twice,
    "a file that is not told": lambda data: changed(
        data, lambda files: files.update({"output/9/9/out": b"x"})
    ),
    "no rows": lambda _: packed({}),
    "rows of a foreign table": lambda _: packed(lines({"table": "sqlite_master", "columns": ["name"]})),
    "SQL in a column": lambda _: packed(
        lines({"table": "queue", "columns": ["name) VALUES (1); --"]}, ["x"])
    ),
    "a value of another kind": lambda _: packed(lines(QUEUE, [["x"], 1])),
    "a number as text": lambda _: packed(lines(QUEUE, ["x", "1"])),
    "a number too large": lambda _: packed(lines(QUEUE, ["x", 2**70])),
    "rows that break a rule": lambda _: packed(
        lines({"table": "counter", "columns": ["scope", "ref", "status", "n"]}, ["a", "b", "c", -1])
    ),
    "rows that point to nothing": lambda _: packed(
        lines({"table": "aisle", "columns": ["id", "queue"]}, [1, "not there"])
    ),
    "rows too deep": lambda _: packed({ROWS: b"[" * 100_000 + b"\n"}),
    "output longer than told": lambda _: packed(
        {**lines(QUEUE), "output/1/1/out": b"1234567"}, outputs={"1/1/out": {**OUT["1/1/out"], "size": 9}}
    ),
    "output beyond its end": lambda _: packed(
        {**lines(QUEUE), "output/1/1/out": b"12345"}, outputs={"1/1/out": {**OUT["1/1/out"], "size": 2}}
    ),
    "output that nothing names": lambda _: packed({**lines(QUEUE), "output/1/1/out": b"12345"}),
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_hostile_or_damaged_bundle_is_refused(
    kind: str, bundle: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "b.zip"
    file.write_bytes(HOSTILE[kind](bundle))
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with pytest.raises(Invalid) as refused:
        async with open_bundle(file, tell=print):
            pass
    assert refused.value.code == "bundle.broken"
    assert refused.value.message.isprintable()
    assert list(folder.iterdir()) == []
    assert not list(tmp_path.rglob("evil"))


async def test_a_bomb_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.app.bundles.contents.SMALL", 2**16)
    monkeypatch.setattr(Contents, "pieces", lambda *_: pytest.fail("it was unpacked"))
    file = tmp_path / "b.zip"
    file.write_bytes(packed({**lines(QUEUE), "output/1/1/out": b"\0" * 2**23}, outputs={}))
    with pytest.raises(Invalid, match="times its size") as refused:
        async with open_bundle(file, tell=print):
            pass
    assert refused.value.code == "bundle.expands"


@pytest.mark.parametrize("more", [{"version": 2}, {"schema": SCHEMA_VERSION + 1}])
async def test_a_bundle_of_a_newer_taskdeck_is_refused(more: dict, tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    file.write_bytes(packed(lines(QUEUE), **more))
    with pytest.raises(Unavailable) as refused:
        async with open_bundle(file, tell=print):
            pass
    assert refused.value.code == "bundle.newer"


async def test_a_disk_without_room_is_said_before_anything_is_unpacked(
    bundle: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.app.bundles.opening.free_bytes", lambda _: 2**20)
    file = tmp_path / "b.zip"
    file.write_bytes(bundle)
    with pytest.raises(Unavailable, match="MiB") as refused:
        async with open_bundle(file, tell=print):
            pass
    assert refused.value.code == "bundle.room"


async def test_what_a_killed_process_left_is_removed_and_an_open_bundle_is_not(
    bundle: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    file = tmp_path / "b.zip"
    file.write_bytes(bundle)
    left = tmp_path / f"taskdeck-bundle-{os.getuid()}-killed"
    (left / "deck").mkdir(parents=True)
    (left / "lock").touch()
    aside = tmp_path / "aside"
    aside.mkdir()
    (tmp_path / f"taskdeck-bundle-{os.getuid()}-link").symlink_to(aside)
    async with open_bundle(file, tell=print) as first:
        assert not left.exists()
        async with open_bundle(file, tell=print):
            assert first.home.exists()
    assert aside.exists()


async def test_a_snapshot_that_is_not_known_is_refused(home: Path) -> None:
    async with read_store(Options(home=home)) as control:
        with pytest.raises(NotFound) as forgotten:
            await control.bundle_rows(BundleRows(job_ids=(2,), snapshot="00"))
        assert forgotten.value.code == "bundle.forgotten"
        with pytest.raises(NotFound) as unknown:
            await written(control, 2, 99)
        assert unknown.value.code == "job.unknown"


async def test_snapshots_that_are_not_read_any_more_are_forgotten(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.control.bundle_answers.MOST", 1)
    async with read_store(Options(home=home)) as control:
        first = await control.bundle_rows(BundleRows(job_ids=(2,)))
        while not first.whole and first.end == 0:
            first = await control.bundle_rows(BundleRows(job_ids=(2,), snapshot=first.snapshot))
        if not first.whole:
            with pytest.raises(Unavailable, match="are being read"):
                await control.bundle_rows(BundleRows(job_ids=(2,)))
        monkeypatch.setattr("core.control.bundle_answers.IDLE_SECONDS", -1.0)
        await control.bundle_rows(BundleRows(job_ids=(2,)))


class Failing:
    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, data: bytes) -> None:
        self.room -= len(data)
        if self.room < 0:
            raise OSError(28, "No space left on device")


@pytest.mark.parametrize("room", [0, 5_000, 20_000])
async def test_a_sink_that_is_full_ends_the_bundle_with_its_own_error(home: Path, room: int) -> None:
    async with read_store(Options(home=home)) as control:
        with pytest.raises(OSError, match="No space"):
            await write_bundle(control, Wanted(jobs=(2,)), Failing(room))


async def test_a_bundle_refuses_what_changes(bundle: bytes, tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    file.write_bytes(bundle)
    async with open_bundle(file, tell=print) as opened:
        control: ControlAPI = BundleControl(opened)
        with pytest.raises(TaskdeckError) as refused:
            await control.enqueue([core.TaskSpec(uses="delay", with_={"seconds": 0})])
        assert refused.value.code == "bundle.read_only"
        changes = await control.changes()
        assert changes.tasks["failed"] == 2
        assert changes.engine.state == "bundle"


async def test_a_bundle_of_a_fire_has_its_job_and_nothing_of_its_schedule(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.run("schedule", "add", "tell", "--every", "1d", "--env", f"PIN={CANARY}", "--", "true")
    fired = home.run("schedule", "trigger", "tell")
    assert "job 2" in fired.stdout, fired.stderr
    ended = home.run("wait", "2")
    assert ended.returncode == 0, ended.stderr
    file = tmp_path / "b.zip"
    made = home.run("bundle", "2", "--out", str(file))
    assert made.returncode == 0, made.stderr
    home.end()
    async with open_bundle(file, tell=print) as opened:
        assert report_on(opened).ok
        assert (await opened.control.job(2)).actor
        assert await opened.control.schedules.all() == ()
