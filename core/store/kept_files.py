"""All artifacts of a store, read without an engine.

Used by `doctor`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from core.model.patterns.artifacts import ArtifactFile, KeptArtifact
from core.store.readers import open_readonly

# Those whose removal is decided may be gone, or not.
_ALL = (
    "SELECT a.task_id, a.epoch, a.name, a.position, a.path, a.size, a.hash FROM artifact a"
    " WHERE NOT EXISTS (SELECT 1 FROM removal r WHERE r.task_id = a.task_id AND r.epoch >= a.epoch)"
)


def kept_files(path: Path) -> Iterator[KeptArtifact]:
    """Yield the files of all artifacts; raise `Unavailable` where the store cannot be read."""
    with closing(open_readonly(path)) as db:
        for task_id, epoch, name, position, file, size, digest in db.execute(_ALL):
            kept = ArtifactFile(name=name, path=file, size=size, hash=digest)
            yield KeptArtifact(task_id=task_id, epoch=epoch, position=position, file=kept)
