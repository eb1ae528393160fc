"""The whole output of an attempt, as a file.

Made by the log screen.
"""

from __future__ import annotations

from console.exports.extract import Extract, Piece
from console.exports.file_formats import Format
from core.control.api import ControlAPI
from core.model.log_views import LogFacts
from core.model.views import LogStream
from core.render.sizes import size_text

_CHUNK = 1_048_576


def output_extract(
    control: ControlAPI, task_id: int, facts: LogFacts, *, stream: LogStream, name: str
) -> Extract:
    """Return what was written by now, in chunks; what was dropped over the limit is left out."""

    async def read(_: Format, after: str | None) -> Piece:
        chunk = await control.logs.chunk(
            task_id, epoch=facts.epoch, offset=int(after or 0), limit=_CHUNK, stream=stream
        )
        data, end = chunk.data, chunk.end
        is_last = end >= facts.size or end <= int(after or 0)
        return Piece(data=lambda: data, number=len(data), next=None if is_last else str(end))

    return Extract(
        label=f"the output of task {task_id}",
        name=name,
        formats=(Format.LOG, Format.TXT),
        read=read,
        counted=size_text,
    )
