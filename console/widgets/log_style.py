"""LogStyles: styles of coloured output, readable on the present background.

Used by the log view.
"""

from __future__ import annotations

from rich.color import Color
from rich.style import Style
from rich.terminal_theme import TerminalTheme

from console.color_depth import contrast
from core.render.coloured import Colour, Sgr

READABLE = 2.5
"""Least contrast of text: a colour that would hide what it is written in is left out."""
_KNOWN_MOST = 2_000


class LogStyles:
    """Styles on one base; `theme` = what a terminal's colours look like here, None = they are its own."""

    def __init__(self, base: Style, theme: TerminalTheme | None) -> None:
        self._base = base
        self._theme = theme
        self._known: dict[Sgr, Style] = {}

    def is_for(self, base: Style, theme: TerminalTheme | None) -> bool:
        """Tell whether base and theme are still the same."""
        return self._theme is theme and self._base == base

    def of(self, sgr: Sgr) -> Style:
        """Return how text with these attributes looks."""
        if len(self._known) > _KNOWN_MOST:
            self._known.clear()
        style = self._known.get(sgr)
        if style is None:
            style = self._known[sgr] = self._style(sgr)
        return style

    def _style(self, sgr: Sgr) -> Style:
        base, fg, bg = self._base, self._colour(sgr.fg), self._colour(sgr.bg)
        if not _is_readable(fg or base.color, bg or base.bgcolor):
            bg = None
            if not _is_readable(fg or base.color, base.bgcolor):
                fg = None
        return base + Style(
            color=fg,
            bgcolor=bg,
            bold=sgr.bold or None,
            dim=sgr.dim or None,
            italic=sgr.italic or None,
            underline=sgr.underline or None,
            reverse=sgr.reverse or None,
            strike=sgr.strike or None,
        )

    def _colour(self, colour: Colour | None) -> Color | None:
        if colour is None:
            return None
        if not isinstance(colour, int):
            return Color.from_rgb(*colour)
        known = Color.from_ansi(colour)
        return known if self._theme is None else Color.from_triplet(known.get_truecolor(self._theme))


def without_colours(sgr: Sgr) -> Sgr:
    """Return the same without its colours, for a terminal that is to have none."""
    return sgr._replace(fg=None, bg=None)


def _is_readable(fg: Color | None, bg: Color | None) -> bool:
    if fg is None or bg is None or fg.triplet is None or bg.triplet is None:
        # The terminal has its own colours, which are not known here.
        return fg is None or fg.is_default or fg != bg
    return contrast(fg.triplet, bg.triplet) >= READABLE
