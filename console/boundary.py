"""The boundary: what goes wrong in one screen ends neither the console nor the other screens."""

from __future__ import annotations

from collections.abc import Mapping

from textual._context import active_message_pump
from textual.app import App
from textual.dom import DOMNode

from console.screens.base import DeskScreen
from core.model.text import SafeText


class BoundedApp(App[None]):
    """An app that replaces a screen which fails, and says why a greyed key does nothing."""

    def fail(self, screen: DeskScreen, error: Exception) -> None:
        """Put something else where a failed screen stands."""
        raise NotImplementedError

    def refuse(self, reason: SafeText) -> None:
        """Say why a key does nothing now."""
        raise NotImplementedError

    async def run_action(
        self,
        action: str | tuple[str, str, tuple[object, ...]],
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Carry an action out; one that fails takes its screen with it, one that is greyed says why."""
        target = default_namespace
        if isinstance(target, DeskScreen) and isinstance(action, str):
            reason = target.why_not(action.partition("(")[0])
            if reason:
                self.refuse(reason)
                return True
        try:
            return await super().run_action(action, default_namespace, namespaces)
        except Exception as error:
            self._handle_exception(error)
            return True

    def _handle_exception(self, error: Exception) -> None:
        # Textual ends the app here; a failure of the app itself still does that.
        pump = active_message_pump.get(None)
        screen = self.screen if self._screen_stacks.get(self._current_mode) else None
        if pump is None or not isinstance(screen, DeskScreen) or not self._running:
            super()._handle_exception(error)
            return
        self.fail(screen, error)
