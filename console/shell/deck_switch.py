"""DeckSwitch: takes the console to another home or host.

Owned by the app.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from textual.app import App

from console.background import finish_in_thread, sentence_of, start
from console.decks import Decks
from console.dialogs.finder import Enters, Finder
from console.engine_lifecycle.lifecycle import EngineLifecycle
from console.shell.deck_orders import DeckOrder, deck_offers, parse_deck
from console.verbs.questions import Notices
from core.model.decks import DeckName, DeckSight, KnownDeck
from core.model.errors import TaskdeckError
from core.model.text import SafeText, safe_line

_GROUP = "deck"
_AT_ONCE = 8
"""Decks that are looked at at the same time."""
_NOWHERE = SafeText("this console runs its own engine or shows a bundle: leave it, then open the other one")
_PICK = SafeText("Other homes and hosts: Del forgets one")


class DeckSwitch:
    """Opens the other deck beside the present one, asks as at leaving, and only then lets this one go."""

    def __init__(
        self, app: App[None], decks: Decks | None, *, lifecycle: EngineLifecycle, notices: Notices
    ) -> None:
        self._app = app
        self._decks = decks
        self._lifecycle = lifecycle
        self._notices = notices

    async def note_used(self) -> None:
        """Remember that the present deck is used."""
        if self._decks is not None:
            await finish_in_thread(self._decks.note_used)

    async def known(self) -> Sequence[KnownDeck]:
        """Return what the operator had open."""
        return () if self._decks is None else await finish_in_thread(self._decks.known)

    def take(self, text: str) -> bool:
        """Carry out a text that leads to another deck; False = it means something else."""
        try:
            order = parse_deck(text)
        except TaskdeckError as error:
            self._notices.warn(_told(error))
            return True
        if order is None:
            return False
        if not order.names:
            self.pick(order.kind)
        elif self._decks is None:
            self._notices.warn(_NOWHERE)
        else:
            start(self._app, partial(self._go, self._decks, order), group=_GROUP, exclusive=True)
        return True

    def pick(self, kind: str) -> None:
        """Offer the known decks, those of this kind first, with how each does; go to the chosen one."""
        if self._decks is None:
            self._notices.warn(_NOWHERE)
        else:
            start(self._app, partial(self._pick, self._decks, kind), group=_GROUP, exclusive=True)

    async def _pick(self, decks: Decks, kind: str) -> None:
        known = list(await finish_in_thread(decks.known))
        # Enter alone goes back to the one before.
        known.sort(key=lambda deck: (deck.name == decks.present, bool(deck.name.host) != (kind == "host")))
        sights: dict[DeckName, DeckSight] = {}

        def forget(order: str) -> None:
            deck = next((deck for deck in known if deck.name.order == order), None)
            if deck is not None:
                known.remove(deck)
                start(self._app, partial(self._forget, decks, deck.name), group="forget")

        finder = Finder(
            _PICK,
            lambda typed: deck_offers(known, sights, typed, present=decks.present),
            enters=Enters.THE_FIRST_OFFER,
            prepare=lambda: _look(decks, known, sights, show=finder.renew),
        )
        finder.forget = forget
        text = (await self._app.push_screen_wait(finder)).strip()
        if text:
            # What no known deck has in its name is the name of another one.
            self.take(text if text.startswith(("home ", "host ")) else f"{kind} {text}")

    async def _forget(self, decks: Decks, name: DeckName) -> None:
        await finish_in_thread(partial(decks.forget, name))

    async def _go(self, decks: Decks, order: DeckOrder) -> None:
        try:
            host = order.names[0] if order.kind == "host" else ""
            home = order.names[-1] if order.kind == "home" or order.names[1:] else ""
            name = decks.named(home, host=host)
            if name == decks.present:
                self._notices.inform(safe_line(f"{name.text} is open already"))
                return
            self._notices.inform(safe_line(f"connecting to {name.text} ..."))
            await self._open(decks, name)
        except TaskdeckError as error:
            self._notices.warn(safe_line(f"{_told(error)}; still connected to {decks.present.text}"))
            return
        is_left = False
        try:
            is_left = await self._lifecycle.may_leave()
        finally:
            if not is_left:
                await decks.close_opened()
        if is_left:
            self._app.exit()

    async def _open(self, decks: Decks, name: DeckName) -> None:
        try:
            await decks.open(name)
        except asyncio.CancelledError:
            self._notices.inform(
                safe_line(f"connecting to {name.text} was given up; still connected to {decks.present.text}")
            )
            raise


async def _look(
    decks: Decks,
    known: Sequence[KnownDeck],
    sights: dict[DeckName, DeckSight],
    *,
    show: Callable[[], None],
) -> None:
    """Look at each deck beside the others, and show what is found as it comes."""
    room = asyncio.Semaphore(_AT_ONCE)

    async def look(name: DeckName) -> None:
        async with room:
            sights[name] = await decks.look(name)
        show()

    await asyncio.gather(*(look(deck.name) for deck in tuple(known)))


def _told(error: TaskdeckError) -> SafeText:
    return safe_line("; ".join(filter(None, (sentence_of(error), error.hint))))
