"""What every test of the console may ask for."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _full_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test the same terminal, whatever the caller's is."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("TASKDECK_THEME", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
