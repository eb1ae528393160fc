"""Output use: how many bytes the attempt directories take on disk.

Asked by the engine's janitor: what its own attempts wrote is added as they end, all is walked rarely.
"""

from __future__ import annotations

import time
from collections import deque
from itertools import chain, islice
from typing import TYPE_CHECKING

from core.executors.output_files import GONE, bytes_of, walk
from core.executors.task_sizes import TaskSizes
from core.model.ports import AttemptRef

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from core.executors.output_process import OutputProcess, Three

_REST = 1.0
"""How many times as long as a part of a walk took it rests after it."""


class OutputUse:
    """What the outputs of a store take.

    `measure`, `walk` and `removed` are called in threads, each of the first two once at a time.
    """

    def __init__(self, root: Path, process: OutputProcess) -> None:
        self._root = str(root)
        self._process = process
        self.sizes = TaskSizes()
        """Of tasks, but for what runs; complete once a walk has ended."""
        self._walking: TaskSizes | None = None
        """The same, as the walk that is under way finds it."""
        self._is_walked = self._is_alone = False
        self._living = 0
        self._ended: deque[AttemptRef] = deque()
        self._apart: set[AttemptRef] = set()
        """Attempts of this engine that the walk does not count: they run, or ended since it began."""

    @property
    def total(self) -> int | None:
        """Bytes on disk, holes not counted; None = not walked yet."""
        return self.sizes.total + self._living if self._is_walked else None

    def known(self, task_ids: Sequence[int]) -> dict[int, int] | None:
        """Return what the outputs of tasks take, of those that have some; None = not walked yet."""
        if not self._is_walked:
            return None
        sizes = ((task_id, self.sizes.get(task_id)) for task_id in task_ids)
        return {task_id: size for task_id, size in sizes if size is not None}

    def begun(self, ref: AttemptRef) -> None:
        """Note an attempt that may write from now on."""
        if self._walking is not None:
            self._apart.add(ref)

    def ended(self, ref: AttemptRef) -> None:
        """Note an attempt that writes no more."""
        self._ended.append(ref)

    def removed(self, task_id: int, size: int, state: int) -> None:
        """Take away what was removed of a task; `state` says what is left of it."""
        for sizes in self._kept():
            if state == GONE:
                sizes.drop(task_id)
            elif size:
                sizes.add(task_id, -size)

    def measure(self, living: Collection[AttemptRef]) -> None:
        """Count what ended since the last call, and what runs, as it stands."""
        for _ in range(len(self._ended)):
            ref = self._ended.popleft()
            size = self._size(ref)
            for sizes in self._kept() if size is not None else ():
                sizes.add(ref.task_id, size or 0)
        self._living = sum(self._size(ref) or 0 for ref in living)
        self._process.reap()

    def begin_walk(self, living: Collection[AttemptRef]) -> None:
        """Get ready to count everything again: what runs now, and what ends meanwhile, is counted apart."""
        self._apart = {*living, *self._ended}
        self._walking = TaskSizes()

    def walk(self) -> None:
        """Count everything else; long where there is much, and in a process of its own then.

        Raises `OSError` when that process is gone; the next walk does without it.
        """
        parts = walk(self._root)
        few = [*islice(parts, 2)]
        if len(few) < 2 or self._is_alone:
            self._take_all(chain(few, parts))
            return
        try:
            self._take_all(self._process.walk())
        except OSError:
            self._is_alone = True
            raise

    def _take_all(self, parts: Iterable[list[Three]]) -> None:
        begun = time.monotonic()
        for found in parts:
            self._take(found)
            time.sleep(_REST * (time.monotonic() - begun))
            begun = time.monotonic()

    def _take(self, found: list[Three]) -> None:
        assert self._walking is not None
        for task_id, epoch, size in found:
            if (task_id, epoch) not in self._apart:
                self._walking.add(task_id, size)

    def end_walk(self) -> None:
        """Take the result of a walk."""
        if self._walking is not None:
            self.sizes, self._walking, self._is_walked = self._walking, None, True
        self._apart.clear()

    def _kept(self) -> Iterator[TaskSizes]:
        yield self.sizes
        if self._walking is not None:
            yield self._walking

    def _size(self, ref: AttemptRef) -> int | None:
        return bytes_of(f"{self._root}/{ref.task_id}/{ref.epoch}")
