"""Give free pages of the store back to the disk.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

import time

from core.model.commands.purges import Shrink
from core.store.batch import Batch
from core.store.database import INCREMENTAL

PAGES_PER_BATCH = 256
SECONDS_PER_BATCH = 0.003
"""Other commands wait no longer than that, and what the commit of these pages takes."""


def apply_shrink(batch: Batch, _: Shrink) -> int:
    """Take free pages from the end of the file; return how many are left, 0 where it cannot be done."""
    ((mode,),) = batch.rows("PRAGMA auto_vacuum")
    if mode != INCREMENTAL:
        return 0
    end = time.monotonic() + SECONDS_PER_BATCH
    for _number in range(PAGES_PER_BATCH):
        # The driver takes one step of a statement without columns, which is one page.
        batch.run("PRAGMA incremental_vacuum(1)")
        if time.monotonic() >= end:
            break
    ((left,),) = batch.rows("PRAGMA freelist_count")
    return int(left)
