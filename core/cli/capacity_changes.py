"""Carry out a change of capacity for a command, and report it.

Used by `pools`, `limits` and `budgets`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from core.cli.access import changing, runs_tasks
from core.cli.arguments import Common, Label, actor_of
from core.cli.output import emit, note, say
from core.cli.parameters import Option
from core.control.api import ControlAPI
from core.model.commands.capacity import CapacityChange
from core.model.limits.limit_views import CapacityView
from core.model.values import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Why something is changed, and who asks."""

    reason: Annotated[str, Option(metavar="TEXT", help="Why; others will read it.")] = ""
    as_: Label = None

    def wants(self, change: CapacityChange) -> Wanted:
        """Return a change with why it is wanted, and who asks."""
        return Wanted(change=change, said=self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A change, why it is wanted, and who asks."""

    change: CapacityChange
    said: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of a change."""

    changed: int
    engine_runs: bool
    """False = it is recorded, and no engine is running."""


async def change_and_tell(arguments: Common, wanted: Wanted, tell: Callable[[CapacityView], str]) -> int:
    """Carry a change out and write how its pool or limit stands then, as `tell` has it."""
    async with changing(arguments) as deck:
        done = await ask(deck, wanted)
        text = tell(await deck.limits.capacity())
    return report(done, text, arguments=arguments)


async def ask(deck: ControlAPI, wanted: Wanted) -> Done:
    """Ask for a change; raise as `Limits.change` does."""
    said = wanted.said
    operated = await deck.limits.change(wanted.change, reason=said.reason, actor=actor_of(said.as_))
    return Done(changed=operated.changed, engine_runs=runs_tasks(deck))


def report(done: Done, text: str, *, arguments: Common, **more: JsonValue) -> int:
    """Write what became of a change, and that no engine is running if so; return the exit status."""
    if arguments.json:
        emit({"changed": done.changed, "engine_runs": done.engine_runs, **more})
    else:
        say(text if done.changed else f"nothing changed: {text}")
    if done.changed and not done.engine_runs:
        note("recorded, but no engine is running: the next one goes by it")
    return 0
