"""Signals that are kept, and tasks that wait for one.

Read by the store; shown by commands.
"""

from __future__ import annotations

from msgspec import Struct


class KeptSignal(Struct, frozen=True, kw_only=True):
    """A signal that no task has read; times are ms UTC."""

    id: int
    name: str
    key: str
    at: int
    expires_at: int
    by: str | None = None
    uid: str | None = None
    """The id that it is taken once by."""


class SignalWaiter(Struct, frozen=True, kw_only=True):
    """A task that waits for a signal; times are ms UTC."""

    name: str
    key: str
    task_id: int
    job_id: int
    task: str
    since: int | None = None
    fails_at: int | None = None
    is_held: bool = False


class SignalsView(Struct, frozen=True, kw_only=True):
    """What is kept, the oldest first, and who waits, the longest first."""

    kept: tuple[KeptSignal, ...] = ()
    waiters: tuple[SignalWaiter, ...] = ()
    more: bool = False
    """There are more than were asked for."""
