"""Output use: how many bytes the attempt directories take on disk.

Asked by the engine's janitor: what its own attempts wrote is added as they end, all is walked rarely.
"""

from __future__ import annotations

import os
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from core.model.ports import AttemptRef

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_BLOCK = 512
_BURST, _REST = 256, 4.0
"""Task directories of a walk that are read at once, and how many times as long the walk rests after them."""


class OutputUse:
    """What the outputs of a store take; only `measure` and `walk` are called in threads, once at a time."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._walked: int | None = None
        self._measured = self._removed = self._living = 0
        """Of attempts that ended since the last walk began; what was removed; what runs, as last seen."""
        self._before = (0, 0)
        self._ended: deque[AttemptRef] = deque()
        self._apart: set[AttemptRef] = set()
        """Attempts of this engine that no walk counts: they run, or ended since the last one began."""

    @property
    def total(self) -> int | None:
        """Bytes on disk, holes not counted; None = not walked yet."""
        if self._walked is None:
            return None
        return max(0, self._walked + self._measured - self._removed + self._living)

    def begun(self, ref: AttemptRef) -> None:
        """Note an attempt that may write from now on."""
        self._apart.add(ref)

    def ended(self, ref: AttemptRef) -> None:
        """Note an attempt that writes no more."""
        self._ended.append(ref)

    def removed(self, size: int) -> None:
        """Take away what was removed."""
        self._removed += size

    def measure(self, living: Collection[AttemptRef]) -> None:
        """Count what ended since the last call, and what runs, as it stands."""
        for _ in range(len(self._ended)):
            self._measured += self._size(self._ended.popleft())
        self._living = sum(map(self._size, living))

    def begin_walk(self, living: Collection[AttemptRef]) -> None:
        """Get ready to count everything again: what runs now, and what ends meanwhile, is counted apart."""
        self._apart = {*living, *self._ended}
        self._before = (self._measured, self._removed)

    def walk(self) -> int:
        """Return what everything else takes; long where there is much, and mostly at rest then."""
        total, begun = 0, time.monotonic()
        for number, task in enumerate(_folders(self._root), 1):
            total += sum(size_of(one) for one in _folders(task) if _ref(task, one) not in self._apart)
            if number % _BURST == 0:
                time.sleep(_REST * (time.monotonic() - begun))
                begun = time.monotonic()
        return total

    def end_walk(self, total: int) -> None:
        """Take the result of a walk."""
        self._walked = total
        self._measured -= self._before[0]
        self._removed -= self._before[1]

    def _size(self, ref: AttemptRef) -> int:
        return size_of(self._root / str(ref.task_id) / str(ref.epoch))


def size_of(folder: Path) -> int:
    """Return the bytes that the files below a folder take on disk; what vanishes meanwhile takes nothing."""
    blocks = 0
    for inner, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                blocks += os.lstat(os.path.join(inner, name)).st_blocks  # noqa: PTH118
    return blocks * _BLOCK


def _folders(root: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError), os.scandir(root) as entries:
        for one in entries:
            if one.is_dir(follow_symlinks=False):
                yield Path(one.path)


def _ref(task: Path, attempt: Path) -> AttemptRef | None:
    if not (task.name.isdecimal() and attempt.name.isdecimal()):
        return None
    return AttemptRef(task_id=int(task.name), epoch=int(attempt.name))
