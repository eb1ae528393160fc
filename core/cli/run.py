"""run: submit a workflow and follow it to its end.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, NamedTuple

from core.app.signals import Interrupted
from core.cli.access import note_trouble, working
from core.cli.arguments import Hosting, Label, Project, Retries, actor_of
from core.cli.claim_watch import ClaimWatch, PatienceOption
from core.cli.commands import Command
from core.cli.end_notices import NotifyOption, tell_terminal
from core.cli.job_spending import read_job_spending
from core.cli.named_workflows import may_be_registered, registered
from core.cli.new_home import write_configuration
from core.cli.output import emit, note, say, status
from core.cli.parameters import Argument, Option
from core.cli.predictions import dry_run, read_params
from core.cli.progress import Meter
from core.cli.refusals import Left, usage
from core.cli.summary import (
    EXHAUSTED,
    EXIT,
    cut_of_job,
    failed_tasks,
    is_job_exhausted,
    job_counts_text,
    note_cut,
    say_failed,
)
from core.cli.variables import read_variables
from core.cli.waiting import Interrupts, explaining_lost_engine, interrupts, wait_with
from core.cli.whole_documents import piped_workflow
from core.control.api import ControlAPI, Document, EventQuery, SubmitOptions
from core.files.kinds import exists
from core.filters.fields import Noun
from core.filters.parser import parse
from core.filters.terms import In
from core.model.commands.work import DocumentText, Submitted
from core.model.paths import absolute, working_directory
from core.model.text import SafeText, safe_line
from core.model.views import JobResult, JobView
from core.render.times import duration_text
from core.workflows.registry import configuration_of, expanded, find

_COUNTED = 2_000
"""Tasks whose attempts are counted for the first line; of larger jobs nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run(Hosting):
    """The arguments of `run`."""

    workflow: Annotated[
        str,
        Argument(
            metavar="FILE|NAME",
            help="A workflow file, - for standard input, or a name.",
        ),
    ]
    param: Annotated[
        list[str],
        Option(short="-p", metavar="K=V", help="A workflow parameter; may be repeated."),
    ] = field(default_factory=list)
    retry: Retries = 0
    env: Annotated[
        list[str],
        Option(
            metavar="NAME[=VALUE]",
            help="An environment variable for the tasks, and for those of children; may be repeated.",
        ),
    ] = field(default_factory=list)
    key: Annotated[
        str | None,
        Option(metavar="KEY", help="Submit once: a later run with this key follows that job."),
    ] = None
    project: Project = None
    detach: Annotated[bool, Option(help="Return at once; an engine in the background runs the job.")] = False
    patience: PatienceOption = None
    notify: NotifyOption = False
    dry_run: Annotated[
        bool,
        Option(help="Submit nothing; say how long it would take, what it would cost, and what holds it."),
    ] = False
    as_: Label = None


async def run(arguments: Run) -> int:
    """Run a workflow and show its progress; Ctrl-C leaves the job to the engine."""
    params = read_params(arguments.param)
    if arguments.dry_run:
        if arguments.detach or arguments.key:
            raise usage("--dry-run submits nothing", hint="leave out --detach and --key")
        document, options = await _document(arguments)
        return await dry_run(document, params, options=options, arguments=arguments)
    if arguments.detach and arguments.notify:
        raise usage(
            "--detach returns at once: nothing is left that could notify", hint="leave one of them out"
        )
    # Before an engine is started for it: a refused command line leaves nothing behind.
    document, options = await _document(arguments)
    claims = ClaimWatch(patience=arguments.patience)
    _bring_configuration(arguments)
    async with working(arguments) as deck:
        with interrupts() as received:
            submitted = await deck.submit(document, params, options=options)
            if arguments.detach:
                await note_trouble(deck)
                return _say_detached(await deck.job(submitted.job_id), arguments=arguments)
            try:
                meter = Meter(f"job {submitted.job_id}", quiet=arguments.json, claims=claims)
                return await _follow(deck, submitted, meter, arguments=arguments, received=received)
            except Interrupted:
                raise _left(submitted.job_id, arguments=arguments) from None


def _say_detached(job: JobView, *, arguments: Run) -> int:
    if arguments.json:
        emit({"job": job.id, "status": job.status})
        return 0
    say(f"job {job.id} {safe_line(job.name)}: ", status(job.status))
    say(f"  {arguments.command('events', '--job', str(job.id), '--follow')}")
    return 0


class _Submission(NamedTuple):
    """What is submitted, and how."""

    document: Document
    options: SubmitOptions


async def _document(arguments: Run) -> _Submission:
    """Return a workflow; its tasks run in the folder of its file, or in the present one."""
    name = arguments.workflow
    path = absolute(expanded(name))
    piped = piped_workflow(name)
    if piped is not None:
        return _Submission(piped, _options(arguments, cwd=working_directory()))
    if exists(path):
        return _Submission(str(path), _options(arguments, cwd=path.parent))
    if may_be_registered(name):
        found = await registered(name, arguments)
        folder = found.version.folder
        cwd = working_directory() if folder is None else Path(folder)
        return _Submission(DocumentText(name=name, text=found.text), _options(arguments, cwd=cwd))
    document = find(name).value
    return _Submission(
        document if isinstance(document, dict) else name, _options(arguments, cwd=working_directory())
    )


def _bring_configuration(arguments: Run) -> None:
    """Give a new data directory what a built-in workflow has for its config.toml, and say so."""
    name = arguments.workflow
    text = None if exists(absolute(expanded(name))) else configuration_of(name)
    if text is None:
        return
    path = write_configuration(arguments.options().paths.home, text)
    if path is not None:
        note(f"a new data directory: wrote {safe_line(str(path))}, with a budget for {safe_line(name)}")


def _options(arguments: Run, *, cwd: Path) -> SubmitOptions:
    env = read_variables(arguments.env)
    return SubmitOptions(
        actor=actor_of(arguments.as_),
        cwd=str(cwd),
        client_key=arguments.key,
        env=env,
        retry=arguments.retry,
        project=arguments.project,
    )


async def _follow(
    deck: ControlAPI, submitted: Submitted, meter: Meter, *, arguments: Run, received: Interrupts
) -> int:
    job = await deck.job(submitted.job_id)
    if submitted.duplicate:
        meter.remark(f"job {job.id} has this key already: following it")
    number = sum(job.tasks.values())
    with_what = await _with_what(deck, job.id, number, arguments)
    meter.remark(f"job {job.id} {safe_line(job.name)}: {number} task{'' if number == 1 else 's'}{with_what}")
    stages = _Stages(deck, job.id)

    async def tick() -> bool:
        await meter.warn(deck)
        counts = (await deck.job(job.id)).tasks
        await meter.warn_lost(deck, job.id, counts)
        meter.show(counts)
        if not meter.live and not meter.silent:
            for line in await stages.closed():
                meter.remark(line)
        return False

    try:
        with explaining_lost_engine(f"job {job.id}", "wait", str(job.id), arguments=arguments):
            result = await wait_with(deck.wait_job(job.id), tick, received)
    finally:
        meter.clear()
    if not meter.live and not meter.silent:
        for line in await stages.closed():
            meter.remark(line)
    if arguments.notify:
        tell_terminal(SafeText(f"job {job.id} {safe_line(job.name)} {result.status}"))
    return await _conclude(deck, result, arguments=arguments)


async def _with_what(deck: ControlAPI, job_id: int, number: int, arguments: Run) -> str:
    """Return how often tasks are run again, and the names of the variables given, to end a line with."""
    parts = []
    if number <= _COUNTED:
        page = await deck.tasks(parse(f"job:{job_id}", Noun.TASKS), limit=_COUNTED)
        attempts = [task.max_attempts for task in page.rows if task.max_attempts > 1]
        if attempts:
            most = f"up to {max(attempts)} attempts"
            parts.append(f"{most} each" if len(attempts) == number else f"{len(attempts)} of them {most}")
    if arguments.env:
        names = ", ".join(safe_line(pair.partition("=")[0]) for pair in arguments.env)
        parts.append(f"env {names}")
    return "".join(f"; {part}" for part in parts)


class _Stages:
    """The stages of a job that closed since the last call."""

    def __init__(self, deck: ControlAPI, job_id: int) -> None:
        self._query = EventQuery(job_id=job_id, filter=parse("kind:stage.*", Noun.EVENTS))
        self._deck = deck
        self._after = 0

    async def closed(self) -> list[str]:
        """Return a line for each stage that closed; a workflow with one unnamed stage has none."""
        page = await self._deck.events(self._query, after_id=self._after)
        lines = []
        for event in page.rows:
            self._after = event.id
            ended, name = event.kind.removeprefix("stage."), event.data.get("name")
            if name and ended not in ("open", "pending"):
                lines.append(f"stage {safe_line(str(name))}: {ended}")
        self._after = self._after if page.next is None else int(page.next)
        return lines


async def _conclude(deck: ControlAPI, result: JobResult, *, arguments: Run) -> int:
    job = await deck.job(result.id)
    began = job.created_at if job.started_at is None else job.started_at
    took = 0 if job.finished_at is None else job.finished_at - began
    exhausted = await is_job_exhausted(deck, job)
    code = EXHAUSTED if exhausted else EXIT[result.status]
    spending = await read_job_spending(deck, job)
    cut = await cut_of_job(deck, job.id)
    if arguments.json:
        given = await deck.data.outputs(job.id)
        emit(
            {
                "job": result.id,
                "status": result.status,
                "tasks": dict(result.tasks),
                "tolerated": job.tolerated,
                "name": job.name,
                "reason": result.reason,
                "duration_ms": took,
                "exhausted": exhausted,
                "outputs": given.outputs,
                "outputs_error": given.error,
                "cut": list(cut),
                **spending.shape(),
            }
        )
        note_cut(cut, arguments=arguments)
        return code
    say(
        f"job {result.id} {safe_line(job.name)} ",
        status(result.status),
        f" in {duration_text(took)}: {job_counts_text(result.tasks, job.tolerated)}",
    )
    if result.reason and result.status != "succeeded":
        say(f"  reason: {safe_line(result.reason)}")
    if result.tasks.get("failed"):
        failed = await failed_tasks(deck, In(field="job", values=(result.id,)))
        say_failed(failed, arguments=arguments, where=f"job:{result.id}")
        if result.status == "failed":
            say(f"  run again what failed: {arguments.command('retry', str(result.id))}")
    if exhausted and result.status == "succeeded":
        say("  in part: a budget was exhausted while it ran")
    spending.say()
    note_cut(cut, arguments=arguments)
    return code


def _left(job_id: int, *, arguments: Run) -> Left:
    """Return how to go on with a job that was left."""
    wait, cancel = (arguments.command(word, str(job_id)) for word in ("wait", "cancel"))
    return Left(
        f"left job {job_id}; the engine continues it",
        hint=f"wait for it: {wait}, or end it: {cancel}",
    )


COMMANDS = (
    Command(
        name="run",
        arguments=Run,
        run=run,
        examples=(
            "taskdeck run nightly.yaml -p date=2026-01-31",
            "taskdeck run nightly.yaml -p date=yesterday --retry 2 --env API_TOKEN --env MODE=fast",
            "taskdeck run sample --slots 4",
            "generate.py | taskdeck run -",
            "taskdeck run nightly.yaml -P research",
            "taskdeck run nightly.yaml --dry-run",
            "taskdeck run nightly.yaml --detach --key nightly-2026-01-31",
            "taskdeck run nightly.yaml --json | tail -n 1",
        ),
    ),
)
