"""Tests of `why` and of lists under pools and limits."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from core.app.options import Options
from core.app.reading.store import read_store
from tests.cli.cli_stage import Deck as CommandLine
from tests.store.deck import Deck
from tests.store.wait_cases import CASES, number

WITHOUT_ENGINE = [case for case in CASES if case != "slots"]
"""Slots are a reason only where an engine claims."""
DAY_MS = 86_400_000


async def asked(options: Options, task: int) -> tuple[list[str], str | None]:
    """Return what a program is told: the codes of the reasons, and what the list says."""
    async with read_store(options) as reading:
        codes = [reason.code.value for reason in (await reading.why(task)).reasons]
        waits = {view.id: view.waits_for for view in (await reading.tasks()).rows}
    return codes, waits[task]


@pytest.mark.parametrize("case", WITHOUT_ENGINE)
def test_commands_and_the_api_tell_the_same(home: Path, deck: CommandLine, case: str) -> None:
    prepare, code, short, text, ends = CASES[case]
    home.mkdir(mode=0o700)
    options = Options(home=home)
    store = Deck(options.paths.db)
    # Of a day to come: no window of it turns while the commands read, by the clock of this machine.
    store.now = time.time_ns() // 1_000_000 // DAY_MS * DAY_MS + 3 * DAY_MS // 2
    prepare(store)
    task = number(store)
    store.close()
    options.paths.db.chmod(0o600)

    (told,) = deck("why", "--task", f"{task}", "--json").objects
    reason = told["reasons"][0]
    assert (reason["code"], reason["short"]) == (code, short)
    assert reason["text"].startswith(text)
    assert ends in reason["ends"]
    assert [one["code"] for one in told["reasons"]] == [code, "no_engine"]

    lines = deck("why", "--task", f"{task}").out
    assert text in lines
    assert "ends by" in lines

    rows = {row["id"]: row for row in deck("tasks", "--json").objects}
    assert rows[task]["waits_for"] == f"{short} +1"

    codes, waits = asyncio.run(asked(options, task))
    assert codes == [code, "no_engine"]
    assert waits == f"{short} +1"
