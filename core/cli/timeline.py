"""timeline, runs, grid: what jobs did when.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from core.cli.arguments import Reading
from core.cli.commands import Command
from core.cli.output import STATUS_COLOURS, Painted, Piece, emit, is_live, note, say, width
from core.cli.parameters import Argument, Option
from core.cli.reading import reading
from core.model.present import present_ms
from core.model.text import cells, clip, safe_line
from core.model.timelines import RunCell, RunsView, TimelineView, segment_shape
from core.model.values import JsonObject, to_iso
from core.model.views import JobView
from core.render.job_shapes import job_shape, usual_shape
from core.render.run_grid import SIGNS, is_tolerated, row_name, sign_of, signs_text
from core.render.timeline import LEGEND, bar_name, extent, timeline_rows, waited_text
from core.render.times import duration_text
from core.render.wrapping import wrap

_NAMES = 24
_CELLS = 3
"""Cells of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline(Reading):
    """The arguments of `timeline`."""

    job: Annotated[int, Argument(metavar="JOB", min=1, help="The id of a job.")]
    from_: Annotated[
        int, Option(metavar="N", min=1, help="From its Nth task on; 1,000 tasks are shown at once.")
    ] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs(Reading):
    """The arguments of `runs`."""

    workflow: Annotated[str, Argument(metavar="NAME", help="The name of a workflow, as `jobs` lists it.")]
    limit: Annotated[int, Option(metavar="N", min=1, max=100, help="At most N runs, the newest.")] = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid(Reading):
    """The arguments of `grid`."""

    workflow: Annotated[str, Argument(metavar="NAME", help="The name of a workflow, as `jobs` lists it.")]
    runs: Annotated[int, Option(metavar="N", min=1, max=100, help="At most N runs, the newest.")] = 20


async def timeline(arguments: Timeline) -> int:
    """Show when each task of a job waited, for what, and ran; `*` marks the chain that decided the end.

    Below it: how many slots the job used. With --json a line for each task, and one for the job.
    """
    async with reading(arguments) as deck:
        view = await deck.timeline(arguments.job, offset=arguments.from_ - 1)
    now = present_ms()
    if arguments.json:
        _emit_timeline(view)
        return 0
    start, end = extent(view, now=now)
    say(safe_line(f"job {view.job.id} {view.job.name}: {view.job.status}, {duration_text(end - start)}"))
    names = min(_NAMES, max((cells(bar_name(bar)) for bar in view.bars), default=0) + 1)
    for line in timeline_rows(view, now=now, width=width(), names=max(names, 11)):
        say(line)
    if view.critical:
        say(safe_line(f"* took {waited_text(view, now=now)}"))
    say(LEGEND)
    if view.searched is not None:
        total, last = sum(view.job.tasks.values()), view.first + view.searched
        note(f"tasks {view.first + 1:,} to {last:,} of {total:,}")
        if last < total:
            note(
                f"the next ones: {arguments.command('timeline', str(arguments.job), '--from', str(last + 1))}"
            )
    return 0


async def runs(arguments: Runs) -> int:
    """Compare the last runs of a workflow: its tasks down, its runs across, the newest on the left."""
    async with reading(arguments) as deck:
        view = await deck.runs(arguments.workflow, limit=arguments.limit)
    if arguments.json:
        _emit_runs(view, range(len(view.runs)))
        return 0
    shown = range(min(len(view.runs), _room(view)))
    say(safe_line(f"{view.workflow}: {len(shown)} runs, job {view.runs[0].id} on the left"))
    _say_numbers(view, shown)
    _say_rows(view, shown)
    return 0


async def grid(arguments: Grid) -> int:
    """Show the last runs of a workflow as a grid: a column for each run, the newest on the right.

    With --json a line for each run, the oldest first.
    """
    async with reading(arguments) as deck:
        view = await deck.runs(arguments.workflow, limit=arguments.runs)
    if arguments.json:
        _emit_runs(view, range(len(view.runs))[::-1])
        return 0
    shown = range(min(len(view.runs), _room(view)))[::-1]
    say(safe_line(f"{view.workflow}: {len(shown)} runs, job {view.runs[0].id} on the right"))
    _say_numbers(view, shown)
    say("run".ljust(_names(view)), *(_job_cell(view.runs[number]) for number in shown))
    _say_rows(view, shown)
    if len(shown) < len(view.runs):
        note(f"{len(view.runs) - len(shown)} older runs have no room; all of them: --json")
    return 0


def _names(view: RunsView) -> int:
    return min(_NAMES, max((cells(safe_line(row_name(row))) for row in view.rows), default=0) + 1)


def _room(view: RunsView) -> int:
    return max(1, (width() - _names(view) - 20) // _CELLS)


def _say_numbers(view: RunsView, shown: Sequence[int]) -> None:
    say("job".ljust(_names(view)), *(f"{view.runs[number].id % 1_000:>3}" for number in shown))


def _say_rows(view: RunsView, shown: Sequence[int]) -> None:
    """Write the tasks in the runs of these numbers, from left to right."""
    names, jobs = _names(view), [view.runs[number] for number in shown]
    for row in view.rows:
        usual = "" if row.usual is None else f"usually {duration_text(row.usual.median_ms)}"
        key = clip(safe_line(row_name(row)), names).ljust(names)
        say(key, *(_cell(row.cells[number]) for number in shown), f"  {usual}")
    took = (
        duration_text(job.finished_at - job.started_at) for job in jobs if job.finished_at and job.started_at
    )
    say(safe_line(f"{'took'.ljust(names)} {' '.join(took)}"))
    for line in wrap(signs_text(), width()) if is_live(sys.stdout) else [signs_text()]:
        say(line)
    if view.tasks_cut:
        note("of each stage its first 200 tasks")


def _job_cell(job: JobView) -> Piece:
    text = f" {SIGNS.get(job.status, job.status[:1])} "
    colour = STATUS_COLOURS.get(job.status)
    return Painted(text=text, colour=colour) if colour else text


def _cell(cell: RunCell | None) -> Piece:
    if cell is None:
        return "   "
    text = f" {sign_of(cell)} "
    colour = "yellow" if is_tolerated(cell) else STATUS_COLOURS.get(cell.status)
    return Painted(text=text, colour=colour) if colour else text


def _emit_timeline(view: TimelineView) -> None:
    for bar in view.bars:
        emit(
            {
                "task": bar.task_id,
                "key": bar.key,
                "stage": bar.stage,
                "status": bar.status,
                "tolerated": bar.tolerated,
                "finally": bar.is_finally,
                "critical": bar.task_id in view.critical,
                "segments": [segment_shape(one) for one in bar.segments],
                "usual": usual_shape(bar.usual),
            }
        )
    emit(
        {
            **job_shape(view.job),
            "critical": list(view.critical),
            "searched": view.searched,
            "first": view.first,
        }
    )


def _emit_runs(view: RunsView, shown: Sequence[int]) -> None:
    for at in shown:
        job = view.runs[at]
        tasks: JsonObject = {
            row.key: _cell_shape(row.cells[at]) for row in view.rows if row.cells[at] is not None
        }
        emit({"job": job.id, "status": job.status, "created_at": to_iso(job.created_at), "tasks": tasks})


def _cell_shape(cell: RunCell | None) -> JsonObject | None:
    return (
        None
        if cell is None
        else {"task": cell.task_id, "status": cell.status, "took_ms": cell.took, "tolerated": cell.tolerated}
    )


COMMANDS = (
    Command(
        name="timeline",
        arguments=Timeline,
        run=timeline,
        examples=("taskdeck timeline 12", "taskdeck timeline 12 --json"),
    ),
    Command(
        name="runs",
        arguments=Runs,
        run=runs,
        examples=("taskdeck runs nightly", "taskdeck runs nightly --limit 5 --json"),
    ),
    Command(
        name="grid",
        arguments=Grid,
        run=grid,
        examples=("taskdeck grid nightly", "taskdeck grid nightly --runs 50 --json"),
    ),
)
