"""Options of loose tasks about limits, costs, pools and tags.

Used by `exec` and `map`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from core.cli.arguments import Project
from core.cli.parameters import Option
from core.cli.refusals import usage
from core.model.limits.estimates import AUTO
from core.model.limits.limits import LimitRef, OnExhausted


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOptions:
    """What loose tasks come under, and what they are expected to use."""

    limit: Annotated[
        list[str],
        Option(
            metavar="NAME[=KEY]",
            help="A limit it comes under; {} in a key is the line of map. May be repeated.",
        ),
    ] = field(default_factory=list)
    cost: Annotated[
        list[str],
        Option(metavar="UNIT=AMOUNT", help="What it may use: usd=0.02, tokens=3000; may be repeated."),
    ] = field(default_factory=list)
    prefer: Annotated[
        list[str],
        Option(metavar="POOL", help="A pool; repeated, the next when the first is out of quota."),
    ] = field(default_factory=list)
    on_exhausted: Annotated[
        OnExhausted | None,
        Option(help="When a budget is spent. [default: what the budget says, wait]"),
    ] = None
    tag: Annotated[
        list[str], Option(metavar="TAG", help="A tag, by which limits may be for it; may be repeated.")
    ] = field(default_factory=list)
    project: Project = None


def read_limits(named: Sequence[str], *, line: str | None = None) -> tuple[LimitRef, ...]:
    """Return the limits of `NAME` and `NAME=KEY`; `{}` in a key stands for the line, if there is one."""
    return tuple(_limit(text, line) for text in named)


def read_cost(said: Sequence[str]) -> Mapping[str, str] | str | None:
    """Return the amounts of `UNIT=AMOUNT`, or `auto`; None = nothing was said."""
    if list(said) == [AUTO]:
        return AUTO
    amounts: dict[str, str] = {}
    for text in said:
        unit, equals, amount = text.partition("=")
        if not equals or not unit:
            raise usage(
                f"--cost {text}: this is not UNIT=AMOUNT", hint="write --cost usd=0.02, or --cost auto"
            )
        if unit in amounts:
            raise usage(f"--cost {unit} is given twice", hint="give each unit once")
        amounts[unit] = amount
    return amounts or None


def _limit(text: str, line: str | None) -> LimitRef:
    name, equals, key = text.partition("=")
    if not name:
        raise usage(f"--limit {text}: this names no limit", hint="write --limit NAME, or --limit NAME=KEY")
    if equals and not key:
        raise usage(f"--limit {text}: this names no key", hint=f"write --limit {name}, or --limit {name}=KEY")
    return LimitRef(name=name, key=key if line is None else key.replace("{}", line))
