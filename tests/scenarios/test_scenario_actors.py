"""Who started an engine and who ended it stands in its events."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.actors import Door
from tests.support.actors import by
from tests.support.homes import Home

STORY = (
    "SELECT kind, actor, data->>'how', data->>'reason' FROM event WHERE kind LIKE 'engine.%'"
    " AND id > (SELECT max(id) FROM event WHERE kind = 'engine.started') - 1 ORDER BY id"
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    home.end()


def test_starts_and_ends_of_engines_name_who_asked(place: Home) -> None:
    user, ops = by(door=Door.CLI), by("ops", Door.CLI)

    place.start("serve")
    place.has_engine()
    assert place.run("stop", "--drain", "--as", "ops").returncode == 0
    assert place.rows(STORY) == [
        ("engine.started", user, None, None),
        ("engine.stop_requested", ops, "drain", None),
        ("engine.stopped", ops, "drain", None),
    ]

    serving = place.start("serve", TASKDECK_AS="ops")
    os.kill(place.has_engine(), signal.SIGTERM)
    serving.communicate()
    assert place.rows(STORY) == [
        ("engine.started", ops, None, None),
        ("engine.stop_requested", "signal 15 (SIGTERM)", "stop", None),
        ("engine.stopped", "signal 15 (SIGTERM)", "stop", None),
    ]

    assert place.run("exec", "--", "true", TASKDECK_LINGER="0").returncode == 0
    place.has_none()
    assert place.rows(STORY) == [
        ("engine.started", user, None, None),
        ("engine.stopped", "engine", "stop", "no work was left and no client watched"),
    ]
