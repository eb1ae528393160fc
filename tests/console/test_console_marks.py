"""Tests of marks, and of the top of lists."""

from __future__ import annotations

import asyncio

import pytest
from textual.events import Key

from core.model.commands.work import Operated
from tests.console.support_console import Operator, console, shown
from tests.console.support_fake_control import FakeControl


def stocked(tasks: int = 4, *, job: str = "nightly") -> FakeControl:
    control = FakeControl()
    number = control.add_job(job)
    for at in range(tasks):
        control.add_task(number, f"t{at + 1}", status="failed" if at % 2 else "queued")
    return control


def marked(operator: Operator) -> list[str]:
    """Return the keys of the rows that are drawn as marked."""
    return [line.split()[4] for line in shown(operator.app).splitlines() if line.startswith("*")]


async def test_after_a_verb_on_all_that_match_the_next_one_acts_on_what_is_drawn() -> None:
    control = stocked()
    async with console(control, at="3") as operator:
        await operator.press("slash")
        await operator.type("status:queued")
        await operator.press("enter", "escape", "asterisk")
        await operator.sees("marks 4 (by filter)")
        await operator.press("x")
        await operator.sees("Cancel 4 tasks? [y/N]")
        await operator.press("n")
        await operator.sees("marks 4 (by filter)")
        await operator.press("x", "y")
        await operator.hears("cancel 4 tasks")
        await operator.misses("marks")
        assert marked(operator) == []
        await operator.press("g", "r")
        await operator.sees("Retry task 4 (t4)? [y/N]")


async def test_what_matches_later_is_not_drawn_as_marked_and_the_number_leaves_it_out() -> None:
    control = stocked()
    async with console(control, at="3") as operator:
        await operator.press("asterisk")
        await operator.sees("marks 4 (by filter)")
        assert marked(operator) == ["t4", "t3", "t2", "t1"]
        late = control.add_task(2, "late")
        control.set_task(1, status="running")
        await operator.beat()
        await operator.quiet()
        operator.app.screen.picker._counted_at = 0.0
        operator.app.screen.refresh_ages()
        await operator.sees("marks 3 (by filter, 2 changed since)", "late")
        assert marked(operator) == ["t4", "t3", "t2"]
        await operator.press("g", "space")
        await operator.hears("it has changed since all were marked")
        await operator.press("h")
        await operator.until(lambda: control.asked, "nothing was asked")
        assert control.task_rows[3].status == "held"
        assert control.task_rows[late].status == "queued"


async def test_all_that_match_is_released_when_all_of_it_is_held() -> None:
    control = FakeControl()
    job = control.add_job()
    for at in range(3):
        control.add_task(job, f"t{at}", status="held")
    async with console(control, at="3") as operator:
        await operator.press("asterisk", "h")
        await operator.hears("unhold 3 tasks")
        await operator.press("asterisk", "h")
        await operator.hears("hold 3 tasks")


async def test_marks_stay_when_everything_was_refused() -> None:
    control = stocked()
    async with console(control, at="3") as operator:
        await operator.press("space", "space")
        await operator.sees("marks 2")
        for task in control.task_rows.values():
            control.set_task(task.id, status="succeeded")
        await operator.press("x", "y")
        await operator.hears("refused")
        await operator.sees("marks 2")


async def test_a_new_order_and_a_new_filter_begin_at_the_top() -> None:
    control = stocked(100)
    async with console(control, at="3", size=(100, 20)) as operator:
        await operator.sees("row 1/100")
        await operator.press("ctrl+f", "ctrl+f", "j")
        await operator.misses("t100")
        await operator.press("I")
        await operator.sees("row 1/100", "TASK▲", "t1 ")
        assert (operator.app.screen.table.top, operator.app.screen.table.selected.id) == (0, 1)
        await operator.press("G")
        await operator.sees("row 100/100")
        await operator.press("slash", "ctrl+u")
        await operator.type("status:queued")
        await operator.press("enter")
        await operator.sees("row 1/50", "filter 50/100")
        assert operator.app.screen.table.top == 0


async def test_at_the_top_new_rows_are_seen_and_the_cursor_keeps_its_row() -> None:
    control = stocked(50)
    async with console(control, at="3", size=(100, 20)) as operator:
        await operator.sees("t50")
        control.add_task(2, "fresh")
        await operator.beat()
        await operator.sees("fresh", "row 2/51")
        assert operator.app.screen.table.selected.key == "t50"


async def test_scrolled_down_the_rows_stay_on_their_lines_and_the_bar_counts_what_is_new_above() -> None:
    control = stocked(120)
    async with console(control, at="3", size=(100, 20)) as operator:
        await operator.sees("t120")
        await operator.press("ctrl+f", "ctrl+f", "j", "j", "j")
        before = await operator.sees("row 34/120")
        # Few enough that the row of the cursor would stay in view if they pushed it down.
        for number in range(3):
            control.add_task(2, f"fresh{number}")
        await operator.beat()
        await operator.sees("3 new above", "row 37/123")
        rows = [line for line in shown(operator.app).splitlines() if " nightly " in line]
        assert rows == [line for line in before.splitlines() if " nightly " in line] != []
        await operator.press("g")
        await operator.sees("fresh2", "row 1/123")
        await operator.misses("new above")


async def test_the_position_is_shown_on_the_narrowest_screen() -> None:
    async with console(stocked(9), at="3") as operator:
        await operator.resize(20, 6)
        await operator.press("j", "j")
        await operator.sees("row 3/9")


class Slow(FakeControl):
    """Answers changes, and reads of a job, only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.may = asyncio.Event()

    async def ask(self, request):
        if type(request).__name__ in ("Retry", "Hold", "Unhold", "Job"):
            await self.may.wait()
        return await super().ask(request)


async def keys_in_one_piece(operator: Operator, control: Slow, *keys: str) -> None:
    """Send keys at once, and let the engine answer while they wait."""
    for key in keys:
        operator.app.post_message(Key(key, key if len(key) == 1 else None))
    await operator.pilot.pause()
    control.may.set()
    await operator.pilot.pause()


def slow() -> Slow:
    control = Slow()
    job = control.add_job("nightly")
    control.rehearsal = Operated(changed=1)
    control.add_task(job, "one", status="queued")
    control.add_task(job, "two", status="failed", attempts=1)
    return control


async def test_an_answer_in_one_piece_with_its_verb_waits_for_the_question() -> None:
    control = slow()
    async with console(control, at="3") as operator:
        await operator.press("g")
        await keys_in_one_piece(operator, control, "r", "y")
        await operator.hears("retry task 2 (two): 1 changed")
        assert control.asked == [("retry", (2,))]


async def test_a_verb_twice_in_one_piece_turns_there_and_back() -> None:
    control = slow()
    async with console(control, at="3") as operator:
        await operator.press("G")
        await keys_in_one_piece(operator, control, "h", "h")
        await operator.hears("unhold task 1 (one): 1 changed")
        assert [verb for verb, _ in control.asked] == ["hold", "unhold"]


async def test_keys_go_on_while_an_engine_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.terminal.key_order._SETTLING", 0.0)
    control = slow()
    async with console(control, at="3") as operator:
        await operator.press("G", "h", "g")
        await operator.until(lambda: operator.app.screen.table.cursor == 0, "the cursor stands still")
        control.may.set()
        await operator.hears("hold task 1")


async def test_a_key_behind_a_filter_is_meant_for_its_rows() -> None:
    control = stocked(6)
    async with console(control, at="3") as operator:
        await operator.press("slash", *"status:queued", "enter", "x")
        await operator.sees("Cancel task 5 (t5)? [y/N]")


async def test_keys_behind_one_that_opens_a_screen_are_meant_for_its_rows() -> None:
    control = slow()
    control.outputs[1] = b"hello\n"
    async with console(control) as operator:
        await keys_in_one_piece(operator, control, "enter", "j", "l")
        await operator.sees("Log of task 1", "hello")
