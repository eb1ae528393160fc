"""Where the output of a task is written: terminal, pipe or JSON.

Used by `logs`, `exec` and `map`. One rule: bytes as they are to a pipe or file, safe text to a terminal.
"""

from __future__ import annotations

import base64
import codecs
import sys
from typing import Protocol

from core.cli.output import emit, note, put, put_bytes
from core.model.values import JsonObject
from core.model.views import LogChunk
from core.render.output_notes import LOST_OUTPUT

OVER_LIMIT = "it went over its limit (--output-limit, output_limit:, or output_cap of the configuration)"


class Sink(Protocol):
    """Where the output of one attempt is written to."""

    def write(self, chunk: LogChunk) -> None:
        """Write a piece of output."""

    def finish(self) -> None:
        """Write what was kept back: the beginning of a character that never ended."""

    def end_lost(self) -> None:
        """Say in the output itself, where it can, that some of it is missing."""


class TextSink:
    """Writes text that is safe for a terminal, and escapes bytes that are not text."""

    def __init__(self) -> None:
        # A character may be cut by the end of a chunk.
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def write(self, chunk: LogChunk) -> None:
        """Write the characters that are complete."""
        put(self._decoder.decode(chunk.data))

    def finish(self) -> None:
        """Write what was kept back: the beginning of a character that never ended."""
        rest = self._decoder.decode(b"", final=True)
        if rest:
            put(rest)

    def end_lost(self) -> None:
        """Do nothing: it is said on standard error."""


class RawSink:
    """Writes the bytes as they are."""

    def write(self, chunk: LogChunk) -> None:
        """Write the bytes to standard output at once."""
        put_bytes(chunk.data)

    def finish(self) -> None:
        """Do nothing: no byte is kept back."""

    def end_lost(self) -> None:
        """Do nothing: it is said on standard error."""


class JsonSink:
    """Writes one object for each piece: `text`, or `base64` for bytes that are not UTF-8."""

    def __init__(self) -> None:
        self._kept = b""
        self._epoch, self._end = 0, 0

    def write(self, chunk: LogChunk) -> None:
        """Write the piece with its attempt and its offsets, up to the last character that is complete."""
        if chunk.dropped or chunk.epoch != self._epoch:
            self.finish()
        data = self._kept + chunk.data
        complete = len(data) - _unfinished(data)
        self._epoch, self._end, self._kept = chunk.epoch, chunk.end, data[complete:]
        if complete or chunk.dropped:
            self._emit(data[:complete], end=chunk.end - len(self._kept), dropped=chunk.dropped)

    def finish(self) -> None:
        """Write what was kept back: the beginning of a character that never ended."""
        kept, self._kept = self._kept, b""
        if kept:
            self._emit(kept, end=self._end)

    def end_lost(self) -> None:
        """Write an empty piece with `lost`: where output is missing, and how much, is not known."""
        self._emit(b"", end=self._end, lost=True)

    def _emit(self, data: bytes, *, end: int, dropped: int = 0, **more: bool) -> None:
        piece: JsonObject = {
            "attempt": self._epoch,
            "offset": end - len(data),
            "end": end,
            "dropped": dropped,
            **more,
        }
        emit({**piece, **text_or_base64(data)})


def text_or_base64(data: bytes) -> JsonObject:
    """Return bytes as a field of an object: `text`, or `base64` where they are not UTF-8."""
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}


class CheckedSink:
    """Passes output on, and says on standard error where some of it is missing."""

    def __init__(self, sink: Sink, *, why: str = OVER_LIMIT) -> None:
        self._sink = sink
        self._why = why
        self.dropped = 0
        """Bytes that were left out so far."""
        self.lost = False
        """Output could not be kept; how much is not known."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing in what was written."""
        return not (self.dropped or self.lost)

    def write(self, chunk: LogChunk) -> None:
        """Write a piece, after a remark on what is missing before it; an empty piece may say so too."""
        self.lost = self.lost or chunk.lost
        if chunk.dropped:
            self.dropped += chunk.dropped
            self._sink.finish()
            note(f"{chunk.dropped:,} bytes of output are missing here: {self._why}")
        if chunk.data or chunk.dropped or chunk.lost:
            self._sink.write(chunk)

    def finish(self) -> None:
        """Write what was kept back, and whether output was lost."""
        self._sink.finish()
        if self.lost:
            self._sink.end_lost()
            note(LOST_OUTPUT)


OVER_OR_CUT = f"{OVER_LIMIT}, or it was cut when the bundle was made (--max-log)"


def open_sink(*, json: bool = False, raw: bool = False, why: str = OVER_LIMIT) -> CheckedSink:
    """Return where the output of an attempt goes on standard output; `why` some of it may be missing."""
    if json:
        return CheckedSink(JsonSink(), why=why)
    return CheckedSink(RawSink() if raw or not sys.stdout.isatty() else TextSink(), why=why)


def _unfinished(data: bytes) -> int:
    """Return how many bytes at the end are the beginning of a character, 0 to 3."""
    for length in range(1, min(3, len(data)) + 1):
        lead = data[-length]
        if lead & 0xC0 != 0x80:
            size = 2 if lead >> 5 == 0b110 else 3 if lead >> 4 == 0b1110 else 4 if lead >> 3 == 0b11110 else 1
            return length if size > length else 0
    return 0
