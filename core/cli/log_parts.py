"""Heads and tails of an output, as offsets of its bytes.

Used by `logs`.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.control.api import LogLines, ReadingAPI
from core.model.errors import Invalid
from core.model.log_views import LOG_END, LogPage, Way
from core.model.sizes import parse_size
from core.model.views import LogStream

_LINES_MOST = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How much of an output is wanted: lines, or bytes; the other one is 0."""

    lines: int = 0
    size: int = 0


def read_part(text: str) -> Part:
    """Read `20` (lines) or `64KiB` (bytes); raise `Invalid` (`logs.part`)."""
    if text.isascii() and text.isdigit() and 1 <= int(text[:12]) <= _LINES_MOST:
        return Part(lines=int(text[:12]))
    try:
        size = 0 if text[-1:].isdigit() else parse_size(text)
    except Invalid:
        size = 0
    if not size:
        raise Invalid(
            "logs.part",
            f"'{text[:40]}' is neither a number of lines nor a size",
            hint="give lines, as 20, or bytes with their unit, as 64KiB or 500B",
            facts={"text": text[:40]},
        )
    return Part(size=size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output of a task; `epoch` None = of the latest attempt."""

    task_id: int
    epoch: int | None
    stream: LogStream


async def end_of_head(deck: ReadingAPI, output: Output, part: Part) -> int:
    """Return where the first lines, or bytes, of an output end."""
    at, left = 0, part.lines
    while left > 0:
        page = await _page(deck, output, at, way=Way.FORWARD, lines=left)
        left -= len(page.starts)
        if page.end <= at:
            break
        at = page.end
    return max(at, part.size)


async def begin_of_tail(deck: ReadingAPI, output: Output, part: Part) -> int:
    """Return where the last lines of an output begin; negative = so many bytes before its end."""
    if part.size:
        return -part.size
    at, left = LOG_END, part.lines
    while left > 0 and at > 0:
        page = await _page(deck, output, at, way=Way.BACKWARD, lines=left)
        left -= len(page.starts)
        at = page.begin
    return at


async def _page(deck: ReadingAPI, output: Output, at: int, *, way: Way, lines: int) -> LogPage:
    return await deck.logs.lines(
        LogLines(
            task_id=output.task_id,
            epoch=output.epoch,
            stream=output.stream,
            offset=at,
            way=way,
            lines=min(lines, 2_000),
        )
    )
