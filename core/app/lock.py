"""The engine lock: one owner per home, released by the kernel when the owner dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from core.host import Process, find_process
from core.model.errors import Unavailable


def is_held(path: Path) -> bool:
    """Return whether somebody owns the lock, without touching it: a look must not keep a starter out."""
    return bool(_holders(path))


def find_owner(path: Path) -> Process | None:
    """Return the living process that owns the lock: named by the kernel, and seen to hold the file."""
    for pid in _holders(path):
        process = find_process(pid)
        if process is not None and _has_open(process, path):
            return process
    return None


def _holders(path: Path) -> list[int]:
    """Return the pids that the kernel lists for the lock; it is one, or none."""
    try:
        inode = path.stat().st_ino
        held = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    lines = (line.split() for line in held if " FLOCK " in line and "->" not in line)
    return [int(words[4]) for words in lines if words[5].rpartition(":")[2] == str(inode)]


def _has_open(process: Process, path: Path) -> bool:
    # The list names files by inode alone where file systems lie on top of each other.
    try:
        wanted = path.stat()
        with os.scandir(f"/proc/{process.pid}/fd") as entries:
            return any(_is_file(entry.path, wanted) for entry in entries)
    except OSError:
        return False


def _is_file(link: str, wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(Path(link).stat(), wanted)
    except OSError:
        return False


class EngineLock:
    """A file lock that children never inherit."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock; False when another process has it."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise Unavailable(
                "lock.unusable",
                f"cannot open {self._path}: {error.strerror}",
                hint="mend the permissions or choose another --home",
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        self._descriptor = descriptor
        return True

    def owner_lives(self) -> bool:
        """Return whether the process that took the lock last is still there."""
        try:
            return find_process(int(self._path.read_text(encoding="ascii"))) is not None
        except (OSError, ValueError):
            return False

    def release(self) -> None:
        """Let the lock go; the file stays."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
