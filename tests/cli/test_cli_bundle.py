"""The command `bundle`, and the commands that read what it wrote."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import zipfile
from pathlib import Path

import pytest

from core.app.bundles.file import open_bundle_file
from core.model.errors import Conflict
from tests.cli.cli_stage import HOSTILE, VISIBLE, Deck, command, environment
from tests.support.commands import kind_of, run
from tests.support.waiting import DEADLINE, until_now


@pytest.fixture
def file(stored: Deck, tmp_path: Path) -> Path:
    """Return a bundle of the stored job."""
    path = tmp_path / f"b{HOSTILE[:5]}.zip"
    assert stored("bundle", "2", "-o", str(path)).status == 0
    return path


READING = (
    ("jobs",),
    ("tasks", "--json"),
    ("groups",),
    ("queues",),
    ("failures",),
    ("events",),
    ("history", "2"),
    ("diff", "2", "2"),
    ("show", "2"),
    ("why", "2"),
    ("timeline", "2"),
    ("runs", f"stored {HOSTILE}"),
    ("grid", f"stored {HOSTILE}"),
    ("logs", "2/good"),
    ("logs", "2/good", "--grep", "line"),
    ("doctor",),
)


def test_what_was_written_is_said_with_what_is_left_out(stored: Deck, tmp_path: Path) -> None:
    ended = stored("bundle", "2", "-o", str(tmp_path / "b.zip"), "--json")
    (told,) = ended.objects
    assert (told["jobs"], told["outputs"], told["cut"]) == ([2], 2, 0)
    assert told["bytes"] == (tmp_path / "b.zip").stat().st_size
    for_people = stored("bundle", "2", "-o", str(tmp_path / "c.zip"))
    assert "environment of tasks" in for_people.err
    assert "look before you pass it on" in for_people.err
    assert (tmp_path / "c.zip").stat().st_mode & 0o777 == 0o600


def test_every_command_that_reads_reads_a_bundle(stored: Deck, file: Path) -> None:
    for words in READING:
        ended = stored(*words, "--bundle", str(file))
        assert ended.status == 0, (words, ended.err)
        assert ended.out or words == ("groups",)
        assert "\x1b" not in ended.out + ended.err
        if words != ("doctor",):
            assert "read-only" in ended.err
    assert VISIBLE in stored("--bundle", str(file), "jobs").out
    assert stored("logs", "2/good", "--bundle", str(file)).out == "line\n"


def test_changes_and_other_doors_are_refused_in_one_sentence(stored: Deck, file: Path) -> None:
    for words, code in (
        (("cancel", "2"), "usage"),
        (("retry", "2"), "usage"),
        (("failures", "--ack", "aaaa"), "bundle.read_only"),
        (("jobs", "--home", "x"), "usage"),
        (("jobs", "--host", "box"), "usage"),
    ):
        ended = stored(*words, "--bundle", str(file))
        assert ended.status in (2, 4), words
        assert ended.err.startswith(f"error[{code}]: "), words
        assert len(ended.err.splitlines()) <= 2
    assert stored("jobs", "--bundle", "").status == 2


def test_a_file_that_is_there_is_replaced_only_by_force(stored: Deck, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(b"mine")
    refused = stored("bundle", "2", "-o", str(path))
    assert (refused.status != 0, path.read_bytes()) == (True, b"mine")
    assert refused.err.startswith("error[bundle.exists]: ")
    assert stored("bundle", "2", "-o", str(path), "--force").status == 0
    assert zipfile.is_zipfile(path)


def test_a_file_that_comes_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    file = open_bundle_file(path, force=False)
    file.open()
    file.write(b"bundle")
    path.write_bytes(b"mine")
    with pytest.raises(Conflict), file.refusing():
        file.keep()
    file.discard()
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"mine", [path])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("bundle",), "usage"),
        (("bundle", "2"), "usage"),
        (("bundle", "99", "-o", "b.zip"), "job.unknown"),
        (("bundle", "0", "-o", "b.zip"), "usage"),
        (("bundle", "2", "-o", "no/where/b.zip"), "bundle.file"),
        (("bundle", "2", "-o", "."), "bundle.file"),
        (("bundle", "2", "-o", "b.zip", "--max-log", "many"), "size.invalid"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(
    words: tuple[str, ...], code: str, stored: Deck, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = stored(*words)
    assert ended.status != 0
    assert ended.err.startswith(f"error[{code}]: ")
    assert list(tmp_path.iterdir()) == []


def test_a_home_without_a_store_is_said(deck: Deck, home: Path, tmp_path: Path) -> None:
    ended = deck("bundle", "2", "-o", str(tmp_path / "b.zip"))
    assert ended.err.startswith("error[store.missing]: ")
    assert not (tmp_path / "b.zip").exists()


def test_a_bundle_goes_to_a_pipe_and_the_words_about_it_beside_it(stored_home: Path, tmp_path: Path) -> None:
    ended = run(command("bundle", "2", "-o", "-"), env=environment(stored_home))
    assert ended.returncode == 0, ended.stderr
    (tmp_path / "b.zip").write_bytes(ended.stdout)
    assert zipfile.is_zipfile(tmp_path / "b.zip")
    assert b"standard output: job 2" in ended.stderr


def test_a_full_disk_leaves_nothing(stored: Deck, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill_up(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("core.files.writing.NewFile.write", fill_up)
    ended = stored("bundle", "2", "-o", str(tmp_path / "b.zip"))
    assert ended.status == 4
    assert ended.err.startswith("error[bundle.file]: cannot write ")
    assert "No space left on device" in ended.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_reader_that_is_ended_removes_what_it_unpacked(
    number: signal.Signals, file: Path, stored_home: Path, tmp_path: Path
) -> None:
    fifo = tmp_path / "out"
    os.mkfifo(fifo)
    folder = tmp_path / "tmp"
    folder.mkdir()
    env = {**environment(stored_home), "TMPDIR": str(folder)}
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with fifo.open("wb") as out:
        argv = command("--bundle", str(file), "--watch", "1")
        process = kind_of(argv, env)(argv, env=env, stdout=out, stderr=subprocess.DEVNULL)
    try:
        until_now(lambda: b"tasks:" in _read(reader), "the overview")
        assert len(list(folder.iterdir())) == 1
        process.send_signal(number)
        assert process.wait(DEADLINE) != 0
    finally:
        process.kill()
        process.wait()
        os.close(reader)
    assert list(folder.iterdir()) == []


def test_a_console_whose_terminal_goes_away_removes_what_it_unpacked(
    file: Path, stored_home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    ours, theirs = os.openpty()
    argv, environ = command("--bundle", str(file)), {**environment(stored_home), "TMPDIR": str(folder)}
    process = kind_of(argv, environ)(
        argv,
        env=environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    try:
        until_now(lambda: b"BUNDLE" in _read(ours), "the console")
        assert len(list(folder.iterdir())) == 1
        process.send_signal(signal.SIGHUP)
        assert process.wait(DEADLINE) != 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert list(folder.iterdir()) == []


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except BlockingIOError:
        return b""
