"""Checks of the copies of artifacts: missing ones, wrong sizes and contents.

Called by `doctor`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from core.files.copying import digest_of
from core.model.paths import Paths
from core.model.patterns.artifacts import KeptArtifact
from core.store.kept_files import kept_files

SECONDS = 20.0
"""How long contents are read; sizes are compared to the end."""
SHOWN = 20


def artifact_faults(paths: Paths) -> Iterator[str]:
    """Yield what is wrong with copies, one sentence each, at most `SHOWN`."""
    end, shown = time.monotonic() + SECONDS, 0
    for kept in kept_files(paths.db):
        fault = _fault(kept, paths, with_content=time.monotonic() < end)
        if fault is not None and shown < SHOWN:
            shown += 1
            yield f"task {kept.task_id}, artifact `{kept.file.name}`: {paths.output / kept.copy} {fault}"


def _fault(kept: KeptArtifact, paths: Paths, *, with_content: bool) -> str | None:
    path = paths.output / kept.copy
    try:
        if path.lstat().st_size != kept.file.size:
            return "has another size than when it was kept"
        if with_content and digest_of(path) != kept.file.hash:
            return "has another content than when it was kept"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None
