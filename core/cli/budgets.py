"""budgets: list budgets; set, raise, correct, reconcile, freeze and unfreeze.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from core.cli.access import changing
from core.cli.arguments import Remote
from core.cli.capacity_changes import Said, Wanted, ask, change_and_tell, report
from core.cli.capacity_names import Listed, One, listed, one
from core.cli.command_groups import CommandGroup
from core.cli.entry_lists import Entries, list_entries
from core.cli.limit_lists import Listing, list_limits, tell_limit
from core.cli.limits import InWindow, span_of
from core.cli.parameters import Argument, Option
from core.cli.refusals import usage
from core.cli.summary import cause_text
from core.control.api import ReadingAPI
from core.model.commands.capacity import (
    CorrectGauge,
    Freeze,
    Reconcile,
    ResetLimit,
    SetLimit,
    Unfreeze,
)
from core.model.limits.limit_views import CapacityView
from core.model.limits.limits import LimitKind
from core.model.text import safe_line
from core.model.timing.durations import parse_duration
from core.model.values import ID_MAX
from core.render.columns import Column, Form

BudgetName: TypeAlias = Annotated[str, Argument(metavar="BUDGET", help="A budget, by its name.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMax(Remote):
    """The arguments of `budgets set`."""

    name: BudgetName
    amount: Annotated[str, Argument(metavar="AMOUNT", help="In units: 20, 0.5; +5 and -5 are added.")]
    window: InWindow = False
    said: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Raise(Remote):
    """The arguments of `budgets raise`."""

    name: BudgetName
    amount: Annotated[str, Argument(metavar="AMOUNT", help="In units, how much more: 5, 0.5.")]
    window: InWindow = False
    said: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Correct(Remote):
    """The arguments of `budgets correct`."""

    name: BudgetName
    amount: Annotated[str, Argument(metavar="AMOUNT", help="What is added to what is used: 2, -1.5.")]
    key: Annotated[str, Option(metavar="KEY", help="Which key, of a budget that is counted by key.")] = ""
    said: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(Remote):
    """The arguments of `budgets freeze` and `budgets unfreeze`."""

    said: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle(Remote):
    """The arguments of `budgets reconcile`."""

    task: Annotated[str | None, Argument(metavar="[TASK]", help="ID, KEY or JOB/KEY.")] = None
    older: Annotated[
        int | None,
        Option(read=parse_duration, metavar="TIME", help="All that are unknown for so long: 2h; 0s = all."),
    ] = None
    amount: Annotated[
        str, Option(metavar="AMOUNT", help="What each attempt spent, 0 if it spent nothing.")
    ] = ""
    as_estimated: Annotated[bool, Option(help="What was reserved is what was spent.")] = False
    unit: Annotated[str, Option(metavar="UNIT", help="Only amounts of this unit. [default: all]")] = ""
    said: Said


_LISTING = Listing(
    noun="budgets",
    others="limits",
    holds=lambda limit: limit.kind is LimitKind.BUDGET,
    verbs=("entries", "set", "raise", "reset", "freeze", "unfreeze", "correct", "reconcile"),
    columns=(
        Column(name="name", title="BUDGET", form=Form.TEXT, path="name", width=20, min_width=8),
        Column(name="key", title="KEY", form=Form.TEXT, path="key", width=20, min_width=6),
        Column(name="used", title="USED", form=Form.NUMBER, path="used", width=12, min_width=4),
        Column(name="reserved", title="RESERVED", form=Form.NUMBER, path="reserved", width=12, min_width=8),
        Column(name="unknown", title="UNKNOWN", form=Form.NUMBER, path="unknown", width=12, min_width=7),
        Column(name="left", title="LEFT", form=Form.NUMBER, path="left", width=12, min_width=4),
        Column(name="max", title="MAX", form=Form.NUMBER, path="max", width=12, min_width=4),
        Column(name="unit", title="UNIT", form=Form.TEXT, path="unit", width=8, min_width=4),
        Column(name="per", title="PER", form=Form.TEXT, path="per", width=6, priority=2),
        Column(name="waiting", title="WAITING", form=Form.NUMBER, path="waiting", width=7),
        Column(name="turns", title="TURNS", form=Form.DUE, path="turns", width=6, priority=1),
        Column(name="state", title="STATE", form=Form.TEXT, path="state", width=60, min_width=12, priority=1),
    ),
    none="no budgets yet: config.toml takes them as [budgets.NAME]",
)
_LISTED, _ONE = listed("BUDGET", which="Only these, with all their keys."), one(BudgetName)
_BUDGETS = CommandGroup(noun="budgets", tell=tell_limit)


@_BUDGETS.verb("list", _LISTED, "taskdeck budgets", "taskdeck budgets team --json")
async def budgets(arguments: Listed) -> int:
    """List budgets with what is used, reserved, unknown and left, and how many tasks wait for it.

    Of each budget the ten keys of which most is used; of those that are named, all.
    """
    return await list_limits(arguments, arguments.names, _LISTING)


@_BUDGETS.verb(
    "entries",
    Entries,
    "taskdeck budgets entries team",
    "taskdeck budgets entries team --key acme --limit 0 --json",
)
async def entries(arguments: Entries) -> int:
    """List what was booked on a budget, newest first: when, how much, by which attempt or operator, why.

    First what attempts that run hold (`reserved`). Entries of earlier windows stay.
    """
    return await list_entries(arguments)


@_BUDGETS.change("set", SetMax, "taskdeck budgets set team 50 --reason 'approved by Ana'", signed=True)
def set_budget(arguments: SetMax) -> Wanted:
    """Give a budget another amount; nothing that runs ends, and what waits and fits starts."""
    return arguments.said.wants(
        SetLimit(name=arguments.name, to=arguments.amount, span=span_of(window=arguments.window))
    )


@_BUDGETS.change("raise", Raise, "taskdeck budgets raise team 5 --window --reason 'the release'", signed=True)
def raise_budget(arguments: Raise) -> Wanted:
    """Add to the amount of a budget; what waits and fits starts."""
    amount = arguments.amount.strip()
    if amount.startswith("-"):
        raise usage(
            "raise takes an amount above 0", hint=f"lower it: taskdeck budgets set {arguments.name} {amount}"
        )
    to = f"+{amount.removeprefix('+')}"
    return arguments.said.wants(SetLimit(name=arguments.name, to=to, span=span_of(window=arguments.window)))


@_BUDGETS.change("reset", _ONE, "taskdeck budgets reset team")
def reset(arguments: One) -> Wanted:
    """Give a budget the amount that is configured."""
    return arguments.said.wants(ResetLimit(name=arguments.name))


def _tell_spending(view: CapacityView, _: str) -> str:
    if view.frozen is None:
        return "spending is not frozen"
    return f"all spending is frozen {cause_text(view.frozen.by, view.frozen.reason)}".rstrip()


_SPENDING = CommandGroup(noun="budgets", tell=_tell_spending)


@_SPENDING.change("freeze", Switch, "taskdeck budgets freeze --reason 'a loop that spends'")
def freeze(arguments: Switch) -> Wanted:
    """Stop all spending: start nothing that is under a budget; what runs runs on."""
    return arguments.said.wants(Freeze())


@_SPENDING.change("unfreeze", Switch, "taskdeck budgets unfreeze")
def unfreeze(arguments: Switch) -> Wanted:
    """Let what is under a budget start again."""
    return arguments.said.wants(Unfreeze())


@_BUDGETS.verb("correct", Correct, "taskdeck budgets correct team -1.5 --reason 'refunded'", signed=True)
async def correct(arguments: Correct) -> int:
    """Add an amount with its sign to what a budget has used in this window; it needs a --reason.

    The ledger keeps it as an entry of its own.
    """
    if not arguments.said.reason.strip():
        raise usage("a correction needs a --reason", hint="say why: others will read it")
    change = CorrectGauge(name=arguments.name, amount=arguments.amount, key=arguments.key)
    key = f" ({safe_line(arguments.key)})" if arguments.key else ""
    return await change_and_tell(
        arguments,
        arguments.said.wants(change),
        lambda _: f"{safe_line(arguments.name)}{key}: used corrected by {safe_line(arguments.amount)}",
    )


@_BUDGETS.verb(
    "reconcile",
    Settle,
    "taskdeck budgets reconcile 12/ask --amount 0.04",
    "taskdeck budgets reconcile --older 2h --as-estimated",
)
async def reconcile(arguments: Settle) -> int:
    """Say what was spent by attempts whose end was not observed: of a task, or of all so old.

    What is unknown counts in its budget until then.
    """
    if (arguments.task is None) == (arguments.older is None):
        raise usage(
            "name a task, or how old with --older: one of both", hint="taskdeck budgets reconcile 4711"
        )
    if bool(arguments.amount) == arguments.as_estimated:
        raise usage("say what was spent: --amount or --as-estimated, one of both")
    async with changing(arguments) as deck:
        change = Reconcile(
            task_id=None if arguments.task is None else await _task(deck, arguments.task),
            older_ms=arguments.older,
            unit=arguments.unit,
            amount=arguments.amount,
        )
        done = await ask(deck, arguments.said.wants(change))
    amounts = "1 amount" if done.changed == 1 else f"{done.changed:,} amounts"
    return report(
        done, f"{amounts} reconciled" if done.changed else "nothing so old is unknown", arguments=arguments
    )


async def _task(deck: ReadingAPI, ref: str) -> int:
    named = ref.removeprefix("#")
    # The ledger outlives the rows: of a task that is gone amounts may be unknown.
    if named.isascii() and named.isdecimal() and 0 < int(named[:20]) <= ID_MAX:
        return int(named)
    return await deck.find_task(named)


COMMANDS = (budgets, entries, set_budget, raise_budget, reset, freeze, unfreeze, correct, reconcile)
