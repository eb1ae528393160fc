"""Decks of a session: the one shown, the next one beside.

Used by the attached session.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from console.engine_lifecycle.starters import DialedEngine, EngineStarter, SpawnedEngine
from console.sessions.overview_lines import left_out_line
from core.app.engine_process import engine_argv
from core.app.named_decks import known_decks, look_at, name_of, named_deck, note_used, open_deck, path_of
from core.app.options import Options, own_claim
from core.app.reading.lasting_control import LastingControl
from core.control.api import ControlAPI
from core.model.actors import Door
from core.model.decks import DeckName, DeckSight, KnownDeck
from core.model.text import SafeText


@dataclass(slots=True, kw_only=True)
class OpenDeck:
    """A deck and the connection to it; its owner closes it."""

    options: Options
    control: ControlAPI
    opened: AsyncExitStack = field(default_factory=AsyncExitStack)
    own_engine: EngineStarter | None = None
    """That of this process, if it is the engine."""

    @property
    def name(self) -> DeckName:
        return name_of(self.options)

    @property
    def habits_home(self) -> Path:
        """Where views, keymap, habits and copies are kept, on this machine."""
        return Options().paths.home if self.options.host else self.options.paths.home

    def left_out(self) -> SafeText:
        """Name damaged rows of the store that are not shown; '' = there are none, or an engine names them."""
        return left_out_line(self.control.store.left_out if isinstance(self.control, LastingControl) else ())

    def starter(self) -> EngineStarter:
        """Return what starts an engine there."""
        if self.own_engine is not None:
            return self.own_engine
        if self.options.host:
            return DialedEngine()
        paths = self.options.paths
        return SpawnedEngine(
            engine_argv(paths.home, self.options.spawn_flags), paths.logs / "console-engine.log"
        )


class SessionDecks:
    """Opens another deck beside the one that is shown, which stays until the screens have ended."""

    def __init__(self, first: OpenDeck, *, starts: bool) -> None:
        self.deck = first
        self._starts = starts
        """Whether an engine is started where none runs."""
        self._next: OpenDeck | None = None

    @property
    def present(self) -> DeckName:
        return self.deck.name

    def known(self) -> Sequence[KnownDeck]:
        return known_decks().all()

    def note_used(self) -> None:
        note_used(self.present, remote_command=self.deck.options.remote_command)

    def forget(self, name: DeckName) -> bool:
        return known_decks().forget(name)

    def named(self, home: str, *, host: str) -> DeckName:
        return named_deck(home, host=host)

    async def look(self, name: DeckName) -> DeckSight:
        return await look_at(self._options(name))

    async def open(self, name: DeckName) -> None:
        await self.close_opened()
        options, opened = self._options(name), AsyncExitStack()
        try:
            control = await open_deck(options, opened=opened, starts=self._starts)
        except BaseException:
            await opened.aclose()
            raise
        self._next = OpenDeck(options=options, control=control, opened=opened)

    async def close_opened(self) -> None:
        deck, self._next = self._next, None
        if deck is not None:
            await deck.opened.aclose()

    async def go_on(self) -> bool:
        """Close the present deck and show the one that was opened; False = there is none."""
        deck, self._next = self._next, None
        await self.deck.opened.aclose()
        if deck is not None:
            self.deck = deck
        return deck is not None

    def _options(self, name: DeckName) -> Options:
        commands = {deck.name: deck.remote_command for deck in known_decks().all()}
        of_present = self.deck.options.remote_command if name.host == self.present.host else None
        return Options(
            home=path_of(name),
            host=name.host or None,
            remote_command=(commands.get(name) or of_present) if name.host else None,
            actor=own_claim(Door.CONSOLE),
        )
