"""TaskSizes: what the outputs of tasks take, by task.

Kept by `OutputUse`; four bytes a task.
"""

from __future__ import annotations

from array import array
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK = 512
_PART = 4_096
_MOST = 2**32 - 2


class TaskSizes:
    """Bytes by task id, in parts of neighbouring ids; a task with empty files has an entry as well.

    Threads may add and drop at the same time as another looks.
    """

    def __init__(self) -> None:
        self._parts: dict[int, array[int]] = {}
        self._lock = Lock()
        self.total = 0

    def get(self, task_id: int) -> int | None:
        """Return the bytes of a task, None if it has no outputs."""
        part = self._parts.get(task_id // _PART)
        # One more than its blocks: 0 is a task without outputs.
        entry = part[task_id % _PART] if part is not None else 0
        return (entry - 1) * _BLOCK if entry else None

    def add(self, task_id: int, size: int) -> None:
        """Count more bytes (fewer, if negative) of a task that has outputs."""
        at = task_id % _PART
        with self._lock:
            part = self._parts.get(task_id // _PART)
            if part is None:
                part = self._parts[task_id // _PART] = array("I", bytes(4 * _PART))
            before = max(1, part[at])
            part[at] = after = min(_MOST, max(1, before + size // _BLOCK))
            self.total += (after - before) * _BLOCK

    def drop(self, task_id: int) -> None:
        """Forget a task, whose outputs are gone."""
        with self._lock:
            part = self._parts.get(task_id // _PART)
            if part is not None and part[task_id % _PART]:
                self.total -= (part[task_id % _PART] - 1) * _BLOCK
                part[task_id % _PART] = 0

    def after(self, task_id: int, most: int) -> list[int]:
        """Return the next ids above one that have outputs, rising."""
        with self._lock:
            return [*islice(self._after(task_id), most)]

    def _after(self, task_id: int) -> Iterator[int]:
        first = task_id + 1
        for number in sorted(one for one in self._parts if one >= first // _PART):
            part, start = self._parts[number], number * _PART
            at = max(0, first - start)
            found = [one for one, entry in enumerate(part[at:], start + at) if entry]
            if not found and not any(part):
                del self._parts[number]
            yield from found
