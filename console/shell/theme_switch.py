"""Switch between the themes; without colours there is only one.

Owned by the app.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence

from rich.terminal_theme import TerminalTheme
from textual.app import App
from textual.filter import LineFilter

from console.color_depth import XTERM_256, DepthFilter, FaintFilter, FilterChain, depth_of
from console.desk import Desk
from console.memory import Memory
from console.screens.base import DeskScreen
from console.themes import PLAIN, first_theme, unknown_theme
from console.verbs.questions import Notices
from core.model.text import SafeText

_THEME = "theme"


def theme_of(memory: Memory, names: Collection[str], environ: Mapping[str, str]) -> str:
    """Return the theme that the environment wants, else the one that the operator used last."""
    kept = memory.get(_THEME)
    is_wanted = "NO_COLOR" in environ or environ.get("TASKDECK_THEME", "") in names
    return kept if isinstance(kept, str) and kept in names and not is_wanted else first_theme(names, environ)


class ThemeSwitch:
    """Sets the theme of the app, and lets all screens take its colours."""

    def __init__(self, app: App[None], desk: Desk, *, notices: Notices) -> None:
        self._app = app
        self._desk = desk
        self._notices = notices
        depth = depth_of(app.console.color_system)
        self._faint = FaintFilter()
        self._depth = (DepthFilter(depth),) if depth else ()
        self._chain = FilterChain(())

    def filtered(self, filters: Sequence[LineFilter]) -> Sequence[LineFilter]:
        """Put around filters what makes the colours of a theme those that the terminal has."""
        if self._app.native_ansi_color:
            return filters
        wanted = (self._faint, *filters, *self._depth)
        # The same object each time: Textual keeps what a filter made of a line for as long as both stay.
        if wanted != self._chain.filters:
            self._chain = FilterChain(wanted)
        return [self._chain]

    def start(self) -> None:
        # Coloured output shows in 256 colours what it shows in all, as the themes do.
        self._app.ansi_theme_dark = _rounded(self._app.ansi_theme_dark)
        self._app.ansi_theme_light = _rounded(self._app.ansi_theme_light)
        self._show()

    def tell_unknown(self) -> None:
        """Tell if the environment names a theme that does not exist."""
        if fault := unknown_theme(self._desk.looks, os.environ):
            self._notices.warn(fault)

    def use_next(self) -> None:
        """Go through our own themes; from another one, to the first of them."""
        names = (PLAIN,) if self._app.no_color else self._desk.looks.own
        at = names.index(self._desk.theme) if self._desk.theme in names else -1
        self.use(names[(at + 1) % len(names)])

    def use(self, name: str) -> None:
        if self._app.no_color and name != PLAIN:
            self._notices.inform(SafeText("NO_COLOR is set: there is one theme only"))
            return
        self._desk.theme = name
        self._desk.memory.keep(_THEME, name)
        self._show()
        for screen in self._app.screen_stack:
            if isinstance(screen, DeskScreen):
                screen.restyle()

    def _show(self) -> None:
        self._app.register_theme(self._desk.look.theme)
        self._app.theme = self._desk.theme


def _rounded(theme: TerminalTheme) -> TerminalTheme:
    """Return a theme of a terminal in colours that each terminal of 256 has."""
    ground, text = (
        XTERM_256.colors[XTERM_256.nearest(one)] for one in (theme.background_color, theme.foreground_color)
    )
    colors = [XTERM_256.colors[XTERM_256.nearest(theme.ansi_colors[number])] for number in range(16)]
    return TerminalTheme(ground, text, colors[:8], colors[8:])
