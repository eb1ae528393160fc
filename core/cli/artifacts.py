"""artifacts: the files that the tasks of a job left for others.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from core.cli.arguments import Reading
from core.cli.commands import Command
from core.cli.output import emit, note, say
from core.cli.parameters import Argument, Option
from core.cli.reading import reading
from core.control.nouns.data import ARTIFACTS_PAGE
from core.control.reading_api import ReadingAPI
from core.files.beneath import parts_of
from core.files.kinds import exists
from core.files.untrusted import open_regular
from core.model.errors import Conflict, Invalid, NotFound, Unavailable
from core.model.patterns.artifacts import KeptArtifact
from core.model.text import safe_line
from core.render.data_texts import artifact_line, artifact_shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifacts(Reading):
    """The arguments of `artifacts`."""

    job: Annotated[int, Argument(metavar="JOB", min=1, help="The id of a job.")]
    copy_to: Annotated[
        str | None, Option(metavar="DIR", help="Copy them here, as TASK/NAME/PATH; nothing is overwritten.")
    ] = None


async def artifacts(arguments: Artifacts) -> int:
    """List the files that tasks of a job left for others (`artifacts:`), or copy them."""
    is_here = arguments.host is None and arguments.bundle is None
    if arguments.copy_to is not None and not is_here:
        raise Invalid("usage", "--copy-to needs the files of this machine: not with --host or --bundle")
    number, root = 0, arguments.options().paths.output if is_here else None
    async with reading(arguments) as deck:
        async for kept in _all(deck, arguments.job):
            number += 1
            copy = None if root is None else root / kept.copy
            if copy is not None and arguments.copy_to is not None:
                copy = _copy(copy, kept, Path(arguments.copy_to))
            emit(artifact_shape(kept, copy)) if arguments.json else say(artifact_line(kept, copy))
    if not number and not arguments.json:
        note(f"job {arguments.job} has no artifacts")
    return 0


async def _all(deck: ReadingAPI, job_id: int) -> AsyncIterator[KeptArtifact]:
    after: KeptArtifact | None = None
    while page := await deck.data.artifacts(job_id, after=after):
        for kept in page:
            yield kept
        if len(page) < ARTIFACTS_PAGE:
            return
        after = page[-1]


def _copy(copy: Path, kept: KeptArtifact, folder: Path) -> Path:
    """Copy a file below a folder; return where it is now."""
    # The path is what a task chose: it stays below the folder.
    target = folder.joinpath(kept.key, kept.file.name, *parts_of(kept.file.path))
    if exists(target):
        raise Conflict(
            "artifact.exists",
            f"{safe_line(str(target))} is there already",
            hint="choose another --copy-to",
            facts={"path": str(target)},
        )
    try:
        with open(open_regular(copy), "rb") as source:  # noqa: PTH123 - a descriptor
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                shutil.copyfileobj(source, file, 2**20)
    except FileNotFoundError as error:
        message = f"the copy of {safe_line(kept.file.path)} is gone: {copy}"
        raise NotFound("artifact.gone", message, hint="see 'taskdeck doctor'") from error
    except OSError as error:
        message = f"cannot write {safe_line(str(target))}: {error.strerror}"
        raise Unavailable("artifact.write", message, hint="choose another --copy-to") from error
    return target


COMMANDS = (
    Command(
        name="artifacts",
        arguments=Artifacts,
        run=artifacts,
        examples=("taskdeck artifacts 12", "taskdeck artifacts 12 --copy-to results"),
    ),
)
