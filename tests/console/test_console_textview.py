"""Tests of the text view: wrapping of visible lines, and search."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from textual.app import App, ComposeResult

from console.widgets import text_layout
from console.widgets.text_layout import HANGING, Spot
from console.widgets.text_view import TextView
from core.model.text import SafeText, cells
from tests.console.support_console import resize

LONG = SafeText("the quick brown fox jumps over the lazy dog and far away it goes")


class Alone(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.view = TextView()

    def compose(self) -> ComposeResult:
        yield self.view


@asynccontextmanager
async def text(lines: list[str], *, size: tuple[int, int] = (24, 6)):
    app = Alone()
    async with app.run_test(size=size) as pilot:
        app.view.focus()
        app.view.put([SafeText(line) for line in lines])
        await pilot.pause()
        yield app.view, pilot


def shown(view: TextView) -> list[str]:
    return ["".join(part.text for part in view.render_line(y)).rstrip() for y in range(view.size.height)]


def lit(view: TextView) -> list[str]:
    return [
        part.text
        for y in range(view.size.height)
        for part in view.render_line(y)
        if part.style and part.style.reverse
    ]


async def test_a_long_line_goes_on_below_marked_as_one_line() -> None:
    async with text([LONG, "next"]) as (view, _):
        assert shown(view)[:5] == [
            "the quick brown fox",
            "┆ jumps over the lazy",
            "┆ dog and far away it",
            "┆ goes",
            "next",
        ]
        assert all(cells(line) <= 24 for line in shown(view))


async def test_cut_lines_are_one_row_each_and_wrapping_keeps_the_place() -> None:
    async with text([*[LONG] * 30, "end"]) as (view, pilot):
        await pilot.press(*["j"] * 9)
        assert view.top == Spot(2, 1)
        await pilot.press("S")
        assert view.top == Spot(2, 0)
        assert shown(view) == ["the quick brown fox jum…"] * 6
        await pilot.press("S")
        assert view.top == Spot(2, 0)


async def test_the_keys_of_less_move_by_rows() -> None:
    async with text([LONG] * 5) as (view, pilot):
        places = []
        for key in ("j", "space", "b", "k", "G", "k", "g"):
            await pilot.press(key)
            places.append(tuple(view.top))
        assert places == [(0, 1), (1, 3), (0, 1), (0, 0), (3, 2), (3, 1), (0, 0)]


async def test_another_width_keeps_what_is_at_the_top_and_the_end_at_the_bottom() -> None:
    async with text([LONG] * 10) as (view, pilot):
        await pilot.press(*["j"] * 10)
        assert view.top == Spot(2, 2)
        await resize(pilot, 40, 6)
        await pilot.pause()
        assert view.top == Spot(2, 1)
        await pilot.press("G")
        await resize(pilot, 24, 8)
        await pilot.pause()
        assert view.at_end
        assert shown(view)[-1] == "┆ goes"


@pytest.mark.parametrize("wraps", ["", "S"])
async def test_a_match_over_the_end_of_a_row_is_found_and_lit(wraps: str) -> None:
    async with text(["first", LONG, "last"]) as (view, pilot):
        if wraps:
            await pilot.press(wraps)
        view._search("fox jumps over THE lazy")
        await pilot.pause()
        assert view.position_text.endswith("match 1/1")
        found = lit(view)
        assert found == (["fox jum", "…"] if wraps else ["fox ", "jumps over the lazy"])


async def test_a_match_behind_the_cut_is_found_and_the_cut_is_lit() -> None:
    async with text(["first", LONG]) as (view, pilot):
        await pilot.press("S")
        view._search("far away")
        await pilot.pause()
        assert lit(view) == ["…"]


async def test_a_match_deep_in_a_long_line_comes_into_view() -> None:
    async with text(["x " * 500 + "needle " + "x " * 500]) as (view, _):
        view._search("needle")
        assert any("needle" in line for line in shown(view))


async def test_only_lines_that_are_looked_at_are_laid_out_of_a_hundred_thousand() -> None:
    lines = [f"{number} {LONG}" for number in range(100_000)]
    text_layout._wrapped.cache_clear()
    async with text(lines, size=(24, 20)) as (view, pilot):
        await pilot.press("G", "k", "space", "g", "j", "space")
        assert shown(view)[0].startswith(HANGING)
        assert text_layout._wrapped.cache_info().misses < 200


async def test_lines_that_are_added_below_the_view_draw_nothing() -> None:
    async with text([LONG] * 10) as (view, _):
        drawn: list[object] = []
        view.refresh = lambda *regions, **_: drawn.extend(regions or ["all"])
        view.add([SafeText("more")])
        assert drawn == []
        view.put([SafeText("other"), *view.lines[1:]])
        assert drawn


async def test_wide_characters_are_wrapped_by_their_cells() -> None:
    async with text(["六" * 30]) as (view, _):
        assert shown(view)[:3] == ["六" * 12, HANGING + "六" * 11, HANGING + "六" * 7]
