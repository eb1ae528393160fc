"""Files are written whole, and changed by one process at a time."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from core.files import writing
from core.files.writing import NewFile, changing, write_file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_private_and_a_file_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    write_file(path, b"one")
    assert (path.read_bytes(), mode(path)) == (b"one", 0o600)
    path.chmod(0o640)
    write_file(path, b"two")
    assert (path.read_bytes(), mode(path), names(tmp_path)) == (b"two", 0o640, ["notes"])


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_file(tmp_path / "link", b"x")
    assert ((tmp_path / "link").is_symlink(), (tmp_path / "file").read_bytes()) == (True, b"x")


def test_a_device_is_written_as_it_is() -> None:
    write_file(Path("/dev/null"), b"x")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("call", ["fsync", "write"])
def test_after_a_failure_the_old_file_is_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "notes"
    write_file(path, b"old")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if call == "fsync":
        monkeypatch.setattr(writing.os, "fsync", full)  # type: ignore[attr-defined]
    else:
        monkeypatch.setattr(NewFile, "write", full)
    with pytest.raises(OSError, match="No space left"):
        write_file(path, b"new")
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["notes"])


def test_the_file_reaches_the_disk_before_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []

    def record(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append(f"folder {names(tmp_path)}" if is_folder else "file")

    monkeypatch.setattr(writing.os, "fsync", record)  # type: ignore[attr-defined]
    write_file(tmp_path / "notes", b"x")
    assert synced == ["file", "folder ['notes']"]


def test_a_folder_that_cannot_be_synced_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "a folder")

    monkeypatch.setattr(writing.os, "fsync", refuse)  # type: ignore[attr-defined]
    write_file(tmp_path / "notes", b"x")
    assert (tmp_path / "notes").read_bytes() == b"x"


def test_two_temporary_files_of_one_path_do_not_meet(tmp_path: Path) -> None:
    first, second = NewFile(tmp_path / "notes"), NewFile(tmp_path / "notes")
    for file, data in ((first, b"first"), (second, b"second")):
        file.open()
        file.write(data)
    first.replace()
    second.replace()
    for file in (first, second):
        file.discard()
    assert ((tmp_path / "notes").read_bytes(), names(tmp_path)) == (b"second", ["notes"])


def test_a_change_waits_for_another_and_gives_up_in_time(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    with (
        changing(path),
        pytest.raises(TimeoutError, match="another process is writing it"),
        changing(path, patience=0),
    ):
        raise AssertionError
    with changing(path, patience=0):
        pass
