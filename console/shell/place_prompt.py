"""Place prompt: type a place, or the name of a saved view.

Owned by the app.
"""

from __future__ import annotations

from textual.app import App

from console.desk import Desk
from console.shell.navigator import Navigator
from console.shell.places import ROOTS
from console.verbs.questions import Notices
from console.widgets.line_dialog import LineDialog
from core.model.errors import TaskdeckError
from core.model.text import SafeText, safe_line


class PlacePrompt:
    """Asks for a place by a line, and goes there."""

    def __init__(self, app: App[None], desk: Desk, *, navigator: Navigator, notices: Notices) -> None:
        self._app = app
        self._desk = desk
        self._navigator = navigator
        self._notices = notices

    async def ask_place(self) -> None:
        known = f"{' '.join(ROOTS)}, job 7, task 7, log 7, #7, queue NAME, save NAME, 'NAME"
        text = await self._app.push_screen_wait(LineDialog(SafeText("Go to"), placeholder=known))
        if text.strip():
            await self.go(text)

    async def ask_view(self) -> None:
        names = ", ".join(sorted(self._desk.views.all())) or "none yet; ':save NAME' saves the present filter"
        question = LineDialog(SafeText("Saved view"), placeholder=safe_line(names))
        name = await self._app.push_screen_wait(question)
        if name.strip():
            await self.go(f"'{name}")

    async def go(self, text: str) -> None:
        """Go where a text says, or tell why not; `new` picks a new job."""
        if text.strip().lower() == "new":
            await self._app.run_action("new_job", self._app)
            return
        try:
            result = await self._navigator.go(text)
        except TaskdeckError as error:
            self._notices.warn(safe_line(error.message))
            return
        if result:
            self._notices.inform(result)
