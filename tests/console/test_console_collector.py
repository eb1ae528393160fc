"""The garbage collector while the screens start."""

from __future__ import annotations

import gc
from pathlib import Path

from console.sessions import screen
from console.sessions.decks import OpenDeck
from console.sessions.flags import read_flags
from core.app import collector
from core.app.options import Options
from tests.console.support_fake_control import FakeControl
from tests.support.waiting import until


async def test_the_collector_is_off_until_the_screens_have_started(monkeypatch, tmp_path: Path) -> None:
    seen: list[bool] = []

    class Screens:
        wants_mouse = False
        short = None

        def __init__(self, *_: object) -> None:
            seen.append(gc.isenabled())

        async def run_async(self, *, mouse: bool) -> None:
            await until(gc.isenabled, "the collector runs again")

    monkeypatch.setattr(screen, "ConsoleApp", Screens)
    monkeypatch.setattr(collector, "RESUME_SECONDS", 0.0)
    gc.disable()
    try:
        deck = OpenDeck(options=Options(home=tmp_path), control=FakeControl())
        await screen.show_screen(deck, None, flags=read_flags([]))
    finally:
        collector.resume()
        gc.unfreeze()
    assert seen == [False]
