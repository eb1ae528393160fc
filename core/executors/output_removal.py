"""Removal of attempt directories whose tasks have ended.

Called in threads by the engine's purges, after the store has decided.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from core.executors.artifacts import ArtifactStore, listed
from core.executors.output_use import size_of
from core.files.kinds import is_dir

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.executors.outputs import Outputs
    from core.model.ports import AttemptRef

_AT_ONCE = 8
"""Directories that are removed at the same time."""


def sizes_of(outputs: Outputs, task_ids: Sequence[int]) -> dict[int, int]:
    """Return what the directories of tasks take on disk, of those that have one."""
    folders = {task_id: outputs.root / str(task_id) for task_id in task_ids}
    return {task_id: size_of(folder) for task_id, folder in folders.items() if is_dir(folder)}


def remove_outputs(outputs: Outputs, refs: Sequence[AttemptRef]) -> int:
    """Remove the directories of tasks up to an attempt each; return the bytes that were freed.

    A later attempt, of a task that was run again meanwhile, keeps its own. What is gone already is fine.
    """
    # One by one most of the time is waiting for the disk: eight at once took a tenth of it.
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return sum(pool.map(partial(_remove, outputs), refs))


def _remove(outputs: Outputs, ref: AttemptRef) -> int:
    folder = outputs.root / str(ref.task_id)
    freed = 0
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        old = [one for one in entries if one.name.isdecimal() and int(one.name) <= ref.epoch]
        for one in old:
            path = folder / one.name
            freed += size_of(path)
            hashes = {*listed(path).values()}
            shutil.rmtree(path)
            ArtifactStore(outputs.root.parent).forget(hashes)
    with suppress(OSError):
        # Not empty where a later attempt is, and then it stays.
        folder.rmdir()
    return freed
