"""Tests of reasons to wait, read without an engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.app.lock import EngineLock
from core.app.options import Options
from core.app.reading.store import read_store
from tests.store.deck import Deck, task


@pytest.mark.parametrize(("is_owned", "code"), [(True, "engine_silent"), (False, "no_engine")])
async def test_a_store_whose_engine_does_not_answer_says_so_in_the_reasons(
    tmp_path: Path, is_owned: bool, code: str
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    options = Options(home=home)
    deck = Deck(options.paths.db)
    deck.loose(task("a"))
    deck.close()
    options.paths.db.chmod(0o600)
    with EngineLock(options.paths.lock) as lock:
        assert not is_owned or lock.acquire()
        async with read_store(options) as reading:
            assert [reason.code.value for reason in (await reading.why(1)).reasons] == [code]
            assert [view.wait_reason for view in (await reading.tasks()).rows] == ["slots"]
