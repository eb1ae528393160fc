"""Tests of the row inspector: placement, following the cursor, safe text."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.scroll_view import ScrollView

from console.rows.view_lines import fields_of
from console.screens.list_screen import ListScreen
from console.themes import own_looks
from console.widgets.inspector import BESIDE, OPENS_AT, Inspector, Split
from console.widgets.resized import Resized
from core.model.errors import NotFound
from core.model.limits.limit_views import Cause, Holder, PoolView
from core.model.limits.limits import PoolOrder
from core.model.pulse import Waiting, WaitKind
from core.model.text import SafeText
from core.model.views import VariableView
from tests.console.support_console import HOSTILE, Operator, console, strips_of
from tests.console.support_fake_control import NOW, FakeControl


def stocked() -> FakeControl:
    control = FakeControl()
    job = control.add_job("nightly", reason="stopped by me", params={"words": "many"})
    control.add_task(job, "fetch", status="succeeded", attempts=1)
    control.add_task(
        job,
        "parse",
        status="failed",
        attempts=2,
        max_attempts=2,
        error={"code": "exit", "message": "exit status 7"},
    )
    return control


def pane(operator: Operator) -> ListScreen:
    screen = operator.app.screen
    assert isinstance(screen, ListScreen)
    return screen


async def test_i_shows_the_task_under_the_cursor_and_follows_it() -> None:
    async with console(stocked(), size=(160, 35)) as operator:
        await operator.press("3", "i")
        await operator.sees("task 2  parse", "attempts    2 of 2", '"exit status 7"', "newest events")
        await operator.press("j")
        await operator.sees("task 1  fetch", "attempts    1 of 1")
        await operator.press("i")
        await operator.misses("attempts    1 of 1")


async def test_a_size_that_nobody_tells_is_taken_when_it_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Resized, "on_resize")
    async with console(stocked(), size=(160, 35)) as operator:
        await operator.press("3", "i")
        await operator.sees("TASK▼  JOB  OF JOB", "task 2  parse", "attempts    2 of 2", "newest events")
        await operator.press("i")
        await operator.misses("attempts    2 of 2")


async def test_its_title_is_cut_where_the_pane_ends_however_wide_that_becomes() -> None:
    control = FakeControl()
    key = f"{'long ' * 20}end"
    control.add_task(control.add_job("nightly"), key)
    async with console(control, size=(160, 35)) as operator:
        await operator.press("3", "i")
        await operator.sees("task 1  long", "newest events")
        await operator.resize(130, 35)
        await operator.sees(f"task 1  {key}")
        await operator.resize(60, 35)
        await operator.sees(f" task 1  {'long ' * 10}…")


async def test_a_job_is_shown_with_params_counts_and_reason() -> None:
    async with console(stocked()) as operator:
        await operator.press("2", "i")
        await operator.sees("job  2  nightly", "words many", "failed 1", "stopped by me", "● running")


async def test_queues_and_events_are_shown_by_their_fields() -> None:
    async with console(stocked()) as operator:
        await operator.press("7", "i")
        await operator.sees("queue  default", "failed 1")
        await operator.press("2", "e", "i")
        await operator.sees("event ", "actor           engine")


@pytest.mark.parametrize(("width", "is_beside"), [(BESIDE, True), (BESIDE - 1, False), (80, False)])
async def test_the_pane_stands_beside_wide_lists_and_below_narrow_ones(width: int, is_beside: bool) -> None:
    async with console(stocked(), size=(width, 24)) as operator:
        await operator.press("3", "i")
        await operator.sees("task 2  parse")
        screen = pane(operator)
        box = screen.inspector.pane.region
        assert (box.x > 0) == is_beside
        assert (box.y > screen.query_one("Table").region.y) != is_beside


async def test_the_variables_of_a_job_stand_below_its_fields_and_those_of_a_stage() -> None:
    control = stocked()
    job = next(number for number in control.job_rows if number > 1)
    control.variable_rows[job] = (
        VariableView(name="count", type=None, value={"n": 42}, task_id=2, key="par\x1bse", changed_at=0),
    )
    async with console(control, size=(80, 35)) as operator:
        await operator.press("2", "i")
        await operator.sees('count  {"n": 42}  (by par')
        await operator.press("enter", "i")
        await operator.sees("variables")


async def test_the_pane_is_read_anew_when_its_task_changes_and_keeps_its_place() -> None:
    control = stocked()
    async with console(control, size=(120, 20)) as operator:
        await operator.press("3", "i")
        await operator.sees("task 2  parse")
        await operator.press("tab", "ctrl+d")
        screen = pane(operator)
        at = screen.inspector.pane.text.top
        assert at.line > 0
        control.set_task(2, status="running")
        control.add_event("task.running", task_id=2)
        await operator.beat()
        await operator.until(
            lambda: any("● running" in line for line in screen.inspector.pane.text.lines), "stale"
        )
        assert screen.inspector.pane.text.top == at
        await operator.press("i", "j")
        assert screen.query_one("Table").cursor == 1  # type: ignore[attr-defined]


async def test_a_closed_pane_reads_nothing() -> None:
    control = stocked()
    async with console(control) as operator:
        await operator.press("3", "j", "k")
        await operator.sees("parse")
        assert control.reads["task"] == 0


async def test_a_task_that_cannot_be_read_is_told_in_the_pane_alone() -> None:
    control = stocked()
    async with console(control) as operator:
        await operator.press("3")
        await operator.sees("parse")

        async def refuse(_request: object) -> None:
            raise NotFound("task.unknown", "no task 2 any more")

        control.answer_task = refuse
        await operator.press("i")
        await operator.sees("no task 2 any more", "fetch")
        assert not operator.told


async def test_an_empty_list_has_a_pane_without_a_row() -> None:
    async with console(FakeControl()) as operator:
        await operator.press("3", "i")
        await operator.sees("no row here")


async def test_a_list_that_was_never_read_has_a_line_to_say_why_above_its_pane() -> None:
    rows, pane = ScrollView(), Inspector()

    class Small(App[None]):
        def compose(self) -> ComposeResult:
            yield Split(rows, pane)

    async with Small().run_test(size=(BESIDE - 1, OPENS_AT)) as pilot:
        pane.open(wanted=True)
        await pilot.pause()
        assert (rows.size.height, pane.size.height) == (2, OPENS_AT - 2)


@pytest.mark.parametrize("size", [(160, 35), (80, 24)])
async def test_hostile_texts_are_glyphs_in_the_pane(size: tuple[int, int]) -> None:
    control = FakeControl()
    job = control.add_job(HOSTILE, reason=HOSTILE, params={HOSTILE: HOSTILE})
    control.add_task(job, HOSTILE, status="failed", queue=HOSTILE, error={"message": HOSTILE})
    control.add_event("task.failed", task_id=1, text=HOSTILE)
    async with console(control, size=size) as operator:
        for keys in (("2", "i"), ("3", "i"), ("7", "i"), ("2", "e", "i")):
            await operator.press(*keys)
            await operator.sees("␛[31m")
            assert all(line.isprintable() for line in strips_of(operator.app.screen))


def test_fields_that_hold_nothing_are_left_out_and_moments_are_written_out() -> None:
    waiting = Waiting(kind=WaitKind.QUEUED, subject=HOSTILE, tasks=3, since=NOW)
    lines = list(fields_of(waiting, own_looks()["dark"]))
    assert not any(line.startswith("until") for line in lines)
    assert SafeText("since           2023-11-14T22:13:20.000Z") in lines
    assert all(line.isprintable() for line in lines)


async def test_the_pane_is_open_by_itself_where_there_is_room_until_it_is_closed_everywhere() -> None:
    async with console(stocked(), size=(120, OPENS_AT), at="3") as operator:
        await operator.sees("task 2  parse", "✗ failed  try 2/2")
        table = operator.app.screen.query_one("Table").region
        # Two rows need no more than four and a head: the pane has what is left.
        assert table.height <= 6 < pane(operator).inspector.pane.region.height
        await operator.press("i", "2")
        await operator.quiet()
        assert not pane(operator).inspector.pane.is_open


async def test_where_there_is_less_room_the_pane_is_opened_by_its_key() -> None:
    async with console(stocked(), size=(120, OPENS_AT - 1), at="3") as operator:
        assert not pane(operator).inspector.pane.is_open


def test_records_in_a_record_are_shown_by_their_fields() -> None:
    holder = Holder(task_id=7, job_id=2, key="a", since=0)
    view = PoolView(
        name="gpu",
        slots=1,
        configured_slots=1,
        queues=(),
        order=PoolOrder.PRIORITY,
        taken=1,
        waiting=0,
        holders=(holder,),
        paused=Cause(at=0, by="ada", reason="new card"),
    )
    text = "\n".join(fields_of(view, own_looks()["dark"]))
    assert '"key": "a"' in text
    assert '"since": "1970-01-01T00:00:00.000Z"' in text
    assert '"reason": "new card"' in text
    assert "Holder(" not in text
    assert "Cause(" not in text
