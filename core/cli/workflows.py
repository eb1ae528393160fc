"""workflows: register workflows under names, list, show, compare and remove them.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from core.cli.access import changing
from core.cli.arguments import Label, Remote, actor_of
from core.cli.commands import Command
from core.cli.output import emit, note, say
from core.cli.parameters import Argument, Option
from core.cli.reading import reading
from core.cli.refusals import usage
from core.cli.whole_documents import piped_workflow
from core.control.arguments import PAGE
from core.control.nouns.workflows import AddWorkflow
from core.model.errors import Conflict
from core.model.paths import absolute
from core.model.patterns.workflow_views import RegisteredView, VersionView
from core.model.text import safe_line
from core.model.values import JsonObject, to_iso
from core.workflows.registry import expanded
from core.workflows.whole_text import read_whole_text

HASH_SHOWN = 12
"""Letters of a hash in lists."""
WorkflowName: TypeAlias = Annotated[
    str, Argument(metavar="WORKFLOW", help="The name of a registered workflow.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Remote):
    """The arguments of `workflows`."""

    limit: Annotated[int, Option(metavar="N", min=1, help="At most N workflows.")] = PAGE
    name: Annotated[str | None, Option(metavar="TEXT", help="Only those whose name has this text.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Added(Remote):
    """The arguments of `workflows add`."""

    file: Annotated[str, Argument(metavar="FILE", help="A workflow file, or - for standard input.")]
    name: Annotated[
        str | None, Option(metavar="NAME", help="What it is called. [default: the name that it has]")
    ] = None
    as_: Label = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown(Remote):
    """The arguments of `workflows show`."""

    name: WorkflowName
    version: Annotated[
        str | None,
        Option(metavar="HASH", help="A version, by the beginning of its hash or by its number."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared(Remote):
    """The arguments of `workflows diff`."""

    name: WorkflowName
    versions: Annotated[
        list[str],
        Argument(metavar="[VERSION VERSION]", help="Two versions. [default: the last two]"),
    ] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed(Remote):
    """The arguments of `workflows remove`."""

    name: WorkflowName
    as_: Label = None


async def listed(arguments: Listed) -> int:
    """List the registered workflows with their current versions."""
    async with reading(arguments) as deck:
        found = await deck.workflows.list(limit=arguments.limit, part=arguments.name)
    for one in found:
        if arguments.json:
            emit(_view_shape(one))
            continue
        by = f" by {safe_line(one.added_by)}" if one.added_by else ""
        more = f", {one.versions} versions" if one.versions > 1 else ""
        version = f"version {one.number} {one.hash[:HASH_SHOWN]}{more}"
        say(f"{safe_line(one.name)}  {version}, added {to_iso(one.added_at)}{by}  {safe_line(one.source)}")
    if not found and arguments.name is not None and not arguments.json:
        note(f"no registered workflow has {safe_line(arguments.name)} in its name")
    elif not found and not arguments.json:
        note("no workflow is registered: add a file with 'taskdeck workflows add'")
    elif len(found) == arguments.limit:
        note("there may be more: see --limit")
    return 0


async def add(arguments: Added) -> int:
    """Register a workflow; a later document of the same name becomes its next version.

    The content is checked as a submission checks it, and kept. Adding the current content changes nothing;
    an older content becomes current again.
    """
    piped = piped_workflow(arguments.file)
    path = absolute(expanded(arguments.file))
    text = read_whole_text(path) if piped is None else piped.text
    request = AddWorkflow(
        text=text,
        source=str(path) if piped is None else piped.name,
        folder=str(path.parent) if piped is None else None,
        name=arguments.name,
        actor=actor_of(arguments.as_),
    )
    async with changing(arguments) as deck:
        added = await deck.workflows.add(request)
    if arguments.json:
        emit(
            {
                "name": added.name,
                "version": added.number,
                "hash": added.hash,
                "changed": added.changed,
                "warnings": list(added.warnings),
            }
        )
        return 0
    for warning in added.warnings:
        note(f"warning: {safe_line(warning)}")
    version = f"version {added.number} {added.hash[:HASH_SHOWN]}"
    name = safe_line(added.name)
    if added.changed:
        say(f"{name}: {version} is current")
    else:
        say(f"{name}: nothing was changed: {version} has this content and is current")
    return 0


async def show(arguments: Shown) -> int:
    """Write the text of a version of a registered workflow, and which versions there are."""
    async with reading(arguments) as deck:
        found = await deck.workflows.one(arguments.name, version=arguments.version)
    if arguments.json:
        emit(
            {
                "name": found.name,
                **_version_shape(found.version),
                "text": found.text,
                "versions": [_version_shape(one) for one in found.versions],
            }
        )
        return 0
    for one in found.versions:
        current = ", current" if one.is_current else ""
        by = f" by {safe_line(one.added_by)}" if one.added_by else ""
        mark = "*" if one.number == found.version.number else " "
        version = f"version {one.number} {one.hash[:HASH_SHOWN]}{current}"
        note(f"{mark} {version}, added {to_iso(one.added_at)}{by}, from {safe_line(one.source)}")
    for line in found.text.splitlines():
        say(safe_line(line))
    return 0


async def diff(arguments: Compared) -> int:
    """Compare two versions of a registered workflow, line by line."""
    if len(arguments.versions) not in (0, 2):
        raise usage("give two versions, or none", hint="taskdeck workflows diff NAME 1 2")
    async with reading(arguments) as deck:
        first, second = arguments.versions or (None, None)
        after = await deck.workflows.one(arguments.name, version=second)
        if first is None:
            older = [one for one in after.versions if one.number != after.version.number]
            if not older:
                shown = safe_line(arguments.name)
                raise Conflict(
                    "workflow.single",
                    f"`{shown}` has one version: there is nothing to compare",
                    hint="add a changed file with 'taskdeck workflows add'",
                    facts={"workflow": shown},
                )
            first = str(older[0].number)
        before = await deck.workflows.one(arguments.name, version=first)
    names = [f"version {one.version.number} {one.version.hash[:HASH_SHOWN]}" for one in (before, after)]
    lines = list(
        difflib.unified_diff(
            before.text.splitlines(), after.text.splitlines(), names[0], names[1], lineterm=""
        )
    )
    if arguments.json:
        emit(
            {
                "name": arguments.name,
                "before": _version_shape(before.version),
                "after": _version_shape(after.version),
                "lines": list(lines),
            }
        )
        return 0
    for line in lines:
        say(safe_line(line))
    if not lines:
        note("their texts are the same")
    return 0


async def remove(arguments: Removed) -> int:
    """Remove a registered workflow with its versions; jobs that were submitted with one keep it."""
    async with changing(arguments) as deck:
        removed = await deck.workflows.remove(arguments.name, actor=actor_of(arguments.as_))
    if arguments.json:
        emit({"name": removed.name, "versions": removed.versions})
    else:
        plural = "" if removed.versions == 1 else "s"
        say(f"removed {safe_line(removed.name)}: {removed.versions} version{plural}")
    return 0


def _view_shape(one: RegisteredView) -> JsonObject:
    return {
        "name": one.name,
        "version": one.number,
        "hash": one.hash,
        "source": one.source,
        "added_at": to_iso(one.added_at),
        "added_by": one.added_by,
        "versions": one.versions,
    }


def _version_shape(one: VersionView) -> JsonObject:
    return {
        "version": one.number,
        "hash": one.hash,
        "source": one.source,
        "folder": one.folder,
        "current": one.is_current,
        "added_at": to_iso(one.added_at),
        "added_by": one.added_by,
    }


COMMANDS = (
    Command(
        name="workflows list",
        arguments=Listed,
        run=listed,
        examples=(
            "taskdeck workflows",
            "taskdeck workflows list --json",
            "taskdeck workflows list --name report",
        ),
    ),
    Command(
        name="workflows add",
        arguments=Added,
        run=add,
        examples=(
            "taskdeck workflows add nightly.yaml",
            "taskdeck workflows add repair.yaml --name repair-disk",
            "generate.py | taskdeck workflows add - --json",
        ),
    ),
    Command(
        name="workflows show",
        arguments=Shown,
        run=show,
        examples=("taskdeck workflows show nightly", "taskdeck workflows show nightly --version 3fa91c"),
    ),
    Command(
        name="workflows diff",
        arguments=Compared,
        run=diff,
        examples=("taskdeck workflows diff nightly", "taskdeck workflows diff nightly 1 3"),
    ),
    Command(
        name="workflows remove",
        arguments=Removed,
        run=remove,
        examples=("taskdeck workflows remove nightly",),
    ),
)
