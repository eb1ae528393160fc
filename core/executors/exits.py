"""Exits: how attempts ended, read from their directories.

Used by `ChildExecutor`; it keeps their outputs below a cap too.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from core.executors.observations import Overflowed
from core.executors.output_cap import OutputCap, drop_middle
from core.executors.outputs import ERR, OUT, STREAMS
from core.files.untrusted import hole_bytes
from core.model.plans import OnOverflow
from core.model.ports import ProcessExit

if TYPE_CHECKING:
    from core.executors.outputs import Outputs
    from core.model.ports import AttemptRef, ProcessCall


class Exits:
    """Read exits of attempts; a stream above its cap is trimmed, or fails its task, by policy."""

    def __init__(self, outputs: Outputs, cap: OutputCap) -> None:
        self._outputs = outputs
        self.default = cap
        """Of attempts that name none."""

    def recorded(self, ref: AttemptRef) -> ProcessExit | Overflowed | None:
        """Return the exit that the wrapper recorded; None if there is none."""
        code = self._outputs.read_status(ref)
        return None if code is None else self.with_code(ref, code)

    def with_code(self, ref: AttemptRef, code: int) -> ProcessExit | Overflowed:
        """Return the exit of an attempt whose command ended with this status."""
        if not self.within_cap(ref):
            return self.overflow(ref)
        directory, size = self._outputs.directory(ref), self._outputs.size(ref)
        err = directory / ERR
        return ProcessExit(
            code=code,
            out=directory / OUT,
            size=size,
            dropped=hole_bytes(directory / OUT) if size > self.cap(ref).size else 0,
            lost=self._outputs.is_lossy(ref),
            err=err if os.path.lexists(err) else None,
        )

    def overflow(self, ref: AttemptRef) -> Overflowed:
        """Return the end of an attempt one of whose streams is too large."""
        size = max(self._outputs.size(ref, stream) for stream in STREAMS)
        return Overflowed(size=size, cap=self.cap(ref).size)

    def within_cap(self, ref: AttemptRef) -> bool:
        """Hold each stream below its cap; False = one is above, and the task has to fail."""
        cap = self.cap(ref)
        over = [stream for stream in STREAMS if self._outputs.size(ref, stream) > cap.size]
        return all(self._trimmed(ref, stream, cap) for stream in over)

    def cap(self, ref: AttemptRef) -> OutputCap:
        """Return the cap of an attempt: its own, or that of the configuration."""
        own = self._outputs.read_limit(ref)
        return self.default if own is None else own

    def chosen(self, call: ProcessCall) -> OutputCap:
        """Return the cap for a call, the configuration's where it names none."""
        return OutputCap(
            size=self.default.size if call.output_limit is None else call.output_limit,
            policy=self.default.policy if call.on_overflow is None else call.on_overflow,
        )

    def _trimmed(self, ref: AttemptRef, stream: str, cap: OutputCap) -> bool:
        if cap.policy is OnOverflow.FAIL:
            return False
        try:
            return drop_middle(self._outputs.directory(ref) / stream, cap.size)
        except OSError:
            return False
