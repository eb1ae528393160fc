"""backends: list outside systems with their breakers; open, close and reset one.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from core.cli.access import running
from core.cli.arguments import Label, Remote, actor_of
from core.cli.capacity_changes import Said, Wanted
from core.cli.capacity_names import Listed, One, listed, one
from core.cli.command_groups import CommandGroup
from core.cli.output import emit, note, say
from core.cli.parameters import Argument, Option
from core.cli.reading import note_closed_claims, reading
from core.cli.tables import Table
from core.control.api import ReadingAPI
from core.model.commands.capacity import CloseBackend, OpenBackend, ResetBackend
from core.model.errors import NotFound
from core.model.limits.backends import HOSTS, PREFIX, shown_name
from core.model.limits.limit_views import CapacityView, GaugeView, LimitGauge
from core.model.near_misses import did_you_mean, one_of
from core.model.text import safe_line
from core.model.timing.durations import parse_duration
from core.model.values import to_iso
from core.render.backend_shapes import (
    backend_rows,
    backend_shape,
    breaker_of,
    check_text,
    failing_text,
    look_shape,
    look_text,
    match_text,
    shut_text,
)
from core.render.columns import Column, Form

_VERBS = ("open", "close", "reset")
BackendName: TypeAlias = Annotated[
    str, Argument(metavar="BACKEND", help="A configured backend, or a host that refused.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Remote):
    """The arguments of `backends open`."""

    name: BackendName
    for_: Annotated[
        int | None,
        Option(
            read=parse_duration,
            metavar="TIME",
            help="For so long: 30m; then single tasks try it out. [default: until it is closed]",
        ),
    ] = None
    said: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked(Remote):
    """The arguments of `backends look`."""

    name: BackendName
    as_: Label = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A row of the table of backends."""

    name: str
    state: str
    until: int | None
    probe: int | None
    failing: str
    retries: str
    check: str
    waiting: int
    serves: str
    why: str

    @classmethod
    def of(cls, row: LimitGauge) -> _Line:
        limit, gauge = row
        return cls(
            name=_name(row),
            state=breaker_of(gauge).value,
            until=None if gauge is None else gauge.shut_until,
            probe=None if gauge is None else gauge.probe,
            failing=failing_text(limit.backend, gauge),
            retries="" if limit.backend is None else f"{limit.backend.retry_share:.0%}",
            check=check_text(limit.backend, gauge),
            waiting=0 if gauge is None else gauge.tasks,
            serves=match_text(limit),
            why=_why(gauge),
        )


_COLUMNS = (
    Column(name="name", title="BACKEND", form=Form.TEXT, path="name", width=24, min_width=8),
    Column(name="state", title="STATE", form=Form.TEXT, path="state", width=9),
    Column(name="check", title="CHECK", form=Form.TEXT, path="check", width=7),
    Column(name="until", title="UNTIL", form=Form.DUE, path="until", width=6),
    Column(name="waiting", title="WAITING", form=Form.NUMBER, path="waiting", width=7),
    Column(name="failing", title="FAILURES", form=Form.TEXT, path="failing", width=20, min_width=8),
    Column(name="probe", title="PROBE", form=Form.NUMBER, path="probe", width=7),
    Column(name="retries", title="RETRIES", form=Form.TEXT, path="retries", width=7, priority=2),
    Column(name="serves", title="SERVES", form=Form.TEXT, path="serves", width=28, min_width=8, priority=2),
    Column(name="why", title="WHY", form=Form.TEXT, path="why", width=60, min_width=12, priority=1),
)


def _tell(view: CapacityView, name: str) -> str:
    row = next((one for one in backend_rows(view) if _is_named(one, name)), None)
    if row is None:
        # A host beyond those that a list shows.
        return f"{safe_line(name)}: changed; 'taskdeck backends {safe_line(name)}' shows it"
    return safe_line(f"{_name(row)}: {_why(row.gauge) or breaker_of(row.gauge)}")


_LISTED, _ONE = listed("BACKEND"), one(BackendName)
_BACKENDS = CommandGroup(noun="backends", tell=_tell)


@_BACKENDS.verb("list", _LISTED, "taskdeck backends", "taskdeck backends model-api --json")
async def backends(arguments: Listed) -> int:
    """List backends: what they let through, what shut them and until when, failures, probes, who waits.

    Those that are configured, and hosts that refused an http task, of these the ten that are shut or busy.
    """
    async with reading(arguments) as deck:
        view = await deck.limits.capacity()
        found = await _chosen(deck, view, arguments.names)
    if arguments.json:
        for row in found:
            emit(backend_shape(*row))
    elif found:
        Table(_COLUMNS).page([_Line.of(row) for row in found])
    else:
        note("no backends yet: config.toml takes them as [backends.NAME]; hosts that refuse stand here, too")
    more = sum(limit.keys - len(limit.gauges) for limit in view.limits if limit.name == HOSTS.name)
    if more and not arguments.names:
        note(f"{more:,} hosts more: {arguments.command('limits', HOSTS.name)}")
    await note_closed_claims(arguments)
    return 0


@_BACKENDS.verb("look", Looked, "taskdeck backends look model-api")
async def look(arguments: Looked) -> int:
    """Look now at a backend that has a `check`, and say what it answered; the look counts as every other.

    Exits 1 where it has no answer. Needs an engine.
    """
    async with running(arguments) as deck:
        last = await deck.health.look(arguments.name, actor=actor_of(arguments.as_))
    if arguments.json:
        emit({"name": arguments.name, **look_shape(last)})
    else:
        say(safe_line(f"{arguments.name}: {look_text(last)}"))
    return 0 if last.look.answered else 1


@_BACKENDS.change(
    "open",
    Opened,
    "taskdeck backends open model-api --reason 'vendor invoice is unpaid'",
    "taskdeck backends open model-api --for 30m",
)
def open_backend(arguments: Opened) -> Wanted:
    """Open the breaker of a backend: nothing of it starts until it is closed; what runs runs on."""
    return arguments.said.wants(OpenBackend(name=arguments.name, for_ms=arguments.for_))


@_BACKENDS.change("close", _ONE, "taskdeck backends close model-api --reason 'it answers again'")
def close_backend(arguments: One) -> Wanted:
    """Let everything through to a backend again, whatever shut it."""
    return arguments.said.wants(CloseBackend(name=arguments.name))


@_BACKENDS.change("reset", _ONE, "taskdeck backends reset model-api")
def reset(arguments: One) -> Wanted:
    """Let a breaker go by itself again: nothing is counted, and one task tries out what was shut."""
    return arguments.said.wants(ResetBackend(name=arguments.name))


async def _chosen(deck: ReadingAPI, view: CapacityView, names: Sequence[str]) -> Sequence[LimitGauge]:
    rows: list[LimitGauge] = list(backend_rows(view))
    if not names:
        return rows
    if not all(any(_is_named(row, name) for row in rows) for name in names):
        rows += await _other_hosts(deck, view)
    for name in names:
        if not any(_is_named(row, name) for row in rows):
            raise _unknown(name, rows)
    return [row for row in rows if any(_is_named(row, name) for name in names)]


async def _other_hosts(deck: ReadingAPI, view: CapacityView) -> list[LimitGauge]:
    """Return the hosts that a list leaves out."""
    hosts = next((limit for limit in view.limits if limit.name == HOSTS.name), None)
    found: list[LimitGauge] = []
    after: str | None = None
    while hosts is not None:
        page = await deck.limits.gauges(HOSTS.name, after=after)
        found += [LimitGauge(hosts, gauge) for gauge in page.rows if gauge not in hosts.gauges]
        after = page.next
        if after is None:
            break
    return found


def _unknown(name: str, rows: Sequence[LimitGauge]) -> NotFound:
    shown, known = safe_line(name), [_name(row) for row in rows]
    near = did_you_mean(name, [*known, *_VERBS]) or one_of(name, known)
    hint = "'taskdeck backends' lists them"
    if name in _VERBS:
        near, hint = "", f"a verb stands before all options: taskdeck backends {name} ..."
    return NotFound(
        "backend.unknown", f"`{shown}` is not a backend{near}", hint=hint, facts={"backend": shown}
    )


def _name(row: LimitGauge) -> str:
    limit, gauge = row
    return shown_name(limit, "" if gauge is None else gauge.key)


def _is_named(row: LimitGauge, name: str) -> bool:
    return _name(row) == name.removeprefix(PREFIX)


def _why(gauge: GaugeView | None) -> str:
    if gauge is None:
        return ""
    return shut_text(gauge, until="" if gauge.shut_until is None else f"until {to_iso(gauge.shut_until)}")


COMMANDS = (backends, look, open_backend, close_backend, reset)
