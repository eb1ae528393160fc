"""Tests of layout: the most important facts fit on small screens."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from textual.color import Color

from console.dialogs.help import in_columns
from console.key_table import KEYS, hints
from console.rows.job_heading import heading
from console.shell.app import ConsoleApp, ConsoleOptions
from console.themes import own_looks
from console.widgets.column_widths import ColumnWidths
from console.widgets.head import Tab, strip_of
from console.widgets.line import hint_line
from console.widgets.panels import shared
from console.widgets.row_format import RowFormat
from console.widgets.table import Table
from core.filters.fields import Noun
from core.model.text import SafeText, cells, safe_line
from core.model.views import JobView
from core.render.columns import COLUMNS, Column, Form, cell
from tests.console.support_console import Operator, console, shown, strips_of
from tests.console.support_fake_control import NOW, FakeControl

LONG = "import-六百-of-everything-that-came-in-" * 3


def job(**tasks: int) -> JobView:
    """Return a running job of a long name."""
    return JobView(
        id=7,
        name=LONG,
        status="running",
        on_task_failure="finish",
        reason=None,
        created_at=0,
        started_at=None,
        finished_at=None,
        tasks=tasks,
    )


@pytest.mark.parametrize("width", range(20, 200, 7))
def test_hints_are_cut_between_two_of_them_and_fill_what_room_there_is(width: int) -> None:
    parts = ("list", "retry", "cancel", "rows", "marks", "table", "app")
    whole = [(key.shown, key.hint) for part in parts for key in KEYS[part] if key.hint]
    shown = hints(parts, width)
    assert cells(hint_line(shown).plain) <= width
    if shown != whole:
        *fitting, mark = shown
        assert mark == ("…", "")
        assert fitting == whole[: len(fitting)]
        assert cells(hint_line([*whole[: len(fitting) + 1], mark]).plain) > width


def test_no_mark_takes_the_room_of_the_last_hint() -> None:
    whole = hints(("list",), 400)
    width = cells(hint_line(whole).plain)
    assert hints(("list",), width) == whole
    assert hint_line(hints(("list",), width - 1)).plain.endswith("  …")


async def test_hints_follow_the_width_of_the_terminal() -> None:
    control = FakeControl()
    control.add_job("nightly")
    async with console(control, size=(60, 15)) as operator:
        assert strips_of(operator.app.screen)[-1].rstrip().endswith("x cancel  …")
        await operator.resize(120, 40)
        await operator.sees("Space mark")


@pytest.mark.parametrize("width", [60, 80])
def test_a_long_name_never_hides_how_far_a_job_is(width: int) -> None:
    line = heading(job(running=2, succeeded=5, failed=1), own_looks()["dark"], width=width)
    assert "running" in line[:width]
    assert "6/8" in line[:width]
    assert cells(line[: line.index("6/8")]) < width


def test_a_short_name_is_not_padded_and_a_wide_terminal_shows_all_of_a_long_one() -> None:
    assert LONG in heading(job(running=1), own_looks()["dark"], width=220)


def test_counts_begin_with_what_went_wrong() -> None:
    (column,) = (column for column in COLUMNS[Noun.JOBS] if column.name == "tasks")
    told = cell(column, job(blocked=9, failed=2, queued=4, running=3, succeeded=8, held=1), now=0)
    assert told == "2 failed 1 held 3 running 4 queued 9 blocked 8 succeeded"


async def test_the_mark_of_the_order_is_that_of_the_rows_of_a_job() -> None:
    control = FakeControl()
    number = control.add_job("nightly")
    for name in ("fetch", "parse"):
        control.add_task(number, name)
    async with console(control) as operator:
        await operator.press("enter")
        screen = await operator.sees("TASK▲", "fetch", "parse")
        assert screen.index("fetch") < screen.index("parse")
        await operator.press("I")
        screen = await operator.sees("TASK▼", "fetch", "parse")
        assert screen.index("parse") < screen.index("fetch")
        await operator.press("I")
        await operator.sees("TASK▲")


async def test_the_events_of_a_job_are_counted_when_they_are_more_than_were_read() -> None:
    control = FakeControl()
    number = control.add_job("nightly")
    for at in range(700):
        control.add_task(number, f"t{at}")
    async with console(control) as operator:
        await operator.press("e")
        await operator.sees("Events of job 2", "row 1/701")


async def test_a_toast_leaves_the_status_bar_and_the_hints_alone() -> None:
    app = ConsoleApp(FakeControl(), ConsoleOptions(tick=0))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        operator = Operator(app, pilot)
        await operator.press("left_square_bracket")
        await operator.sees("the history holds nothing before this", "? help", "Enter open")
        bar, hint = strips_of(app.screen)[-2:]
        assert "▌" not in bar + hint


@pytest.mark.parametrize(("key", "module"), [("1", "console.rows.listing"), ("0", "console.screens.orphans")])
async def test_ages_grow_though_nothing_is_read(
    monkeypatch: pytest.MonkeyPatch, key: str, module: str
) -> None:
    control = FakeControl()
    gone = {"code": "http.5xx", "message": "503 from the other side"}
    number = control.add_job("nightly")
    control.add_task(number, "call", status="failed", finished_at=NOW, error=gone)
    control.add_task(number, "train", status="running")
    control.add_orphan(2, pids=(4711,), commands=("sleep 1000",))
    years = time.time_ns() // 1_000_000 + 20_000 * 86_400_000
    async with console(control, at=key) as operator:
        await operator.quiet()
        screen = operator.app.screen
        monkeypatch.setattr(screen, "reload", lambda: None)
        monkeypatch.setattr(f"{module}.now_ms", lambda: years)
        before = shown(operator.app)
        screen.refresh_ages()
        await operator.until(lambda: shown(operator.app) != before, "the ages stand still")


def test_an_empty_column_gives_its_room_to_a_text_that_is_cut() -> None:
    columns = (
        Column(name="id", title="ID", form=Form.NUMBER, path="", min_width=2, width=4),
        Column(name="wait", title="WAITS FOR", form=Form.TEXT, path="", min_width=9, width=14, priority=3),
        Column(name="err", title="ERROR", form=Form.ERROR, path="", min_width=10, width=12, priority=1),
    )

    def shown_of(width: int, **texts: str) -> dict[str, int]:
        def write(row: dict[str, str], shown: Sequence[Column]) -> tuple[SafeText, ...]:
            return tuple(safe_line(row.get(column.name, "")) for column in shown)

        sized = ColumnWidths(
            RowFormat(columns=columns, key=lambda _: 0, write=write, style=lambda _, __: None)
        )
        sized.refit([texts], width)
        return {column.name: room for column, room in sized.shape}

    assert shown_of(42, id="7", err="x" * 60) == {"id": 2, "err": 36}
    assert shown_of(42, id="7", wait="slots", err="x" * 60) == {"id": 2, "wait": 9, "err": 25}
    assert shown_of(42, id="7", err="x" * 9) == {"id": 2, "wait": 9, "err": 25}


def tabs(*, present: str = "Tasks", note: str = "") -> list[Tab]:
    """Return the strip of screens, as the base of screens makes it."""
    names = {"1": "Pulse", "2": "Jobs", "3": "Tasks", "4": "Retries", "7": "Queues", "0": "Orphans"}
    return [
        Tab(key=SafeText(key), name=SafeText(name), is_present=name == present, note=SafeText(note))
        for key, name in names.items()
    ]


def test_the_strip_of_screens_fits_80_columns_with_all_counts_and_is_shortened_below() -> None:
    few = [*tabs()[:2], *tabs(note="✗999")[2:]]
    assert "4 Retries ✗999  7 Queues ✗999  0 Orphans ✗999" in strip_of(few, 80).plain
    for width in (70, 60):
        short = strip_of(tabs(note="✗12"), width).plain
        assert "3 Tasks ✗12" in short
        assert all(f" {key} " in short for key in "1247")
    assert cells(strip_of(tabs(note="✗12"), 60).plain) <= 60


async def test_the_present_screen_is_lit_and_a_filter_stands_in_place_of_the_strip() -> None:
    control = FakeControl()
    control.add_task(control.add_job("nightly"), "broken", status="failed")
    async with console(control, size=(80, 24), at="3") as operator:
        await operator.sees("1 Pulse 2 Jobs  3 Tasks", "4 Retry ✗1", "8 Hlth 9 Ppl 0 Lost")
        at = operator.app.screen.query_one(Table).region
        lit = [
            s.text for s in operator.app.screen._compositor.render_strips()[1] if s.style and s.style.reverse
        ]
        assert lit == [" 3 Tasks "]
        await operator.press("slash")
        await operator.misses("4 Retries")
        await operator.type("state:failed")
        await operator.press("enter")
        await operator.sees("/ status:failed", "broken")
        await operator.quiet()
        assert operator.app.screen.query_one(Table).region == at
        await operator.press("escape")
        await operator.sees("4 Retry ✗1")


async def test_where_there_are_few_rows_the_strip_gives_way_to_them() -> None:
    control = FakeControl()
    control.add_task(control.add_job("nightly"), "broken", status="failed")
    async with console(control, size=(80, 11), at="3") as operator:
        await operator.sees("broken")
        await operator.misses("4 Retry")


async def test_every_screen_begins_at_the_same_margin() -> None:
    control = FakeControl()
    control.add_task(control.add_job("nightly"), "broken", status="failed")
    control.outputs[1] = b"one line\n"
    async with console(control, size=(80, 24), at="1") as operator:
        for keys in ("1", "2", "3", "4", "7", "0", "3l", "3e", "3w", "2v"):
            await operator.press(*keys)
            await operator.quiet()
            for line in strips_of(operator.app.screen)[:4]:
                assert line[:1] in (" ", "▌"), (keys, line)
            await operator.press("escape")


@pytest.mark.parametrize(
    ("needs", "room", "given"),
    [
        ((4, 6, 7), 30, [4, 6, 7]),
        ((4, 60, 70), 30, [4, 13, 13]),
        ((60, 2, 2), 10, [6, 2, 2]),
        ((60, 60, 60), 3, [2, 2, 2]),
    ],
)
def test_panels_get_what_their_rows_need_and_share_what_is_left(
    needs: tuple[int, ...], room: int, given: list[int]
) -> None:
    assert shared(needs, room) == given


@pytest.mark.parametrize("width", [20, 60, 120, 200])
def test_the_help_has_as_many_columns_as_have_room_and_loses_nothing(width: int) -> None:
    keys = [(f"Ctrl+{letter}", f"what {letter} does with all rows of the list") for letter in "ABCDE"]
    lines = in_columns([("Move", keys), ("Find", keys), ("Act", keys)], width)
    assert all(cells(line) <= width for line in lines)
    assert " ".join(" ".join(lines).split()).count("what ") == 3 * len(keys)
    assert len(lines) < 14 or width < 120


async def test_counts_of_the_status_bar_and_what_failed_have_the_colours_of_their_status(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    control = FakeControl()
    control.add_task(control.add_job("nightly"), "broken", status="failed")
    async with console(control, size=(120, 24), at="7") as operator:
        await operator.sees("✗ 1", "failed 1")
        failed = Color.parse(operator.app.desk.look.marks["failed"].color).rich_color
        strips = operator.app.screen._compositor.render_strips()
        coloured = {
            segment.text.strip()
            for strip in strips
            for segment in strip
            if segment.style and segment.style.color == failed
        }
        assert {"failed 1", "✗ 1"} <= coloured


def tasks_that_wait(*, failed: int) -> FakeControl:
    """Return more tasks than a page holds, all of which wait, below so many failed ones."""
    control = FakeControl()
    number = control.add_job("nightly")
    for at in range(60):
        control.add_task(number, f"load_{at}", status="blocked", waits_for="need fetch")
    for at in range(failed):
        gone = {"code": "http.5xx", "message": "503"}
        control.add_task(number, f"call_{at}", status="failed", finished_at=NOW, error=gone)
    return control


@pytest.mark.parametrize(("size", "both"), [((80, 24), False), ((120, 40), True)])
async def test_what_tasks_wait_for_has_room_where_no_error_is_in_view(
    size: tuple[int, int], both: bool
) -> None:
    async with console(tasks_that_wait(failed=4), size=size, at="3") as operator:
        screen = await operator.sees("ERROR", "http.5xx: 503", "call_3", "load_59")
        assert ("WAITS FOR" in screen, "need fetch" in screen) == (both, both)
        await operator.press("G")
        await operator.sees("WAITS FOR", "need fetch", "load_0")
        await operator.press("g")
        await operator.sees("ERROR", "http.5xx: 503", "call_3")


async def test_a_text_that_comes_into_a_hidden_column_shows_it() -> None:
    control = tasks_that_wait(failed=0)
    async with console(control, size=(80, 24), at="3") as operator:
        assert "ERROR" not in await operator.sees("WAITS FOR", "need fetch", "load_59")
        newest = max(control.task_rows)
        control.set_task(newest, status="failed", waits_for=None, error={"code": "x.y", "message": "gone"})
        await operator.beat()
        await operator.sees("ERROR", "x.y: gone")
