"""failures: list failure families, acknowledge them, take that back.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from core.cli.access import changing
from core.cli.arguments import Label, Reading, actor_of
from core.cli.commands import Command
from core.cli.output import emit, note, say
from core.cli.parameters import Option
from core.cli.reading import reading
from core.cli.refusals import usage
from core.cli.summary import Outcome, report_changes
from core.cli.tables import Table
from core.control.api import PAGE, ReadingAPI
from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.selecting import select
from core.filters.terms import Filter
from core.model.errors import NotFound
from core.model.failures import FamilyList, FamilyScope, FamilyView
from core.model.present import present_ms
from core.model.text import safe_line
from core.model.timing.durations import parse_duration
from core.model.values import to_iso
from core.render.columns import COLUMNS
from core.render.json_shapes import family_shape

MOST = 100
"""Families that are looked at."""
PREFIX = 4
"""Letters of an id that are enough where they name one family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures(Reading):
    """The arguments of `failures`."""

    where: Annotated[
        str,
        Option(metavar="FILTER", help="Only families that match, such as: tasks>10 age<1d err~timeout"),
    ] = ""
    all: Annotated[bool, Option(help="Also families of which nothing fails now.")] = False
    limit: Annotated[int, Option(metavar="N", min=1, max=MOST, help="At most N families.")] = PAGE
    ack: Annotated[
        list[str],
        Option(metavar="FAMILY", help="Acknowledge this family: it is not counted as news; may be repeated."),
    ] = field(default_factory=list)
    unack: Annotated[
        list[str], Option(metavar="FAMILY", help="Take an acknowledgement back; may be repeated.")
    ] = field(default_factory=list)
    for_: Annotated[
        int | None,
        Option(
            read=parse_duration, metavar="TIME", help="With --ack: for so long, instead of until it returns."
        ),
    ] = None
    reason: Annotated[str, Option(metavar="TEXT", help="Why; others will read it.")] = ""
    as_: Label = None


async def failures(arguments: Failures) -> int:
    """List what fails, put together by kind: the same error but for numbers, ids, paths, times and hosts."""
    _check(arguments)
    if arguments.ack or arguments.unack:
        return await _change(arguments)
    where = parse(arguments.where, Noun.FAILURES) if arguments.where else Filter(noun=Noun.FAILURES)
    scope = FamilyScope.ALL if arguments.all else FamilyScope.FAILING
    async with reading(arguments) as deck:
        listed = await deck.failures.families(scope, limit=MOST if arguments.where else arguments.limit)
    now = present_ms()
    _show(listed, select(where, listed.families, now=now)[: arguments.limit], arguments)
    return 0


def _check(arguments: Failures) -> None:
    if not all([*arguments.ack, *arguments.unack]):
        raise usage("--ack and --unack need the id of a family; 'taskdeck failures' lists them")
    if arguments.ack and arguments.unack:
        raise usage("--ack and --unack are two commands: choose one")
    if arguments.for_ is not None and not arguments.ack:
        raise usage("--for is only for --ack")
    if arguments.reason and not (arguments.ack or arguments.unack):
        raise usage("--reason is only for --ack and --unack")
    if (arguments.where or arguments.all) and (arguments.ack or arguments.unack):
        raise usage("--where and --all are for the list: name the families that are acknowledged")


def _show(listed: FamilyList, rows: Sequence[FamilyView], arguments: Failures) -> None:
    if arguments.json:
        for family in rows:
            emit(family_shape(family))
    elif rows:
        Table(COLUMNS[Noun.FAILURES]).page(rows)
        for family in rows:
            if family.acknowledged is not None:
                say(f"{family.id}  {_known(family)}")
    elif arguments.where:
        note("no failures match")
    else:
        note("nothing fails")
    if listed.known and not arguments.json:
        note(f"{listed.tasks:,} tasks fail, {listed.known:,} of them are known")
    if listed.searched is not None:
        note(f"among the {listed.searched:,} families that failed last only")
    if rows and not arguments.json and arguments.bundle is None:
        retry = arguments.command("retry", "--where", f"family:{rows[0].id} status:failed")
        note(f"retry the first of them: {retry}")


def _known(family: FamilyView) -> str:
    known = family.acknowledged
    if known is None:
        return ""
    until = "until it returns" if known.until is None else f"until {to_iso(known.until)}"
    since = f", {known.since} failures since" if known.since else ""
    reason = f": {safe_line(known.reason)}" if known.reason else ""
    return f"acknowledged by {safe_line(known.by)} {to_iso(known.at)}, {until}{since}{reason}"


async def _change(arguments: Failures) -> int:
    actor = actor_of(arguments.as_)
    async with changing(arguments) as deck:
        families = await _named(deck, arguments.ack or arguments.unack)
        if arguments.ack:
            result = await deck.failures.acknowledge(
                families, for_ms=arguments.for_, reason=arguments.reason, actor=actor
            )
        else:
            result = await deck.failures.unacknowledge(families, reason=arguments.reason, actor=actor)
    done = "acknowledged" if arguments.ack else "taken back"
    return report_changes(result, Outcome(done=done), arguments=arguments)


async def _named(deck: ReadingAPI, names: Sequence[str]) -> tuple[str, ...]:
    """Return the ids that are named in full or by their beginning."""
    known = [family.id for family in (await deck.failures.families(FamilyScope.ALL, limit=MOST)).families]
    return tuple(dict.fromkeys(_whole(name.lower(), known) for name in names))


def _whole(name: str, known: Sequence[str]) -> str:
    found = [family for family in known if family.startswith(name)] if len(name) >= PREFIX else []
    if len(found) == 1 or name in found:
        return name if name in found else found[0]
    if not found:
        # It may be older than what is listed: the engine knows.
        return name
    raise NotFound(
        "failure.ambiguous",
        f"{len(found)} failure families begin with {name}",
        hint="give more of the id",
        facts={"family": name},
    )


COMMANDS = (
    Command(
        name="failures",
        arguments=Failures,
        run=failures,
        examples=(
            "taskdeck failures",
            "taskdeck failures --where 'tasks>10 age<1d err~timeout' --json",
            "taskdeck failures --ack 3fa91c --for 8h --reason 'ana fixes the mail server'",
            "taskdeck failures --unack 3fa91c",
        ),
    ),
)
