"""Actors: who asked for a change, as one line of text.

A client claims its door and a label; the control signs the claim with the user that the kernel names.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum

from core.model.errors import Invalid

LABEL_VARIABLE = "TASKDECK_AS"
"""The variable that holds the label of commands and of the console."""
LABEL_MAX = 64


class Door(StrEnum):
    """Where a request came in."""

    CLI = "cli"
    CONSOLE = "console"
    API = "api"
    """A program: `core.connect`, `core.open_engine`."""


_DOORS = frozenset(Door)


def claim(door: Door, label: str | None = None) -> str:
    """Return what a client says of itself: its door, and a label where one is given."""
    return door.value if label is None else f"{door}:{label}"


def signed(claimed: str, user: str) -> str:
    """Return the actor of a claim by a user: `ana (cli)`, `ana as deploy (api)`.

    What names no door is taken for the label of a program. Raises `Invalid` (`actor.label`) for a label that
    is empty, longer than `LABEL_MAX` or not printable.
    """
    door, _, label = claimed.partition(":")
    if claimed in _DOORS:
        return f"{user} ({claimed})"
    if door not in _DOORS:
        door, label = Door.API, claimed
    return f"{user} as {_checked(label)} ({door})"


def person_of(actor: str) -> str:
    """Return the name that a signed actor goes by: its label, else its user. It is not verified."""
    whole, _, door = actor.rpartition(" (")
    if not whole or door[:-1] not in set(Door):
        return actor
    user, mark, label = whole.partition(" as ")
    return label if mark else user


def is_same_person(one: str, other: str) -> bool:
    """Tell whether two names are meant as one: case, blanks and forms of letters are not told apart."""
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def check_person(name: str) -> None:
    """Raise `Invalid` (`actor.label`) for what cannot be the name of a person."""
    _checked(name)


def _checked(label: str) -> str:
    if not label.strip() or len(label) > LABEL_MAX or not label.isprintable():
        raise Invalid(
            "actor.label",
            f"a name or label has 1 to {LABEL_MAX} printable characters",
            hint=f"choose another one with --as or ${LABEL_VARIABLE}",
            facts={"label": label[:LABEL_MAX], "longest": LABEL_MAX},
        )
    return label
