"""The boundary: what goes wrong in one screen ends neither the console nor the other screens."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

from textual._context import active_message_pump
from textual.app import App
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen

from console.screens.base import DeskScreen
from console.screens.failed import FailedScreen
from core.model.text import SafeText


class BoundedApp(App[None]):
    """An app that replaces a screen which fails, and says why a greyed key does nothing."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type] # Whatever an app takes.
        self._failed: WeakKeyDictionary[DOMNode, Exception] = WeakKeyDictionary()

    def fail(self, screen: DeskScreen, error: Exception) -> None:
        """Put something else where a failed screen stands: the present one."""
        raise NotImplementedError

    def fail_dialog(self, screen: ModalScreen[object], error: Exception) -> None:
        """Take a failed dialog away: the present screen."""
        raise NotImplementedError

    def refuse(self, reason: SafeText) -> None:
        """Say why a key does nothing now."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Look at each screen that comes to the top: it may have failed below."""
        self.screen_change_signal.subscribe(self, lambda _: self._clear_top())

    async def run_action(
        self,
        action: str | tuple[str, str, tuple[object, ...]],
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Carry an action out; one that fails takes its screen with it, one that is greyed says why."""
        reason = self._why_not(action, default_namespace) if isinstance(action, str) else None
        if reason:
            self.refuse(reason)
            return True
        try:
            return await super().run_action(action, default_namespace, namespaces)
        except Exception as error:
            self._blame(self.screen, error)
            return True

    def _why_not(self, action: str, asked: DOMNode | None) -> SafeText | None:
        # What is for the whole console acts on the screen that is shown.
        screen = self.screen if asked is self else asked
        name = action.removeprefix("app.").partition("(")[0]
        return screen.why_not(name) if isinstance(screen, DeskScreen) else None

    def _handle_exception(self, error: Exception) -> None:
        # Textual ends the app here; a failure of the app itself still does that.
        pump = active_message_pump.get(None)
        screens = pump.ancestors_with_self if isinstance(pump, DOMNode) else []
        self._blame(next((node for node in screens if isinstance(node, Screen)), None), error)

    def _blame(self, screen: Screen[object] | None, error: Exception) -> None:
        # What stands for a failure must not fail, and would else be replaced for ever.
        is_ours = isinstance(screen, DeskScreen | ModalScreen) and not isinstance(screen, FailedScreen)
        if screen is None or not is_ours or not self._running:
            super()._handle_exception(error)
            return
        self._failed.setdefault(screen, error)
        self._look()

    def _look(self) -> None:
        # Later: within a switch of screens, or the death of a widget, nothing can be put up.
        self.call_later(self._clear_top)

    def _clear_top(self) -> None:
        screen = self.screen
        error = self._failed.pop(screen, None)
        if error is None:
            return
        if isinstance(screen, DeskScreen):
            self.fail(screen, error)
        elif isinstance(screen, ModalScreen):
            self.fail_dialog(screen, error)
