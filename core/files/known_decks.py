"""KnownDecks: the homes and hosts that an operator had open.

Made by `core.app.named_decks`; used by the command `homes` and by the console's sessions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from core.files.operator_file import FOLDER, operator_file, own_name
from core.files.reading import read_at_once
from core.files.writing import changing, write_file
from core.model.decks import DeckName, KnownDeck
from core.model.values import JsonValue

MOST = 50
"""Decks that are remembered, those that were used last."""
_LARGEST = 1_000_000
_LONGEST = 4_096
_LATEST = 2**53


class KnownDecks:
    """A file of the operator in the usual data directory, whatever home is open; None = nothing is kept.

    What cannot be read was never kept, and what cannot be written is lost. Blocks: for threads.
    """

    def __init__(self, home: Path | None, *, operator: str = "") -> None:
        self.file = (
            None if home is None else home / FOLDER / operator_file(operator or own_name(), "", "decks")
        )

    def all(self) -> tuple[KnownDeck, ...]:
        """Return them, that which was used last first."""
        if self.file is None:
            return ()
        try:
            rows = json.loads(read_at_once(self.file, _LARGEST))
        except (OSError, ValueError, RecursionError):
            return ()
        found = [deck for deck in map(_deck, rows if isinstance(rows, list) else ()) if deck is not None]
        return tuple(sorted(found, key=lambda deck: -deck.used_at)[:MOST])

    def note(self, deck: KnownDeck) -> None:
        """Remember that a deck was used, in the place of an earlier use."""
        self._change(deck.name, [deck])

    def forget(self, name: DeckName) -> bool:
        """Remember a deck no more; False = it was not known."""
        is_known = any(deck.name == name for deck in self.all())
        if is_known:
            self._change(name, [])
        return is_known

    def _change(self, name: DeckName, first: Sequence[KnownDeck]) -> None:
        if self.file is None:
            return
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with changing(self.file):
                decks = [*first, *(deck for deck in self.all() if deck.name != name)][:MOST]
                rows: list[JsonValue] = [_row(deck) for deck in decks]
                write_file(self.file, json.dumps(rows, ensure_ascii=True, indent=1).encode())
        except OSError:
            return


def _row(deck: KnownDeck) -> JsonValue:
    return {
        "home": deck.name.home,
        "host": deck.name.host,
        "remote_command": deck.remote_command,
        "used_at": deck.used_at,
    }


def _deck(row: object) -> KnownDeck | None:
    """Return what a row says; None = anyone can edit the file, and this is not a deck."""
    if not isinstance(row, dict):
        return None
    used_at = row.get("used_at")
    texts = [row.get(name, "") for name in ("home", "host", "remote_command")]
    home, host, command = (
        text if isinstance(text, str) and len(text) <= _LONGEST else None for text in texts
    )
    is_time = isinstance(used_at, int) and not isinstance(used_at, bool) and 0 <= used_at < _LATEST
    if home is None or host is None or command is None or not is_time or not isinstance(used_at, int):
        return None
    is_odd = "\0" in home + host + command or host.startswith("-") or any(char.isspace() for char in host)
    # A home of this machine is absolute: from elsewhere another directory would be meant.
    if is_odd or not (host or home.startswith("/")):
        return None
    return KnownDeck(name=DeckName(home=home, host=host), used_at=used_at, remote_command=command)
