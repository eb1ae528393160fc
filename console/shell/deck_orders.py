"""Orders behind the colon that lead to another home or host.

Used by the place prompt and the deck switch.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from console.dialogs.finder import Offer
from console.rows.listing import now_ms
from core.model.decks import DeckName, DeckSight, DeckState, KnownDeck
from core.model.errors import Invalid
from core.model.text import safe_line
from core.render.times import age_text

KINDS = ("home", "host")
_USAGE = {"home": "home DIR", "host": "host USER@BOX [DIR there]"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeckOrder:
    """Asks for a home or a host, by names as typed; none = pick one."""

    kind: str
    names: tuple[str, ...] = ()


def parse_deck(text: str) -> DeckOrder | None:
    """Return what `home ...` or `host ...` asks for; None = something else; raise `Invalid` (`usage`).

    A home may hold blanks, quoted or not; of a host, the home there follows it.
    """
    kind, _, rest = text.strip().partition(" ")
    if kind.lower() not in KINDS:
        return None
    kind, rest = kind.lower(), rest.strip()
    try:
        names = tuple(shlex.split(rest))
    except ValueError:
        names = (rest,)
    if kind == "home" and len(names) > 1:
        names = (rest,)
    if len(names) > len(KINDS) or "" in names:
        raise Invalid("usage", f"write: {_USAGE[kind]}", facts={"typed": text})
    if kind == "host" and names and (names[0].startswith("-") or any(c.isspace() for c in names[0])):
        raise Invalid(
            "host.name",
            f"{safe_line(names[0])!r} is not a host",
            hint="write user@box",
            facts={"host": names[0]},
        )
    return DeckOrder(kind=kind, names=names)


def known_offers(known: Sequence[KnownDeck]) -> Iterator[Offer]:
    """Return what leads to the decks that were open before, for the place prompt."""
    for deck in known:
        yield Offer(text=deck.name.order, title=safe_line(deck.name.order), note=safe_line(_used(deck)))


def deck_offers(
    known: Sequence[KnownDeck], sights: dict[DeckName, DeckSight], typed: str, *, present: DeckName
) -> list[Offer]:
    """Return the decks whose name holds what is typed, with how each was found."""
    wanted = typed.strip().lower()
    return [
        Offer(
            text=deck.name.order,
            title=deck.name.text,
            note=safe_line(f"{_found(sights.get(deck.name))}  {_used(deck)}"),
            reason=safe_line("this one is open" if deck.name == present else ""),
        )
        for deck in known
        if wanted in deck.name.text.lower() or wanted in deck.name.order.lower()
    ]


def _found(sight: DeckSight | None) -> str:
    if sight is None:
        return "looking ..."
    glyph = {DeckState.ANSWERS: "●", DeckState.NO_ENGINE: "○"}.get(sight.state, "✗")
    return f"{glyph} {sight.state}{f': {sight.note}' if sight.note else ''}"


def _used(deck: KnownDeck) -> str:
    return f"used {age_text(max(0, now_ms() - deck.used_at))} ago"
