"""Tests of untrusted files: only regular ones, within limits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.files.untrusted import open_regular, read_extent, read_small, tail_text


def test_a_small_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert read_small(path, 5) is None
    path.write_bytes(b"12345")
    assert read_small(path, 5) == b"12345"
    assert read_small(path, 4) is None
    (tmp_path / "link").symlink_to(path)
    assert read_small(tmp_path / "link", 5) is None
    assert read_small(tmp_path, 5) is None


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match="regular"):
        open_regular(tmp_path / "pipe")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_holes_are_stepped_over(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.write(b"a" * 4096)
        file.seek(2**20)
        file.write(b"z" * 4096)
    descriptor = open_regular(path)
    try:
        extent = read_extent(descriptor, 8192, limit=10)
        assert (extent.start, extent.data) == (2**20, b"z" * 10)
        assert read_extent(descriptor, 2**20 + 4096, limit=10).data == b""
    finally:
        os.close(descriptor)


def test_a_tail_begins_with_a_whole_character_and_replaces_what_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes("é€𝄞".encode() * 10 + b"\xff")
    for limit in range(5, 40):
        text = tail_text(path, limit)
        assert text.endswith("\ufffd")
        assert text.count("\ufffd") == 1


def test_holes_are_no_part_of_a_tail(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.write(b"a" * 4096)
        file.seek(2**20)
        file.write(b"z" * 4096)
    assert tail_text(path, 2**21) == "a" * 4096 + "z" * 4096
