"""Counts of what work costs, the same on every machine."""

from __future__ import annotations

import sqlite3
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Count:
    """How much was counted so far."""

    number: int = 0


@contextmanager
def counted_calls() -> Iterator[Count]:
    """Count the functions that this thread calls, those written in C among them."""
    count = Count()

    def note(frame: FrameType, event: str, argument: object) -> None:
        count.number += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield count
    finally:
        sys.setprofile(before)


@contextmanager
def counted_sql(db: sqlite3.Connection, *, every: int = 100) -> Iterator[Count]:
    """Count the instructions that SQLite carries out on a connection, to the last `every`."""
    count = Count()

    def note() -> int:
        count.number += every
        return 0

    db.set_progress_handler(note, every)
    try:
        yield count
    finally:
        db.set_progress_handler(None, every)


@contextmanager
def counted_memory() -> Iterator[Count]:
    """Count the bytes that Python holds at once, at the most."""
    count = Count()
    tracemalloc.start()
    try:
        yield count
        count.number = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
