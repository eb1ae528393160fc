"""Tests of the palette and the place prompt."""

from __future__ import annotations

import json
from pathlib import Path

from console.dialogs.finder import Finder
from console.key_table import KEYS
from console.memory import Memory
from console.palette_words import ACTION_WORDS, PLACE_WORDS
from console.screens.base import DeskScreen
from console.shell.palette_entries import entries_of, found
from console.shell.places import ROOTS
from tests.console.support_console import HOSTILE, Operator, console
from tests.console.support_fake_control import FakeControl


def stocked() -> FakeControl:
    """Return a control with one job of a running and a failed task."""
    control = FakeControl()
    job = control.add_job("nightly")
    control.add_task(job, "runs", status="running")
    control.add_task(job, "broken", status="failed", queue="mail")
    control.outputs[2] = b"one\ntwo\n"
    return control


def offers(operator: Operator) -> list[str]:
    finder: object = operator.app.screen
    assert isinstance(finder, Finder)
    return [offer.title for offer in finder.offers]


WORDS = (
    ("retry", "run ended tasks again"),
    ("rerun", "run ended tasks again"),
    ("kill", "kill running tasks at once"),
    ("abort", "cancel (asks)"),
    ("log", "the output of the task"),
    ("stdout", "the output of the task"),
    ("export", "write all rows"),
    ("csv", "write all rows"),
    ("quit", "quit: leave the console"),
    ("exit", "quit: leave the console"),
    ("pause", "pause, or resume"),
    ("resume", "pause, or resume"),
    ("failed", "screen: retries"),
    ("dashboard", "screen: pulse"),
    ("history", "the events of the row"),
    ("select all", "mark all that match"),
    ("dag", "next of: list, graph, timeline"),
    ("rename", "rename a saved view"),
    ("X", "kill running tasks at once"),
    ("leave console", "quit: leave the console"),
)
"""What people type, and how the entry that they mean begins."""


async def test_words_that_people_use_find_what_they_mean_on_every_list() -> None:
    missed = []
    async with console(stocked(), at="3") as operator:
        for key in ("3", "2"):
            await operator.press(key)
            await operator.quiet()
            screen = operator.app.screen
            assert isinstance(screen, DeskScreen)
            entries = entries_of(screen, screen.focused)
            for words, first in WORDS:
                hits = [entry.title for entry in found(entries, words)][:3]
                if not any(title.startswith(first) for title in hits):
                    missed.append((key, words, hits))
    assert missed == []


async def test_every_action_and_every_screen_is_among_the_entries_once() -> None:
    async with console(stocked(), at="3") as operator:
        screen = operator.app.screen
        assert isinstance(screen, DeskScreen)
        titles = [entry.title for entry in entries_of(screen, screen.focused)]
        here = {key.action for name in screen.parts() for key in KEYS[name]}
        assert len(titles) == len(set(titles))
        assert all(f"screen: {root}" in titles for root in ROOTS)
        for part in ("retry", "cancel", "kill", "pause", "hold", "logs", "events", "drawn", "preset", "log"):
            for key in KEYS[part]:
                found_here = any(title.startswith(key.description) for title in titles)
                assert found_here or key.action in here, key.id


def test_the_words_are_for_keys_and_screens_that_are_there() -> None:
    assert set(ACTION_WORDS) <= {key.id for keys in KEYS.values() for key in keys}
    assert set(PLACE_WORDS) == set(ROOTS)


async def test_what_cannot_be_done_now_is_greyed_with_its_reason_and_does_nothing() -> None:
    control = stocked()
    async with console(control, at="3") as operator:
        await operator.press("g", "ctrl+p")
        await operator.type("cancel")
        await operator.sees("cancel (asks)", "not now: the task is failed: it has ended")
        await operator.press("enter")
        await operator.hears("the task is failed: it has ended")
        await operator.press("ctrl+p")
        await operator.type("graph")
        await operator.sees("not now: it is a key of: a job, its graph")
        await operator.press("enter")
        await operator.hears("it is a key of: a job, its graph")
        assert control.asked == []


async def test_what_is_typed_in_one_piece_with_enter_does_what_it_names() -> None:
    async with console(stocked(), at="3") as operator:
        await operator.press("g", "ctrl+p", *"stdout", "enter")
        await operator.sees("Log of task 2", "two")
        await operator.press("ctrl+p", *"wrap", "enter")
        await operator.sees("Log of task 2")
        assert not operator.app.screen.view._text.is_wrapped


async def test_the_palette_quits_from_any_screen() -> None:
    async with console(stocked(), at="3") as operator:
        await operator.press("enter")
        await operator.sees("Task 2")
        await operator.press("ctrl+p", *"quit", "enter")
        await operator.until(lambda: operator.app._exit, "it did not leave")


async def test_nothing_that_is_found_by_no_word_is_said() -> None:
    async with console(stocked(), at="3") as operator:
        await operator.press("ctrl+p", *"qqqq")
        await operator.sees("nothing has this name")
        await operator.press("enter")
        await operator.hears("nothing here is found by 'qqqq'")


async def test_a_number_that_job_and_task_have_is_asked_for() -> None:
    control = stocked()
    for text, key, title in (("2", "j", "Job 2"), ("#2", "t", "Task 2"), ("2", "escape", " Jobs")):
        async with console(control) as operator:
            await operator.press("colon", *text, "enter")
            await operator.sees("2 is a job and a task", "job 2  nightly", "task 2  broken (of job 2)")
            await operator.press(key)
            await operator.sees(title)
    async with console(control) as operator:
        await operator.press("colon", "1", "enter")
        await operator.sees("Task 1")


async def test_the_place_prompt_completes_remembers_and_lists(tmp_path: Path) -> None:
    async with console(stocked(), home=tmp_path) as operator:
        await operator.press("colon")
        await operator.sees("retries", "queue NAME", "Tab completes")
        await operator.press("r", "e", "t", "tab", "enter")
        await operator.sees("Retries/Dead")
        await operator.press("colon", *"queue m", "tab", "enter")
        await operator.sees("/ queue:mail")
    async with console(stocked(), home=tmp_path) as operator:
        await operator.press("colon")
        await operator.sees("typed before")
        assert offers(operator)[:2] == ["queue mail", "retries"]
        await operator.press("down", "down", "enter")
        await operator.sees("Retries/Dead")


async def test_views_are_listed_renamed_and_deleted(tmp_path: Path) -> None:
    async with console(stocked(), home=tmp_path, at="3") as operator:
        await operator.press("slash")
        await operator.type("status:failed")
        await operator.press("enter", "colon", *"save one", "enter")
        await operator.hears("saved as 'one'")
        await operator.press("colon", *"save two", "enter", "colon", *"save two", "enter")
        await operator.hears("in place of: status:failed")
        await operator.press("colon", *"rename one two", "enter")
        await operator.hears("a view is called 'two' already")
        await operator.press("colon", *"rename on", "tab", *" best", "enter")
        await operator.hears("the view 'one' is called 'best' now")
        await operator.press("colon", *"delete two", "enter")
        await operator.hears("deleted the view 'two' (status:failed)")
        await operator.press("2", "apostrophe")
        await operator.sees("best", "tasks: status:failed")
        assert offers(operator) == ["best"]
        await operator.press("b", "enter")
        await operator.sees(" Tasks", "/ status:failed")
        await operator.press("colon", *"delete two", "enter")
        await operator.hears("no view is called 'two'; there are: best")


def test_memory_is_kept_for_each_operator_and_survives_what_is_not_its_own(tmp_path: Path) -> None:
    ana, ben = Memory(tmp_path, operator="ana"), Memory(tmp_path, operator="../b/en")
    ana.keep_first("places", "jobs", most=2)
    ana.write()
    other = Memory(tmp_path, operator="ana")
    other.keep("theme", "light")
    other.write()
    ana.keep_first("places", "tasks", most=2)
    ana.keep_first("places", "jobs", most=2)
    ana.write()
    again = Memory(tmp_path, operator="ana")
    assert (again.texts("places"), again.get("theme")) == (("jobs", "tasks"), "light")
    assert ben.get("theme") is None
    assert ben.file is not None
    assert ben.file.parent == tmp_path / "console"
    for text in ("", "[]", "{", '{"places": [1, "x", null], "theme": {}}', "[" * 5_000):
        (tmp_path / "console" / "ana.json").write_text(text)
        read = Memory(tmp_path, operator="ana")
        assert set(read.texts("places")) <= {"x"}
        read.keep("last", "x")
        read.write()
        assert json.loads((tmp_path / "console" / "ana.json").read_text())["last"] == "x"


def test_memory_that_cannot_be_written_lasts_as_long_as_the_console(tmp_path: Path) -> None:
    (tmp_path / "console").write_text("in the way")
    for home in (tmp_path, None):
        memory = Memory(home, operator="ana")
        memory.keep("theme", "light")
        memory.write()
        assert memory.get("theme") == "light"


async def test_what_is_offered_is_safe_text(tmp_path: Path) -> None:
    control = stocked()
    control.add_task(2, "odd", queue=HOSTILE)
    (tmp_path / "console").mkdir()
    memory = Memory(tmp_path)
    memory.keep("places", [HOSTILE])
    memory.write()
    async with console(control, size=(120, 60), home=tmp_path) as operator:
        await operator.press("colon")
        await operator.sees("␛[31mred", "queue ␛[31mred")
