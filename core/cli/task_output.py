"""Write the output of a task, from any offset on.

Used by `logs`, and by `exec` and `map` while they wait.
"""

from __future__ import annotations

from core.cli.output_sinks import CheckedSink
from core.control.api import ReadingAPI
from core.model.views import LogStream

_CHUNK_BYTES = 262_144


class Tail:
    """A position in the output of a task, from which it is written on."""

    def __init__(
        self, deck: ReadingAPI, task_id: int, *, sink: CheckedSink, stream: LogStream = LogStream.OUT
    ) -> None:
        self._deck, self._task_id, self._sink, self._stream = deck, task_id, sink, stream
        self.stderr = 0
        """Bytes of standard error that are kept apart, as the last chunk said."""
        self._epoch: int | None = None
        self._offset = 0

    def seek(self, epoch: int | None, offset: int, *, sink: CheckedSink) -> None:
        """Go to an offset (negative = from the end) of an attempt (None = the latest)."""
        self._epoch, self._offset, self._sink = epoch, offset, sink

    async def drain(self) -> int:
        """Write all there is by now; return the number of the attempt, 0 if there is none."""
        while True:
            before = self._offset
            chunk = await self._deck.log(
                self._task_id, epoch=self._epoch, offset=before, limit=_CHUNK_BYTES, stream=self._stream
            )
            if chunk.epoch == 0:
                return 0
            self._epoch, self._offset = chunk.epoch, chunk.end
            self.stderr = chunk.stderr
            # An empty one as well: it may say that output is missing.
            self._sink.write(chunk)
            if not chunk.data and (before < 0 or chunk.end <= before):
                return chunk.epoch

    def finish(self) -> None:
        """Write what the sink kept back."""
        self._sink.finish()
