"""Options and arguments, as the fields of dataclasses declare them.

Used in the annotations of every command's arguments; `parameter_types` makes click's parameters of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias


class Argument(NamedTuple):
    """A word that stands for itself; a list takes all that are left."""

    help: str
    metavar: str | None = None
    min: int | None = None
    max: int | None = None


class Option(NamedTuple):
    """A word that begins with dashes, named like its field; `min` and `max` are allowed values too."""

    help: str = ""
    short: str | None = None
    """A second name, of one dash and one letter."""
    metavar: str | None = None
    min: int | None = None
    max: int | None = None
    variable: str | None = None
    """The environment variable that stands in for it."""
    read: Callable[[str], object] | None = None
    """Makes the value of the text; raises `TaskdeckError`."""
    hidden: bool = False


Parameter: TypeAlias = Argument | Option
