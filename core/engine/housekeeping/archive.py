"""Archive of rows that go, compressed, a file a day.

Used by the engine's retention.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from core.store.archive import ArchivedRows, archive_lines


class Archive:
    """One file a day below a folder: JSON lines in zstd frames, each on the disk before its rows go."""

    def __init__(self, folder: Path, store: Path) -> None:
        self._folder = folder
        self._store = store

    def append(self, chosen: ArchivedRows, *, wall: int) -> None:
        """Write what these have; raise `OSError`, or as readers of the store do. Runs in a thread.

        Rows whose purge was cut off are there twice.
        """
        # By name: few stores have an archive, and every engine would load it.
        zstandard = import_module("zstandard")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        day = datetime.fromtimestamp(wall / 1000, UTC).date().isoformat()
        frame = zstandard.ZstdCompressor(level=6).compress(b"".join(archive_lines(self._store, chosen)))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._folder / f"{day}.jsonl.zst", flags, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(frame)
            file.flush()
            os.fsync(file.fileno())
