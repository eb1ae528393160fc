"""Orphans: attempts whose owner is gone.

Returned by the control; shown by the console and the command `orphans`.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class OrphanKind(StrEnum):
    """What became of an orphan's owner."""

    LIVING = "living"
    """The wrapper died, processes of its session go on; the attempt keeps its slot and is watched."""
    LEFT = "left"
    """The attempt has ended and its command left processes behind; they hold no slot."""
    LOST = "lost"
    """The end of the attempt was not observed; an operator has to decide (`on_loss: ask`)."""


class OrphanView(Struct, frozen=True, kw_only=True):
    """An attempt whose end will not be observed, with what is known of it."""

    kind: OrphanKind
    task_id: int
    job_id: int
    key: str
    epoch: int
    since: int | None
    """When it was found (ms UTC)."""
    reason: str
    pids: tuple[int, ...] = ()
    commands: tuple[str, ...] = ()
    """What the living processes are, in order of `pids`."""
    kept: bool = False
    """An operator has decided to keep watching it."""
