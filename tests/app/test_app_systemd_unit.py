"""The systemd user unit: actual paths, quoted as systemd reads them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from core.app.systemd.installation import unit_name
from core.app.systemd.unit import user_unit
from core.config import Settings
from core.host import default_home, effective_user
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


def _programs(folder: Path, *, linger: int = 0) -> dict[str, str]:
    """Write a systemctl and a loginctl that note how they were called."""
    for name, status in (("systemctl", 0), ("loginctl", linger)):
        script = folder / name
        script.write_text(f'#!/bin/sh\necho "{name} $*" >> "{folder}/called"\nexit {status}\n')
        script.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin", "XDG_CONFIG_HOME": str(folder / "config")}


def test_it_is_written_enabled_and_outlives_the_log_out(place: Home, tmp_path: Path) -> None:
    environ = _programs(tmp_path)
    done = place.run("serve", "--install", **environ)
    assert (done.returncode, done.stderr) == (0, "")
    (unit,) = (tmp_path / "config/systemd/user").iterdir()
    assert f"serve --home {place.path}" in unit.read_text()
    assert unit.name.startswith(f"taskdeck-{place.path.name}-")
    assert done.stdout.startswith(f"{unit}: enabled and started")
    assert [line.split(" ", 2)[:3] for line in (tmp_path / "called").read_text().splitlines()] == [
        ["systemctl", "--user", "daemon-reload"],
        ["systemctl", "--user", f"enable --now {unit.name}"],
        ["loginctl", "enable-linger", effective_user()],
    ]
    assert (
        "the engine ends at log-out"
        in place.run("serve", "--install", **_programs(tmp_path, linger=1)).stderr
    )
    unit.write_text("[Service]\nExecStart=/bin/other\n")
    taken = place.run("serve", "--install", **environ)
    assert (taken.returncode, "error[unit.taken]" in taken.stderr) == (2, True)
    assert unit.read_text() == "[Service]\nExecStart=/bin/other\n"
    unit.unlink()
    none = place.run("serve", "--install", **{**environ, "PATH": "/nowhere"})
    assert "error[systemd.none]" in none.stderr
    assert str(unit) in none.stderr
    assert place.run("serve", "--install", "--unit").returncode == 2


def test_each_home_has_a_unit_of_its_own() -> None:
    assert unit_name(default_home()) == "taskdeck.service"
    names = {unit_name(Path(home)) for home in ("/srv/a b", "/srv/a-b", "/opt/a b")}
    assert len(names) == 3
    assert all(re.fullmatch(r"taskdeck-a-b-[0-9a-f]{6}\.service", name) for name in names)
