"""A timeline as text: bars, their axis, slots used.

Used by the command `timeline` and by the console.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.model.ranges import Range
from core.model.text import SafeText, safe_line
from core.model.timelines import Segment, TaskBar, TimelineView
from core.model.values import INBOX
from core.render.times import duration_text

MARKS = {
    "running": "█",
    "queued": "░",
    "blocked": "·",
    "retrying": "▒",
    "held": "═",
    "paused": "─",
    "waiting": "~",
}
"""The sign of each kind of stretch."""
LEGEND = SafeText("█ runs  ✗ failed  ▒ its retry  ░ a slot  · needs  ~ an answer  ═ held  ─ paused")
"""What the signs mean; those but the first say what the task waits for."""
FAILED = "✗"
TOLERATED = "~"
"""Stands behind the key of a task whose failure is tolerated."""
_BLOCKS = " ▁▂▃▄▅▆▇█"
_TICK = 12
_WAITS = {
    "queued": "for a slot",
    "blocked": "for needs",
    "retrying": "for its retry",
    "held": "held",
    "paused": "paused",
    "waiting": "for an answer",
}


class UsedSlots(NamedTuple):
    """How many tasks ran at each place, drawn, and the most of them."""

    text: SafeText
    peak: int


def extent(view: TimelineView, *, now: int) -> Range:
    """Return the first and last moment of a timeline (ms UTC); the last is later than the first.

    Every part of a large job has the whole time of the job.
    """
    if view.searched is not None and view.job.id != INBOX:
        whole = now if view.job.finished_at is None else view.job.finished_at
        return Range(view.job.created_at, max(whole, view.job.created_at + 1))
    moments = [moment for bar in view.bars for one in bar.segments for moment in (one.start, one.end or now)]
    start = min(moments, default=view.job.created_at)
    end = max(moments, default=now) if view.job.finished_at is None else view.job.finished_at
    return Range(start, max(end, start + 1))


def bar_text(bar: TaskBar, *, span: Range, width: int) -> SafeText:
    """Draw a task: a sign for each stretch; what runs is seen, however short it is."""
    start, end = span
    cells = [" "] * width
    for one in sorted(bar.segments, key=lambda segment: segment.status == "running"):
        first = _cell(one.start, start, end, width)
        last = _cell(end if one.end is None else one.end, start, end, width)
        is_running = one.status == "running"
        for at in range(first, max(last, first + 1) if is_running else last):
            cells[min(at, width - 1)] = MARKS.get(one.status, "?")
        if is_running:
            _sign_attempt(
                cells, one, room=Range(first, max(last, first + 1)), is_failed=_has_failed(bar, one)
            )
    return SafeText("".join(cells))


def axis_text(*, span: Range, width: int) -> SafeText:
    """Write how long after the first moment each place is, every dozen cells or so."""
    length = span.end - span.begin
    ticks = max(1, width // _TICK)
    line = ""
    for tick in range(ticks):
        at = tick * width // ticks
        label = duration_text(length * at // max(1, width)) if at else "0"
        line += label.ljust((tick + 1) * width // ticks - at)[: (tick + 1) * width // ticks - at]
    return SafeText(line[:width].ljust(width))


def slots_text(view: TimelineView, *, span: Range, width: int) -> UsedSlots:
    """Draw how many tasks of the job ran at each place."""
    start, end = span
    counts = [0] * width
    for bar in view.bars:
        for one in bar.segments:
            if one.status == "running":
                first = _cell(one.start, start, end, width)
                last = _cell(end if one.end is None else one.end, start, end, width)
                for at in range(first, max(last, first + 1)):
                    counts[min(at, width - 1)] += 1
    peak = max(counts, default=0)
    levels = [-(-count * (len(_BLOCKS) - 1) // peak) if peak else 0 for count in counts]
    return UsedSlots(SafeText("".join(_BLOCKS[level] for level in levels)), peak)


def bar_name(bar: TaskBar) -> SafeText:
    """Return the key of a task, marked if its failure is tolerated or it runs at the end."""
    tolerated, last = TOLERATED if bar.tolerated else "", " (finally)" if bar.is_finally else ""
    return safe_line(f"{bar.key}{tolerated}{last}")


def story_text(bar: TaskBar, *, now: int) -> SafeText:
    """Say in words what a task did: how long it waited for what, and how long each attempt took."""
    parts = []
    for one in bar.segments:
        length = duration_text((now if one.end is None else one.end) - one.start)
        if one.status == "running":
            failed = " failed, tolerated" if bar.tolerated else " failed"
            end = " and runs" if one.end is None else failed if _has_failed(bar, one) else ""
            parts.append(f"attempt {one.attempt} {length}{end}")
        else:
            parts.append(f"{length} {_WAITS.get(one.status, one.status)}")
    return safe_line(", ".join(parts) or "nothing happened")


def running_ms(bar: TaskBar, *, now: int) -> int:
    """Return how long all attempts of a task took together."""
    return sum(
        (now if one.end is None else one.end) - one.start for one in bar.segments if one.status == "running"
    )


def waited_text(view: TimelineView, *, now: int) -> SafeText:
    """Say for what the tasks of the critical path waited, and how long they ran, most first."""
    chosen = set(view.critical)
    sums: dict[str, int] = {}
    for bar in view.bars:
        if bar.task_id not in chosen:
            continue
        for one in bar.segments:
            # Needs on the path are the tasks before: that time is theirs.
            if one.status != "blocked":
                length = (now if one.end is None else one.end) - one.start
                sums[one.status] = sums.get(one.status, 0) + length
    most = sorted(sums.items(), key=lambda item: -item[1])
    words = [f"{duration_text(ms)} {'running' if what == 'running' else _WAITS[what]}" for what, ms in most]
    return safe_line(", ".join(words))


def _cell(moment: int, start: int, end: int, width: int) -> int:
    return max(0, min(width, (moment - start) * width // (end - start)))


def _has_failed(bar: TaskBar, segment: Segment) -> bool:
    """Return whether an attempt was followed by another, or by the failure of its task."""
    if segment.end is None:
        return False
    later = [one for one in bar.segments if one.start >= segment.end and one is not segment]
    return bool(later) or bar.status == "failed"


def _sign_attempt(cells: list[str], segment: Segment, *, room: Range, is_failed: bool) -> None:
    """Put the number of a later attempt at its beginning, and how it ended at its end."""
    first, last = room.begin, min(room.end, len(cells)) - 1
    if segment.attempt and segment.attempt > 1 and last - first >= 2:
        cells[first] = str(segment.attempt)[-1]
    if is_failed and last >= 0:
        cells[last] = FAILED


def timeline_rows(view: TimelineView, *, now: int, width: int, names: int) -> Sequence[SafeText]:
    """Write a whole timeline as lines of this width, keys in `names` cells, `*` before the critical path."""
    span = extent(view, now=now)
    room = max(8, width - names - 11)
    lines = [safe_line(" " * (names + 11) + axis_text(span=span, width=room))]
    for bar in view.bars:
        took = duration_text(running_ms(bar, now=now)).rjust(7)
        star = "*" if bar.task_id in view.critical else " "
        key = bar_name(bar)[:names].ljust(names)
        lines.append(safe_line(f"{star} {key} {took} {bar_text(bar, span=span, width=room)}".rstrip()))
    slots, peak = slots_text(view, span=span, width=room)
    lines.append(safe_line(f"  {'slots used'.ljust(names)} {str(peak).rjust(7)} {slots}".rstrip()))
    return lines
