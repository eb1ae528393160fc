"""Tests of files that are no store: refused and left unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.model.errors import Unavailable
from core.store.database import open_writer


def test_a_file_that_is_no_database_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "taskdeck.db"
    path.write_bytes(b"not a database at all" * 1_000)
    with pytest.raises(Unavailable) as refused:
        open_writer(path, synchronous="FULL", now=1)
    assert refused.value.code == "store.broken"
    assert path.read_bytes() == b"not a database at all" * 1_000


def test_a_store_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "taskdeck.db"
    open_writer(path, synchronous="FULL", now=1).close()
    path.write_bytes(path.read_bytes()[:5_000])
    with pytest.raises(Unavailable) as refused:
        open_writer(path, synchronous="FULL", now=1)
    assert refused.value.code == "store.broken"
