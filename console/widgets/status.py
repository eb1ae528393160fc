"""Status bar: counts and warnings in one line; the first ones stay longest."""

from __future__ import annotations

from textual.content import Content

from console.feed import Pulse
from console.widgets.line import Line
from core.model.text import cells

_COUNTED = ("failed", "running", "queued", "retrying", "held")
_SLOW_MS = 100


class StatusBar(Line):
    """One line: warnings in reverse video, tasks by status, rows of the list, the help key."""

    def show(self, pulse: Pulse, *, rows: str, frozen: bool) -> None:
        """Write the line anew."""
        warnings = [word for word, true in (("FROZEN", frozen), ("NO ENGINE", pulse.engine is None)) if true]
        parts = [f"{status} {pulse.tasks.get(status, 0)}" for status in _COUNTED[:3]]
        parts += [f"{status} {pulse.tasks[status]}" for status in _COUNTED[3:] if pulse.tasks.get(status)]
        parts += [f"paused queues {pulse.paused}"] if pulse.paused else []
        parts += [rows] if rows else []
        parts += [f"link {pulse.link_ms}ms"] if pulse.link_ms > _SLOW_MS else []
        parts += ["? help"]
        self.write(_line(warnings, parts, self.size.width))


def _line(warnings: list[str], parts: list[str], width: int) -> Content:
    line = Content(" ")
    for word in warnings:
        line = line + Content.styled(f" {word} ", "reverse bold") + Content(" ")
    for part in parts:
        if width and cells(line.plain) + cells(part) > width:
            break
        line = line + Content(f"{part}  ")
    return line
