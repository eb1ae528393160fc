"""One structured format, private files, no secrets."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import stat
import subprocess
import sys

import pytest

from core import logs
from core.logs import handlers


@pytest.fixture(autouse=True)
def _closed():
    yield
    logs.shutdown()


def lines(directory):
    return [json.loads(line) for line in (directory / logs.FILE).read_text("ascii").splitlines()]


def test_a_line_is_one_json_object_with_its_facts(tmp_path):
    logs.configure(tmp_path)
    with logs.bound(job=1, task=2, attempt=3):
        logs.get_logger("engine.runner").info("child adopted", pid=7)
    (line,) = lines(tmp_path)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "child adopted",
        "level": "info",
        "logger": "engine.runner",
        "job": 1,
        "task": 2,
        "attempt": 3,
        "pid": 7,
    }


async def test_the_context_follows_the_task_that_bound_it(tmp_path):
    logs.configure(tmp_path)
    log, gate = logs.get_logger("x"), asyncio.Event()

    async def attempt(number):
        with logs.bound(task=number):
            await gate.wait()
            log.info("here")

    async with asyncio.TaskGroup() as group:
        group.create_task(attempt(1))
        group.create_task(attempt(2))
        gate.set()
    log.info("outside")
    assert sorted(line.get("task", 0) for line in lines(tmp_path)) == [0, 1, 2]


def test_hostile_text_stays_one_ascii_line(tmp_path):
    logs.configure(tmp_path)
    text = 'a\nb\x1b]52;c;x\x07\x00\u202e\ud800 "{}'
    logs.get_logger("x").info("said", text=text)
    assert len(lines(tmp_path)) == 1
    assert lines(tmp_path)[0]["text"] == text


def test_secrets_are_not_written(tmp_path):
    logs.configure(tmp_path)
    logs.get_logger("x").info(
        "asked",
        Authorization="canary-1",
        headers={"Set-Cookie": "canary-2", "accept": "*/*"},
        nested=[{"api_key": "canary-3"}],
        url="https://user:canary-4@host/x",
        text="authorization was Bearer canary-5",
        password=b"canary-6",
    )
    assert "canary" not in (tmp_path / logs.FILE).read_text()
    assert lines(tmp_path)[0]["headers"]["accept"] == "*/*"


def test_an_exception_brings_its_traceback_without_secrets(tmp_path):
    logs.configure(tmp_path)
    try:
        raise OSError("https://u:canary@h/")
    except OSError:
        logs.get_logger("x").error("broke")
    (line,) = lines(tmp_path)
    assert "Traceback" in line["exception"]
    assert "canary" not in line["exception"]
    logs.get_logger("x").error("no exception here")
    assert "exception" not in lines(tmp_path)[1]


def test_a_fact_cannot_forge_a_field_of_the_format(tmp_path):
    logs.configure(tmp_path)
    logs.get_logger("x").info("true", level="fake", _record=1, logger="fake")
    (line,) = lines(tmp_path)
    assert (line["event"], line["level"], line["logger"], line["level_"]) == ("true", "info", "x", "fake")


def test_odd_and_endless_values_are_bounded(tmp_path):
    logs.configure(tmp_path)
    endless: list[object] = []
    endless.append(endless)
    logs.get_logger("x").info(
        "odd", endless=endless, keys={(1, 2): {3}}, long="x" * 100_000, many=list(range(9999))
    )
    (line,) = lines(tmp_path)
    assert (len(line["long"]), len(line["many"]), line["keys"]) == (8192, 200, {"(1, 2)": "{3}"})


def test_records_of_other_libraries_take_the_same_format(tmp_path):
    logs.configure(tmp_path)
    logging.getLogger("uvicorn.error").warning("bound %s", "socket")
    assert lines(tmp_path)[0]["event"] == "bound socket"
    assert lines(tmp_path)[0]["logger"] == "uvicorn.error"


def test_the_level_holds(tmp_path):
    logs.configure(tmp_path, level="warning")
    logs.get_logger("x").info("not me")
    logs.get_logger("x").warning("me")
    assert [line["event"] for line in lines(tmp_path)] == ["me"]
    logs.configure(tmp_path, level="debug")
    logs.get_logger("x").debug("me too")
    assert len(lines(tmp_path)) == 2


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_files_are_rotated_by_size_and_private(tmp_path, umask):
    before = os.umask(umask)
    try:
        (tmp_path / logs.FILE).touch(mode=0o666)
        logs.configure(tmp_path, max_bytes=4_096, files=2)
        for number in range(200):
            logs.get_logger("x").info("line", number=number)
    finally:
        os.umask(before)
    found = sorted(tmp_path.iterdir())
    assert [path.name for path in found] == ["engine.log", "engine.log.1", "engine.log.2"]
    assert all(path.stat().st_size <= 4_096 for path in found)
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}


def test_a_link_in_the_place_of_the_log_is_not_followed(tmp_path):
    (tmp_path / "victim").touch()
    (tmp_path / logs.FILE).symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"):
        logs.configure(tmp_path)


def test_a_full_disk_does_not_reach_the_screen(tmp_path, capsys):
    logs.configure(tmp_path)
    (handler,) = handlers._handlers
    handler.stream.close()  # type: ignore[attr-defined]
    handler.stream = open("/dev/full", "w")  # type: ignore[attr-defined]  # noqa: PTH123, SIM115 - closed by the handler
    logs.get_logger("x").info("lost")
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
    handler.stream = None  # type: ignore[attr-defined]


def test_people_read_plain_lines_and_no_control_characters(tmp_path):
    stream = io.StringIO()
    logs.configure(None, stream=stream)
    logs.get_logger("x").warning("child lost", text="a\x1b[31mb", pid=4)
    assert "child lost" in stream.getvalue()
    assert "pid=4" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_without_configuration_nothing_is_printed_and_structlog_is_not_loaded():
    code = (
        "import sys; from core.logs import get_logger; get_logger('x').error('quiet');"
        "print([m for m in ('structlog', 'rich') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("[]\n", "")
