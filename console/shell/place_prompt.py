"""Place prompt: type or pick a place or view.

Owned by the app.
"""

from __future__ import annotations

from functools import partial

from textual.app import App

from console.desk import Desk
from console.dialogs.finder import Enters, Finder
from console.navigation.saved_views import View
from console.shell.deck_switch import DeckSwitch
from console.shell.navigator import Navigator
from console.shell.place_offers import KnownPlaces, place_offers, view_offers
from console.shell.places import ROOTS
from console.verbs.questions import Notices
from core.model.errors import TaskdeckError
from core.model.text import SafeText, safe_line

_TYPED = "places"
_REMEMBERED = 30
_NO_VIEW = SafeText("no view was saved yet: ':save NAME' saves the present filter")


class PlacePrompt:
    """Asks for a place by a line with its completions, and goes there."""

    def __init__(
        self, app: App[None], desk: Desk, *, navigator: Navigator, notices: Notices, decks: DeckSwitch
    ) -> None:
        self._app = app
        self._desk = desk
        self._navigator = navigator
        self._notices = notices
        self._decks = decks

    async def ask_place(self, value: str = "") -> None:
        memory = self._desk.memory
        known = KnownPlaces(roots=ROOTS, views=self._views(), typed_before=memory.texts(_TYPED))

        async def read_names() -> None:
            known.decks = await self._decks.known()
            try:
                known.queues = tuple(queue.name for queue in await self._desk.control.queues())
            except TaskdeckError:
                # The screen below shows what is wrong; all but the queues can still be typed.
                return

        finder = Finder(
            SafeText("Go to"),
            partial(place_offers, known),
            enters=Enters.WHAT_IS_TYPED,
            value=value,
            prepare=read_names,
        )
        text = (await self._app.push_screen_wait(finder)).strip()
        if text:
            memory.keep_first(_TYPED, text, most=_REMEMBERED)
            await self.go(text)

    async def ask_view(self) -> None:
        views = self._views()
        question = SafeText("Saved view" if views else _NO_VIEW)
        finder = Finder(question, partial(view_offers, views), enters=Enters.THE_FIRST_OFFER)
        name = (await self._app.push_screen_wait(finder)).strip()
        if name:
            await self.go(f"'{name.removeprefix(chr(39))}")

    async def go(self, text: str) -> None:
        """Go where a text says, or tell why not; `new` picks a new job, `home` and `host` another deck."""
        if self._decks.take(text):
            return
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

    def _views(self) -> dict[str, View]:
        try:
            return self._desk.views.all()
        except TaskdeckError as error:
            # All but the views can still be typed.
            self._notices.warn(safe_line(error.message))
            return {}
