"""The bridge of `dial-stdio` carries bytes both ways."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.app.remote.stdio_bridge import bridge
from tests.support.homes import Home, lines
from tests.support.waiting import DEADLINE

HELLO = b"POST /v1/status HTTP/1.1\r\nhost: engine\r\ncontent-length: 2\r\n\r\n{}"
HEAVY = ("click", "sqlalchemy", "pydantic", "httpx", "asyncio", "textual")


@dataclass(kw_only=True)
class Line:
    """A bridge between an engine that the test plays and two pipes."""

    engine: socket.socket
    source: int
    target: int
    thread: threading.Thread

    def ends(self) -> None:
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture
def line() -> Iterator[Line]:
    ours, theirs = socket.socketpair()
    (read_in, source), (target, write_out) = os.pipe(), os.pipe()
    work = threading.Thread(
        target=bridge, args=(theirs,), kwargs={"source": read_in, "target": write_out}, daemon=True
    )
    ours.settimeout(20)
    work.start()
    made = Line(engine=ours, source=source, target=target, thread=work)
    yield made
    ours.close()
    for descriptor in (made.source, made.target):
        if descriptor >= 0:
            os.close(descriptor)
    work.join(20)
    # Not the end that a thread may still read from: its number would be given to somebody else.
    os.close(write_out)


def test_the_end_of_the_input_is_passed_on_and_the_answer_still_comes(line: Line) -> None:
    os.write(line.source, b"\x00ask\xff")
    os.close(line.source)
    line.source = -1
    assert b"".join(iter(lambda: line.engine.recv(100), b"")) == b"\x00ask\xff"
    line.engine.sendall(b"\xfeanswer\x00")
    line.engine.shutdown(socket.SHUT_WR)
    line.ends()
    assert os.read(line.target, 100) == b"\xfeanswer\x00"


def test_an_input_that_cannot_be_read_has_ended_and_the_engine_is_told(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    folder, nothing = os.open(tmp_path, os.O_RDONLY), os.open(os.devnull, os.O_WRONLY)
    work = threading.Thread(
        target=bridge, args=(theirs,), kwargs={"source": folder, "target": nothing}, daemon=True
    )
    with ours:
        work.start()
        assert ours.recv(100) == b""
    work.join(DEADLINE)
    assert not work.is_alive()
    os.close(folder)
    os.close(nothing)


def test_the_end_of_the_engine_ends_it_though_the_input_stays_open(line: Line) -> None:
    line.engine.close()
    line.ends()


def test_a_reader_that_is_gone_ends_it(line: Line) -> None:
    os.close(line.target)
    line.target = -1
    line.engine.sendall(b"to nobody")
    line.ends()


def test_more_than_any_buffer_holds_comes_through_whole(line: Line) -> None:
    sent = bytes(range(256)) * 8_000
    threading.Thread(
        target=lambda: (line.engine.sendall(sent), line.engine.shutdown(socket.SHUT_WR)), daemon=True
    ).start()
    got = bytearray()
    while len(got) < len(sent):
        got += os.read(line.target, 65_536)
    assert bytes(got) == sent
    line.ends()


def test_without_an_engine_it_ends_with_4_and_one_line(place: Home) -> None:
    dial = place.start("dial-stdio")
    (said,) = lines(dial)
    assert dial.returncode == 4
    assert said.startswith(f"error[engine.none]: no engine runs on {place.path}; ")
    assert not place.path.exists()


@pytest.mark.parametrize("name", ["home", "deep-" + "x" * 120])
def test_it_speaks_with_the_engine_that_runs_whatever_the_length_of_its_path(
    tmp_path: Path, name: str
) -> None:
    home = Home(tmp_path / name)
    try:
        home.start("serve")
        home.has_engine()
        dial = home.start("dial-stdio", stdin=subprocess.PIPE)
        out, err = dial.communicate(HELLO, timeout=DEADLINE)
        assert (dial.returncode, err) == (0, b"")
        assert out.startswith(b"HTTP/1.1 ")
    finally:
        home.end()


def test_it_starts_an_engine_of_its_own_session_and_of_many_at_once_only_one(place: Home) -> None:
    dials = [place.start("dial-stdio", "--start", stdin=subprocess.PIPE) for _ in range(3)]
    answers = [dial.communicate(HELLO, timeout=DEADLINE) for dial in dials]
    assert [out.partition(b" ")[0] for out, _ in answers] == [b"HTTP/1.1"] * 3, answers
    assert [dial.returncode for dial in dials] == [0] * 3
    assert place.rows("SELECT epoch FROM engine") == [(1,)]
    assert os.getsid(place.engine) == place.engine


def test_an_engine_that_cannot_start_is_told_in_one_line(place: Home) -> None:
    place.path.mkdir(mode=0o700)
    (place.path / "config.toml").write_text("slotz = 1\n")
    dial = place.start("dial-stdio", "--start")
    (said,) = lines(dial)
    assert dial.returncode == 2
    assert said.startswith("error[config.unknown]: ")


def test_it_loads_nothing_heavy(place: Home) -> None:
    code = (
        "import sys; from console.launch import main; main(['dial-stdio']);"
        f" print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    argv = [place.argv()[0], "-c", code]
    done = subprocess.run(argv, env=place.environ, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_a_word_it_does_not_know_is_refused_and_its_help_is_there(place: Home) -> None:
    assert place.run("dial-stdio", "--stat").returncode == 2
    assert "taskdeck dial-stdio --start --home /srv/deck" in place.run("dial-stdio", "--help").stdout
    assert "dial-stdio" in place.run("--help").stdout
