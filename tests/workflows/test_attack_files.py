"""Tests of files that are not regular: refused at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.model.errors import Invalid, NotFound
from core.workflows.loader import read
from core.workflows.registry import find


def test_a_pipe_without_a_writer_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(Invalid) as refused:
        read(tmp_path / "pipe.yaml")
    assert refused.value.code == "document.no_file"


def test_a_device_without_an_end_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        read(Path("/dev/zero"))
    assert refused.value.code == "document.no_file"


@pytest.mark.parametrize("word", ["a" * 300, "~nobody-of-this-name/flow.yaml", "\ud800"])
def test_a_word_that_can_be_no_path_is_not_found(word: str) -> None:
    with pytest.raises(NotFound) as refused:
        find(word)
    assert refused.value.code == "workflow.not_found"


def test_a_loop_of_links_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    with pytest.raises(Invalid) as refused:
        find("loop.yaml", cwd=tmp_path)
    assert "symbolic links" in refused.value.message
