"""Lines of the log name job, task and attempt, whatever wrote them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core import logs
from tests.support.house import House, task


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """Give the file of a log that is written while the test runs."""
    logs.configure(tmp_path / "logs")
    yield tmp_path / "logs" / logs.FILE
    logs.shutdown()


def lines(log: Path, event: str) -> list[dict[str, Any]]:
    read = [json.loads(line) for line in log.read_text("ascii").splitlines()]
    return [line for line in read if line["event"] == event]


def named(line: dict[str, Any]) -> tuple[int, int, int]:
    return line["job"], line["task"], line["attempt"]


async def test_a_line_about_an_attempt_names_job_task_and_attempt(house: House, log: Path) -> None:
    retry = {"max_attempts": 2, "backoff": "fixed", "base": "1s", "jitter": "none"}
    job = await house.submit(task("a", "raise", steer={"kind": "value"}, retry=retry))
    await house.reach(job, "a", "retrying")
    await house.settle()
    house.clock.advance(seconds=1)
    await house.reach(job, "a", "failed")
    number = house.task_id(job, "a")
    assert [named(line) for line in lines(log, "a connector raised")] == [(job, number, 1), (job, number, 2)]


async def test_a_line_that_a_library_logs_within_a_call_names_them_too(
    house: House, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def succeed(with_: Any, key: str) -> Any:
        logging.getLogger("some.library").warning("slow answer")
        return {}

    monkeypatch.setattr(house.steer, "_do_succeed", succeed)
    job = await house.submit(task("a"))
    await house.ended(job)
    (line,) = lines(log, "slow answer")
    assert (named(line), line["logger"]) == ((job, house.task_id(job, "a"), 1), "some.library")


async def test_a_line_about_a_call_that_ignores_a_kill_names_its_attempt(house: House, log: Path) -> None:
    job = await house.submit(task("a", "stubborn"), task("b", "block"))
    await house.running("a", "b")
    await house.control.kill(house.target(job, "a"))
    await house.reach(job, "a", "cancelled")
    house.steer.release()
    await house.ended(job)
    expected = (job, house.task_id(job, "a"), 1)
    await house.until(lambda: lines(log, "an abandoned call ended"), "the call ended")
    (abandoned,) = lines(log, "a call ignored its cancel and is abandoned")
    (ended,) = lines(log, "an abandoned call ended")
    assert (named(abandoned), named(ended)) == (expected, expected)


async def test_a_line_about_no_attempt_names_none(house: House, log: Path) -> None:
    await house.ended(await house.submit(task("a")))
    logging.getLogger("some.library").warning("outside")
    (line,) = lines(log, "outside")
    assert not {"job", "task", "attempt"} & line.keys()
