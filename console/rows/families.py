"""Failure families as rows: state, colours, and the tasks behind them.

Used by Pulse and by the screen of failures.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style

from console.last_look import LastLook
from console.rows.listing import Cells, now_ms, style_of
from console.themes import Look
from console.widgets.row_format import RowFormat
from core.filters.fields import Noun
from core.filters.terms import Filter, In, Matches
from core.model.failures import FamilyState, FamilyView
from core.model.text import SafeText, safe_line
from core.render.columns import Column, cell
from core.render.times import clock_text

NEW = "new"
"""What a family is called that was first seen since the operator last looked."""
_WORDS = {FamilyState.ACKNOWLEDGED: "known", FamilyState.OVER: "over"}
_URGENT = (FamilyState.FAILING, FamilyState.RETURNED)
# Without it, a verb on what has no code would act on everything that failed.
_NO_CODE = Matches(field="code", pattern=".", negated=True)


def family_row_format(
    columns: tuple[Column, ...], look: Callable[[], Look], last_look: LastLook
) -> RowFormat[FamilyView]:
    """Say of a family whether it is new, has returned, or is known."""

    def text(family: FamilyView, column: Column, now: int) -> SafeText:
        if column.name == "state":
            return state_text(family, last_look, look())
        return cell(column, family, now=now)

    def style(family: FamilyView, column: Column) -> Style | None:
        is_urgent = column.name in ("state", "tasks") and family.state in _URGENT
        return (
            style_of("failed" if is_urgent else "skipped", look()) if is_urgent or _is_quiet(family) else None
        )

    return Cells(text=text, style=style).row_format(columns, lambda family: family.id or family.code)


def state_text(family: FamilyView, last_look: LastLook, look: Look) -> SafeText:
    """Return glyph and word of the state of a family."""
    is_new = family.state is FamilyState.FAILING and last_look.is_news(family.first_at)
    word = NEW if is_new else _WORDS.get(family.state, str(family.state))
    mark = look.marks.get("failed" if family.state in _URGENT else "skipped")
    return safe_line(f"{mark.glyph} {word}" if mark else word)


def where_family(family: FamilyView, *statuses: str) -> Filter:
    """Return the filter that finds the tasks of a family in these statuses."""
    coded = In(field="code", values=(family.code,)) if family.code else _NO_CODE
    term = In(field="family", values=(family.id,)) if family.id else coded
    return Filter(noun=Noun.TASKS, terms=(term, In(field="status", values=statuses)))


def acknowledged_text(family: FamilyView) -> SafeText:
    """Say who acknowledged a family, until when, and what came since; '' = it is not acknowledged."""
    known = family.acknowledged
    if known is None:
        return SafeText("")
    until = "until it returns" if known.until is None else f"until {clock_text(known.until, now=now_ms())}"
    since = f", {known.since:,} failures since" if known.since else ""
    reason = f": {known.reason}" if known.reason else ""
    return safe_line(f"acknowledged by {known.by} {until}{since}{reason}")


def _is_quiet(family: FamilyView) -> bool:
    return family.state in (FamilyState.ACKNOWLEDGED, FamilyState.OVER)
