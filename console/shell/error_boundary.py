"""Error boundary: an error in one screen leaves the others running.

Owned by the app.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary

from textual._context import active_message_pump
from textual.app import App
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widget import MountError

from console.background import sentence_of
from console.screens.base import DeskScreen
from console.screens.failed import FailedScreen
from console.shell.navigator import Navigator
from console.verbs.questions import Notices


class ErrorBoundary:
    """Replaces a screen that fails, and takes a failed dialog away.

    `fatal` ends the app, as Textual does with every failure: it is for failures of no screen.
    """

    def __init__(
        self, app: App[None], *, navigator: Navigator, notices: Notices, fatal: Callable[[Exception], None]
    ) -> None:
        self._app = app
        self._navigator = navigator
        self._notices = notices
        self._fatal = fatal
        self._failed: WeakKeyDictionary[DOMNode, Exception] = WeakKeyDictionary()

    def watch(self) -> None:
        """Check each screen that comes to the top: it may have failed below."""
        self._app.screen_change_signal.subscribe(self._app, lambda _: self._clear_top())

    async def run(self, action: Callable[[], Awaitable[bool]]) -> bool:
        """Carry an action out; the screen of one that fails is replaced."""
        try:
            return await action()
        except Exception as error:
            self._contain(self._app.screen, error)
            return True

    def contain(self, error: Exception) -> None:
        """Blame a failure on the screen whose message is being handled."""
        if isinstance(error, MountError) and self._app.return_code is not None:
            # The console leaves, and Textual took away a screen that was still being made.
            return
        pump = active_message_pump.get(None)
        nodes = pump.ancestors_with_self if isinstance(pump, DOMNode) else []
        self._contain(next((node for node in nodes if isinstance(node, Screen)), None), error)

    def _contain(self, screen: Screen[object] | None, error: Exception) -> None:
        # A failed screen that replaced another must not be replaced in turn, without end.
        is_ours = isinstance(screen, DeskScreen | ModalScreen) and not isinstance(screen, FailedScreen)
        if screen is None or not is_ours or not self._app.is_running:
            self._fatal(error)
            return
        self._failed.setdefault(screen, error)
        # Later: within a switch of screens, or the death of a widget, nothing can be put up.
        self._app.call_later(self._clear_top)

    def _clear_top(self) -> None:
        screen = self._app.screen
        error = self._failed.pop(screen, None)
        if error is None:
            return
        if isinstance(screen, DeskScreen):
            self._navigator.replace_failed(screen, error)
        elif isinstance(screen, ModalScreen):
            screen.dismiss(None)
            self._notices.warn(sentence_of(error))
