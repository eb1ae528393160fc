"""Status bar: warnings and counts; a narrow screen drops the last.

Used by the base of screens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.content import Content

from console.feed import Feed, People, Pulse
from console.themes import Look
from console.widgets.line import Line
from core.model.shortages import NO_ROOM
from core.model.text import SafeText, cells, safe_line

_COUNTED = ("failed", "running", "queued", "retrying", "held")
_SLOW_MS = 100
_HELP = "? help"
_ENDING = {
    "draining": SafeText("DRAINING: E takes it back"),
    "stopping": SafeText("STOPPING: E then starts one"),
}
"""By the state of an engine that ends: what is said of it on every screen, with the way back."""


class StatusBar(Line):
    """Warnings in reverse video, work under way, position, tasks by status, texts of the screen, help."""

    def show(
        self,
        pulse: Pulse,
        look: Look,
        *,
        warnings: Sequence[str] = (),
        work: Sequence[str] = (),
        words: Sequence[str] = (),
    ) -> None:
        """Show the state of everything.

        `work` = what the operator waits for, seen on a narrow screen, too. Of the words of the screen the
        first, its position, stands before the counts.
        """
        position, *others = words or ("",)
        parts = [Content(word) for word in (*work, position) if word]
        parts += _counted(pulse, look)
        parts += [Content(word) for word in others if word]
        parts += [Content(f"link {pulse.link_ms}ms")] if pulse.link_ms > _SLOW_MS else []
        self.write(_line(warnings, parts, self.size.width))


def _counted(pulse: Pulse, look: Look) -> Iterator[Content]:
    """Count what there is by status, in the colours of the statuses; what is 0 is muted."""
    counts = {status: pulse.tasks.get(status, 0) for status in _COUNTED} | {"failed": pulse.news}
    for status, count in counts.items():
        if count or status in _COUNTED[:3]:
            color = look.marks[status].color if count else look.muted
            yield Content.styled(f"{status} {count}{pulse.known_text if status == 'failed' else ''}", color)
    if pulse.lost:
        yield Content.styled(f"lost {pulse.lost}", look.marks["lost"].color)
    if pulse.paused:
        yield Content.styled(f"paused queues {pulse.paused}", look.marks["paused"].color)
    if people := people_text(pulse.people):
        color = look.marks["failed" if pulse.people.overdue else "waiting"].color
        yield Content.styled(people, color)


def people_text(people: People) -> SafeText:
    """Say how many of the open work items are for this operator; '' = none is open."""
    overdue = f" !{people.overdue:,} overdue" if people.overdue else ""
    return safe_line(f"people {people.mine:,}/{people.open:,}{overdue}" if people.open else "")


def warnings_of(feed: Feed, *, console: Sequence[SafeText]) -> list[SafeText]:
    """Return the warnings that are true now, those of the console itself first."""
    pulse, stale = feed.pulse, feed.stale_seconds
    warnings = [word for word in console if word]
    if pulse.engine is None:
        warnings.append(SafeText("STARTING" if feed.starting else "NO ENGINE"))
    elif pulse.engine.state in _ENDING:
        warnings.append(_ENDING[pulse.engine.state])
    if pulse.engine is not None and pulse.engine.closed:
        has_no_room = any(closed.code in NO_ROOM for closed in pulse.engine.closed)
        warnings.append(SafeText("NO ROOM" if has_no_room else "NO CLAIMS"))
    if pulse.is_frozen:
        warnings.append(SafeText("SPENDING STOPPED"))
    if stale and not feed.starting:
        warnings.append(SafeText(f"STALE {stale}s"))
    if pulse.foreign:
        warnings.append(safe_line(f"ENGINE {pulse.foreign}"))
    return warnings


def _line(warnings: Sequence[str], parts: Sequence[Content], width: int) -> Content:
    line = Content(" ")
    for word in warnings:
        line = line + Content.styled(f" {word} ", "reverse bold") + Content(" ")
    for part in parts:
        # The key that names all others stays on the narrowest screen.
        if width and cells(line.plain) + cells(part.plain) + 2 + cells(_HELP) > width:
            break
        line = line + part + Content("  ")
    return line + Content(_HELP)
