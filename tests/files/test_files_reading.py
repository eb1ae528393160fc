"""Tests of reading document files, of any kind under the name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.files.reading import DOCUMENT_BYTES, read_at_once, read_document, read_document_text
from core.model.errors import Invalid, InvalidDocument, NotFound


def test_a_byte_order_mark_is_not_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: h\xc3\xa9\n")
    assert read_document_text(path) == "name: hé\n"


def test_a_file_as_large_as_the_limit_is_read_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_bytes(b"12345")
    assert read_document(path, limit=5) == b"12345"
    with pytest.raises(InvalidDocument) as refused:
        read_document(path, limit=4)
    assert (refused.value.code, "5 bytes" in refused.value.message) == ("document.size", True)
    os.truncate(path, DOCUMENT_BYTES + 1)
    with pytest.raises(InvalidDocument):
        read_document(path)


def test_a_file_that_states_no_size_is_held_to_the_limit_as_well() -> None:
    with pytest.raises(InvalidDocument) as refused:
        read_document(Path("/proc/self/status"), limit=16)
    assert refused.value.code == "document.size"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_first_byte_that_is_not_utf8_is_named_with_its_position(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "flow.yaml"
    path.write_bytes(mark + b"a: 1\nb: \xe9\n")
    with pytest.raises(InvalidDocument) as refused:
        read_document_text(path)
    [fault] = refused.value.faults
    assert (fault.code, fault.line, fault.column) == ("document.encoding", 2, 4)
    assert "0xE9" in fault.message


def test_a_pipe_a_folder_and_a_device_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(Invalid) as refused:
            read_document(path)
        assert refused.value.code == "document.no_file"
    with pytest.raises(Invalid) as refused:
        read_document(tmp_path)
    assert refused.value.code == "document.unreadable"


@pytest.mark.parametrize("name", ["\x1b[2Jgone", "a\0b", "\ud800"])
def test_a_missing_file_is_not_found_and_its_name_is_safe_to_print(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFound) as refused:
        read_document(tmp_path / name)
    assert refused.value.code == "document.not_found"
    assert refused.value.message.isprintable()


def test_settings_are_read_through_links_and_never_from_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    assert (read_at_once(tmp_path / "link", 5), read_at_once(tmp_path / "file", 4)) == (b"12345", b"1234")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(OSError, match=r"pipe|directory"):
            read_at_once(path, 5)
    assert read_at_once(Path("/dev/null"), 5) == b""
