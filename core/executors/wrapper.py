"""The minimal shell around a child, which records its start and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WRAPPER = r"""set -C
umask 077
read -r _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _taskdeck_start _ <"/proc/$$/stat"
read -r _taskdeck_boot </proc/sys/kernel/random/boot_id
echo "$$ $_taskdeck_start $_taskdeck_boot" >"$0/pid" || exit 0
trap : HUP INT TERM
(umask "$1"; shift; exec "$@") >>"$0/out" 2>&1
_taskdeck_start=$?
echo "exit $_taskdeck_start" >|"$0/status"
exit "$_taskdeck_start"
"""
"""Text for `sh -c`; `$0` is the attempt directory, `$1` the umask of the command that follows.

`set -C` makes the creation of `pid` exclusive: a wrapper that finds the file exits without running. The trap
lets the shell outlive the polite signal to its session, so that it can still record the end; a trap
that does something is put back to the default before the command starts. The variables bear a prefix,
since an assignment to one that the environment holds would reach the command.
"""


def wrap(argv: Sequence[str], *, directory: Path, umask: int) -> list[str]:
    """Return the command line that runs `argv` (its first item an absolute path) under the wrapper."""
    return ["/bin/sh", "-c", WRAPPER, str(directory), f"{umask:04o}", *argv]
