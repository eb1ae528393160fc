"""schedules, schedule: list rules that submit jobs; add and change one.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from core.cli.access import changing, runs_tasks
from core.cli.arguments import Remote, actor_of
from core.cli.capacity_changes import Said
from core.cli.commands import Command
from core.cli.output import emit, note, say
from core.cli.parameters import Argument, Option
from core.cli.reading import reading
from core.cli.refusals import usage
from core.cli.schedule_options import What, When, edited, schedule_of
from core.cli.tables import Table
from core.control.api import ControlAPI
from core.control.nouns.schedules import Switch
from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.selecting import select
from core.filters.terms import Filter
from core.model.commands.work import Effect, Operated
from core.model.present import present_ms
from core.model.text import safe_line
from core.model.timing.moments import FORMS, parse_past
from core.model.timing.schedule_views import SCHEDULES_MAX, FireView, ScheduleView
from core.model.timing.schedules import FireStatus
from core.model.values import to_iso
from core.render.columns import COLUMNS, Column, Form
from core.render.schedule_lines import schedule_line
from core.render.schedule_texts import (
    downtime_text,
    fire_shape,
    fire_text,
    schedule_facts,
    schedule_shape,
    silence_text,
    silent_gap,
    summary_text,
)

FIRES_SHOWN = 20
"""Fires of one schedule that are listed unless more are asked for."""
_LASTING = "it fires while an engine runs; `taskdeck serve --install` keeps one"
ScheduleName: TypeAlias = Annotated[str, Argument(metavar="SCHEDULE", help="A schedule, by its name.")]


def _moment(text: str) -> int:
    return parse_past(text, now=present_ms())


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Remote):
    """The arguments of `schedules`."""

    name: Annotated[
        str | None, Argument(metavar="[SCHEDULE]", help="Only this one, with what became of its times.")
    ] = None
    where: Annotated[
        str,
        Option(
            metavar="FILTER",
            help="Only schedules that match, such as: state:paused missed>0 next<1h",
        ),
    ] = ""
    limit: Annotated[
        int, Option(metavar="N", min=1, max=1_000, help="Times of one schedule that are listed.")
    ] = FIRES_SHOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed(Remote):
    """The arguments of `schedule add`."""

    name: Annotated[
        str, Argument(metavar="NAME", help="What it is called; left out, a FILE with `schedule:` says so.")
    ]
    work: Annotated[
        list[str],
        Argument(
            metavar="[FILE | -- COMMAND...]",
            help="A workflow (.yaml, .yml, .json, - for standard input), or a command as a job of one task.",
        ),
    ] = field(default_factory=list)
    when: When
    what: What
    said: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited(Remote):
    """The arguments of `schedule edit`."""

    name: ScheduleName
    work: Annotated[
        list[str],
        Argument(metavar="[FILE | -- COMMAND...]", help="Another workflow or command. [default: the same]"),
    ] = field(default_factory=list)
    when: When
    what: What
    said: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class OneSchedule(Remote):
    """The arguments of the verbs that need only a schedule."""

    name: ScheduleName
    said: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill(Remote):
    """The arguments of `schedule backfill`."""

    name: ScheduleName
    since: Annotated[
        int, Option(read=_moment, metavar="TIME", help=f"From then on: 3d, or a moment: {FORMS}.")
    ]
    until: Annotated[
        int | None, Option(read=_moment, metavar="TIME", help="Up to then, not included. [default: now]")
    ] = None
    dry_run: Annotated[bool, Option(help="Say for which times it would fire; change nothing.")] = False
    said: Said


_FIRES = (
    Column(name="at", title="TIME", form=Form.CLOCK, path="at", width=20),
    Column(name="kind", title="KIND", form=Form.TEXT, path="kind", width=8),
    Column(name="told", title="WHAT BECAME OF IT", form=Form.TEXT, path="told", width=80, min_width=12),
    Column(name="by", title="BY", form=Form.TEXT, path="by", width=24, min_width=6, priority=2),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _FireLine:
    """A row of the table of fires."""

    at: int
    kind: str
    told: str
    by: str

    @classmethod
    def of(cls, fire: FireView) -> _FireLine:
        return cls(at=fire.at, kind=fire.kind, told=fire_text(fire), by=fire.actor or "")


async def schedules(arguments: Listed) -> int:
    """List schedules: when they fire, what is next, what became of the last time, what was missed.

    MISSED counts the last seven days. With a name: that schedule, its next five times, and its fires.
    """
    async with reading(arguments) as deck:
        if arguments.name is not None:
            view = await deck.schedules.one(arguments.name)
            page = await deck.schedules.fires(arguments.name, limit=arguments.limit)
            return _show(view, page.rows, more=page.next is not None, arguments=arguments)
        found = await deck.schedules.all()
        downtime = await deck.schedules.downtime()
        workflows = await deck.schedules.expected_workflows()
    where = parse(arguments.where, Noun.SCHEDULES) if arguments.where else Filter(noun=Noun.SCHEDULES)
    lines = select(where, map(schedule_line, found), now=present_ms())
    if arguments.json:
        for line in lines:
            emit(schedule_shape(line.view))
    elif lines:
        Table(COLUMNS[Noun.SCHEDULES]).page(lines)
        if len(found) == SCHEDULES_MAX:
            note(f"the first {SCHEDULES_MAX:,} by name: name another to see it")
    elif found:
        note("no schedule matches")
    else:
        note("no schedules yet: taskdeck schedule add nightly --cron '0 3 * * *' flow.yaml")
    for expected in workflows:
        if expected.silent_since is not None:
            note(silence_text(expected))
    if downtime is not None:
        note(f"{downtime_text(downtime)}; one that lasts: `taskdeck serve --install`")
    return 0


def _show(view: ScheduleView, fires: tuple[FireView, ...], *, more: bool, arguments: Listed) -> int:
    if arguments.json:
        emit({**schedule_shape(view), "fires": [fire_shape(fire) for fire in fires]})
        return 0
    name = view.schedule.name
    say(f"{safe_line(name)}: {summary_text(view)}")
    for fact in schedule_facts(view):
        say(f"  {fact}")
    if fires:
        say("")
        Table(_FIRES).page([_FireLine.of(fire) for fire in fires])
    if more:
        note(f"there are more: {arguments.command('schedules', name, '--limit', '1000')}")
    return 0


async def add(arguments: Placed) -> int:
    """Add a schedule: a rule that submits a workflow, or a command, as a job.

    Nothing before now is a fire of it. The workflow is checked, and submitted as it is now unless it is
    followed. Tasks get the environment of this command line. What the workflow says under `schedule:` holds
    where the command line says nothing.
    """
    schedule = schedule_of(arguments.name, arguments.work, when=arguments.when, what=arguments.what)
    said = arguments.said
    async with changing(arguments) as deck:
        done = await deck.schedules.add(schedule, reason=said.reason, actor=actor_of(said.as_))
        return await _tell(deck, done, schedule.name, arguments=arguments)


async def edit(arguments: Edited) -> int:
    """Change a schedule: what the command line says takes the place of what was, all else stays.

    Tasks get the environment of this command line from then on.
    """
    said = arguments.said
    async with changing(arguments) as deck:
        before = (await deck.schedules.one(arguments.name)).rule
        after = edited(before, arguments.work, when=arguments.when, what=arguments.what)
        done = await deck.schedules.edit(after, reason=said.reason, actor=actor_of(said.as_))
        return await _tell(deck, done, arguments.name, arguments=arguments)


async def remove(arguments: OneSchedule) -> int:
    """Remove a schedule: it fires no more; jobs that it submitted go on, times that wait are skipped."""
    return await _switch(arguments, Switch.REMOVE)


async def pause(arguments: OneSchedule) -> int:
    """Let a schedule fire nothing until it is resumed; jobs that it submitted go on."""
    return await _switch(arguments, Switch.PAUSE)


async def resume(arguments: OneSchedule) -> int:
    """Let a paused schedule fire again; times that passed meanwhile are skipped."""
    return await _switch(arguments, Switch.RESUME)


async def skip(arguments: OneSchedule) -> int:
    """Skip the next time of a schedule."""
    return await _switch(arguments, Switch.SKIP)


async def reset(arguments: OneSchedule) -> int:
    """Take a schedule back to what config.toml says: what was edited, and a pause."""
    return await _switch(arguments, Switch.RESET)


async def trigger(arguments: OneSchedule) -> int:
    """Fire a schedule now, beside its times; what its overlap says holds."""
    if arguments.said.reason:
        raise usage("a trigger takes no --reason: its job has who asked", hint="leave it out")
    async with changing(arguments) as deck:
        fired = await deck.schedules.trigger(arguments.name, actor=actor_of(arguments.said.as_))
        is_running = runs_tasks(deck)
    status = FireStatus.FAILED if fired.status is None else fired.status
    if arguments.json:
        emit({"status": status, "job": fired.job_id, "reason": fired.reason or None, "at": to_iso(fired.at)})
    elif fired.job_id is not None:
        say(f"job {fired.job_id}: {arguments.command('events', '--job', str(fired.job_id), '--follow')}")
    else:
        say(safe_line(f"{status}: {fired.reason or 'it waits for a job of an earlier fire'}"))
    if not is_running:
        note("recorded, but no engine is running: the next one goes by it")
    return 0 if status in (FireStatus.SUBMITTED, FireStatus.WAITING) else 1


async def backfill(arguments: Backfill) -> int:
    """Fire for times that have no job, from one moment to another, one after the other."""
    until = present_ms() if arguments.until is None else arguments.until
    if arguments.since >= until:
        raise usage("--since is not before --until", hint="taskdeck schedule backfill nightly --since 3d")
    if arguments.said.reason:
        raise usage("a backfill takes no --reason: its jobs have who asked", hint="leave it out")
    effect = Effect.NONE if arguments.dry_run else Effect.CHANGE
    async with changing(arguments, effect=effect) as deck:
        done = await deck.schedules.backfill(
            arguments.name, arguments.since, until, effect=effect, actor=actor_of(arguments.said.as_)
        )
    if arguments.json:
        emit({"times": [to_iso(at) for at in done.times], "left_out": done.left_out, "done": done.done})
        return 0
    word = "would fire for" if arguments.dry_run else "fires for"
    rest = f"; {done.left_out:,} had a fire before" if done.left_out else ""
    say(f"{word} {len(done.times):,} time{'' if len(done.times) == 1 else 's'}{rest}")
    if arguments.dry_run:
        for at in done.times:
            say(f"  {to_iso(at)}")
    return 0


async def _switch(arguments: OneSchedule, switch: Switch) -> int:
    said = arguments.said
    async with changing(arguments) as deck:
        done = await deck.schedules.switch(
            arguments.name, switch, reason=said.reason, actor=actor_of(said.as_)
        )
        if switch is not Switch.REMOVE:
            return await _tell(deck, done, arguments.name, arguments=arguments)
        is_running = runs_tasks(deck)
    if arguments.json:
        emit({"changed": done.changed, "engine_runs": is_running})
    else:
        say(f"{safe_line(arguments.name)}: removed")
    return 0


async def _tell(deck: ControlAPI, done: Operated, name: str, *, arguments: Remote) -> int:
    view = await deck.schedules.one(name)
    if arguments.json:
        emit({"changed": done.changed, "engine_runs": runs_tasks(deck), "schedule": schedule_shape(view)})
    else:
        due = "" if view.due_at is None else f", next {to_iso(view.due_at)}"
        text = f"{safe_line(name)}: {summary_text(view)}{due}"
        say(text if done.changed else f"nothing changed: {text}")
    gap = silent_gap(view)
    if gap is not None:
        note(f"it counts as silent between its times: {gap}")
    if done.changed and not runs_tasks(deck):
        note(f"recorded, but no engine is running: {_LASTING}")
    elif done.changed and view.due_at is not None and not (await deck.status()).is_lasting:
        note(f"the engine that runs ends at log-out or with the machine: {_LASTING}")
    return 0


COMMANDS = (
    Command(
        name="schedules",
        arguments=Listed,
        run=schedules,
        examples=(
            "taskdeck schedules",
            "taskdeck schedules nightly --json",
            "taskdeck schedules --where 'state:paused missed>0'",
        ),
    ),
    Command(
        name="schedule add",
        arguments=Placed,
        run=add,
        examples=(
            "taskdeck schedule add nightly --cron '0 3 * * *' flow.yaml",
            "taskdeck schedule add flow.yaml  # with `schedule:` in it",
            "taskdeck schedule add backup --every 6h --overlap queue -- restic backup /home",
            "taskdeck schedule add report --calendar 'last working day at 18:00' --follow report.yaml",
        ),
    ),
    Command(
        name="schedule edit",
        arguments=Edited,
        run=edit,
        examples=(
            "taskdeck schedule edit nightly --cron '30 2 * * *'",
            "taskdeck schedule edit nightly --expect 25h --clear exclude",
            "taskdeck schedule edit nightly flow.yaml",
        ),
    ),
    Command(
        name="schedule remove",
        arguments=OneSchedule,
        run=remove,
        examples=("taskdeck schedule remove nightly",),
    ),
    Command(
        name="schedule pause",
        arguments=OneSchedule,
        run=pause,
        examples=("taskdeck schedule pause nightly --reason holidays",),
    ),
    Command(
        name="schedule resume",
        arguments=OneSchedule,
        run=resume,
        examples=("taskdeck schedule resume nightly",),
    ),
    Command(
        name="schedule skip",
        arguments=OneSchedule,
        run=skip,
        examples=("taskdeck schedule skip nightly --reason 'the server is down'",),
    ),
    Command(
        name="schedule reset",
        arguments=OneSchedule,
        run=reset,
        examples=("taskdeck schedule reset nightly --reason 'the trial is over'",),
    ),
    Command(
        name="schedule trigger",
        arguments=OneSchedule,
        run=trigger,
        examples=("taskdeck schedule trigger nightly",),
    ),
    Command(
        name="schedule backfill",
        arguments=Backfill,
        run=backfill,
        examples=("taskdeck schedule backfill nightly --since 3d --dry-run",),
    ),
)
