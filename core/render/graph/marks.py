"""Marks behind the keys of tasks in graphs.

Used by the drawings of documents and by the console's graph.
"""

from __future__ import annotations

from core.model.views import TaskView

WAITING_KINDS = frozenset({"file", "human", "job", "signal", "wait", "workflow"})
"""What such a task uses takes no slot: it waits until an answer comes."""
TOLERATED = "~"
"""Its failure is tolerated."""
WAITS = ":"
"""Stands between a key and the kind for which it waits."""


def marked_key(task: TaskView) -> str:
    """Return the key of a task, with what it waits for by, and whether its failure is tolerated.

    Of a group with how many of its instances ended: `transcode[812/1,000 x3]`.
    """
    group = f"[{task.instances.short}]" if task.instances is not None else ""
    waits = f"{WAITS}{task.uses}" if task.uses in WAITING_KINDS else ""
    return f"{task.key}{group}{waits}{TOLERATED if task.tolerated else ''}"
