"""limits: list limits, and set or reset the maximum of one.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from core.cli.arguments import Remote
from core.cli.capacity_changes import Said, Wanted
from core.cli.capacity_names import Listed, One, listed, one
from core.cli.command_groups import CommandGroup
from core.cli.limit_lists import Listing, list_limits, tell_limit
from core.cli.parameters import Argument, Option
from core.model.commands.capacity import ResetLimit, SetLimit, Span
from core.model.limits.limits import LimitKind
from core.render.columns import Column, Form

LimitName: TypeAlias = Annotated[str, Argument(metavar="LIMIT", help="A limit, by its name.")]
InWindow: TypeAlias = Annotated[
    bool, Option(help="Only until the window turns. [default: until it is reset]")
]


def span_of(*, window: bool) -> Span:
    """Return how long a maximum is to hold."""
    return Span.WINDOW if window else Span.FOR_GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMax(Remote):
    """The arguments of `limits set`."""

    name: LimitName
    to: Annotated[
        str,
        Argument(
            metavar="MAX",
            help="Attempts, an amount, or of a rate 60/min (2 % are kept in reserve); +5 and -5 are added.",
        ),
    ]
    window: InWindow = False
    said: Said


_LISTING = Listing(
    noun="limits",
    others="budgets",
    holds=lambda limit: limit.kind is not LimitKind.BUDGET,
    verbs=("set", "reset"),
    columns=(
        Column(name="name", title="LIMIT", form=Form.TEXT, path="name", width=20, min_width=8),
        Column(name="key", title="KEY", form=Form.TEXT, path="key", width=20, min_width=6),
        Column(name="kind", title="KIND", form=Form.TEXT, path="kind", width=11, priority=3),
        Column(name="used", title="USED", form=Form.NUMBER, path="in_use", width=10, min_width=4),
        Column(name="left", title="LEFT", form=Form.NUMBER, path="left", width=10, min_width=4),
        Column(name="max", title="MAX", form=Form.NUMBER, path="max", width=10, min_width=4),
        Column(name="unit", title="UNIT", form=Form.TEXT, path="unit", width=8, min_width=4, priority=2),
        Column(name="per", title="PER", form=Form.TEXT, path="per", width=6, priority=2),
        Column(name="waiting", title="WAITING", form=Form.NUMBER, path="waiting", width=7),
        Column(name="opens", title="OPENS", form=Form.DUE, path="opens", width=6, priority=1),
        Column(name="state", title="STATE", form=Form.TEXT, path="state", width=60, min_width=12, priority=1),
    ),
    none="no limits yet: config.toml takes them as [limits.NAME]",
)
_LISTED, _ONE = listed("LIMIT", which="Only these, with all their keys."), one(LimitName)
_LIMITS = CommandGroup(noun="limits", tell=tell_limit)


@_LIMITS.verb("list", _LISTED, "taskdeck limits", "taskdeck limits host --json")
async def limits(arguments: Listed) -> int:
    """List limits with what is used and left of each key, and how many tasks wait for it.

    Of each limit the ten keys of which most is used; of those that are named, all.
    """
    return await list_limits(arguments, arguments.names, _LISTING)


@_LIMITS.change(
    "set",
    SetMax,
    "taskdeck limits set db 6 --reason 'the replica is back'",
    "taskdeck limits set api 120/min",
    "taskdeck limits set mails +50 --window",
    signed=True,
)
def set_limit(arguments: SetMax) -> Wanted:
    """Give a limit another maximum; nothing that runs ends, and what waits and fits starts."""
    return arguments.said.wants(
        SetLimit(name=arguments.name, to=arguments.to, span=span_of(window=arguments.window))
    )


@_LIMITS.change("reset", _ONE, "taskdeck limits reset db")
def reset(arguments: One) -> Wanted:
    """Give a limit the maximum that is configured."""
    return arguments.said.wants(ResetLimit(name=arguments.name))


COMMANDS = (limits, set_limit, reset)
