"""Keys that are about the terminal: repaint, suspend, Ctrl+C.

Owned by the app.
"""

from __future__ import annotations

from textual.app import App

from console.desk import Desk
from console.engine_lifecycle.starters import EngineStarter
from console.terminal.driver import CountingDriver
from console.verbs.questions import Notices
from core.model.text import SafeText

_OVER_HOST = SafeText("not over --host: the line to the engine would fall silent; open another terminal")
_OWN_ENGINE = SafeText("the engine runs in this process (--embedded) and would stand still: not suspended")
MOUSE = "mouse"
_NO_SHELL = SafeText("this terminal cannot suspend")
_LEAVE = SafeText(
    "q leaves (from any screen: Ctrl+P, quit); Esc goes back by one step; tasks are not touched"
)


class TerminalKeys:
    """Does what people expect of Ctrl+L, Ctrl+Z and Ctrl+C in a terminal."""

    def __init__(
        self, app: App[None], desk: Desk, *, notices: Notices, starter: EngineStarter | None
    ) -> None:
        self._app = app
        self._desk = desk
        self._notices = notices
        self._starter = starter

    def watch(self) -> None:
        """Draw everything when the process goes on: the shell has written on the screen."""
        self._app.app_resume_signal.subscribe(self._app, lambda _: self.repaint())

    def repaint(self) -> None:
        """Write every cell again: another program may have written over them."""
        screen = self._app.screen
        # Textual writes only what it knows to have changed.
        self._app._display(screen, screen._compositor.render_update(full=True))  # noqa: SLF001

    def suspend(self) -> None:
        """Stop this process and give the terminal to the shell; tell where that would do harm."""
        driver = self._app._driver  # noqa: SLF001 # Textual has no public way to it.
        if self._desk.host:
            self._notices.inform(_OVER_HOST)
        elif self._starter is not None and not self._starter.outlives:
            self._notices.inform(_OWN_ENGINE)
        elif driver is None or not driver.can_suspend:
            self._notices.inform(_NO_SHELL)
        else:
            self._app.action_suspend_process()

    def toggle_mouse(self) -> None:
        """Take the mouse, or leave it to the terminal; the next console does the same, but not over SSH."""
        driver = self._app._driver  # noqa: SLF001 # Textual has no public way to it.
        if not isinstance(driver, CountingDriver):
            self._notices.inform(SafeText("this terminal has no mouse"))
        elif driver.has_mouse:
            driver.leave_mouse()
            self._desk.memory.keep(MOUSE, value=False)
            self._notices.inform(SafeText("the mouse is the terminal's: it selects text"))
        else:
            driver.take_mouse()
            self._desk.memory.keep(MOUSE, value=True)
            self._notices.inform(
                SafeText("wheel moves, a click chooses a row or sorts; Ctrl+O leaves the mouse")
            )

    def tell_how_to_leave(self) -> None:
        self._notices.inform(_LEAVE)
