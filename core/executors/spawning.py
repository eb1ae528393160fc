"""Start a command in its own session; a shell records its end.

Used by `ChildExecutor`.
"""

from __future__ import annotations

import errno
import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.model.errors import HandoffFailed, Invalid, MachineShort
from core.model.ports import STDIN_PATH
from core.model.shortages import shortage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

WRAPPER = r"""set -C
umask 077
exec 3<&0 4>&1 5>&2 </dev/null >/dev/null 2>&1
command exec 6<"$0" || exit 126
_taskdeck_in=/proc/self/fd/6
read -r _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _taskdeck_start _ <"/proc/$$/stat"
read -r _taskdeck_boot </proc/sys/kernel/random/boot_id
echo "$$ $_taskdeck_start $_taskdeck_boot" >"$_taskdeck_in/pid" || exit 126
trap : HUP INT QUIT PIPE ALRM TERM USR1 USR2 VTALRM PROF XCPU XFSZ
(true >|"$_taskdeck_in/ready" || exit 126; umask "$1"; shift; exec "$@" 6<&-) >&4 2>&5 3<&- 4>&- 5>&-
_taskdeck_start=$?
exec 4>&- 5>&-
trap "" HUP INT QUIT PIPE ALRM TERM USR1 USR2 VTALRM PROF XCPU XFSZ
echo >&3
read -r _ <&3 || true >"$_taskdeck_in/lost" || true >"$0/lost"
echo "exit $_taskdeck_start" >|"$_taskdeck_in/status"
[ -e "$0/status" ] || [ -e "$0/pid" ] || echo "exit $_taskdeck_start" >|"$0/status"
exit "$_taskdeck_start"
"""
"""Text for `sh -c`; `$0` is the attempt directory, `$1` the umask of the command that follows.

`set -C` makes the creation of `pid` exclusive: a wrapper that finds the file, or cannot make it, exits
without running. `ready` is emptied by the process that becomes the command, just before: while it holds
its text, nothing of the command can have run, and a wrapper that ended by itself could not fork. What a
command removes later does not bring that text back, and it cannot know it. The trap lets the shell outlive
signals to its session, so that it can still record the end; a trap that does something is put back to the
default before the command starts. The variables bear a prefix, since an assignment to one that the
environment holds would reach the command.

The directory is held open, and its files are reached through that: a home that is moved meanwhile takes
the end of the attempt along, and a new home in its old place gets nothing of it. Only a directory without
`pid`, made again after its command removed it, is written to by its name.

Standard input is the socket of the collector: when the command has ended, the wrapper asks on it, and the
answer says that all the command wrote is in its files, whatever else still holds the pipes. No signal may
break that wait off: the one that ended the command is often sent to its wrapper a moment later. Without an
answer the output may not be whole, and the file `lost` says so.
"""

_CWD_ERRORS = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP, errno.ENAMETOOLONG})


def wrap(argv: Sequence[str], *, directory: Path, umask: int) -> list[str]:
    """Return the command line that runs `argv` (its first item an absolute path) under the wrapper."""
    return ["/bin/sh", "-c", WRAPPER, str(directory), f"{umask:04o}", *argv]


@dataclass(slots=True, kw_only=True)
class Stdio:
    """Descriptors for a wrapper: its socket to the collector, the pipe or the two pipes of its command."""

    asking: int
    sinks: list[int] = field(default_factory=list)

    def close(self) -> None:
        """Close them here: the wrapper has its own."""
        for descriptor in (self.asking, *self.sinks):
            os.close(descriptor)


def spawn(
    argv: Sequence[str], *, cwd: str, env: Mapping[str, str], stdio: Stdio, stdin: bytes | None = None
) -> int:
    """Start a wrapper and return its pid; the caller reaps it.

    Its command finds `stdin` in memory, at the path that stands for `STDIN_PATH` in its arguments.

    Raises `Invalid` for what no repetition fixes (`process.cwd`, `process.too_big`, `process.text`),
    `MachineShort` for what the machine lacks now.
    """
    held: list[int] = []
    try:
        if stdin is not None:
            held.append(_in_memory(stdin))
            argv = [f"/proc/self/fd/{held[0]}" if word == STDIN_PATH else word for word in argv]
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=stdio.asking,
            stdout=stdio.sinks[0],
            stderr=stdio.sinks[-1],
            start_new_session=True,
            pass_fds=held,
        )
    except ValueError as error:
        message = f"an argument or variable cannot be passed: {error}"
        raise Invalid(
            "process.text", message, hint="fix the `with:` block of the task", facts={"reason": str(error)}
        ) from error
    except OSError as error:
        raise _refusal(error, cwd) from error
    finally:
        for descriptor in held:
            os.close(descriptor)
    # The executor reaps by pid; left open, Popen would warn about, and later wait for, a child not its own.
    process.returncode = 0
    return process.pid


def _in_memory(data: bytes) -> int:
    """Return a descriptor of these bytes, which no disk ever has."""
    descriptor = os.memfd_create("stdin")
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(data)
    return descriptor


def reap(pid: int) -> int | None:
    """Return the exit status of an own child that has ended, minus n for signal n; None if it has not."""
    try:
        ended, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if ended else None


def _refusal(error: OSError, cwd: str) -> Invalid | HandoffFailed | MachineShort:
    if error.errno == errno.E2BIG:
        return Invalid(
            "process.too_big",
            "the arguments and variables are too big for a process",
            hint="pass large values by file",
        )
    if error.errno in _CWD_ERRORS and error.filename == cwd:
        return Invalid(
            "process.cwd",
            f"cannot run in {cwd}: {error.strerror}",
            hint="fix `cwd`",
            facts={"cwd": str(cwd), "reason": error.strerror or ""},
        )
    return shortage(error) or HandoffFailed(
        "process.spawn",
        f"no process could be started: {error.strerror}",
        hint="check memory and `ulimit -u`",
        facts={"reason": error.strerror or ""},
    )
