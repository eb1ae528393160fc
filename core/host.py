"""Ask and steer this machine: processes, sessions, files, limits (Linux >= 5.3)."""

from __future__ import annotations

import errno
import getpass
import os
import resource
import shlex
import shutil
import signal
import stat
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROC = Path("/proc")
_ENDED = frozenset("ZXx")
_SETTLE_SECONDS = 0.01
_KILL_ROUNDS = 200
_LEADER_ROUNDS = 50
_COMMAND_BYTES = 4_096
_PROC_BYTES = 131_072
_SOCKET_FOLDER = 45


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process, named so that a reused pid cannot be taken for it.

    `start` is field 22 of `/proc/PID/stat`: clock ticks since the boot of the machine.
    """

    pid: int
    start: int
    session: int


@cache
def boot_id() -> str:
    """Return the id of this boot of the machine, 36 characters."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def find_process(pid: int) -> Process | None:
    """Return the living process of a pid; None if there is none or it only waits to be reaped."""
    try:
        raw = _read_proc(pid, "stat")
    except OSError:
        return None
    # The command name may hold blanks and brackets: the fields begin after the last bracket.
    fields = raw.rpartition(b")")[2].split()
    if len(fields) < 20 or fields[0].decode("ascii", "replace") in _ENDED:
        return None
    return Process(pid=pid, start=int(fields[19]), session=int(fields[3]))


def _read_proc(pid: int, name: str) -> bytes:
    # Hundreds in a row: each call a path and a file object need beyond these costs a turn of the interpreter.
    descriptor = os.open(f"{_PROC}/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(descriptor, _PROC_BYTES):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def processes() -> Iterator[Process]:
    """Yield the living processes of this machine, in no order."""
    with os.scandir(_PROC) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        if name.isascii() and name.isdigit():
            process = find_process(int(name))
            if process is not None:
                yield process


def carries_mark(process: Process, mark: str) -> bool:
    """Return whether a process was started with the variable `mark` (`NAME=value`).

    False for processes whose environment this user may not read.
    """
    try:
        raw = _read_proc(process.pid, "environ")
    except OSError:
        return False
    return os.fsencode(mark) in raw.split(b"\0")


def command_line(process: Process) -> str | None:
    """Return the words a process was started with, quoted as for a shell; None if it has ended.

    At most 4,096 bytes; the name in brackets for one that hides them. Whoever made the process chose
    them: they may hold anything.
    """
    folder = _PROC / str(process.pid)
    try:
        with (folder / "cmdline").open("rb") as file:
            raw = file.read(_COMMAND_BYTES)
        name = (folder / "comm").read_bytes().removesuffix(b"\n")
    except OSError:
        return None
    # Looked at afterwards: a reused pid would show the words of a stranger.
    if find_process(process.pid) != process:
        return None
    words = [word.decode("utf-8", "replace") for word in raw.rstrip(b"\0").split(b"\0") if raw]
    return shlex.join(words) if words else f"[{name.decode('utf-8', 'replace')}]"


def family(leader: Process | None, mark: str) -> frozenset[Process]:
    """Return who lives in the session that `leader` began, and who carries the mark (`NAME=value`).

    The number of a session stays taken while it has members; a process that bears it as pid but
    started at another time shows that it was given away, so that its members are strangers.
    The session of the caller is never part of it.
    """
    own = os.getsid(0)
    living = [process for process in processes() if process.session != own]
    session = leader.pid if leader is not None else -1
    given_away = any(one.pid == session and one != leader for one in living)
    return frozenset(
        one for one in living if (one.session == session and not given_away) or carries_mark(one, mark)
    )


def open_pidfd(process: Process) -> int | None:
    """Open a descriptor that becomes readable when the process ends; None if it has ended.

    Raises `OSError` when the machine is short of descriptors.
    """
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    # Looked at after the descriptor holds the pid: from here on it cannot be reused unseen.
    found = find_process(process.pid)
    # Not its session: whoever begins one of its own in this moment has not ended.
    if found is not None and found.start == process.start:
        return descriptor
    os.close(descriptor)
    return None


def signal_process(process: Process, number: signal.Signals) -> bool:
    """Send a signal to exactly this process; False if it has ended or is not ours to signal."""
    descriptor = open_pidfd(process)
    if descriptor is None:
        return False
    try:
        signal.pidfd_send_signal(descriptor, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(descriptor)
    return True


def kill_family(leader: Process | None, mark: str) -> frozenset[Process]:
    """End a family by SIGKILL, also who is born meanwhile; blocks for some ms; return who was hit.

    The leader has half a second to tell how its command ended; if it stays, it is hit as well.
    """
    hit: frozenset[Process] = frozenset()
    for turn in range(_KILL_ROUNDS):
        living = family(leader, mark) - hit
        if not living:
            break
        new = living - {leader} if turn < _LEADER_ROUNDS else living
        # Parents first, so that none of them reacts to the end of a child.
        for process in sorted(new, key=lambda one: (one.start, one.pid)):
            signal_process(process, signal.SIGKILL)
        hit |= new
        time.sleep(_SETTLE_SECONDS)
    return hit


def current_umask() -> int:
    """Return the umask of this process without changing it for a moment."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o077


def find_program(name: str, *, path: str, cwd: str) -> Path | None:
    """Return the absolute path of a program, or None if it is missing or not executable.

    A name with a slash is taken from `cwd`, like relative entries of `path`; others by `path`.
    """
    for folder in [""] if "/" in name else path.split(os.pathsep):
        candidate = Path(os.path.normpath(Path(cwd) / folder)) / name
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    return None


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open a regular file; raise `OSError` for anything else.

    Never follows a link and never blocks on a pipe: a hostile program may have put the file there.
    """
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def read_data(descriptor: int, offset: int, limit: int) -> tuple[int, bytes]:
    """Read the first data at or after an offset: (where it begins, at most `limit` bytes).

    Holes of a file are stepped over; at the end of the file the bytes are empty.
    """
    size = os.fstat(descriptor).st_size
    try:
        start = os.lseek(descriptor, offset, os.SEEK_DATA)
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
    except OSError:
        # ENXIO: nothing but a hole, or the end of the file.
        return max(offset, size), b""
    return start, os.pread(descriptor, min(limit, end - start), start)


def read_tail(path: Path, limit: int) -> bytes:
    """Return the data among the last `limit` bytes of a file; holes are left out."""
    descriptor = open_regular(path)
    try:
        size = os.fstat(descriptor).st_size
        at, parts = max(0, size - limit), []
        while at < size:
            start, data = read_data(descriptor, at, size - at)
            if not data:
                break
            parts.append(data)
            at = start + len(data)
    finally:
        os.close(descriptor)
    return b"".join(parts)


def tail_text(path: Path, limit: int) -> str:
    """Return the last `limit` bytes of a file as text; what is not UTF-8 becomes U+FFFD."""
    data = read_tail(path, limit)
    if len(data) == limit:
        # The cut may have gone through a character: drop its rest (at most three bytes).
        rest = next((i for i, byte in enumerate(data[:4]) if byte & 0xC0 != 0x80), 0)
        data = data[rest:]
    return data.decode("utf-8", errors="replace")


def read_small(path: Path, limit: int) -> bytes | None:
    """Return a small file whole; None if it is absent, no regular file, or above `limit` bytes."""
    try:
        descriptor = open_regular(path)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(limit + 1)
    return data if len(data) <= limit else None


def default_home() -> Path:
    """Return the data directory used when nobody names one."""
    return user_data_path("taskdeck", appauthor=False)


def runtime_dir() -> Path | None:
    """Return a private folder with a short path for sockets that end with the boot; None if there is none."""
    named = os.environ.get("XDG_RUNTIME_DIR")
    for folder in ([Path(named) / "taskdeck"] if named else []) + [Path(f"/tmp/taskdeck-{os.getuid()}")]:  # noqa: S108
        if len(os.fsencode(folder)) <= _SOCKET_FOLDER and _is_private(folder):
            return folder
    return None


def _is_private(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    # Somebody else may have made it first, or a link in its place.
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def user_name() -> str:
    """Return the name of the user, or the number where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def free_bytes(path: Path) -> int:
    """Return the bytes this user may still write on the file system of an existing path."""
    return shutil.disk_usage(path).free


def limits() -> dict[str, int]:
    """Return the soft limits that matter here: open files, processes, file size; -1 = none."""
    names = {
        "open_files": resource.RLIMIT_NOFILE,
        "processes": resource.RLIMIT_NPROC,
        "file_bytes": resource.RLIMIT_FSIZE,
    }
    return {name: resource.getrlimit(number)[0] for name, number in names.items()}


def has_pidfd() -> bool:
    """Return whether this kernel can watch a process by descriptor (Linux >= 5.3)."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True
