"""Tests of files that are half written when their process ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from core.files.writing import NewFile, remove_unfinished

LEAVES = """
import os, signal, sys
from functools import partial
from pathlib import Path
from console.sessions.screen import _remove_and_end
from core.files.writing import NewFile
file = NewFile(Path(sys.argv[1]))
file.open()
file.write(b"half")
signal.signal(signal.SIGHUP, partial(_remove_and_end, None))
os.kill(os.getpid(), signal.SIGHUP)
"""


def test_a_lost_terminal_leaves_no_half_of_an_export(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LEAVES, str(tmp_path / "rows.csv")],
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert ended.returncode == -signal.SIGHUP
    assert list(tmp_path.iterdir()) == []


def test_what_was_finished_stays(tmp_path: Path) -> None:
    kept, half = (NewFile(tmp_path / name) for name in ("kept", "half"))
    for file in (kept, half):
        file.open()
        file.write(b"x")
    kept.replace()
    remove_unfinished()
    kept.discard()
    half.discard()
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
