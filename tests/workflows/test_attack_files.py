"""What is no regular file is refused at once, whatever it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.model.errors import Invalid
from core.workflows.loader import read


def test_a_pipe_without_a_writer_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(Invalid) as refused:
        read(tmp_path / "pipe.yaml")
    assert refused.value.code == "document.no_file"


def test_a_device_without_an_end_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        read(Path("/dev/zero"))
    assert refused.value.code == "document.no_file"
