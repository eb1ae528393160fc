"""show: one job with its stages and tasks.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from core.cli.arguments import Reading
from core.cli.commands import Command
from core.cli.output import Painted, emit, note, say, status
from core.cli.parameters import Argument, Option
from core.cli.reading import note_closed_claims, reading
from core.cli.refusals import usage
from core.cli.summary import SHOWN, cause_text, counts_text, job_counts_text
from core.cli.tables import Table
from core.control.api import PAGE
from core.filters.fields import Noun
from core.model.present import present_ms
from core.model.status import JOB_FINAL
from core.model.text import safe_line
from core.model.values import INBOX, to_iso
from core.model.views import JobDetail, JobOutputs, JobView, VariableView, place_text
from core.render.columns import COLUMNS
from core.render.data_texts import output_lines, outputs_shape, variable_lines, variable_shape
from core.render.job_shapes import detail_shape
from core.render.limit_texts import limits_text
from core.render.times import duration_text, usual_text

VARIABLES_SHOWN = 20
"""Variables beside the tasks of a job."""
CHILDREN_SHOWN = 20
"""Children beside the tasks of a job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Show(Reading):
    """The arguments of `show`."""

    job: Annotated[int, Argument(metavar="JOB", min=1, help="The id of a job.")]
    variables: Annotated[bool, Option(help="Show its variables alone, their values in full.")] = False
    outputs: Annotated[bool, Option(help="Show what it gives out alone, in full.")] = False


async def show(arguments: Show) -> int:
    """Show a job with its variables, stages and tasks."""
    if arguments.variables and arguments.outputs:
        raise usage("--variables and --outputs do not go together", hint="leave one of them out")
    async with reading(arguments) as deck:
        # First, so that a job that does not exist is refused as everywhere.
        detail = await deck.job_detail(arguments.job)
        variables = await deck.data.variables(arguments.job)
        given = await deck.data.outputs(arguments.job)
    if arguments.variables:
        _only_variables(arguments, variables)
        return 0
    if arguments.outputs:
        _only_outputs(arguments, given)
        return 0
    if detail.job.finished_at is None:
        await note_closed_claims(arguments)
    if arguments.json:
        emit(detail_shape(detail, variables))
        return 0
    _head(detail)
    for line in variable_lines(variables[:VARIABLES_SHOWN]):
        say(f"variable  {line}")
    if len(variables) > VARIABLES_SHOWN:
        all_of_them = arguments.command("show", str(arguments.job), "--variables")
        note(f"showing {VARIABLES_SHOWN} of {len(variables)} variables; all of them: {all_of_them}")
    _outputs(arguments, given)
    _children(detail)
    _stages(detail)
    if detail.tasks:
        say()
        Table(COLUMNS[Noun.TASKS]).page([task.task for task in detail.tasks[:PAGE]])
    _running(detail)
    _limits(detail)
    _causes(detail)
    if len(detail.tasks) > PAGE:
        rest = arguments.command("tasks", "--where", f"job:{arguments.job} sort:id", "--limit", "0")
        note(f"showing {PAGE} of {len(detail.tasks)} tasks; all of them: {rest}")
    return 0


def _only_variables(arguments: Show, variables: Sequence[VariableView]) -> None:
    if arguments.json:
        for one in variables:
            emit(variable_shape(one))
        return
    for line in variable_lines(variables, most=None):
        say(line)
    if not variables:
        note(f"job {arguments.job} has no variables")


def _only_outputs(arguments: Show, given: JobOutputs) -> None:
    if arguments.json:
        emit(outputs_shape(given))
        return
    if given.error is not None:
        note(f"the outputs of job {given.job_id} cannot be worked out: {safe_line(given.error)}")
    elif not given.outputs:
        verb = "has" if given.status in JOB_FINAL else "is"
        was = "" if given.status == "succeeded" else f"{verb} {given.status}: it "
        note(f"job {given.job_id} {was}gives nothing out")
    for line in output_lines(given.outputs or {}, most=None):
        say(line)


def _outputs(arguments: Show, given: JobOutputs) -> None:
    outputs = given.outputs or {}
    if given.error is not None:
        say(f"outputs   cannot be worked out: {safe_line(given.error)}")
    for line in output_lines(dict(list(outputs.items())[:VARIABLES_SHOWN])):
        say(f"output    {line}")
    if len(outputs) > VARIABLES_SHOWN:
        all_of_them = arguments.command("show", str(arguments.job), "--outputs")
        note(f"showing {VARIABLES_SHOWN} of {len(outputs)} outputs; all of them: {all_of_them}")


def _head(detail: JobDetail) -> None:
    job = detail.job
    say(Painted(text=f"job {job.id} {safe_line(job.name)}", colour="bold"), ": ", status(job.status))
    say(f"tasks     {job_counts_text(job.tasks, job.tolerated)}")
    say(f"created   {to_iso(job.created_at)}" + (f" by {safe_line(job.actor)}" if job.actor else ""))
    projects = {task.project for task in detail.tasks} if job.id != INBOX else set()
    for project in filter(None, projects):
        say(f"project   {safe_line(project)}")
    if job.started_at is not None:
        say(f"started   {to_iso(job.started_at)}")
    if job.finished_at is not None:
        began = job.created_at if job.started_at is None else job.started_at
        say(f"finished  {to_iso(job.finished_at)}, took {duration_text(job.finished_at - began)}")
    if job.reason:
        by = f", by {safe_line(job.verdict_by)}" if job.verdict_by else ""
        ended = f"; tasks it ended: {job.verdict_ends}" if job.verdict_ends else ""
        say(f"reason    {safe_line(job.reason)}{by}{ended}")
    if job.paused:
        say(f"paused    {cause_text(job.paused.get('by'), job.paused.get('reason'))}")
    _above(job)


def _above(job: JobView) -> None:
    """Say whose child it is, and which pauses above hold it."""
    if job.parent is not None:
        parent = job.parent
        root = f", below job {job.root}" if (job.depth or 0) > 1 else ""
        key = safe_line(str(parent["key"]))
        whose = ", whose worklet it is" if parent.get("worklet") else ""
        say(f"parent    job {parent['job']}, task {parent['task']} {key}{whose}{root}")
    if job.place is not None:
        say(f"place     {'waits for' if job.place['waits'] else 'has'} {place_text(job.place)}")
    for above in job.paused_above:
        cause = cause_text(above.get("by"), above.get("reason"))
        say(f"paused    from above: job {above['job']} is paused {cause}".rstrip())


def _children(detail: JobDetail) -> None:
    """Name the children of its tasks, those that are over last."""
    told = sorted(detail.children, key=lambda child: (child.superseded, child.status in JOB_FINAL))
    for child in told[:CHILDREN_SHOWN]:
        what = "worklet  " if child.is_worklet else "child    "
        over = ", superseded" if child.superseded else ""
        name = f"{safe_line(child.key)}: job {child.job_id} {safe_line(child.name)}"
        say(f"{what} {name}: ", status(child.status), over)
    if len(told) > CHILDREN_SHOWN:
        note(f"showing {CHILDREN_SHOWN} of {len(told)} children; all of them: with --json")


def _running(detail: JobDetail) -> None:
    """Say how long what runs has been running, beside what is usual for it."""
    now = present_ms()
    for task in (detail.task for detail in detail.tasks[:PAGE]):
        if task.usual is not None and task.began_at is not None and task.finished_at is None:
            took = duration_text(now - task.began_at)
            say(f"  runs {safe_line(task.key)}: {took}, {usual_text(task.usual)}")


def _limits(detail: JobDetail) -> None:
    """Say what tasks say of limits and costs; equal ones together."""
    said: dict[str, list[str]] = {}
    for task in detail.tasks[:PAGE]:
        if text := limits_text(task):
            said.setdefault(text, []).append(safe_line(task.task.key))
    _grouped(said)


def _causes(detail: JobDetail) -> None:
    """Say who brought tasks to their status, and why; equal ones together."""
    causes: dict[str, list[str]] = {}
    for task in (detail.task for detail in detail.tasks[:PAGE]):
        if task.status_by or task.status_reason:
            text = f"{task.status} {cause_text(task.status_by, task.status_reason)}"
            causes.setdefault(text, []).append(safe_line(task.key))
    _grouped(causes)


def _grouped(keys_by_text: dict[str, list[str]]) -> None:
    for text, keys in list(keys_by_text.items())[:SHOWN]:
        more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
        say(f"  {text}: {', '.join(keys[:SHOWN])}{more}")


def _stages(detail: JobDetail) -> None:
    if len(detail.stages) < 2:
        return
    for stage in detail.stages:
        say(
            f"stage {stage.position + 1}   {safe_line(stage.name)}: ",
            status(stage.status),
            f", {counts_text(stage.tasks)}",
        )


COMMANDS = (
    Command(
        name="show",
        arguments=Show,
        run=show,
        examples=(
            "taskdeck show 12",
            "taskdeck show 12 --variables",
            "taskdeck show 12 --outputs",
            "taskdeck show 12 --json",
        ),
    ),
)
