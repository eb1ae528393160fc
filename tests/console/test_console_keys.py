"""Tests of the keys that mark, sort, narrow, copy and navigate."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from textual import events

from console.navigation.goto import GoToNumber, RecallView, SaveView, parse_place
from console.navigation.history import History, Spot
from console.screens.failed import FailedScreen
from console.shell.app import ConsoleApp
from console.shell.keymap_file import check_keymap
from console.shell.places import GROUPS, ROOTS
from core.control.api import Target
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.errors import Invalid
from tests.console.support_console import HOSTILE, console, shown, strips_of
from tests.console.support_fake_control import FakeControl


def stocked(tasks: int = 4) -> FakeControl:
    """Return a control with two jobs; every second task has failed."""
    control = FakeControl()
    job = control.add_job("nightly")
    control.add_job("weekly")
    for number in range(tasks):
        status = "failed" if number % 2 else "queued"
        control.add_task(job, f"t{number + 1}", status=status, queue="mail" if number < 2 else "default")
    return control


async def test_a_key_typed_ahead_of_the_first_screen_is_for_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    hear = ConsoleApp.on_event

    async def type_ahead(app: ConsoleApp, event: events.Event) -> None:
        if isinstance(event, events.Load):
            assert not app.screen_stack
            await app.key_order.take(events.Key("3", "3"))
        await hear(app, event)

    monkeypatch.setattr(ConsoleApp, "on_event", type_ahead)
    async with console(stocked()) as operator:
        await operator.sees(" Tasks", "t4")


async def test_a_verb_acts_on_the_marked_rows_and_not_on_the_cursor() -> None:
    control = stocked()
    async with console(control, at="3") as operator:
        await operator.sees("t4")
        await operator.press("space", "j", "space")
        await operator.sees("marks 2")
        await operator.press("g", "j", "x")
        await operator.sees("Cancel 2 tasks? [y/N]")
        await operator.press("y")
        await operator.hears("cancel 2 tasks")
        assert control.asked == [("cancel", (4, 2))]


async def test_marks_are_seen_in_the_rows_and_escape_takes_them_before_the_filter() -> None:
    async with console(stocked(), at="3") as operator:
        await operator.press("slash")
        await operator.type("queue:mail")
        await operator.press("enter")
        await operator.sees("filter 2/4")
        await operator.press("space")
        await operator.sees("marks 1")
        assert any(line.startswith("*") and "t2" in line for line in shown(operator.app).splitlines())
        await operator.press("escape")
        await operator.misses("marks 1")
        assert not any(line.startswith("*") for line in shown(operator.app).splitlines())
        await operator.sees("filter 2/4")
        await operator.press("escape")
        await operator.sees("row 1/4")


async def test_a_range_is_marked_from_the_last_mark_to_the_cursor() -> None:
    control = stocked(6)
    async with console(control, at="3") as operator:
        await operator.sees("t6")
        await operator.press("j", "space", "j", "V")
        await operator.sees("marks 3")
        await operator.press("U")
        await operator.misses("marks")


async def test_a_star_marks_a_predicate_that_spares_what_comes_later_and_what_is_unmarked() -> None:
    control = stocked(6)
    async with console(control, at="3") as operator:
        await operator.press("slash")
        await operator.type("queue:default")
        await operator.press("enter")
        await operator.sees("filter 4/6")
        before = control.last_event
        await operator.press("asterisk", "space")
        await operator.sees("marks 3 (by filter)")
        control.add_task(2, "late")
        where = parse("queue:default", Noun.TASKS)
        meant = operator.app.screen.picker.marks.chosen({}).target
        await operator.press("h")
        await operator.until(lambda: control.asked, "nothing was asked")
        assert meant == Target(filter=where, as_of=before, excluding=(6,))
        assert [task.id for task in control.task_rows.values() if task.status == "held"] == [3, 5]


async def test_on_the_page_of_a_job_a_star_means_its_tasks_alone() -> None:
    control = stocked()
    control.add_task(3, "elsewhere", status="failed")
    async with console(control) as operator:
        await operator.press("j", "enter")
        await operator.sees("Job 2", "t4")
        await operator.press("slash")
        await operator.type("status:failed")
        await operator.press("enter")
        await operator.sees("filter 2/4")
        await operator.press("asterisk")
        await operator.sees("marks 2 (by filter)")
        await operator.press("r")
        await operator.sees("Retry 2 tasks? [y/N]")
        await operator.press("y")
        await operator.until(lambda: control.task_rows[4].status == "queued", "it was not retried")
        assert control.task_rows[5].status == "failed"


async def test_a_stage_is_not_marked() -> None:
    async with console(stocked()) as operator:
        await operator.press("j", "enter")
        await operator.sees("stage 1 main")
        await operator.press("g", "space")
        await operator.hears("rows of this list are not marked")
        await operator.press("j", "space")
        await operator.sees("marks 1")


async def test_jobs_are_marked_row_by_row() -> None:
    control = stocked()
    async with console(control) as operator:
        await operator.sees("weekly")
        await operator.press("asterisk", "p")
        await operator.until(lambda: len(control.asked) == 2, "not both were asked")
        assert control.asked == [("pause", 3), ("pause", 2)]


async def test_events_cannot_be_marked_and_say_so() -> None:
    async with console(stocked()) as operator:
        await operator.press("colon")
        await operator.type("events")
        await operator.press("enter")
        await operator.sees("task.created")
        await operator.press("space")
        await operator.hears("rows of this list are not marked")


async def test_the_order_is_chosen_by_keys_and_shown_in_the_head() -> None:
    async with console(stocked(), at="3") as operator:
        await operator.sees("TASK▼", "t4")
        await operator.press("greater_than_sign", "greater_than_sign")
        await operator.sees("/ sort:key", "KEY▲")
        await operator.until(
            lambda: shown(operator.app).index("t1") < shown(operator.app).index("t4"), "unsorted"
        )
        await operator.press("I")
        await operator.sees("/ sort:-key", "KEY▼")
        await operator.press("less_than_sign")
        await operator.sees("sort:-job")


async def test_columns_are_left_out_and_come_back() -> None:
    async with console(stocked(), at="3") as operator:
        await operator.sees("QUEUE" if "QUEUE" in shown(operator.app) else "KEY")
        await operator.press("C")
        await operator.sees("[x] key")
        await operator.press("k")
        await operator.sees("[ ] key")
        await operator.press("escape")
        await operator.misses("  KEY")
        await operator.press("C", "k", "escape")
        await operator.sees("  KEY")


async def test_values_of_the_row_are_let_in_and_kept_out() -> None:
    async with console(stocked(), at="3") as operator:
        await operator.sees("t4")
        await operator.press("exclamation_mark")
        await operator.sees("No rows with", "status:failed")
        await operator.press("s")
        await operator.sees("/ -status:failed", "filter 2/4")
        await operator.press("equals_sign")
        await operator.sees("Only rows with")
        await operator.press("q")
        await operator.sees("/ -status:failed queue:default", "filter 1/4")


async def test_what_is_copied_reaches_terminal_and_file_as_safe_text(tmp_path: Path) -> None:
    control = stocked()
    control.set_job(2, name=HOSTILE)
    async with console(control, home=tmp_path) as operator:
        await operator.press("j")
        written: list[str] = []
        operator.app._driver.write = written.append
        await operator.press("y")
        await operator.sees("i  id: 2", "c  command line: taskdeck show 2")
        await operator.press("j")
        await operator.hears("copied the JSON; also in")
        (sent,) = [text for text in written if text.startswith("\x1b]52;c;")]
        copied = base64.b64decode(sent.removeprefix("\x1b]52;c;").removesuffix("\x07")).decode()
        assert copied == (tmp_path / "copied.txt").read_text("utf-8")
        assert '"id": 2' in copied
        assert all(line.isprintable() for line in copied.splitlines())


async def test_views_are_saved_and_recalled_by_key_and_palette(tmp_path: Path) -> None:
    async with console(stocked(), home=tmp_path, at="3") as operator:
        await operator.press("slash")
        await operator.type('status:failed "t ★"')
        await operator.press("enter", "colon")
        await operator.type("save mine")
        await operator.press("enter")
        await operator.hears("saved as 'mine'")
        await operator.press("escape", "2", "apostrophe")
        await operator.type("mine")
        await operator.press("enter")
        await operator.sees("Tasks", '/ status:failed "t ★"')
        await operator.press("escape", "2", "apostrophe")
        await operator.type("none")
        await operator.press("enter")
        await operator.hears("no view is called 'none'; there are: mine")
        await operator.press("ctrl+p")
        await operator.type("saved view mine")
        await operator.press("enter")
        await operator.sees('/ status:failed "t ★"')


async def test_numbers_lead_to_tasks_and_jobs_and_unknown_ones_say_so() -> None:
    control = stocked()
    control.add_job("monthly")
    for text, title in (("#1", "Task 1"), ("job 2", "Job 2"), ("queue mail", "/ queue:mail")):
        async with console(control) as operator:
            await operator.press("colon")
            await operator.type(text)
            await operator.press("enter")
            await operator.sees(title)
    async with console(control) as operator:
        await operator.press("colon")
        await operator.type("#77")
        await operator.press("enter")
        await operator.hears("77 is the number of no job and of no task")


async def test_the_history_leads_back_forward_and_to_the_last_view() -> None:
    async with console(stocked()) as operator:
        await operator.press("j", "enter")
        await operator.sees("Job 2")
        await operator.press("3")
        await operator.sees(" Tasks")
        await operator.press("left_square_bracket")
        await operator.sees("Job 2")
        await operator.press("left_square_bracket")
        await operator.sees(" Jobs")
        await operator.press("right_square_bracket")
        await operator.sees("Job 2")
        await operator.press("right_square_bracket")
        await operator.sees(" Tasks")
        await operator.press("grave_accent")
        await operator.sees("Job 2")
        await operator.press("grave_accent")
        await operator.sees(" Tasks")


async def test_texts_are_searched_as_in_less() -> None:
    control = stocked()
    control.outputs[4] = b"".join(b"line %d\n" % number for number in range(200))
    async with console(control, at="3") as operator:
        await operator.sees("t4")
        await operator.press("l")
        await operator.sees("line 199")
        await operator.press("g", "slash")
        await operator.type("LINE 17")
        await operator.press("enter")
        await operator.sees("match 1/11")
        await operator.press("n", "n")
        await operator.sees("match 3/11", "line 171")
        await operator.press("N", "N", "N")
        await operator.sees("match 11/11")


async def test_what_is_pasted_into_a_filter_is_visible_and_never_obeyed() -> None:
    async with console(stocked(), at="3") as operator:
        await operator.press("slash")
        await operator.type(HOSTILE)
        lines = strips_of(operator.app.screen)
        assert any("␛[31mred" in line for line in lines)
        assert all(line.isprintable() for line in lines)


async def test_an_action_that_fails_takes_its_screen_and_not_the_console() -> None:
    control = stocked()
    async with console(control) as operator:
        operator.app.screen.action_open = lambda: {}[0]
        await operator.press("enter")
        await operator.sees("Something went wrong (KeyError)", "Ctrl+R")
        await operator.press("3")
        await operator.sees("t4")
        await operator.press("2")
        await operator.sees("Something went wrong")
        await operator.press("ctrl+r")
        await operator.sees("nightly", "weekly")


async def test_a_screen_that_cannot_be_drawn_takes_nobody_along(monkeypatch) -> None:
    async with console(stocked()) as operator:
        table = operator.app.screen.table
        monkeypatch.setattr(table, "render_line", lambda _: {}[0])
        table.refresh()
        await operator.until(lambda: isinstance(operator.app.screen, FailedScreen), "it still stands")
        await operator.sees("Something went wrong (KeyError)")
        await operator.press("ctrl+r")
        await operator.sees("nightly", "weekly")


def test_a_history_forgets_what_lay_ahead() -> None:
    history = History()
    one, two, three = (Spot(root="jobs", place="job", subject=number) for number in (1, 2, 3))
    assert history.step(-1) is None
    for spot in (one, two):
        history.went(spot)
    assert history.step(-1) == one
    history.went(three)
    assert history.step(1) is None
    assert history.step(-1) == one


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("e", Spot(root="events", place="events")),
        ("dead", Spot(root="retries", place="retries")),
        (" Job  #7 ", Spot(root="jobs", place="job", subject=7)),
        ("log 7", Spot(root="tasks", place="log", subject=7)),
        ("queue a b", Spot(root="queues", place="queue", subject="a b")),
        ("#7", GoToNumber(number=7)),
        ("7", GoToNumber(number=7)),
        ("save mine", SaveView(name="mine")),
        ("save", None),
        ("save ../x", None),
        ("'mine", RecallView(name="mine")),
        ("planet 7", None),
        ("", None),
    ],
)
def test_a_text_behind_the_colon_is_understood(text: str, wish: object) -> None:
    assert parse_place(text, ROOTS) == wish


def test_keys_of_the_user_take_the_place_of_those_that_are_shipped() -> None:
    assert check_keymap('retry = "f8"\ncancel = "x,f9"\n', "keymap.toml", GROUPS) == {
        "retry": "f8",
        "cancel": "x,f9",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('retry = "t"\nfly = "u"\n', "keymap.toml:2: 'fly' is not an action"),
        ("\nretry = 7\n", "keymap.toml:2: 'retry' needs keys"),
        ('retry = "x"\n', "keymap.toml:1: 'retry' takes 'x', which is already the key of 'cancel'"),
        ("retry = ", "keymap.toml: "),
    ],
)
def test_a_faulty_keymap_is_refused_with_file_and_line(text: str, words: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_keymap(text, "keymap.toml", GROUPS)
    assert words in refusal.value.message


def test_two_keys_may_trade_places() -> None:
    assert check_keymap('retry = "x"\ncancel = "r"\n', "keymap.toml", GROUPS)


async def test_the_keymap_of_the_user_is_in_force_and_in_the_help(tmp_path: Path) -> None:
    (tmp_path / "keymap.toml").write_text('freeze = "f9"\n')
    async with console(stocked(), home=tmp_path) as operator:
        await operator.press("f9")
        await operator.sees("FROZEN")
        await operator.press("f9")
        await operator.misses("FROZEN")
        await operator.press("Z")
        await operator.misses("FROZEN")
        await operator.press("question_mark", "G")
        await operator.sees_key("f9", "freeze")
