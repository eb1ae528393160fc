"""Observations of an attempt by its executor: its end or present state.

Returned by `ChildExecutor`; read by the engine's runner and recovery.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from core.host import Process
from core.model.ports import ProcessExit


@dataclass(frozen=True, slots=True, kw_only=True)
class Overflowed:
    """The output went over its cap where that fails the task; bytes."""

    size: int
    cap: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Vanished:
    """The wrapper ended without a status; `pids` of its family still live, sorted.

    `exit` is what a wrapper that a signal ended says itself (128 + n), if this engine reaped it.
    """

    reason: str
    pids: tuple[int, ...] = ()
    exit: ProcessExit | Overflowed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotStarted:
    """The command never ran, and never will under this epoch."""

    reason: str
    short: bool = False
    """The machine lacked something that the start needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """It had ended while no engine watched."""

    end: ProcessExit | Overflowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Living:
    """Its wrapper lives and is watched from now on."""

    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphaned:
    """Its wrapper is dead; `pids` of its family live (sorted) and are watched from now on."""

    reason: str
    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Nothing of it lives and no engine saw its end."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivor:
    """A living process of an attempt, and its command line."""

    pid: int
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftProcess:
    """A living process of an attempt that has ended; `in_session` = of the attempt's own session."""

    process: Process
    command: str
    in_session: bool


ProcessEnd: TypeAlias = ProcessExit | Overflowed | Vanished | NotStarted
"""How an attempt ended; what `wait` returns."""
Probed: TypeAlias = Finished | Living | NotStarted | Orphaned | Gone
"""What a former engine left of an attempt; what `probe` returns."""
