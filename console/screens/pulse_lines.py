"""The head of Pulse as lines: engine, counts, throughput.

Used by the Pulse screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.geometry import Size

from console.feed import Feed, Pulse
from console.rows.listing import style_of, worded
from console.themes import Look
from console.verbs.reasons import NO_ENGINE, STARTING
from console.widgets.bars import bars, trend_of
from console.widgets.styled_lines import Span, flow
from core.model.bundles import STATE as BUNDLE
from core.model.pulse import Rate
from core.model.status import JobStatus, TaskStatus
from core.model.text import SafeText, cells, safe_line

_ALWAYS = (TaskStatus.FAILED, TaskStatus.RUNNING, TaskStatus.QUEUED, TaskStatus.SUCCEEDED)
# What needs an operator comes first, what is over last.
_TASKS = (
    TaskStatus.FAILED,
    TaskStatus.RETRYING,
    TaskStatus.HELD,
    TaskStatus.RUNNING,
    TaskStatus.QUEUED,
    TaskStatus.WAITING,
    TaskStatus.BLOCKED,
    TaskStatus.SUCCEEDED,
    TaskStatus.SKIPPED,
    TaskStatus.CANCELLED,
)
_ENDS = (TaskStatus.SUCCEEDED, TaskStatus.FAILED)
_UNKNOWN = Span(SafeText("not known without an engine"))
_LABEL = 12
_TALL = ((45, 4), (32, 2))
"""Least height of the terminal, and the lines that the bars of one status get from there on."""


def engine_text(feed: Feed, *, may_start: bool = True) -> str:
    """Say which engine answers and how busy it is; name the key where this console may start one."""
    engine = feed.pulse.engine
    if engine is None:
        none = "no engine answers: E starts one" if may_start else "no engine answers"
        return STARTING if feed.starting else none
    if engine.state == BUNDLE:
        return engine.home
    is_full = engine.running >= engine.slots
    state = "idle" if not engine.running else "all slots busy" if is_full else "working"
    return f"{state}  slots {engine.running:,}/{engine.slots:,}  taskdeck {engine.version}  {engine.home}"


def count_lines(pulse: Pulse, look: Look, *, width: int) -> list[list[Span]]:
    """Count tasks by status, of the failed ones what is news, then jobs that have not ended."""
    tasks = [status for status in _TASKS if pulse.tasks.get(status) or status in _ALWAYS]
    jobs = [status for status in JobStatus if pulse.jobs.get(status)]
    news = {**pulse.tasks, TaskStatus.FAILED: pulse.news}
    parts = [
        Span(safe_line(f"{part.text}{pulse.known_text}"), part.style) if status is TaskStatus.FAILED else part
        for status, part in zip(tasks, _parts(tasks, news, look), strict=True)
    ]
    lines = flow(SafeText(" Tasks  "), parts if pulse.is_counted else [_UNKNOWN], width)
    none = Span(SafeText("none is open: o starts one")) if pulse.engine is not None else _UNKNOWN
    open_jobs = _parts(jobs, pulse.jobs, look) or [none]
    return lines + flow(SafeText(" Jobs   "), open_jobs, width)


def throughput_lines(
    rates: Sequence[Rate], look: Look, *, size: Size, has_engine: bool = True
) -> list[list[Span]]:
    """Draw how many tasks ended lately, by status, with the last minute and the best one.

    Where none ended, and no engine could end one, that is said in their place.
    """
    if not has_engine and not any(rate.ended for rate in rates):
        return [[Span(safe_line(f" {NO_ENGINE}"))]]
    height = next((lines for least, lines in _TALL if size.height >= least), 1)
    return [
        line for status in _ENDS for line in _throughput_of(rates, status, look, Size(size.width, height))
    ]


def _throughput_of(rates: Sequence[Rate], status: str, look: Look, room: Size) -> list[list[Span]]:
    trend = trend_of(rates, status)
    figures = f"  {trend.now:>5,}/min  peak {trend.peak:>6,}"
    label = safe_line(f" {worded(status, look)}".ljust(_LABEL) + " ")
    drawn = bars(trend.steps, width=room.width - cells(label) - len(figures) - 1, height=room.height)
    style = style_of(status, look)
    margin = Span(SafeText(" " * cells(label)))
    above = [[margin, Span(line, style)] for line in drawn[:-1]]
    return [*above, [Span(label, style), Span(drawn[-1], style), Span(SafeText(figures))]]


def _parts(statuses: Sequence[str], counts: Mapping[str, int], look: Look) -> list[Span]:
    return [
        Span(safe_line(f"{worded(status, look)} {counts.get(status, 0):,}"), style_of(status, look))
        for status in statuses
    ]
