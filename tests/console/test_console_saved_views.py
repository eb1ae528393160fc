"""Saved views are shared by all consoles of a home."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

SAVER = """
import sys
from pathlib import Path
from console.navigation.saved_views import Views
from core.filters.fields import Noun
from core.filters.parser import parse
views = Views(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(40):
    views.save(f"{sys.argv[2]}-{number}", "tasks", parse(f"job:{number + 1} err~{'x' * 190}", Noun.TASKS))
"""


def test_two_consoles_that_save_views_at_once_keep_a_whole_file_and_every_view(tmp_path: Path) -> None:
    savers = [
        subprocess.Popen(
            [sys.executable, "-c", SAVER, str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for saver in savers:
        assert saver.stdout is not None
        assert saver.stdout.readline() == "ready\n"
    for saver in savers:
        assert saver.stdin is not None
        saver.stdin.write("\n")
        saver.stdin.flush()
    file, reads = tmp_path / "views.toml", 0
    while any(saver.poll() is None for saver in savers):
        if file.exists():
            # What a third console would read meanwhile: whole at any moment.
            tomllib.loads(file.read_text("utf-8"))
            reads += 1
    assert [saver.wait() for saver in savers] == [0, 0]
    for saver in savers:
        saver.communicate()
    assert reads > 0
    assert len(tomllib.loads(file.read_text("utf-8"))) == 80
    assert sorted(path.name for path in tmp_path.iterdir()) == ["views.toml", "views.toml.lock"]
