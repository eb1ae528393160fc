"""Write the output of a task, from any offset on.

Used by `logs`, and by `exec` and `map` while they wait.
"""

from __future__ import annotations

from collections.abc import Callable

from core.cli.output import note
from core.cli.output_sinks import CheckedSink
from core.control.api import ReadingAPI
from core.model.values import ID_MAX
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
        self.offset = 0

    def seek(self, epoch: int | None, offset: int, *, sink: CheckedSink) -> None:
        """Go to an offset (negative = from the end) of an attempt (None = the latest)."""
        self._epoch, self.offset, self._sink = epoch, offset, sink

    async def drain(self, *, end: int = ID_MAX) -> int:
        """Write all there is by now, up to an offset; return the number of the attempt, 0 = there is none."""
        while True:
            before = self.offset
            limit = max(0, min(_CHUNK_BYTES, end - before)) if before >= 0 else _CHUNK_BYTES
            chunk = await self._deck.logs.chunk(
                self._task_id, epoch=self._epoch, offset=before, limit=limit, stream=self._stream
            )
            if chunk.epoch == 0:
                return 0
            self._epoch, self.offset = chunk.epoch, chunk.end
            self.stderr = chunk.stderr
            # An empty one as well: it may say that output is missing.
            self._sink.write(chunk)
            if not chunk.data and (before < 0 or chunk.end <= before):
                return chunk.epoch

    def finish(self) -> None:
        """Write what the sink kept back."""
        self._sink.finish()


class OutputFollower:
    """Writes the output of a task as it comes, attempt after attempt."""

    def __init__(self, deck: ReadingAPI, task_id: int, *, new_sink: Callable[[], CheckedSink]) -> None:
        self._deck, self._task_id, self._new_sink = deck, task_id, new_sink
        self._sink = new_sink()
        self._tail = Tail(deck, task_id, sink=self._sink)
        self._epoch = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing in what the last attempt wrote."""
        return self._sink.is_whole

    async def step(self) -> bool:
        """Write what has come since the last step; False = nothing has."""
        return await self._drain() or (await self._go_on() and await self._drain())

    async def finish(self) -> None:
        """Write all that there is, of a task that has ended."""
        await self._drain()
        while await self._go_on():
            await self._drain()
        self._tail.finish()

    async def _drain(self) -> bool:
        if not self._epoch:
            return False
        before = self._tail.offset
        await self._tail.drain()
        return self._tail.offset > before

    async def _go_on(self) -> bool:
        """Go to the next attempt, if it has begun; what the last one wrote is written by then."""
        attempts = (await self._deck.task(self._task_id)).attempts
        later = min((one.epoch for one in attempts if one.epoch > self._epoch), default=0)
        if not later:
            return False
        await self._drain()
        self._tail.finish()
        if self._epoch:
            note(f"attempt {later}")
        self._epoch, self._sink = later, self._new_sink()
        self._tail.seek(later, 0, sink=self._sink)
        return True
