"""homes: list homes and hosts that were open, or forget one.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from core.app.named_decks import known_decks, look_at, named_deck, path_of
from core.app.options import Options
from core.cli.arguments import Common
from core.cli.commands import Command
from core.cli.output import emit, note, say
from core.cli.parameters import Option
from core.model.decks import DeckName, DeckSight, KnownDeck
from core.model.errors import NotFound
from core.model.text import cells, safe_line
from core.model.values import to_iso


@dataclass(frozen=True, slots=True, kw_only=True)
class Homes(Common):
    """The arguments of `homes`."""

    forget: Annotated[
        str, Option(metavar="NAME", help="Remember this one no more: a directory, USER@BOX or USER@BOX:DIR.")
    ] = ""


async def homes(arguments: Homes) -> int:
    """List the homes and hosts that this operator opened in the console, with how each does now.

    Each is looked at for some seconds at the most; nothing is started. In the console, `:home` and
    `:host` go there.
    """
    if arguments.forget:
        return _forget(arguments)
    known = await asyncio.to_thread(known_decks().all)
    sights = await asyncio.gather(*(_look(deck) for deck in known))
    if arguments.json:
        for deck, sight in zip(known, sights, strict=True):
            emit(
                {
                    "home": deck.name.home or None,
                    "host": deck.name.host or None,
                    "used_at": to_iso(deck.used_at),
                    "state": sight.state,
                    "note": sight.note,
                }
            )
    elif known:
        _show(known, sights)
    else:
        note("no home and no host was opened in the console yet")
    return 0


def _show(known: Sequence[KnownDeck], sights: Sequence[DeckSight]) -> None:
    names = max(cells(deck.name.text) for deck in known)
    for deck, sight in zip(known, sights, strict=True):
        told = f"{sight.state}{f': {safe_line(sight.note)}' if sight.note else ''}"
        say(f"{deck.name.text.ljust(names)}  used {to_iso(deck.used_at)}  {told}")


async def _look(deck: KnownDeck) -> DeckSight:
    name = deck.name
    return await look_at(
        Options(home=path_of(name), host=name.host or None, remote_command=deck.remote_command or None)
    )


def _forget(arguments: Homes) -> int:
    known, typed = known_decks(), arguments.forget
    host, _, home = typed.partition(":")
    wanted = {DeckName(host=host, home=home)} if host and not typed.startswith(("/", ".", "~")) else set()
    found = next((deck.name for deck in known.all() if deck.name in {*wanted, named_deck(typed)}), None)
    if found is None or not known.forget(found):
        raise NotFound(
            "home.unknown",
            f"{safe_line(typed)} is not known here",
            hint="'taskdeck homes' lists what is",
            facts={"name": typed},
        )
    if arguments.json:
        emit({"forgotten": typed})
    else:
        say(f"forgot {found.text}")
    return 0


COMMANDS = (
    Command(
        name="homes",
        arguments=Homes,
        run=homes,
        examples=("taskdeck homes", "taskdeck homes --json", "taskdeck homes --forget ops@db1:/srv/deck"),
    ),
)
