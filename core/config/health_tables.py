"""The table of health in config.toml: lines of measures.

Read by `lines`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field, model_validator

from core.config.field_types import Bytes, Duration, Percent
from core.config.tables import Table

RATIO_MAX = 10_000


class LoadLines(Table):
    """`load = {...}`: processes for each processor."""

    soft: Annotated[float, Field(gt=0, le=RATIO_MAX)] | None = None
    """It warns above that."""
    hard: Annotated[float, Field(gt=0, le=RATIO_MAX)] | None = None
    """It is critical above that."""


class ShareLines(Table):
    """`memory`, `inodes`: the share that is left."""

    soft: Percent | None = None
    """It warns below that."""
    hard: Percent | None = None
    """It is critical below that."""


class RoomLines(Table):
    """`disk`: the bytes that are free."""

    soft: Bytes | None = None
    """It warns below that."""
    hard: Bytes | None = None
    """It is critical below that."""


class SizeLines(Table):
    """`store`, `wal`: the bytes of a file."""

    soft: Bytes | None = None
    """It warns above that."""
    hard: Bytes | None = None
    """It is critical above that."""


class TimeLines(Table):
    """`loop`, `reader`, `clock`: lengths of time."""

    soft: Duration | None = None
    """It warns above that."""
    hard: Duration | None = None
    """It is critical above that."""


class HealthTable(Table):
    """`[health]`: `{}` at a key = it has no line; a key that is left out keeps its own."""

    load: LoadLines | None = None
    """Processes that run or wait for a processor, for each processor, over a minute."""
    memory: ShareLines | None = None
    """The share of the memory that is available."""
    disk: RoomLines | None = None
    """Free room where the data directory and the outputs are."""
    inodes: ShareLines | None = None
    """The share of the inodes that is free."""
    store: SizeLines | None = None
    """The size of the store."""
    wal: SizeLines | None = None
    """The size of its write-ahead log."""
    loop: TimeLines | None = None
    """The longest time in which the engine's loop did not come round."""
    reader: TimeLines | None = None
    """The age of the oldest reader in the engine."""
    clock: TimeLines | None = None
    """By how much the wall clock was set within ten minutes."""

    @model_validator(mode="after")
    def _in_order(self) -> HealthTable:
        for name in type(self).model_fields:
            lines = getattr(self, name)
            if lines is None or lines.soft is None or lines.hard is None:
                continue
            is_falling = isinstance(lines, ShareLines | RoomLines)
            if lines.soft < lines.hard if is_falling else lines.soft > lines.hard:
                raise ValueError(f"`{name}`: `soft` must come before `hard`")
        return self


LINE_TABLES: Final[Mapping[str, type[Table]]] = {
    "load": LoadLines,
    "memory": ShareLines,
    "disk": RoomLines,
    "inodes": ShareLines,
    "store": SizeLines,
    "wal": SizeLines,
    "loop": TimeLines,
    "reader": TimeLines,
    "clock": TimeLines,
}
"""The tables within it, by their key."""
