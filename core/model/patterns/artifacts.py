"""Artifacts: files that a task leaves for others.

Found by the engine; kept by the store.
"""

from __future__ import annotations

import re

from msgspec import Struct


class ArtifactFile(Struct, frozen=True, kw_only=True):
    """A file of an artifact: where it lay below the folder of its task, and what is in it (SHA-256)."""

    name: str
    """Of the artifact, which may have several files."""
    path: str
    size: int
    hash: str


class KeptArtifact(Struct, frozen=True, kw_only=True):
    """A file of an artifact that an attempt left, and where its copy is."""

    task_id: int
    epoch: int
    position: int
    """Among the files of its artifact, from 0."""
    file: ArtifactFile
    key: str = ""
    """Of its task."""

    @property
    def copy(self) -> str:
        """Where its copy lies below the folder of outputs."""
        return f"{self.task_id}/{self.epoch}/{copy_name(self.file, self.position)}"


PREFIX = "artifact-"
"""What the names of copies begin with."""
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,16}")


def copy_name(file: ArtifactFile, position: int) -> str:
    """Return the name of a copy in the directory of its attempt; a plain ending of the file is kept."""
    dot = file.path.rpartition("/")[2].rpartition(".")
    suffix = f".{dot[2]}" if dot[0] else ""
    return f"{PREFIX}{file.name}-{position}{suffix if _SUFFIX.fullmatch(suffix) else ''}"
