"""Size and remove the files of attempts.

Used in the engine; and run by path as a process of its own, so that many calls for the disk do not take turns
with the threads of the engine; the standard library only. That process reads requests as lines of JSON, and
writes an answer to each:

`["remove", [[task, epoch], ...]]` - `[[task, bytes, state], ...]`, see `remove_plain`;
`["walk", is_first]` - `[[task, epoch, bytes], ...]` of the next folders, see `walk`; null = that was all.
"""

from __future__ import annotations

import errno
import json
import os
import select
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BLOCK = 512
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
AT_ONCE = 8
"""Directories that are removed at the same time: one by one most of the time is waiting for the disk."""
WALKED = 500
"""Task folders of one answer of a walk."""
NICE = 5
"""The process lets others go first on a busy machine; they cannot keep it from working."""
IDLE_SECONDS = 60.0
"""The process ends when it was not asked for so long."""
SUMS = "artifacts.sha256"
"""Checksums of the artifacts of an attempt, as `sha256sum -c` reads them."""
GONE: Final = 0
"""Nothing of the task is left."""
KEPT: Final = 1
"""A later attempt is left."""
LEFT: Final = 2
"""Something that is not plain is left of an attempt that was to go."""


def bytes_of(folder: str) -> int | None:
    """Return what the files below a folder take on disk; None without one. What vanishes takes nothing."""
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    total = 0
    with entries:
        for one in entries:
            if one.is_dir(follow_symlinks=False):
                total += bytes_of(one.path) or 0
                continue
            with suppress(FileNotFoundError):
                total += one.stat(follow_symlinks=False).st_blocks * BLOCK
    return total


def attempts_of(folder: str) -> list[tuple[int, int]]:
    """Return the attempts in the folder of a task with what they take; epoch 0 is what is none."""
    try:
        with os.scandir(folder) as entries:
            names = [one.name for one in entries if one.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [(_number(name), bytes_of(f"{folder}/{name}") or 0) for name in names]


def remove_plain(root: str, task: int, epoch: int) -> tuple[int, int]:
    """Remove the attempts of a task up to an epoch; return the bytes this freed, and what is left.

    An attempt with artifacts, or with anything but files in it, is left to the engine.
    """
    try:
        folder = os.open(f"{root}/{task}", _FOLDER)
    except FileNotFoundError:
        return 0, GONE
    except OSError:
        return 0, LEFT
    freed, state = 0, GONE
    try:
        for name in os.listdir(folder):  # noqa: PTH208
            if not 0 < _number(name) <= epoch:
                continue
            try:
                freed += _remove_attempt(folder, name)
            except OSError:
                state = LEFT
    finally:
        os.close(folder)
    try:
        os.rmdir(f"{root}/{task}")  # noqa: PTH106
    except FileNotFoundError:
        return freed, state
    except OSError:
        state = max(state, KEPT)
    return freed, state


def _remove_attempt(folder: int, name: str) -> int:
    # By descriptors, and no link is followed: a task may have put one there.
    attempt, freed = os.open(name, _FOLDER, dir_fd=folder), 0
    try:
        with os.scandir(attempt) as entries:
            files = {one.name: one.is_dir(follow_symlinks=False) for one in entries}
        if SUMS in files or any(files.values()):
            raise OSError(errno.ENOTSUP, "not plain", name)
        for file in files:
            blocks = os.lstat(file, dir_fd=attempt).st_blocks
            os.unlink(file, dir_fd=attempt)
            freed += blocks * BLOCK
    finally:
        os.close(attempt)
    os.rmdir(name, dir_fd=folder)
    return freed


def _number(name: str) -> int:
    return int(name) if name.isdecimal() else 0


def remove_all(
    root: str, refs: Sequence[tuple[int, int]], pool: ThreadPoolExecutor
) -> list[tuple[int, int, int]]:
    """Remove plain attempts, several at the same time; return task, bytes and state of each."""

    def some(part: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
        return [(task, *remove_plain(root, task, epoch)) for task, epoch in part]

    return [one for part in pool.map(some, [refs[at::AT_ONCE] for at in range(AT_ONCE)]) for one in part]


def walk(root: str) -> Iterator[list[tuple[int, int, int]]]:
    """Yield what the attempts of all tasks take, those of so many folders at a time; task 0 is none."""
    found = list[tuple[int, int, int]]()
    try:
        entries = os.scandir(root)
    except FileNotFoundError:
        return
    with entries:
        for number, one in enumerate(entries, 1):
            if one.is_dir(follow_symlinks=False):
                task = _number(one.name)
                found += [(task, epoch, size) for epoch, size in attempts_of(one.path)]
            if number % WALKED == 0:
                yield found
                found = []
    if found:
        yield found


def main() -> None:
    """Answer until nothing is asked for a while, or the engine is gone."""
    os.nice(NICE)
    root, walking = sys.argv[1], iter(list[list[tuple[int, int, int]]]())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while select.select([sys.stdin], [], [], IDLE_SECONDS)[0]:
            line = sys.stdin.readline()
            if not line:
                return
            what, given = json.loads(line)
            answer: object
            if what == "remove":
                answer = remove_all(root, given, pool)
            else:
                walking = walk(root) if given else walking
                answer = next(walking, None)
            sys.stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
