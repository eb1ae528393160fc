"""Arguments that name pools, limits, budgets and backends.

Used by the commands `pools`, `limits`, `budgets` and `backends`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, make_dataclass
from typing import Annotated, cast

from core.cli.arguments import Remote
from core.cli.capacity_changes import Said
from core.cli.parameters import Argument


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Remote):
    """The arguments of `list`: which ones; none = all."""

    names: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class One(Remote):
    """The arguments of the verbs that need only a name."""

    name: str
    said: Said


def listed(metavar: str, *, which: str = "Only these.") -> type[Listed]:
    """Return the arguments of a list of what help and completion call by `metavar`."""
    names = Annotated[list[str], Argument(metavar=f"[{metavar}]...", help=f"{which} [default: all]")]
    made = make_dataclass(
        "Listed",
        [("names", names, field(default_factory=list))],
        bases=(Listed,),
        frozen=True,
        slots=True,
        kw_only=True,
    )
    return cast("type[Listed]", made)


def one(name: object) -> type[One]:
    """Return the arguments of verbs on one of what an annotated type names."""
    made = make_dataclass("One", [("name", name)], bases=(One,), frozen=True, slots=True, kw_only=True)
    return cast("type[One]", made)
