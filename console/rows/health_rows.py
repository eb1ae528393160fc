"""Subjects of health as rows, and the facts of one.

Used by the health screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.style import Style

from console.rows.backend_rows import BackendRow
from console.rows.listing import Cells, style_of
from console.themes import Look
from console.widgets.row_format import RowFormat
from console.widgets.styled_lines import Span
from core.model.backend_checks import CheckStatus, CheckView
from core.model.decks import DeckName
from core.model.health import FALLING, HealthState, HealthView, LoopBlock, Measure, SubjectLine
from core.model.text import SafeText, clip, safe_line
from core.model.version import VERSION
from core.model.views import EngineInfo
from core.render.columns import Column, Form
from core.render.health_lines import lines_text, subject_lines, value_text
from core.render.times import age_text, clock_text, duration_text
from core.render.trends import trend_text

_ENGINE = "engine"
TREND = 30
"""Minutes of a measure that a row has room for; its foot has them all."""
HISTORY = 8
"""Changes of a check that the foot lists."""
_MARKS = {
    HealthState.OK: "succeeded",
    HealthState.WARNING: "retrying",
    HealthState.CRITICAL: "failed",
}
"""The status whose glyph and colour are shown for a state."""
_CHECK_MARKS = {
    CheckStatus.UP: "succeeded",
    CheckStatus.UNKNOWN: "queued",
    CheckStatus.SLOW: "retrying",
    CheckStatus.DOWN: "failed",
}
COLUMNS = (
    Column(name="subject", title="SUBJECT", form=Form.TEXT, path="subject", min_width=9, width=24),
    Column(name="state", title="STATE", form=Form.TEXT, path="state", width=10),
    Column(name="since", title="SINCE", form=Form.AGE, path="since", width=7, priority=1),
    Column(name="value", title="VALUE", form=Form.NUMBER, path="value", width=9),
    Column(name="lines", title="LINES", form=Form.TEXT, path="lines", min_width=12, width=28, priority=4),
    Column(name="trend", title="LAST 30 MIN", form=Form.TEXT, path="trend", width=TREND, priority=3),
    Column(name="text", title="WHAT", form=Form.TEXT, path="text", min_width=24, width=90, priority=2),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRow:
    """A line of health, with the check and the breaker of its backend, or what blocked the loop."""

    line: SubjectLine
    check: CheckView | None = None
    backend: BackendRow | None = None
    block: LoopBlock | None = None
    engine: EngineInfo | None = None
    """In the row of the engine: the one that runs."""

    @property
    def subject(self) -> str:
        return self.line.subject


def health_rows(
    view: HealthView, backends: Sequence[BackendRow], engine: EngineInfo | None = None
) -> list[HealthRow]:
    """Return a row for each subject, the worst first."""
    checks = {f"backend {safe_line(one.backend)}": one for one in view.checks}
    known = {f"backend {safe_line(row.name)}": row for row in backends}
    block = None if view.known is None else view.known.block
    return [
        HealthRow(
            line=line,
            check=checks.get(line.subject),
            backend=known.get(line.subject),
            block=block if line.subject == Measure.LOOP else None,
            engine=engine if line.subject == _ENGINE else None,
        )
        for line in subject_lines(view)
    ]


def health_row_format(look: Callable[[], Look]) -> RowFormat[HealthRow]:
    """Write subjects in the colours of their states."""

    def text(row: HealthRow, column: Column, now: int) -> SafeText:
        return _cell(row.line, column.name, look(), now=now)

    def style(row: HealthRow, column: Column) -> Style | None:
        return style_of(_MARKS[row.line.state], look()) if column.name == "state" else None

    return Cells(text=text, style=style).row_format(COLUMNS, lambda row: row.subject)


def health_facts(row: HealthRow, look: Look, *, width: int, now: int) -> list[list[Span]]:
    """Return the lines of a foot: what a subject says, its lines, its hour, its history, what blocked it."""
    lines: list[list[Span]] = [[Span(SafeText(""))], [Span(clip(safe_line(f" {row.subject}"), width))]]
    lines += [[Span(clip(safe_line(f"   {told}"), width))] for told in _facts(row, now=now)]
    if row.check is not None:
        for change in row.check.changes[:HISTORY]:
            mark = look.marks[_CHECK_MARKS[change.status]]
            when = clock_text(change.at, now=now)
            text = clip(safe_line(f" {change.status:7}  {when}  {change.reason}"), max(1, width - 4))
            style = style_of(_CHECK_MARKS[change.status], look)
            lines.append([Span(SafeText("   ")), Span(safe_line(mark.glyph), style), Span(text)])
    return lines


def trend_of(line: SubjectLine, minutes: int) -> str:
    """Return the last minutes of a measure as bars; of one of which less is worse, the least is a low bar."""
    values = line.trend[-minutes:]
    most = max(values, default=0)
    if not most:
        return ""
    # In parts of the highest: whole numbers, of which a small one is a bar, too.
    return trend_text([max(1, round(1_000 * value / most)) if value else 0 for value in values])


def _facts(row: HealthRow, *, now: int) -> Iterator[str]:
    line = row.line
    yield line.text
    if line.hint:
        yield f"do      {line.hint}"
    if line.since is not None:
        yield f"since   {clock_text(line.since, now=now)}, {age_text(now - line.since)} ago"
    if lines := lines_text(line):
        is_falling = line.subject in FALLING
        yield f"lines   {lines}; {'less' if is_falling else 'more'} is worse"
    if line.trend:
        yield f"hour    {trend_of(line, len(line.trend))}"
    if row.check is not None:
        check = row.check.check
        yield (
            f"looks   every {duration_text(check.every_ms)}, at most {duration_text(check.timeout_ms)};"
            f" down after {check.fall} without an answer, up after {check.rise} with one"
        )
    if row.engine is not None:
        yield from _doctor_facts(row.engine)
    if row.block is not None:
        at = clock_text(row.block.at, now=now)
        yield f"blocked {at} for {duration_text(row.block.ms)} by"
        yield from (f"  {call}" for call in row.block.stack)


def _doctor_facts(engine: EngineInfo) -> Iterator[str]:
    """Say what `doctor` says of an engine, and how to have the rest checked."""
    if engine.version != VERSION:
        yield f"version the engine has version {engine.version}, this is {VERSION}: E replaces it"
    if not engine.is_lasting:
        yield "log-out it ends at log-out or with the machine: 'taskdeck serve --install' has one that lasts"
    flags = " ".join(("", *DeckName(home=engine.home).flags))
    yield f"doctor  'taskdeck doctor{flags}' checks settings, files and the store, and recounts it"


def _cell(line: SubjectLine, name: str, look: Look, *, now: int) -> SafeText:
    match name:
        case "state":
            return safe_line(f"{look.marks[_MARKS[line.state]].glyph} {line.state}")
        case "since":
            return SafeText("" if line.since is None else age_text(now - line.since))
        case "value":
            is_bare = line.value is None or line.unit is None
            return SafeText("") if is_bare else safe_line(_value(line))
        case "lines":
            return safe_line(lines_text(line))
        case "trend":
            return safe_line(trend_of(line, TREND))
        case "text":
            return safe_line(line.text)
        case _:
            return safe_line(line.subject)


def _value(line: SubjectLine) -> str:
    return "" if line.value is None or line.unit is None else value_text(line.value, line.unit)
