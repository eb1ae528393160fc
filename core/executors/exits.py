"""Exits: how attempts ended, read from their directories.

Used by `ChildExecutor`; it keeps their outputs below a cap too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.executors.observations import Overflowed
from core.executors.output_cap import OutputCap, OverCap, drop_middle
from core.executors.outputs import OUT
from core.model.ports import ProcessExit

if TYPE_CHECKING:
    from core.executors.outputs import Outputs
    from core.model.ports import AttemptRef


class Exits:
    """Read exits of attempts; an output above the cap is trimmed, or fails its task, by policy."""

    def __init__(self, outputs: Outputs, cap: OutputCap) -> None:
        self._outputs = outputs
        self._cap = cap

    def recorded(self, ref: AttemptRef) -> ProcessExit | Overflowed | None:
        """Return the exit that the wrapper recorded; None if there is none."""
        code = self._outputs.read_status(ref)
        return None if code is None else self.with_code(ref, code)

    def with_code(self, ref: AttemptRef, code: int) -> ProcessExit | Overflowed:
        """Return the exit of an attempt whose command ended with this status."""
        size = self._outputs.size(ref)
        capped = size > self._cap.size
        if capped and not self._trimmed(ref):
            return self.overflow(ref)
        return ProcessExit(code=code, out=self._outputs.directory(ref) / OUT, size=size, capped=capped)

    def overflow(self, ref: AttemptRef) -> Overflowed:
        """Return the end of an attempt whose output is too large."""
        return Overflowed(size=self._outputs.size(ref), cap=self._cap.size)

    def within_cap(self, ref: AttemptRef) -> bool:
        """Hold the output below its cap; False = it is above, and the task has to fail."""
        return self._outputs.size(ref) <= self._cap.size or self._trimmed(ref)

    def _trimmed(self, ref: AttemptRef) -> bool:
        if self._cap.policy is OverCap.FAIL:
            return False
        try:
            return drop_middle(self._outputs.directory(ref) / OUT, self._cap.size)
        except OSError:
            return False
