"""The engine lock: one owner per home, released by the kernel when the owner dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from core.model.errors import Unavailable


def is_held(path: Path) -> bool:
    """Return whether somebody owns the lock, without touching it: a look must not keep a starter out."""
    try:
        inode = path.stat().st_ino
        held = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    places = (line.split()[5] for line in held if " FLOCK " in line and "->" not in line)
    return any(place.rpartition(":")[2] == str(inode) for place in places)


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
            pid = int(self._path.read_text(encoding="ascii"))
            os.kill(pid, 0)
        except (OSError, ValueError):
            return False
        return True

    def release(self) -> None:
        """Let the lock go; the file stays."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
