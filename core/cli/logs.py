"""logs: the output of a task."""

from __future__ import annotations

import asyncio
import codecs
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from core.cli.arguments import Command, Reaching
from core.cli.output import emit, note, put
from core.cli.reading import reading
from core.control.api import ReadingAPI
from core.model.status import TASK_FINAL
from core.model.views import LogChunk

_FOLLOW_SECONDS = 0.2
_CHUNK = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs(Reaching):
    """The arguments of `logs`."""

    task: Annotated[str, typer.Argument(metavar="TASK", help="ID, or JOB/KEY.")]
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as output comes, until the task has ended.")
    ] = False
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", metavar="BYTES", min=1, help="Only the last bytes.")
    ] = None
    attempt: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Which execution. [default: the latest]")
    ] = None
    raw: Annotated[
        bool, typer.Option("--raw", help="The bytes as they are, also those that drive a terminal.")
    ] = False


class Sink:
    """Where output goes: safe text, raw bytes, or JSON; one per attempt."""

    def __init__(self, *, raw: bool = False, json: bool = False) -> None:
        self._raw, self._json = raw and not json, json
        # A character may be cut by the end of a chunk; bytes that are no text show as \\xNN.
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def write(self, chunk: LogChunk) -> None:
        """Write a piece of output."""
        if self._raw:
            sys.stdout.buffer.write(chunk.data)
            sys.stdout.buffer.flush()
            return
        text = self._decoder.decode(chunk.data)
        if self._json:
            emit({"attempt": chunk.epoch, "offset": chunk.offset, "end": chunk.end, "text": text})
        else:
            put(text)

    def finish(self) -> None:
        """Write what was held back: the beginning of a character that never ended."""
        rest = self._decoder.decode(b"", final=True)
        if rest and not self._json:
            put(rest)


class Tail:
    """A place in the output of a task, from which it is written on."""

    def __init__(self, deck: ReadingAPI, task_id: int, *, sink: Sink) -> None:
        self._deck, self._task_id, self._sink = deck, task_id, sink
        self._epoch: int | None = None
        self._offset = 0

    def begin(self, epoch: int | None, offset: int, *, sink: Sink) -> None:
        """Go to an offset (negative = from the end) of an attempt (None = the latest)."""
        self._epoch, self._offset, self._sink = epoch, offset, sink

    async def drain(self) -> int:
        """Write all there is by now; return the number of the attempt, 0 if there is none."""
        while True:
            before = self._offset
            chunk = await self._deck.log(self._task_id, epoch=self._epoch, offset=before, limit=_CHUNK)
            if chunk.epoch == 0:
                return 0
            self._epoch, self._offset = chunk.epoch, chunk.end
            if chunk.data:
                self._sink.write(chunk)
            elif before < 0 or chunk.end <= before:
                return chunk.epoch

    def finish(self) -> None:
        """Write what was held back at the end."""
        self._sink.finish()


async def logs(arguments: Logs) -> int:
    """Write the output of a task."""
    async with reading(arguments) as deck:
        task_id = await deck.find_task(arguments.task)
        tail = Tail(deck, task_id, sink=_sink(arguments))
        offset = 0 if arguments.tail is None else -arguments.tail
        tail.begin(arguments.attempt, offset, sink=_sink(arguments))
        await tail.drain()
        if arguments.follow:
            await _follow(deck, task_id, tail=tail, arguments=arguments)
        tail.finish()
    return 0


async def _follow(deck: ReadingAPI, task_id: int, *, tail: Tail, arguments: Logs) -> None:
    """Write what comes, attempt after attempt, until the task is final."""
    while True:
        # Asked before the output is read: what was written before the end is read after it.
        detail = await deck.task(task_id)
        current = await tail.drain()
        latest = max((attempt.epoch for attempt in detail.attempts), default=0)
        if latest > current and arguments.attempt is None:
            if not arguments.json:
                note(f"attempt {latest}")
            tail.finish()
            tail.begin(latest, 0, sink=_sink(arguments))
            continue
        if detail.task.status in TASK_FINAL:
            return
        await asyncio.sleep(_FOLLOW_SECONDS)


def _sink(arguments: Logs) -> Sink:
    return Sink(raw=arguments.raw, json=arguments.json)


COMMANDS = (
    Command(
        name="logs",
        arguments=Logs,
        run=logs,
        examples=(
            "taskdeck logs 12/parse",
            "taskdeck logs -f 4711",
            "taskdeck logs 4711 --tail 4096",
            "taskdeck logs 4711 --attempt 1 --raw > out.bin",
        ),
    ),
)
