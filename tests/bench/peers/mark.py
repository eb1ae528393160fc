"""The benchmark connector `mark`: an empty task that appends 16 bytes.

It writes its mark to the file of the peer harness.
"""

from __future__ import annotations

import os
import struct
import time
from functools import partial
from typing import TYPE_CHECKING

from core.connectors.base import Input, Plain, parse_input
from core.model.ports import InlineCall

if TYPE_CHECKING:
    from core.model.ports import CallContext
    from core.model.values import JsonObject, JsonValue


class MarkInput(Input):
    """What `with:` of a mark holds."""

    index: int


class Mark(Plain):
    """Append (index, monotonic ns) to the file named by BENCH_LOG; the output is the index."""

    name = "mark"
    schema = MarkInput

    def __init__(self) -> None:
        self._file = os.open(os.environ["BENCH_LOG"], os.O_WRONLY | os.O_APPEND)

    def call(self, with_: JsonObject, context: CallContext) -> InlineCall:
        """Make the call; raise `Invalid` for a faulty input."""
        return InlineCall(run=partial(self._mark, parse_input(MarkInput, with_).index))

    async def _mark(self, index: int) -> JsonValue:
        os.write(self._file, struct.pack("qq", index, time.monotonic_ns()))
        return index
