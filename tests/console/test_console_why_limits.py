"""Tests of WAITS FOR and the why screen under pools and limits."""

from __future__ import annotations

from pathlib import Path

from core.control.wait_answers import WaitAnswers
from core.model.waits import EngineFacts, TaskWaits
from core.store.readers import Readers
from core.store.reports import Reports
from tests.console.support_console import console
from tests.console.support_fake_control import FakeControl
from tests.store.deck import AGING, Deck
from tests.store.wait_cases import CASES, NOON, number


async def told(folder: Path, case: str) -> TaskWaits:
    """Return the reasons of the prepared task."""
    deck = Deck(folder / f"{case}.db")
    deck.now = NOON
    CASES[case][0](deck)
    readers = Readers(deck.path)

    async def engine() -> EngineFacts:
        return EngineFacts(state="serving", slots=4, running=4 * (case == "slots"), aging_step=AGING)

    waits = await WaitAnswers(Reports(readers, now=lambda: deck.now).waits, engine).task(number(deck))
    await readers.close()
    deck.close()
    return waits


async def test_each_reason_has_its_place_in_the_list_and_on_the_screen_of_why(tmp_path: Path) -> None:
    control = FakeControl()
    job = control.add_job("nightly", status="running")
    for case, (_, _, short, _, _) in CASES.items():
        waits = await told(tmp_path, case)
        task = control.add_task(job, case, status="queued", waits_for=short)
        control.waits[task] = waits
    async with console(control, size=(120, 60)) as operator:
        await operator.press("3", "g")
        await operator.sees("WAITS FOR", *(short for _, _, short, _, _ in CASES.values()))
        for _, _, _, text, ends in reversed(CASES.values()):
            await operator.press("w")
            await operator.sees("ends by", text[:40], ends.split(" ")[-1])
            await operator.press("escape", "j")
