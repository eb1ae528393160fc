"""The systemd user unit: actual paths, quoted as systemd reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.app.systemd.unit import user_unit
from core.config import Settings
from core.model.errors import Invalid
from tests.support.homes import Home


def settings(**values: Any) -> Settings:
    return Settings(**values)


def command(text: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    return line.removeprefix("ExecStart=")


def test_children_outlive_the_engine_and_its_grace_is_kept() -> None:
    text = user_unit(Path("/srv/deck"), settings(stop_grace=30), flags=["--slots", "8"])
    assert "KillMode=process\n" in text
    assert "ExecReload=kill -HUP $MAINPID\n" in text
    assert "TimeoutStopSec=40\n" in text
    assert "@" not in text
    assert command(text).endswith(" serve --home /srv/deck --slots 8")
    assert command(text).startswith("/")


@pytest.mark.parametrize(
    ("home", "quoted"),
    [
        ("/srv/my deck", '"/srv/my deck"'),
        ("/srv/50%", '"/srv/50%%"'),
        ("/srv/$HOME", '"/srv/$$HOME"'),
        ('/srv/a"b\\c', '"/srv/a\\"b\\\\c"'),
    ],
)
def test_paths_are_quoted_as_systemd_reads_them(home: str, quoted: str) -> None:
    assert command(user_unit(Path(home), settings())).endswith(f" --home {quoted}")


def test_a_path_that_would_add_a_line_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        user_unit(Path("/srv/x\nExecStartPre=/bin/evil"), settings())
    assert refused.value.code == "unit.path"


def test_it_is_printed_without_making_anything(place: Home) -> None:
    done = place.run("serve", "--unit")
    assert done.returncode == 0
    assert f"serve --home {place.path}" in done.stdout
    assert not place.path.exists()
    assert place.run("serve", "--unit", "--take-over").returncode == 2
