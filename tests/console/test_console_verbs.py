"""Tests of the verbs by keys: questions, confirmation, results, undo."""

from __future__ import annotations

import pytest
from textual.events import Key

from console.terminal.key_order import KeyOrder
from console.widgets.line_dialog import LineDialog
from core.model.text import SafeText
from tests.console.support_console import console, shown
from tests.console.support_fake_control import FakeControl


def stocked() -> FakeControl:
    """Return a control with one running job of a failed and a queued task."""
    control = FakeControl()
    job = control.add_job("nightly")
    control.add_task(job, "broken", status="failed", attempts=1)
    control.add_task(job, "ready")
    return control


async def test_cancel_asks_and_only_y_says_yes() -> None:
    control = stocked()
    async with console(control) as operator:
        for key in ("x", "enter", "n", "escape", "space"):
            await operator.press("x")
            await operator.sees("Cancel job 2 (nightly)? [y/N]")
            await operator.press(key)
            await operator.misses("[y/N]")
        assert control.asked == []
        await operator.press("x")
        await operator.sees("[y/N]")
        await operator.press("y")
        await operator.hears("cancel job 2 (nightly): 1 changed")
        assert control.asked == [("cancel", 2)]


async def test_a_verb_acts_on_the_row_that_was_under_the_cursor_when_it_was_asked() -> None:
    control = stocked()
    async with console(control) as operator:
        await operator.press("3")
        await operator.sees("ready")
        await operator.press("j", "r")
        await operator.sees("Retry task 1 (broken)?")
        for _ in range(5):
            control.add_task(2, "late comer")
        await operator.beat()
        await operator.press("y")
        await operator.hears("retry task 1 (broken): 1 changed")
        assert control.asked == [("retry", (1,))]


async def test_a_refusal_is_told_with_its_reason() -> None:
    control = stocked()
    async with console(control) as operator:
        await operator.press("3")
        await operator.sees("ready")
        await operator.press("j", "r")
        await operator.sees("Retry task 1")
        control.set_task(1, status="running")
        await operator.press("y")
        await operator.hears("retry task 1 (broken): 1 refused: task 1: it has not ended")


async def test_a_greyed_key_says_why_it_does_nothing() -> None:
    control = stocked()
    async with console(control) as operator:
        await operator.press("3")
        await operator.sees("ready")
        await operator.press("r")
        await operator.hears("the task is queued: it has not ended")
        await operator.press("j", "x")
        await operator.hears("the task is failed: it has ended")
        await operator.press("question_mark")
        await operator.sees("Not now")
        await operator.sees_key("x", "the task is failed: it has ended")
        assert control.asked == []


@pytest.mark.parametrize(
    ("keys", "first", "second", "state"),
    [
        (("2",), ("pause", 2), ("resume", 2), "‖ paused"),
        (("3",), ("hold", (2,)), ("unhold", (2,)), "■ held"),
        (("7",), ("pause", "default"), ("resume", "default"), "paused queues 1"),
    ],
)
async def test_pause_and_hold_do_not_ask_and_turn_back(keys, first, second, state) -> None:
    control = stocked()
    verb = "h" if first[0] == "hold" else "p"
    async with console(control) as operator:
        await operator.press(*keys)
        await operator.sees("nightly" if keys == ("2",) else "ready" if keys == ("3",) else "default")
        await operator.press(verb)
        await operator.beat()
        await operator.sees(state)
        await operator.press(verb)
        await operator.beat()
        await operator.misses(state)
        assert control.asked == [first, second]


async def test_z_undoes_the_last_hold_once() -> None:
    control = stocked()
    async with console(control) as operator:
        await operator.press("3")
        await operator.sees("ready")
        await operator.press("h")
        await operator.hears("hold task 2 (ready): 1 changed; z undoes it")
        await operator.sees("■ held")
        await operator.press("z")
        await operator.hears("undo: hold task 2 (ready): 1 changed")
        await operator.sees("· queued")
        await operator.press("z")
        await operator.hears("nothing to undo")
        assert control.asked == [("hold", (2,)), ("unhold", (2,))]


async def test_a_verb_without_an_engine_says_how_to_get_one() -> None:
    control = stocked()
    async with console(control) as operator:
        control.engine = None
        await operator.beat()
        await operator.sees("NO ENGINE")
        await operator.press("p")
        await operator.hears("no engine is running (start one with E, or 'taskdeck serve')")
        assert control.asked == []


async def test_a_verb_on_an_empty_list_says_that_there_is_nothing() -> None:
    async with console(FakeControl()) as operator:
        await operator.press("x")
        await operator.hears("nothing here that this acts on")


async def test_the_job_screen_acts_on_its_tasks_and_pauses_the_job() -> None:
    control = stocked()
    async with console(control) as operator:
        await operator.press("enter")
        await operator.sees("stage 1 main", "broken")
        await operator.press("j", "r")
        await operator.sees("Retry task 1 (broken)?")
        await operator.press("y")
        await operator.hears("1 changed")
        await operator.press("p")
        await operator.sees("‖ paused")
        await operator.press("g", "x")
        await operator.sees("Cancel job 2 (nightly)?")
        await operator.press("n")
        assert control.asked == [("retry", (1,)), ("pause", 2)]


async def test_the_screen_below_stays_in_sight_while_a_question_stands() -> None:
    async with console(stocked()) as operator:
        await operator.press("x")
        await operator.until(lambda: "[y/N]" in shown(operator.app), "no question")
        assert operator.app.screen.styles.background.a == 0


async def test_keys_that_come_in_one_piece_behind_the_slash_are_typed_and_are_no_verbs() -> None:
    control = stocked()
    async with console(control) as operator:
        await operator.press("3")
        await operator.sees("ready")
        for key in ("slash", "h", "x", "y", "enter"):
            operator.app.post_message(Key(key, {"slash": "/", "enter": None}.get(key, key)))
        await operator.sees("/ hxy", "nothing matches the filter")
        assert control.asked == []


async def test_keys_that_come_in_one_piece_behind_a_switch_wait_for_the_new_screen() -> None:
    control = stocked()
    async with console(control) as operator:
        for key in ("3", "slash", "h", "x", "y", "enter"):
            operator.app.post_message(Key(key, {"slash": "/", "enter": None}.get(key, key)))
        await operator.sees("/ hxy", "nothing matches the filter")
        assert control.asked == []


async def test_keys_that_come_in_one_piece_behind_a_question_are_typed_into_it_and_are_no_verbs() -> None:
    control = stocked()
    async with console(control) as operator:
        await operator.press("3")
        await operator.sees("ready")
        for key in ("colon", *"hjobs", "enter"):
            operator.app.post_message(Key(key, {"colon": ":", "enter": None}.get(key, key)))
        await operator.hears("not found: 'hjobs'")
        assert control.asked == []


async def test_keys_wait_for_a_screen_that_a_worker_pushes_as_the_key_before_them_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    control = stocked()
    dialog = LineDialog(SafeText("Which?"))
    ended = KeyOrder._ended

    async def end_as_a_screen_comes(order: KeyOrder, event: Key) -> None:
        if event.key == "f12" and not dialog.is_running:
            operator.app.push_screen(dialog)
            assert not dialog.is_mounted
        await ended(order, event)

    async with console(control) as operator:
        monkeypatch.setattr(KeyOrder, "_ended", end_as_a_screen_comes)
        operator.app.post_message(Key("f12", None))
        for key in "hx2":
            operator.app.post_message(Key(key, key))
        await operator.sees("Which?", "hx2")
        assert control.asked == []


async def test_keys_that_come_in_one_piece_behind_a_place_wait_for_it() -> None:
    control = stocked()
    async with console(control) as operator:
        for key in ("colon", *"tasks", "enter", "slash", *"hxy", "enter"):
            operator.app.post_message(Key(key, {"colon": ":", "slash": "/", "enter": None}.get(key, key)))
        await operator.sees("Tasks", "/ hxy", "nothing matches the filter")
        assert control.asked == []
