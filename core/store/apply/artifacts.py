"""Artifacts of attempts: the rows of the files that they left.

Called by the completions.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from core.model.patterns.artifacts import ArtifactFile
from core.model.values import JsonObject
from core.store.batch import Batch
from core.store.rows import Subject
from core.store.sql import raw

_KEEP = (
    "INSERT OR REPLACE INTO artifact (task_id, epoch, name, position, path, size, hash)"
    " VALUES (?, ?, CAST(? AS TEXT), ?, CAST(? AS TEXT), ?, ?)"
)


def keep_artifacts(batch: Batch, subject: Subject, files: Sequence[ArtifactFile]) -> None:
    """Write the files that an attempt left, those of one artifact together; an event for each artifact."""
    for name, grouped in groupby(files, key=attrgetter("name")):
        of_name = list(grouped)
        rows = [
            (subject.task_id, subject.attempt, raw(name), position, raw(file.path), file.size, file.hash)
            for position, file in enumerate(of_name)
        ]
        batch.many(_KEEP, rows)
        told: JsonObject = {
            "artifact": name,
            "files": len(of_name),
            "size": sum(file.size for file in of_name),
            "hash": of_name[0].hash if len(of_name) == 1 else None,
        }
        batch.event("artifact.kept", subject, actor=None, data=told)
