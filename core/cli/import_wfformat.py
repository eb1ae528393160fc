"""import wfformat: make workflows from WfFormat records.

Loaded by `core.cli.imports`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from core.cli.arguments import Common
from core.cli.commands import Command
from core.cli.output import emit, say
from core.cli.parameters import Argument, Option
from core.cli.refusals import usage
from core.files.writing import write_file
from core.workflows.importers.wfformat import Through, import_file
from core.workflows.writer import count_tasks, dump


class Kind(StrEnum):
    """What a recorded task becomes in the workflow."""

    DELAY = "delay"
    SHELL = "shell"


@dataclass(frozen=True, slots=True, kw_only=True)
class WfFormat(Common):
    """The arguments of `import wfformat`."""

    record: Annotated[Path, Argument(metavar="FILE", help="A WfFormat 1.5 record.")]
    time_scale: Annotated[float, Option(metavar="X", help="Multiply the run times by this.")] = 1.0
    connector: Annotated[Kind, Option(help="What a task becomes: a delay, or a process that sleeps.")] = (
        Kind.DELAY
    )
    out: Annotated[
        Path | None,
        Option(short="-o", metavar="OUT", help="The file to write. [default: standard output]"),
    ] = None


async def wfformat(arguments: WfFormat) -> int:
    """Make a workflow that has the tasks, dependencies and run times of a WfFormat record."""
    through = Through(arguments.connector.value)
    workflow = import_file(arguments.record, time_scale=arguments.time_scale, through=through)
    text = dump(workflow)
    if arguments.out is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return 0
    try:
        write_file(arguments.out, text.encode(), mode=0o666)
    except OSError as error:
        raise usage(
            f"cannot write {arguments.out}: {error.strerror}", hint="name another file with -o"
        ) from error
    number = count_tasks(workflow)
    if arguments.json:
        emit({"out": str(arguments.out), "name": workflow["name"], "tasks": number})
    else:
        say(f"{arguments.out}: {number} tasks")
        say(f"  {arguments.command('run', str(arguments.out))}")
    return 0


COMMANDS = (
    Command(
        name="import wfformat",
        arguments=WfFormat,
        run=wfformat,
        examples=(
            "taskdeck import wfformat montage.json --time-scale 0.001 -o montage.yaml",
            "taskdeck import wfformat montage.json --connector shell -o montage.yaml",
        ),
    ),
)
