"""Switch between the themes; without colours there is only one.

Owned by the app.
"""

from __future__ import annotations

import os

from textual.app import App

from console.desk import Desk
from console.screens.base import DeskScreen
from console.themes import PLAIN, unknown_theme
from console.verbs.questions import Notices
from core.model.text import SafeText


class ThemeSwitch:
    """Sets the theme of the app, and lets all screens take its colours."""

    def __init__(self, app: App[None], desk: Desk, *, notices: Notices) -> None:
        self._app = app
        self._desk = desk
        self._notices = notices
        for look in desk.looks.values():
            app.register_theme(look.theme)

    def start(self) -> None:
        self._app.theme = self._desk.theme

    def tell_unknown(self) -> None:
        """Tell if the environment names a theme that does not exist."""
        if fault := unknown_theme(self._desk.looks, os.environ):
            self._notices.warn(fault)

    def use_next(self) -> None:
        names = [PLAIN] if self._app.no_color else list(self._desk.looks)
        self.use(names[(names.index(self._desk.theme) + 1) % len(names)])

    def use(self, name: str) -> None:
        if self._app.no_color and name != PLAIN:
            self._notices.inform(SafeText("NO_COLOR is set: there is one theme only"))
            return
        self._desk.theme = name
        self._app.theme = name
        for screen in self._app.screen_stack:
            if isinstance(screen, DeskScreen):
                screen.restyle()
