"""Named points at which a test may kill the process.

Called by the engine, the executors and the store; the tests prove that nothing is lost there.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "TASKDECK_CRASH"
"""`NAME` or `NAME:N`: die by SIGKILL at the N-th passage of that point (default the first)."""

POINTS = (
    "upgrade.begun",
    "upgrade.copying",
    "upgrade.copied",
    "upgrade.migrated",
    "upgrade.committed",
    "journal.begun",
    "journal.applied",
    "journal.committed",
    "runner.claimed",
    "child.prepared",
    "child.spawned",
    "childjob.begun",
    "childjob.placed",
    "childjob.ended",
    "childjob.answered",
    "worklet.asked",
    "runner.killing",
    "artifacts.kept",
    "runner.ended",
    "recovery.begun",
    "recovery.ended",
    "stop.begun",
    "purge.decided",
    "purge.removed",
    "purge.swept",
    "backup.begun",
    "backup.copying",
    "backup.copied",
    "backup.checked",
    "backup.written",
    "backup.placed",
    "restore.begun",
    "restore.copied",
    "restore.owned",
    "restore.checked",
    "restore.placed",
    "compact.begun",
    "compact.written",
    "compact.checked",
    "compact.placed",
)

_name, _, _count = os.environ.get(VARIABLE, "").partition(":")
_left = int(_count) if _count.isdigit() else 1


def crash_point(name: str) -> None:
    """Die here if the environment asks for it; otherwise do nothing."""
    global _left  # noqa: PLW0603 - one process, one countdown
    if name != _name:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
