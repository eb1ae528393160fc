"""ArtifactKeeper: keeps the artifacts of attempts, outside the loop.

Used by the results of tasks and by the engine's start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from threading import Event

from core.executors.artifacts import ArtifactStore, Folders
from core.executors.outputs import Outputs
from core.files.kinds import is_dir
from core.model.crash_points import crash_point
from core.model.patterns.artifacts import ArtifactFile
from core.model.ports import AttemptRef

AT_ONCE = 2
"""Attempts whose files are copied at the same time: more would only wait for the disk."""


class ArtifactKeeper:
    """Copies files into a data directory, in threads."""

    def __init__(self, outputs: Outputs, home: Path, *, most: int = 2**30) -> None:
        self._store = ArtifactStore(home)
        self._outputs = outputs
        self._home = home
        self.most = most
        """Bytes of the artifacts of one attempt."""
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def open(self) -> None:
        """Remove what a former engine did not finish."""
        if is_dir(self._store.root):
            await asyncio.to_thread(self._store.open)

    async def keep(
        self, ref: AttemptRef, patterns: Mapping[str, str], folder: Path
    ) -> tuple[ArtifactFile, ...]:
        """Keep the files of an attempt; raise `Invalid`, `Unavailable` (`artifact.*`)."""
        stop, attempt = Event(), self._outputs.directory(ref)
        folders = Folders(cwd=folder.absolute(), home=self._home.absolute())
        try:
            async with self._turn:
                kept = await asyncio.to_thread(
                    self._store.keep, patterns, folders, attempt, most=self.most, stop=stop
                )
        finally:
            # A thread that copies for an engine that stops ends with its next piece.
            stop.set()
        crash_point("artifacts.kept")
        return kept
