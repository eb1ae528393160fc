"""Artifacts: files that a task leaves for others.

Found by the engine; kept by the store.
"""

from __future__ import annotations

from msgspec import Struct


class ArtifactFile(Struct, frozen=True, kw_only=True):
    """A file of an artifact: where it lay below the folder of its task, and what is in it (SHA-256)."""

    name: str
    """Of the artifact, which may have several files."""
    path: str
    size: int
    hash: str
