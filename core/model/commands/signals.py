"""The command that takes a signal, and what became of it.

Made by the control; carried out by the store.
"""

from __future__ import annotations

from msgspec import Struct

from core.model.commands.work import ENGINE, Command, RowRef
from core.model.values import JsonValue


class Signalled(Struct, frozen=True, kw_only=True):
    """What became of a signal: the task that it answered, None = it is kept for one."""

    signal_id: int
    task_id: int | None = None
    duplicate: bool = False
    """It had come before, by its id; nothing was done."""


class Signal(Command[Signalled], frozen=True, kw_only=True):
    """Answer the task that waits for this name and key, or the next that will, within `keep_ms`."""

    name: str
    key: str = ""
    data: JsonValue = None
    uid: str | None = None
    keep_ms: int
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return ()
