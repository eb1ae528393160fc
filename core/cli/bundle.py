"""bundle: jobs with their history, outputs and settings, in one file.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

from core.app.attach import closing, dial
from core.app.bundles.contents import RATIO, SMALL
from core.app.bundles.file import BundleFile, open_bundle_file
from core.app.bundles.writing import Wanted, Written, write_bundle
from core.app.reading.store import read_store
from core.app.remote.ssh_host import attach_or_start_remote
from core.app.signals import Interrupted, cancelling_on_signal
from core.cli.arguments import Remote
from core.cli.commands import Command
from core.cli.live_line import wipe, write_over
from core.cli.output import emit, note, say
from core.cli.parameters import Argument, Option
from core.cli.refusals import Left, usage
from core.control.api import ReadingAPI
from core.control.wait_answers import ask_engine
from core.model.bundles import KEPT, LEFT_OUT
from core.model.sizes import parse_output_limit
from core.model.text import safe_line
from core.model.values import to_iso
from core.render.sizes import size_text

_LOG_LEAST = 8_192


def _max_log(text: str) -> int:
    return max(_LOG_LEAST, parse_output_limit(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle(Remote):
    """The arguments of `bundle`."""

    jobs: Annotated[list[int], Argument(metavar="JOB", min=1, help="The ids of jobs.")] = field(
        default_factory=list
    )
    out: Annotated[
        Path | None,
        Option(short="-o", metavar="FILE", help="The file to write; - is standard output."),
    ] = None
    max_log: Annotated[
        int | None,
        Option(
            read=_max_log,
            metavar="SIZE",
            help="Keep so much of each output, half from its begin, half from its end. [default: all]",
        ),
    ] = None
    force: Annotated[bool, Option(help="Replace a file that is there.")] = False


async def bundle(arguments: Bundle) -> int:
    """Write jobs with their rows, history, outputs and the settings into one file, to look at elsewhere.

    Left out are the environment of tasks, headers, stored standard input, parameters that go there, what is
    named like a secret, and credentials in URLs.
    """
    out = arguments.out
    if not arguments.jobs:
        raise usage("name the jobs", hint="taskdeck bundle 12 -o incident.zip; 'taskdeck jobs' lists them")
    if out is None:
        raise usage(
            "name the file to write with -o", hint="taskdeck bundle 12 -o incident.zip; - is standard output"
        )
    if str(out) == "-" and sys.stdout.isatty():
        raise usage("a bundle is not written to a terminal", hint="name a file with -o, or write to a pipe")
    file = open_bundle_file(None if str(out) == "-" else out, force=arguments.force)
    try:
        with cancelling_on_signal():
            written = await _write(arguments, file)
    except Interrupted as interrupted:
        message = f"interrupted ({interrupted.number.name}): no bundle was written"
        raise Left(message, hint="run it again") from None
    finally:
        file.discard()
        wipe()
    _tell(arguments, written, file)
    return 0


async def _write(arguments: Bundle, file: BundleFile) -> Written:
    wanted = Wanted(jobs=tuple(arguments.jobs), max_log=arguments.max_log, tell=write_over)
    async with _reading(arguments) as deck:
        with file.refusing():
            file.open()
            written = await write_bundle(deck, wanted, file)
            file.keep()
    return written


def _reading(arguments: Bundle) -> AbstractAsyncContextManager[ReadingAPI]:
    """Lend what reads: the engine of a host, here the store itself, which spares the engine the work."""
    options = arguments.options()
    return attach_or_start_remote(options) if options.host is not None else _store(arguments)


@asynccontextmanager
async def _store(arguments: Bundle) -> AsyncIterator[ReadingAPI]:
    options = arguments.options()
    async with (
        closing(dial(options.paths)) as engine,
        read_store(options, engine=partial(ask_engine, engine)) as reading,
    ):
        yield reading


def _tell(arguments: Bundle, written: Written, file: BundleFile) -> None:
    manifest, cut = written.manifest, written.manifest.cut
    line = (
        f"{file.name}: job {', '.join(map(str, manifest.jobs))} as of {to_iso(manifest.at)},"
        f" {written.rows:,} rows, {len(manifest.outputs):,} outputs, {size_text(written.size).strip()}"
    )
    if arguments.json and file.path is not None:
        emit(
            {
                "out": str(file.path),
                "jobs": list(manifest.jobs),
                "at": to_iso(manifest.at),
                "rows": written.rows,
                "outputs": len(manifest.outputs),
                "cut": cut,
                "bytes": written.size,
                "left_out": list(LEFT_OUT),
            }
        )
        return
    # Standard output may be the bundle itself.
    put = note if file.path is None else say
    put(line)
    if cut:
        note(f"{cut} outputs were cut to {arguments.max_log or 0:,} bytes: their middles are missing")
    if written.unpacked > max(SMALL, RATIO * written.size):
        note(f"it unpacks to more than {RATIO} times its size and will be refused: give a smaller --max-log")
    note(f"left out: {', '.join(LEFT_OUT)}")
    note(KEPT)
    if file.path is not None:
        put(f"  taskdeck --bundle {safe_line(str(file.path))}")


COMMANDS = (
    Command(
        name="bundle",
        arguments=Bundle,
        run=bundle,
        examples=(
            "taskdeck bundle 12 -o incident.zip",
            "taskdeck bundle 12 14 --max-log 1MiB -o incident.zip --force",
            "taskdeck bundle 12 --host ana@build.example.org -o incident.zip",
            "taskdeck bundle 12 -o - | ssh ana@desk.example.org 'cat > incident.zip'",
            "taskdeck show 12 --bundle incident.zip",
        ),
    ),
)
