"""Tests of the table: its cursor, its drawing, safe texts."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region

from console.widgets.row_format import RowFormat
from console.widgets.table import Table
from core.model.text import safe_line
from core.render import widths
from core.render.columns import Column, Form
from tests.console.support_console import HOSTILE, VISIBLE, resize

Pair = tuple[int, str]
COLUMNS = (
    Column(name="id", title="ID", form=Form.NUMBER, path="", width=8),
    Column(name="text", title="TEXT", form=Form.TEXT, path="", min_width=10, width=20),
    Column(name="extra", title="EXTRA", form=Form.TEXT, path="", width=10, priority=1),
)


class Noted(Table[Pair]):
    """A table that notes what it draws anew."""

    def __init__(self) -> None:
        def write(pair: Pair, columns):
            texts = {"id": str(pair[0]), "text": pair[1], "extra": "x"}
            self.written += 1
            return tuple(safe_line(texts[column.name]) for column in columns)

        super().__init__(
            RowFormat(columns=COLUMNS, key=lambda pair: pair[0], write=write, style=lambda _, __: None)
        )
        self.written = 0
        self.drawn: list[Region] = []

    def refresh(self, *regions: Region, **how: bool):
        if regions:
            self.drawn += regions
        return super().refresh(*regions, **how)

    def fill(self, rows: list[Pair]) -> None:
        self.replace(dict(enumerate(rows)), count=len(rows), more=False)

    def lines(self) -> list[str]:
        return ["".join(part.text for part in self.render_line(y)) for y in range(self.size.height)]

    @property
    def lit(self) -> list[int]:
        """Lines in reverse video."""
        return [
            y
            for y in range(self.size.height)
            if any(part.style and part.style.reverse for part in self.render_line(y))
        ]


class Alone(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.table = Noted()

    def compose(self) -> ComposeResult:
        yield self.table


@asynccontextmanager
async def table(rows: list[Pair], *, size: tuple[int, int] = (60, 11)):
    app = Alone()
    async with app.run_test(size=size) as pilot:
        app.table.focus()
        app.table.fill(rows)
        await pilot.pause()
        yield app.table, pilot


def pairs(count: int) -> list[Pair]:
    return [(number, f"row {number}") for number in range(count)]


async def test_the_head_and_the_rows_in_view_are_drawn() -> None:
    async with table(pairs(100)) as (drawn, _):
        lines = drawn.lines()
        assert lines[0].split() == ["ID", "TEXT", "EXTRA"]
        assert [line.split()[0] for line in lines[1:]] == [str(number) for number in range(10)]
        assert {len(line) for line in lines} == {60}


async def test_only_rows_in_view_are_written_of_a_hundred_thousand() -> None:
    async with table(pairs(100_000)) as (drawn, pilot):
        for _ in range(20):
            await pilot.press("pagedown")
        assert drawn.cursor == 200
        assert drawn.written < 1_000
        await pilot.press("G")
        await pilot.pause()
        assert drawn.cursor == 99_999
        assert "row 99999" in "\n".join(drawn.lines())


async def test_the_keys_of_vim_and_less_move_the_cursor() -> None:
    async with table(pairs(100)) as (drawn, pilot):
        places = []
        for key in (
            "j",
            "down",
            "k",
            "up",
            "ctrl+d",
            "ctrl+u",
            "pagedown",
            "ctrl+f",
            "ctrl+b",
            "G",
            "g",
            "k",
        ):
            await pilot.press(key)
            places.append(drawn.cursor)
        assert places == [1, 2, 1, 0, 5, 0, 10, 20, 10, 99, 0, 0]


async def test_the_row_under_the_cursor_is_in_reverse_video() -> None:
    async with table(pairs(5)) as (drawn, pilot):
        await pilot.press("j")
        assert drawn.lit == [2]


async def test_the_cursor_keeps_to_its_row_when_others_come_and_go() -> None:
    async with table(pairs(50)) as (drawn, pilot):
        await pilot.press("j", "j", "j")
        drawn.fill([(number, "new") for number in range(100, 103)] + pairs(50))
        assert drawn.selected == (3, "row 3")
        assert drawn.cursor == 6
        drawn.fill(pairs(50)[2:])
        assert drawn.selected == (3, "row 3")
        assert drawn.cursor == 1


async def test_the_cursor_stays_near_when_its_row_goes() -> None:
    async with table(pairs(10)) as (drawn, pilot):
        await pilot.press("G")
        drawn.fill(pairs(4))
        assert drawn.selected == (3, "row 3")
        drawn.fill([])
        assert drawn.selected is None


async def test_the_view_jumps_by_half_a_page_when_the_cursor_leaves_it() -> None:
    async with table(pairs(100)) as (drawn, pilot):
        for _ in range(10):
            await pilot.press("j")
        assert drawn.top == 5
        assert drawn.lit == [6]


async def test_a_changed_cell_is_all_that_is_drawn_again() -> None:
    async with table(pairs(10)) as (drawn, pilot):
        await pilot.pause()
        drawn.drawn.clear()
        changed = pairs(10)
        changed[4] = (4, "new 4")
        drawn.fill(changed)
        (region,) = drawn.drawn
        assert (region.y, region.height) == (5, 1)
        assert region.x == 1 + 8 + 2
        assert region.width < 60 - 10
        assert "new 4" in drawn.lines()[5]


@pytest.mark.parametrize("count", [0, 3, 10, 50])
async def test_nothing_is_drawn_when_nothing_changed(count: int) -> None:
    async with table(pairs(count)) as (drawn, pilot):
        await pilot.pause()
        drawn.drawn.clear()
        drawn.fill(pairs(count))
        assert drawn.drawn == []


async def test_a_move_of_the_cursor_draws_two_rows() -> None:
    async with table(pairs(10)) as (drawn, pilot):
        await pilot.pause()
        drawn.drawn.clear()
        await pilot.press("j")
        assert sorted(region.y for region in drawn.drawn) == [1, 2]


async def test_a_row_that_changed_out_of_view_is_drawn_as_it_is_now() -> None:
    async with table(pairs(100)) as (drawn, pilot):
        await pilot.press("G")
        changed = pairs(100)
        changed[0] = (0, "changed meanwhile")
        drawn.fill(changed)
        await pilot.press("g")
        await pilot.pause()
        assert "changed meanwhile" in drawn.lines()[1]


async def test_hostile_texts_are_seen_and_never_obeyed() -> None:
    async with table([(1, HOSTILE)], size=(120, 5)) as (drawn, _):
        line = drawn.lines()[1]
        assert VISIBLE in line
        assert line.isprintable()


async def test_a_text_that_grows_has_room_at_once_and_none_gives_room_back_meanwhile() -> None:
    async with table([(1, "short"), (2, "short")]) as (drawn, _):
        rooms = drawn._widths.shape
        drawn.fill([(1, "a" * 30), (2, "short")])
        assert "a" * 30 in drawn.lines()[1]
        grown = drawn._widths.shape
        assert grown != rooms
        drawn.fill([(1, "short"), (2, "short")])
        assert drawn._widths.shape == grown
        drawn.forget_widths()
        drawn.fill([(1, "short"), (2, "short")])
        assert drawn._widths.shape == rooms


async def test_other_rows_at_the_top_of_memory_have_the_columns_fitted_anew() -> None:
    async with table([(1, "a" * 30)]) as (drawn, _):
        grown = drawn._widths.shape
        drawn.replace({200: (200, "short")}, count=201, more=False)
        assert drawn._widths.shape != grown


async def test_scrolling_shares_no_widths_out(monkeypatch: pytest.MonkeyPatch) -> None:
    shared: list[int] = []

    def allot_widths(*columns_needs_width):
        shared.append(columns_needs_width[2])
        return widths.allot_widths(*columns_needs_width)

    monkeypatch.setattr("console.widgets.column_widths.allot_widths", allot_widths)
    async with table(pairs(500)) as (_, pilot):
        assert shared
        shared.clear()
        await pilot.press("j", "pagedown", "ctrl+d", "G", "g", "k")
        assert not shared


async def test_a_narrow_view_drops_columns_and_every_size_is_drawn() -> None:
    async with table(pairs(3)) as (drawn, pilot):
        for width, height in ((30, 4), (10, 2), (1, 1), (200, 60)):
            await resize(pilot, width, height)
            await pilot.pause()
            assert {len(line) for line in drawn.lines()} == {width}
        assert "EXTRA" in drawn.lines()[0]
