"""check, graph: examine a workflow document without running it.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

from core.cli.arguments import Hosting
from core.cli.commands import Command
from core.cli.named_workflows import read_named, registered_among
from core.cli.output import emit, say, width
from core.cli.parameters import Argument, Option
from core.cli.predictions import read_params
from core.cli.reading import reading
from core.cli.refusals import usage, write_faults
from core.config.capacity import read_capacity
from core.config.secrets_section import SECRETS
from core.connectors.registry import build
from core.engine.admissions.child_documents import pin_documents
from core.engine.admissions.limit_checks import check_document, unit_warnings
from core.files.kinds import exists
from core.model.errors import Fault
from core.model.near_misses import one_of
from core.model.patterns.children import PinnedDocument
from core.model.ports import Checks
from core.model.predictions import PredictionView
from core.model.text import safe_line
from core.model.values import JsonObject, JsonValue
from core.model.views import TaskDetail
from core.render.prediction_texts import prediction_lines, prediction_shape
from core.workflows.definition import Document
from core.workflows.diagrams import dot_lines, mermaid_lines
from core.workflows.drawing import text_dag, whole_graph
from core.workflows.expansion import Workflow, drafts, parse, parse_loaded
from core.workflows.graph import Chain, critical_path, longest_chain
from core.workflows.secret_places import secrets_of
from core.workflows.task_marks import worklets_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Hosting):
    """The arguments of `check`."""

    workflow: Annotated[
        str,
        Argument(metavar="FILE|NAME", help="A workflow file, - for standard input, or a name."),
    ]


class GraphFormat(StrEnum):
    """What a graph is written as."""

    TEXT = "text"
    MERMAID = "mermaid"
    DOT = "dot"


_DIAGRAMS = {GraphFormat.MERMAID: mermaid_lines, GraphFormat.DOT: dot_lines}


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph(Hosting):
    """The arguments of `graph`."""

    workflow: Annotated[
        str | None,
        Argument(
            metavar="[FILE|NAME]",
            help="A workflow file, - for standard input, or a name. [default: that of --job]",
        ),
    ] = None
    job: Annotated[
        int | None,
        Option(metavar="N", min=1, help="Show the run times and the critical path of this job."),
    ] = None
    predict: Annotated[
        bool, Option(help="Say too how long it would take and what it would cost if it was run now.")
    ] = False
    format: Annotated[GraphFormat, Option(help="A drawing in text, or what Mermaid or Graphviz draw.")] = (
        GraphFormat.TEXT
    )
    param: Annotated[
        list[str], Option(short="-p", metavar="K=V", help="A workflow parameter, for --predict.")
    ] = field(default_factory=list)


async def check(arguments: Check) -> int:
    """Check a workflow, and print every fault with line, column and a likely correction."""
    named = await read_named(arguments.workflow, arguments)
    workflow = parse_loaded(named.loaded, _checks(arguments))
    warnings = (
        *workflow.warnings,
        *_checked_limits(workflow, arguments),
        *_unknown_secrets(workflow, arguments),
        *await _children(workflow, named.folder, arguments),
    )
    graph = whole_graph(workflow.document)
    stages = workflow.document.in_stages()
    if arguments.json:
        emit(
            {
                "ok": True,
                "name": workflow.document.name,
                "stages": len(stages),
                "tasks": len(graph),
                "warnings": [fault.to_json() for fault in warnings],
            }
        )
        return 0
    write_faults(workflow.source, warnings, prefix="warning: ")
    counts = f"{_count(len(stages), 'stage')}, {_count(len(graph), 'task')}"
    say(f"{workflow.source}: no faults; {counts}")
    return 0


async def _children(workflow: Workflow, folder: Path, arguments: Check) -> tuple[Fault, ...]:
    """Follow its children; raise `InvalidDocument`. Of names that are not known here it warns."""
    checks, known = _checks(arguments), dict[str, PinnedDocument]()
    asked: frozenset[str] = frozenset()
    while True:
        wanted = pin_documents(workflow, folder=folder, checks=checks, registered=known).wanted
        if wanted <= asked:
            break
        known |= await registered_among(wanted - asked, arguments)
        asked |= wanted
    return tuple(
        workflow.positions.fault_at(
            ("tasks",),
            "workflow.registered",
            f"the workflow {safe_line(name)} is neither built in nor registered here: not checked",
        )
        for name in sorted(wanted)
    )


async def graph(arguments: Graph) -> int:
    """Draw a workflow: stages, layers, needs, the longest chain.

    Behind a key stand `?` for a condition, `~` for a failure that is tolerated, `:KIND` for what waits
    outside a slot, `[]` for one task per item, `=` where each follows the one for the same item, `()` for
    another workflow.
    """
    workflow, times = await _subject(arguments)
    view = await _predicted(workflow, arguments)
    if arguments.json:
        shape = _shape(workflow.document, times)
        emit(shape if view is None else {**shape, "prediction": prediction_shape(view)})
        return 0
    if arguments.format in _DIAGRAMS:
        for line in _DIAGRAMS[arguments.format](workflow.document):
            say(line)
        return 0
    for line in text_dag(workflow.document, run_times=times or None, width=width()):
        say(line)
    for line in () if view is None else prediction_lines(view):
        say(line)
    return 0


async def _predicted(workflow: Workflow, arguments: Graph) -> PredictionView | None:
    """Return what a workflow would do now, if that was asked for."""
    if not arguments.predict:
        if arguments.param:
            raise usage("-p goes with --predict", hint="a drawing has no parameters")
        return None
    params = read_params(arguments.param)
    async with reading(arguments) as deck:
        return await deck.predict(workflow.definition, params)


def _checked_limits(workflow: Workflow, arguments: Check) -> list[Fault]:
    """Check limits and costs against those of the data directory, if it has a configuration; return warnings.

    An engine that runs may know others: `submit` checks against what its store has.
    """
    chosen = arguments.options()
    tasks = drafts(workflow)
    says_nothing = not any(task.limits or task.cost for task in tasks)
    if says_nothing or not exists(chosen.paths.config):
        return []
    limits = chosen.capacity().limits
    check_document(workflow, tasks, limits, project=workflow.document.project)
    return unit_warnings(workflow, tasks, limits)


def _unknown_secrets(workflow: Workflow, arguments: Check) -> list[Fault]:
    """Return a warning for each secret that the configuration of the data directory, if it has one, lacks.

    The engine that runs the tasks may be another.
    """
    named = sorted({name for task in drafts(workflow) for name in secrets_of(task.with_)})
    paths = arguments.options().paths
    if not named or not exists(paths.config):
        return []
    known = read_capacity(paths.home).tables.named(SECRETS)
    where = safe_line(str(paths.config))
    return [
        Fault(code="secret.unknown", message=f"`secrets.{name}` is not in {where}{one_of(name, known)}")
        for name in named
        if name not in known
    ]


def _checks(arguments: Hosting) -> Checks:
    chosen = arguments.options()
    return build(chosen.settings(), references=chosen.connectors)


class _Subject(NamedTuple):
    """What is drawn: a workflow, and the run times of a job by task."""

    workflow: Workflow
    times: dict[str, float]


async def _subject(arguments: Graph) -> _Subject:
    checks = _checks(arguments)
    times: dict[str, float] = {}
    definition: JsonObject | None = None
    if arguments.job is not None:
        async with reading(arguments) as deck:
            times = _run_times((await deck.job_detail(arguments.job)).tasks)
            definition = None if arguments.workflow else await deck.definition(arguments.job)
    if arguments.workflow:
        named = await read_named(arguments.workflow, arguments)
        return _Subject(parse_loaded(named.loaded, checks), times)
    if definition is None:
        raise usage("name a workflow, or a job", hint="taskdeck graph FILE, or taskdeck graph --job 12")
    return _Subject(parse(definition, checks), times)


def _run_times(tasks: tuple[TaskDetail, ...]) -> dict[str, float]:
    """Return the seconds between start and end of each task that ended, by key."""
    return {
        detail.task.key: (detail.task.finished_at - detail.task.started_at) / 1000
        for detail in tasks
        if detail.task.started_at is not None and detail.task.finished_at is not None
    }


def _shape(document: Document, times: Mapping[str, float]) -> JsonObject:
    needs = whole_graph(document)
    stages: list[JsonValue] = [
        {"name": stage.name, "tasks": [task.key for task in stage.tasks]} for stage in document.in_stages()
    ]
    shape: JsonObject = {
        "name": document.name,
        "stages": stages,
        "needs": {key: list(wanted) for key, wanted in needs.items()},
        "longest_chain": _chain(longest_chain(needs)),
    }
    if worklets := worklets_of(document):
        shape["on_failure"] = {**worklets}
    if times:
        shape["critical_path"] = _chain(critical_path(needs, times))
    return shape


def _chain(chain: Chain) -> JsonObject:
    return {"length": chain.length, "tasks": list(chain.keys)}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


COMMANDS = (
    Command(
        name="check",
        arguments=Check,
        run=check,
        examples=(
            "taskdeck check nightly.yaml",
            "taskdeck check nightly",
            "generate.py | taskdeck check -",
            "taskdeck check nightly.yaml --json",
        ),
    ),
    Command(
        name="graph",
        arguments=Graph,
        run=graph,
        examples=(
            "taskdeck graph nightly.yaml",
            "taskdeck graph --job 12",
            "taskdeck graph nightly.yaml --predict",
            "taskdeck graph nightly.yaml --format mermaid",
        ),
    ),
)
