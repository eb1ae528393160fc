"""Tests of the times of outputs."""

from __future__ import annotations

import os
from datetime import datetime
from types import SimpleNamespace

import pytest

from core.executors import output_collector
from core.executors.output_collector import RECORD, Attempt
from core.executors.output_times import OutputTimes

BEGAN = 1_700_000_000_000


class Clock:
    """A clock for the collector: seconds since the attempt began."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def time(self) -> float:
        return BEGAN / 1000 + self.seconds


@pytest.fixture
def attempt(tmp_path, monkeypatch):
    """An attempt whose pipe is written by the test."""
    clock = Clock()
    monkeypatch.setattr(output_collector, "time", clock)
    source, sink = os.pipe()
    asking, other = os.pipe()
    file = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    made = Attempt(f"100000 {tmp_path}".encode(), asking, [source, file])

    def say(text: str, *, at: float) -> None:
        clock.seconds = at
        os.write(sink, text.encode())
        made.streams[0].read()

    yield SimpleNamespace(say=say, folder=tmp_path)
    for descriptor in (source, sink, asking, other, file):
        os.close(descriptor)


def test_what_comes_later_has_a_time_at_most_once_a_second(attempt) -> None:
    said = [("at once\n", 0.1), ("later\n", 5.0), ("with it\n", 5.4), ("last\n", 70.0)]
    for text, at in said:
        attempt.say(text, at=at)
    times = OutputTimes(path=attempt.folder / "out", began=BEGAN)
    assert times.between(0, 100) == ((0, BEGAN), (8, BEGAN + 5_000), (22, BEGAN + 70_000))
    assert times.between(14, 15) == ((8, BEGAN + 5_000),)
    assert times.between(22, 27) == ((22, BEGAN + 70_000),)
    assert (attempt.folder / "out.times").stat().st_size == 2 * RECORD.size


def test_an_attempt_that_goes_on_for_long_keeps_few_times(attempt) -> None:
    for second in range(0, 40 * 86_400, 600):
        attempt.say(".", at=float(second))
    assert (attempt.folder / "out.times").stat().st_size < 5_000 * RECORD.size


def test_an_output_that_came_at_once_has_the_time_of_its_attempt(attempt) -> None:
    attempt.say("at once\n", at=0.2)
    path = attempt.folder / "out"
    assert not (attempt.folder / "out.times").exists()
    os.utime(path, ns=(0, (BEGAN + 200) * 1_000_000))
    assert OutputTimes(path=path, began=BEGAN).between(0, 8) == ((0, BEGAN),)
    os.utime(path, ns=(0, (BEGAN + 60_000) * 1_000_000))
    assert OutputTimes(path=path, began=BEGAN).between(0, 8) == ()


@pytest.mark.parametrize("content", [b"x", RECORD.pack(9, 1) + RECORD.pack(3, 2), RECORD.pack(0, 2**60)])
def test_times_that_a_command_wrote_are_not_believed(content: bytes, tmp_path) -> None:
    (tmp_path / "out").write_bytes(b"a line\n")
    (tmp_path / "out.times").write_bytes(content)
    found = OutputTimes(path=tmp_path / "out", began=BEGAN).between(0, 7)
    assert all(datetime.fromtimestamp(at / 1000).astimezone() for _, at in found)


def test_a_link_in_the_place_of_times_is_not_followed(attempt, tmp_path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"")
    (attempt.folder / "out.times").symlink_to(other)
    attempt.say("later\n", at=5.0)
    assert other.read_bytes() == b""
    assert (attempt.folder / "out").read_bytes() == b"later\n"
