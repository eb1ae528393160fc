"""workitems, approve, deny: what waits for people, and their answers.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from core.cli.access import changing, runs_tasks
from core.cli.arguments import Label, Remote, actor_of
from core.cli.commands import Command
from core.cli.output import emit, note, say
from core.cli.parameters import Argument, Option
from core.cli.reading import reading
from core.cli.refusals import usage
from core.cli.tables import Table
from core.control.api import ControlAPI, ReadingAPI
from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.selecting import select
from core.filters.terms import Filter
from core.model.commands.work_items import ItemChanged
from core.model.patterns.work_items import ITEMS_MAX, ItemScope, WorkItems
from core.model.present import present_ms
from core.model.values import ID_MAX, JsonObject
from core.render.columns import COLUMNS
from core.render.item_lines import details_shape, item_line, item_lines, item_shape

ItemRef: TypeAlias = Annotated[
    str, Argument(metavar="ITEM|JOB/KEY", help="A work item by its number, or the task that waits for it.")
]
_DIGITS = 20
"""More digits than an id has."""
Note: TypeAlias = Annotated[str, Option(metavar="TEXT", help="A remark; others will read it.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Remote):
    """The arguments of `workitems`."""

    mine: Annotated[bool, Option(help="Only what you may answer now (--as says who you are).")] = False
    overdue: Annotated[bool, Option(help="Only open ones whose time has passed.")] = False
    all: Annotated[bool, Option(help="Those that have ended too, the newest first.")] = False
    where: Annotated[
        str, Option(metavar="FILTER", help="Only those that match, such as: state:overdue who:ops age>1d")
    ] = ""
    limit: Annotated[int, Option(metavar="N", min=1, max=ITEMS_MAX, help="At most N items.")] = 200
    as_: Label = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown(Remote):
    """The arguments of `workitems show`."""

    item: ItemRef


@dataclass(frozen=True, slots=True, kw_only=True)
class OnItem(Remote):
    """The arguments of the verbs that need only an item."""

    item: ItemRef
    as_: Label = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegated(Remote):
    """The arguments of `workitems delegate`."""

    item: ItemRef
    to: Annotated[str, Option(metavar="NAME", help="Who answers it from now on.")]
    comment: Note = ""
    as_: Label = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commented(Remote):
    """The arguments of `workitems comment`."""

    item: ItemRef
    text: Annotated[list[str], Argument(metavar="TEXT...", help="What the history is to say.")]
    as_: Label = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved(Remote):
    """The arguments of `approve`."""

    item: ItemRef
    set: Annotated[
        list[str],
        Option(metavar="NAME=VALUE", help="A field of its form; the others keep their defaults. Repeatable."),
    ] = field(default_factory=list)
    comment: Note = ""
    as_: Label = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied(Remote):
    """The arguments of `deny`."""

    item: ItemRef
    reason: Annotated[str, Option(metavar="TEXT", help="Why; the error of its task says so.")]
    as_: Label = None


async def workitems(arguments: Listed) -> int:
    """List work items: tasks that wait for people, what is due first.

    People are known by --as, else by their user; these names are not verified.
    """
    chosen = (arguments.mine, arguments.overdue, arguments.all)
    if sum(chosen) > 1:
        raise usage("--mine, --overdue and --all exclude each other", hint="choose one")
    scopes = (ItemScope.MINE, ItemScope.OVERDUE, ItemScope.ALL)
    scope = next((one for one, is_chosen in zip(scopes, chosen, strict=True) if is_chosen), ItemScope.OPEN)
    where = parse(arguments.where, Noun.ITEMS) if arguments.where else Filter(noun=Noun.ITEMS)
    async with reading(arguments) as deck:
        found = await deck.work_items.list(scope, limit=arguments.limit, actor=actor_of(arguments.as_))
    now = present_ms()
    lines = select(where, (item_line(view, now=now) for view in found.items), now=now)
    if arguments.json:
        for line in lines:
            emit(item_shape(line.view, now=now))
    elif lines:
        Table(COLUMNS[Noun.ITEMS]).page(lines)
        note(_counted(found))
    else:
        note("no work item matches" if found.items else _none(found, scope))
    if not found.is_whole:
        note(f"there are more than {arguments.limit:,}: --limit {min(ITEMS_MAX, arguments.limit * 5)}")
    return 0


async def show(arguments: Shown) -> int:
    """Show one work item: what is asked, its form, and what happened to it."""
    async with reading(arguments) as deck:
        details = await deck.work_items.one(await _item(deck, arguments.item))
    now = present_ms()
    if arguments.json:
        emit(details_shape(details, now=now))
        return 0
    for line in item_lines(details, now=now):
        say(line)
    return 0


async def approve(arguments: Approved) -> int:
    """Approve a work item with the values of its form; they become the output of its task.

    With a `quorum`, the last approval ends the task; the others approve the same values.
    """
    values = _values(arguments.set)

    async def ask(deck: ControlAPI) -> ItemChanged:
        actor = actor_of(arguments.as_)
        item = await _item(deck, arguments.item)
        return await deck.work_items.approve(item, values, comment=arguments.comment, actor=actor)

    return await _act(arguments, ask, "approved")


async def deny(arguments: Denied) -> int:
    """Deny a work item: its task fails with the reason, or is skipped by `on_deny: skip`."""

    async def ask(deck: ControlAPI) -> ItemChanged:
        item = await _item(deck, arguments.item)
        return await deck.work_items.deny(item, arguments.reason, actor=actor_of(arguments.as_))

    return await _act(arguments, ask, "denied")


async def claim(arguments: OnItem) -> int:
    """Claim a work item: no one else answers it until you release it, or another person delegates it."""

    async def ask(deck: ControlAPI) -> ItemChanged:
        item = await _item(deck, arguments.item)
        return await deck.work_items.claim(item, actor=actor_of(arguments.as_))

    return await _act(arguments, ask, "claimed")


async def release(arguments: OnItem) -> int:
    """Release a work item that you have claimed."""

    async def ask(deck: ControlAPI) -> ItemChanged:
        item = await _item(deck, arguments.item)
        return await deck.work_items.release(item, actor=actor_of(arguments.as_))

    return await _act(arguments, ask, "released")


async def delegate(arguments: Delegated) -> int:
    """Give a work item to another person, also from the one who has it; the history says who did."""

    async def ask(deck: ControlAPI) -> ItemChanged:
        actor = actor_of(arguments.as_)
        item = await _item(deck, arguments.item)
        return await deck.work_items.delegate(item, arguments.to, comment=arguments.comment, actor=actor)

    return await _act(arguments, ask, f"for {arguments.to}")


async def comment(arguments: Commented) -> int:
    """Write a remark into the history of a work item, also of one that has ended."""

    async def ask(deck: ControlAPI) -> ItemChanged:
        text = " ".join(arguments.text)
        item = await _item(deck, arguments.item)
        return await deck.work_items.comment(item, text, actor=actor_of(arguments.as_))

    return await _act(arguments, ask, "commented")


async def _act(arguments: Remote, ask: Callable[[ControlAPI], Awaitable[ItemChanged]], done: str) -> int:
    async with changing(arguments) as deck:
        changed = await ask(deck)
        is_running = runs_tasks(deck)
    if arguments.json:
        emit(
            {
                "item": changed.item_id,
                "task": changed.task_id,
                "job": changed.job_id,
                "outcome": changed.outcome,
                "approvals": changed.approvals,
                "quorum": changed.quorum,
                "engine_runs": is_running,
            }
        )
        return 0
    more = f"; {changed.missing} more to approve" if changed.approvals and changed.missing else ""
    say(f"work item {changed.item_id}: {done}{more}")
    if not is_running and changed.outcome is not None:
        note("recorded, but no engine is running: the next one continues its job")
    return 0


async def _item(deck: ReadingAPI, ref: str) -> int:
    """Return the id that a reference names: digits are the number of an item."""
    if not (ref.isascii() and ref.isdecimal()):
        return await deck.work_items.find(ref)
    number = int(ref[:_DIGITS])
    if not 1 <= number <= ID_MAX:
        raise usage(f"{ref} is not the number of a work item", hint="'taskdeck workitems' lists them")
    return number


def _values(pairs: Sequence[str]) -> JsonObject:
    values: JsonObject = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise usage(f"--set {pair}: this is not NAME=VALUE", hint="write --set limit=5")
        if name in values:
            raise usage(f"--set {name} is given twice", hint="give each field once")
        values[name] = value
    return values


def _counted(found: WorkItems) -> str:
    return f"{found.open:,} open, {found.overdue:,} overdue; {found.mine:,} for {found.person}"


def _none(found: WorkItems, scope: ItemScope) -> str:
    if scope is ItemScope.ALL:
        return "no work items yet: tasks with `uses: human` make them"
    return f"nothing waits here: {_counted(found)}"


COMMANDS = (
    Command(
        name="workitems list",
        arguments=Listed,
        run=workitems,
        examples=(
            "taskdeck workitems",
            "taskdeck workitems --mine --as ana",
            "taskdeck workitems --overdue --json",
        ),
    ),
    Command(
        name="workitems show",
        arguments=Shown,
        run=show,
        examples=("taskdeck workitems show 7", "taskdeck workitems show 7 --json"),
    ),
    Command(
        name="workitems claim",
        arguments=OnItem,
        run=claim,
        examples=("taskdeck workitems claim 7 --as ana",),
    ),
    Command(
        name="workitems release",
        arguments=OnItem,
        run=release,
        examples=("taskdeck workitems release 7 --as ana",),
    ),
    Command(
        name="workitems delegate",
        arguments=Delegated,
        run=delegate,
        examples=("taskdeck workitems delegate 7 --to ben --comment 'I am away' --as ana",),
    ),
    Command(
        name="workitems comment",
        arguments=Commented,
        run=comment,
        examples=("taskdeck workitems comment 7 the supplier calls back at noon --as ana",),
    ),
    Command(
        name="approve",
        arguments=Approved,
        run=approve,
        examples=(
            "taskdeck approve 7",
            "taskdeck approve 12/release",
            "taskdeck approve 7 --set limit=5 --comment 'as in March' --as ana",
        ),
    ),
    Command(
        name="deny",
        arguments=Denied,
        run=deny,
        examples=("taskdeck deny 7 --reason 'too dear' --as ana",),
    ),
)
