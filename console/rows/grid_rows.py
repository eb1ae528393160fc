"""The grid of runs: a task a row, a run a column.

Used by the runs screen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.style import Style

from console.rows.listing import style_of
from console.themes import Look
from console.widgets.row_format import RowFormat
from core.model.text import SafeText, safe_line
from core.model.timelines import RunCell, RunRow, RunsView
from core.render.columns import Column, Form
from core.render.run_grid import FINALLY, SIGNS, TOLERATED, is_tolerated, row_name
from core.render.times import duration_text

KEY, USUAL, CELL = 22, 8, 3
"""Cells of the key, of the usual time, of a run."""
_GAPS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class GridShown:
    """Which runs a grid shows, by their number from the newest (0), the newest on the right."""

    view: RunsView | None
    chosen: int
    across: int

    @property
    def numbers(self) -> range:
        """The runs from left to right."""
        return range(0 if self.view is None else min(self.across, len(self.view.runs)))[::-1]


def across(view: RunsView | None, width: int) -> int:
    """Return how many runs have room on a screen of this width, at least one."""
    room = (width - KEY - USUAL - _GAPS) // (CELL + 2)
    return max(1, min(room, 1 if view is None else len(view.runs)))


def glyph_of(cell: RunCell, look: Look) -> str:
    """Return the glyph of a task in a run; a failure that the job goes on from has its sign behind it."""
    mark = look.marks.get(cell.status)
    glyph = mark.glyph if mark else "?"
    return f"{glyph}{TOLERATED}" if is_tolerated(cell) else glyph


def grid_row_format(shown: GridShown, look: Callable[[], Look]) -> RowFormat[RunRow]:
    """Write the cells of the runs that are shown, in the colours of their statuses."""
    jobs = {number: shown.view.runs[number] for number in shown.numbers} if shown.view is not None else {}
    names = {f"job {job.id}": number for number, job in jobs.items()}

    def write(row: RunRow, columns: Sequence[Column]) -> tuple[SafeText, ...]:
        return tuple(_text(row, column.name, names, look()) for column in columns)

    def style(row: RunRow, column: Column) -> Style | None:
        number = names.get(column.name)
        cell = None if number is None else row.cells[number]
        if cell is None:
            return None
        return style_of("held" if is_tolerated(cell) else cell.status, look())

    columns = (
        Column(name="key", title="TASK", form=Form.TEXT, path="key", width=KEY),
        *(
            Column(
                name=f"job {job.id}",
                title=f"{'>' if number == shown.chosen else ''}{job.id % 1_000}"[-CELL:],
                form=Form.NUMBER,
                path="key",
                width=CELL,
            )
            for number, job in jobs.items()
        ),
        Column(name="usual", title="USUAL", form=Form.TEXT, path="key", width=USUAL),
    )
    return RowFormat(columns=columns, key=lambda row: row.key, write=write, style=style)


def legend_of(view: RunsView, look: Look) -> SafeText:
    """Say what the signs mean that occur."""
    cells = [cell for row in view.rows for cell in row.cells if cell is not None]
    statuses = {cell.status for cell in cells}
    marks = [f"{look.marks[one].glyph} {one}" for one in SIGNS if one in statuses and one in look.marks]
    marks += [f"{TOLERATED} tolerated"] if any(map(is_tolerated, cells)) else []
    marks += [f"{FINALLY} finally"] if any(row.is_finally for row in view.rows) else []
    return safe_line("  ".join(marks))


def _text(row: RunRow, name: str, names: dict[str, int], look: Look) -> SafeText:
    if name == "key":
        return safe_line(row_name(row))
    if name == "usual":
        return SafeText("" if row.usual is None else duration_text(row.usual.median_ms))
    number = names.get(name)
    cell = None if number is None else row.cells[number]
    return SafeText("" if cell is None else glyph_of(cell, look))
