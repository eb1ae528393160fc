"""Tests of two streams of an attempt as one."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from core.executors import output_collector
from core.executors.output_collector import ORDER_FIRST, ORDER_RECORD, Attempt
from core.executors.output_lines import LineFile
from core.executors.woven_output import WovenFile, read_turns, woven_size
from tests.executors.test_executors_output_times import BEGAN, Clock


@pytest.fixture
def attempt(tmp_path, monkeypatch):
    """An attempt that keeps both streams, whose pipes are written by the test."""
    clock = Clock()
    monkeypatch.setattr(output_collector, "time", clock)
    pipes = {name: os.pipe() for name in ("out", "err")}
    asking, other = os.pipe()
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
    files = {name: os.open(tmp_path / name, flags, 0o600) for name in pipes}
    given = [one for name, (source, _) in pipes.items() for one in (source, files[name])]
    made = Attempt(f"100000 {tmp_path}".encode(), asking, given)

    def say(name: str, text: str, *, at: float = 0.0) -> None:
        clock.seconds = at
        os.write(pipes[name][1], text.encode())
        made.streams[name == "err"].read()

    def woven() -> WovenFile:
        return WovenFile(LineFile(files["out"]), LineFile(files["err"]), read_turns(tmp_path))

    def size(*, is_final: bool) -> int:
        out, err = (os.fstat(file).st_size for file in files.values())
        return woven_size(tmp_path, out=out, err=err, is_final=is_final)

    yield SimpleNamespace(say=say, woven=woven, size=size, folder=tmp_path, files=files)
    for descriptor in (asking, other, *files.values(), *(end for pipe in pipes.values() for end in pipe)):
        os.close(descriptor)


def lines_of(file: WovenFile) -> list[tuple[bool, bytes]]:
    found = file.forward(0, lines=100)
    data = found.data.splitlines()
    return [(number in file.errors(found.starts), line) for number, line in enumerate(data)]


def test_lines_of_both_streams_stand_in_the_order_they_came(attempt) -> None:
    for name, text in (
        ("err", "e1\n"),
        ("out", "o1\no2\n"),
        ("err", "e2\n"),
        ("err", "e3\n"),
        ("out", "o3\n"),
    ):
        attempt.say(name, text)
    woven = attempt.woven()
    assert lines_of(woven) == [
        (True, b"e1"),
        (False, b"o1"),
        (False, b"o2"),
        (True, b"e2"),
        (True, b"e3"),
        (False, b"o3"),
    ]
    assert woven.backward(9, lines=1).data == b"o2\n"
    assert woven.read(4, 11) == b"1\no2\ne2"
    assert attempt.size(is_final=True) == attempt.size(is_final=False) == 18
    assert (attempt.folder / "order").stat().st_size == 4 * ORDER_RECORD.size


def test_each_turn_has_its_time(attempt) -> None:
    attempt.say("out", "o1\n", at=0.1)
    attempt.say("err", "e1\n", at=0.4)
    attempt.say("out", "o2\n", at=2.0)
    assert attempt.woven().times(0, 9, began=BEGAN) == ((0, BEGAN), (3, BEGAN + 400), (6, BEGAN + 2_000))
    assert attempt.woven().times(4, 6, began=BEGAN) == ((3, BEGAN + 400),)


def test_one_stream_alone_keeps_no_order(attempt) -> None:
    attempt.say("out", "o1\n")
    assert not (attempt.folder / "order").exists()
    assert attempt.size(is_final=True) == 0


def test_turns_that_are_too_many_are_left_out_and_no_byte_moves_while_it_runs(attempt) -> None:
    for number in range(ORDER_FIRST):
        attempt.say("err" if number % 2 == 0 else "out", "x\n")
    whole = attempt.size(is_final=False)
    attempt.say("out", "o\n")
    assert attempt.size(is_final=False) == whole + 2
    attempt.say("err", "e\n")
    attempt.say("out", "p\n")
    # Which came first of these is not known: what waits has no place yet.
    assert attempt.size(is_final=False) == whole + 4
    assert attempt.woven().read(whole, whole + 9) == b"o\np\ne\n"
    assert attempt.size(is_final=True) == whole + 6
    attempt.say("err", "f\n", at=1.0)
    assert attempt.size(is_final=False) == whole + 8
    assert attempt.woven().read(whole, whole + 9) == b"o\np\ne\nf\n"


def test_what_is_missing_of_one_stream_is_missing_among_both(attempt) -> None:
    block = 4_096
    attempt.say("out", "o" * block)
    attempt.say("err", "e" * block)
    attempt.say("out", "p" * block)
    os.truncate(attempt.files["err"], 0)
    os.truncate(attempt.files["err"], block)
    woven = attempt.woven()
    assert woven.extent(0) == (0, block)
    assert woven.extent(block) == (2 * block, 3 * block)
    hole = woven.forward(block, lines=9)
    assert (hole.begin, hole.end, hole.missing) == (block, 2 * block, block)
    assert woven.read(2 * block, 3 * block) == b"p" * block


@pytest.mark.parametrize(
    "content",
    [
        b"x" * 23,
        ORDER_RECORD.pack(2**63, 5, 1),
        ORDER_RECORD.pack(1, 0, 2**60),
        ORDER_RECORD.pack(7, 1, 1) + ORDER_RECORD.pack(3, 0, 1),
    ],
)
def test_an_order_that_a_command_wrote_hides_no_byte(attempt, content: bytes) -> None:
    attempt.say("out", "o1\no2\n")
    attempt.say("err", "e1\n")
    (attempt.folder / "order").write_bytes(content)
    woven = attempt.woven()
    assert sorted(woven.read(0, woven.size)) == sorted(b"o1\no2\ne1\n")
    assert 0 <= attempt.size(is_final=False) <= 9


def test_a_link_in_the_place_of_the_order_is_not_followed(attempt, tmp_path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"")
    (attempt.folder / "order").symlink_to(other)
    attempt.say("err", "e1\n")
    assert other.read_bytes() == b""
    assert read_turns(attempt.folder) == ()
