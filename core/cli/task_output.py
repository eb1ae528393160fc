"""Write the output of a task, from any offset on.

Used by `logs`, and by `exec` and `map` while they wait.
"""

from __future__ import annotations

import codecs
import sys
from typing import Protocol

from core.cli.output import emit, put
from core.control.api import ReadingAPI
from core.model.views import LogChunk

_CHUNK_BYTES = 262_144


class Sink(Protocol):
    """Where the output of one attempt is written to."""

    def write(self, chunk: LogChunk) -> None:
        """Write a piece of output."""

    def finish(self) -> None:
        """Write what was kept back: the beginning of a character that never ended."""


class TextSink:
    """Writes text that is safe for a terminal, and escapes bytes that are not text."""

    def __init__(self) -> None:
        self._decoder = _decoder()

    def write(self, chunk: LogChunk) -> None:
        """Write the characters that are complete."""
        put(self._decoder.decode(chunk.data))

    def finish(self) -> None:
        """Write what was kept back: the beginning of a character that never ended."""
        rest = self._decoder.decode(b"", final=True)
        if rest:
            put(rest)


class RawSink:
    """Writes the bytes as they are."""

    def write(self, chunk: LogChunk) -> None:
        """Write the bytes to standard output at once."""
        sys.stdout.buffer.write(chunk.data)
        sys.stdout.buffer.flush()

    def finish(self) -> None:
        """Do nothing: no byte is kept back."""


class JsonSink:
    """Writes one object for each piece of output."""

    def __init__(self) -> None:
        self._decoder = _decoder()

    def write(self, chunk: LogChunk) -> None:
        """Write the piece with its attempt and its offsets."""
        text = self._decoder.decode(chunk.data)
        emit({"attempt": chunk.epoch, "offset": chunk.offset, "end": chunk.end, "text": text})

    def finish(self) -> None:
        """Do nothing: `end` of the last object tells how far the output goes."""


class Tail:
    """A position in the output of a task, from which it is written on."""

    def __init__(self, deck: ReadingAPI, task_id: int, *, sink: Sink) -> None:
        self._deck, self._task_id, self._sink = deck, task_id, sink
        self._epoch: int | None = None
        self._offset = 0

    def seek(self, epoch: int | None, offset: int, *, sink: Sink) -> None:
        """Go to an offset (negative = from the end) of an attempt (None = the latest)."""
        self._epoch, self._offset, self._sink = epoch, offset, sink

    async def drain(self) -> int:
        """Write all there is by now; return the number of the attempt, 0 if there is none."""
        while True:
            before = self._offset
            chunk = await self._deck.log(self._task_id, epoch=self._epoch, offset=before, limit=_CHUNK_BYTES)
            if chunk.epoch == 0:
                return 0
            self._epoch, self._offset = chunk.epoch, chunk.end
            if chunk.data:
                self._sink.write(chunk)
            elif before < 0 or chunk.end <= before:
                return chunk.epoch

    def finish(self) -> None:
        """Write what the sink kept back."""
        self._sink.finish()


def _decoder() -> codecs.IncrementalDecoder:
    # A character may be cut by the end of a chunk.
    return codecs.getincrementaldecoder("utf-8")("backslashreplace")
