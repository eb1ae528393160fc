"""Tests of the dialogs for verbs on many rows, by keys."""

from __future__ import annotations

import asyncio

import pytest

from console.dialogs.bulk import CountDialog, PlanDialog, ReportDialog
from console.screens.base import DeskScreen
from console.verbs.selection import Selection
from core.control.api import Target
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import Effect, Operated
from core.model.orphans import OrphanKind
from core.model.refusals import refuse_task
from tests.console.support_console import HOSTILE, Operator, console, shown, strips_of
from tests.console.support_fake_control import FakeControl


def failed(number: int, *, key: str = "t") -> FakeControl:
    """Return a control with a job of so many failed tasks, ids from 1."""
    control = FakeControl()
    job = control.add_job("nightly")
    for index in range(number):
        control.add_task(job, f"{key}{index}", status="failed")
    return control


def matching(text: str) -> Selection:
    return Selection(target=Target(filter=parse(text, Noun.TASKS)), label="all matching")


def marked(*ids: int) -> Selection:
    return Selection(target=Target(task_ids=ids), label=f"task {ids[0]}")


async def ask(operator: Operator, verb: str, chosen: Selection) -> None:
    """Ask for a verb as a screen does."""
    screen = operator.app.screen
    assert isinstance(screen, DeskScreen)
    screen.verbs.act_on(chosen, getattr(operator.app.desk.operations, verb))  # type: ignore[attr-defined]
    await operator.pilot.pause()


async def test_typing_the_count_confirms() -> None:
    control = failed(27)
    async with console(control) as operator:
        await ask(operator, "retry", matching("status:failed"))
        await operator.sees(
            "Retry 27 tasks?",
            "filter    status:failed   as of event 28",
            "states    failed 27",
            "first     1 2",
        )
        await operator.press("2")
        assert control.asked == []
        await operator.press("7")
        await operator.hears("retry 27 tasks: 27 changed")
        assert len(control.asked) == 1


async def test_the_question_stands_while_what_the_verb_would_do_is_counted() -> None:
    control = failed(27)
    control.rehearsal = Operated(
        changed=26, refused=(refuse_task(3, "task.status", "it runs", hint="cancel it"),)
    )
    counted, answer = asyncio.Event(), control.ask

    async def slow(request):
        if getattr(request, "effect", None) is Effect.NONE:
            await counted.wait()
        return await answer(request)

    control.ask = slow
    async with console(control) as operator:
        await ask(operator, "retry", matching("status:failed"))
        await operator.sees("Retry 27 tasks?", "type 27", "counting what it would do ...")
        counted.set()
        await operator.sees("changes   26", "refuses   1: it runs")
        assert not any("counting" in line for line in strips_of(operator.app.screen))
        await operator.press("2", "7")
        await operator.hears("27 changed")


@pytest.mark.parametrize(
    "keys", [("enter",), ("r",), ("y",), ("space",), ("2", "enter"), ("2", "8"), ("7", "2")]
)
async def test_neither_enter_nor_a_letter_nor_another_count_confirms(keys) -> None:
    control = failed(27)
    async with console(control) as operator:
        await ask(operator, "retry", matching("status:failed"))
        await operator.sees("Retry 27 tasks?")
        await operator.press(*keys)
        assert isinstance(operator.app.screen, CountDialog)
        await operator.press("escape")
        await operator.until(lambda: isinstance(operator.app.screen, DeskScreen), "still asked")
        assert control.asked == []


async def test_a_wrong_count_is_told_and_can_be_mended() -> None:
    control = failed(27)
    async with console(control) as operator:
        await ask(operator, "retry", matching("status:failed"))
        await operator.press("2", "8")
        await operator.sees("type 27 to confirm, Esc cancels: 28_   this is not the count")
        await operator.press("backspace", "7")
        await operator.hears("27 changed")


async def test_what_matches_since_is_shown_while_the_question_stands() -> None:
    control = failed(27)
    async with console(control) as operator:
        await ask(operator, "retry", matching("status:failed"))
        await operator.sees("nothing has changed since")
        for _ in range(12):
            control.add_task(2, "late", status="failed")
        await operator.sees("12 more matched since: left alone", "Retry 27 tasks?")
        await operator.press("2", "7")
        await operator.hears("27 changed")
        assert sum(task.status == "failed" for task in control.task_rows.values()) == 12


async def test_rows_that_move_under_the_question_do_not_change_what_was_marked() -> None:
    control = failed(30)
    async with console(control) as operator:
        await operator.press("3")
        await operator.sees("t29")
        await ask(operator, "retry", marked(*range(5, 27)))
        await operator.sees("Retry 22 tasks?")
        for _ in range(20):
            control.add_task(2, "late", status="failed")
        await operator.beat()
        await operator.press("2", "2")
        await operator.hears("retry 22 tasks: 22 changed")
        assert control.asked == [("retry", tuple(range(5, 27)))]


async def test_keys_of_the_console_sleep_while_a_question_stands() -> None:
    control = failed(27)
    async with console(control) as operator:
        await ask(operator, "retry", matching("status:failed"))
        await operator.press("q", "3", "ctrl+t", "o")
        assert isinstance(operator.app.screen, CountDialog)
        assert operator.app.is_running


async def test_a_hostile_predicate_is_shown_as_glyphs() -> None:
    control = failed(27)
    async with console(control) as operator:
        await ask(operator, "retry", matching('status:failed -key:"\x1b[31m"'))
        await operator.sees("␛[31m")
        assert all(line.isprintable() for line in strips_of(operator.app.screen))


@pytest.mark.parametrize("size", [(60, 15), (20, 5)])
async def test_questions_are_drawn_at_every_size(size) -> None:
    control = orphaned(3)
    for _ in range(27):
        control.add_task(2, status="failed")
    async with console(control) as operator:
        await operator.resize(*size)
        await ask(operator, "retry", matching("status:failed"))
        await operator.until(lambda: isinstance(operator.app.screen, CountDialog), "not asked")
        await operator.sees("type 27")
        assert len(strips_of(operator.app.screen)) == size[1]
        await operator.press("escape")
        await ask(operator, "kill_orphan", marked(1))
        await operator.until(lambda: isinstance(operator.app.screen, PlanDialog), "not asked")
        assert len(strips_of(operator.app.screen)) == size[1]


async def test_more_refusals_than_fit_a_sentence_are_listed_until_escape() -> None:
    control = failed(6)
    for number in (1, 2, 3, 4):
        control.set_task(number, status="running")
    async with console(control) as operator:
        await ask(operator, "retry", marked(*range(1, 7)))
        await operator.sees("Retry 6 tasks? [y/N]")
        await operator.press("y")
        await operator.sees("retry 6 tasks: 2 changed, 4 refused", "task 4: it has not ended")
        await operator.press("r")
        assert isinstance(operator.app.screen, ReportDialog)
        await operator.press("escape")
        await operator.until(lambda: isinstance(operator.app.screen, DeskScreen), "the list stays")


async def test_a_kill_shows_its_plan_wants_a_reason_and_only_y_applies_it() -> None:
    control = orphaned(2)
    async with console(control) as operator:
        await ask(operator, "kill_orphan", marked(1, 2))
        await operator.sees(
            "Plan: kill 2 orphans; nothing is done yet", "task 1: o0 of job 2, attempt 1: 101 sleep"
        )
        await operator.press("enter")
        await operator.sees("a reason is required")
        await operator.type("they hang")
        await operator.press("enter")
        await operator.sees("Kill 2 orphans? y applies it")
        await operator.press("enter", "X", "space", "n")
        assert isinstance(operator.app.screen, PlanDialog)
        assert control.asked == []
        await operator.press("y")
        await operator.hears("kill 2 orphans: 2 changed")
        assert control.asked == [("kill_orphans", (1, 2))]


async def test_escape_goes_from_the_question_to_the_reason_and_from_there_out() -> None:
    control = orphaned(1)
    async with console(control) as operator:
        await ask(operator, "kill_orphan", marked(1))
        await operator.type("yes")
        await operator.press("enter")
        await operator.sees("y applies it")
        await operator.press("escape")
        await operator.sees("Enter continues, Esc cancels", "yes")
        await operator.press("y")
        assert control.asked == []
        await operator.press("escape")
        await operator.until(lambda: isinstance(operator.app.screen, DeskScreen), "the plan stays")
        assert control.asked == []


async def test_what_failed_is_listed_and_planned_again_by_r() -> None:
    control = orphaned(2)
    async with console(control) as operator:
        await ask(operator, "kill_orphan", marked(1, 2))
        await operator.type("they hang")
        await operator.press("enter")
        await operator.sees("y applies it")
        control.add_orphan(2, epoch=2, pids=(7,), commands=("other",))
        await operator.press("y")
        await operator.sees(
            "1 changed, 1 refused", "task 2: it is another attempt", "r tries the failed ones again"
        )
        await operator.press("r")
        await operator.sees("Plan: kill 1 orphan", "attempt 2: 7 other", "they hang")
        await operator.press("enter", "y")
        await operator.hears("kill 1 orphan: 1 changed")
        assert control.asked == [("kill_orphans", (1,)), ("kill_orphans", (2,))]


async def test_hostile_orphans_are_shown_as_glyphs() -> None:
    control = FakeControl()
    task = control.add_task(control.add_job(HOSTILE), HOSTILE)
    control.add_orphan(task, kind=OrphanKind.LIVING, pids=(1,), commands=(HOSTILE,))
    async with console(control) as operator:
        await ask(operator, "kill_orphan", marked(task))
        await operator.sees("␛[31m")
        await operator.type("\x1b[31mwhy\u202e")
        await operator.sees("␛[31mwhy‹U+202E›")
        assert all(line.isprintable() for line in strips_of(operator.app.screen))


async def test_the_point_repeats_the_last_verb_on_the_row_under_the_cursor() -> None:
    control = failed(2)
    async with console(control) as operator:
        await operator.press("3")
        await operator.sees("t1")
        await operator.press("r")
        await operator.sees("Retry task 2 (t1)?")
        await operator.press("y")
        await operator.hears("retry task 2 (t1): 1 changed")
        await operator.press("j", "full_stop")
        await operator.sees("Retry task 1 (t0)? [y/N]")
        await operator.press("full_stop")
        await operator.until(lambda: "[y/N]" not in shown(operator.app), "still asked")
        assert control.asked == [("retry", (2,))]


def orphaned(number: int) -> FakeControl:
    """Return a control with so many living orphans, ids from 1."""
    control = FakeControl()
    job = control.add_job("nightly")
    for index in range(number):
        task = control.add_task(job, f"o{index}")
        control.add_orphan(task, pids=(100 + task,), commands=("sleep 1000",))
    return control


@pytest.mark.parametrize("forced", [True, False])
async def test_what_was_retried_too_often_is_asked_for_again(*, forced: bool) -> None:
    control = failed(2)
    control.often = {2}
    async with console(control) as operator:
        await ask(operator, "retry", marked(1, 2))
        await operator.sees("Retry 2 tasks? [y/N]")
        await operator.press("y")
        await operator.sees("Retry past the limit task 2? [y/N]")
        await operator.press("y" if forced else "n")
        refused = ", 1 refused: task 2: maximum retry limit reached"
        await operator.hears("retry 2 tasks: 2 changed" if forced else f"retry 2 tasks: 1 changed{refused}")
        assert control.task_rows[2].status == ("queued" if forced else "failed")
