"""What a purge takes, in words.

Used by the command `purge` and the console.
"""

from __future__ import annotations

from typing import assert_never

from core.model.purges import PurgeView, PurgeWhat
from core.render.sizes import size_text


def purge_text(what: PurgeWhat, taken: PurgeView) -> str:
    """Return `3 jobs with 12 tasks and 1.2 MB of outputs`."""
    tasks = f"{taken.tasks:,} task{'' if taken.tasks == 1 else 's'}"
    size = f"{size_text(taken.bytes)} of outputs"
    match what:
        case PurgeWhat.JOBS:
            return f"{taken.jobs:,} job{'' if taken.jobs == 1 else 's'} with {tasks} and {size}"
        case PurgeWhat.TASKS:
            return f"{tasks} with {size}"
        case PurgeWhat.OUTPUTS:
            return f"{size}, of {tasks}"
        case _:
            assert_never(what)
