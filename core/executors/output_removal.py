"""Removal of attempt directories whose tasks have ended.

Called in threads by the engine's purges, after the store has decided.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from core.executors.artifacts import ArtifactStore, listed
from core.executors.output_files import AT_ONCE, GONE, KEPT, LEFT, bytes_of, remove_all
from core.files.kinds import exists

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.executors.output_process import Three
    from core.executors.outputs import Outputs
    from core.model.ports import AttemptRef

_FEW = 50
"""Tasks for which no process is started."""


def sizes_of(outputs: Outputs, task_ids: Sequence[int]) -> dict[int, int]:
    """Return what the directories of tasks take on disk, of those that have one."""
    sizes = ((task_id, bytes_of(f"{outputs.root}/{task_id}")) for task_id in task_ids)
    return {task_id: size for task_id, size in sizes if size is not None}


def remove_outputs(outputs: Outputs, refs: Sequence[AttemptRef]) -> int:
    """Remove the directories of tasks up to an attempt each; return the bytes that were freed.

    A later attempt, of a task that was run again meanwhile, keeps its own. What is gone already is fine.
    """
    epochs, total = dict(refs), 0
    for task_id, plain, state in _remove_plain(outputs, refs):
        if state == LEFT:
            freed = plain + _remove(outputs, task_id, epochs[task_id])
            left = KEPT if exists(outputs.root / str(task_id)) else GONE
        else:
            freed, left = plain, state
        outputs.use.removed(task_id, freed, left)
        total += freed
    return total


def _remove_plain(outputs: Outputs, refs: Sequence[AttemptRef]) -> list[Three]:
    if len(refs) > _FEW:
        with suppress(OSError):
            return outputs.process.remove(refs)
    with ThreadPoolExecutor(max(1, min(AT_ONCE, len(refs)))) as pool:
        return remove_all(str(outputs.root), refs, pool)


def _remove(outputs: Outputs, task_id: int, epoch: int) -> int:
    folder = outputs.root / str(task_id)
    freed = 0
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        old = [one for one in entries if one.name.isdecimal() and int(one.name) <= epoch]
        for one in old:
            path = folder / one.name
            if not one.is_dir(follow_symlinks=False):
                path.unlink()
                continue
            freed += bytes_of(one.path) or 0
            hashes = {*listed(path).values()}
            shutil.rmtree(path)
            ArtifactStore(outputs.root.parent).forget(hashes)
    with suppress(OSError):
        # Not empty where a later attempt is, and then it stays.
        folder.rmdir()
    return freed
