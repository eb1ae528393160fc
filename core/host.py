"""This machine: processes, sessions, folders, limits (Linux >= 5.3).

Used by `core.app`, the engine and the executors.
"""

from __future__ import annotations

import errno
import getpass
import os
import pwd
import resource
import shlex
import shutil
import signal
import stat
import threading
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.files.kinds import is_file
from core.model.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PROC = Path("/proc")
_ENDED = frozenset("ZXx")
_SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
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
    """Return the living process of a pid; None if there is none or it only waits to be reaped.

    Raises `OSError` when the machine is too short of descriptors or memory to tell.
    """
    state, process = _stat_of(pid)
    return None if state in _ENDED else process


def find_child(pid: int) -> Process | None:
    """Return a process that its parent, the caller, has not reaped: also one that has ended.

    Raises `OSError` as `find_process` does.
    """
    return _stat_of(pid).process


class _Stat(NamedTuple):
    """What the kernel says of a process: its state ('' = there is none), and who it is."""

    state: str
    process: Process | None


def _stat_of(pid: int) -> _Stat:
    try:
        raw = _read_proc(pid, "stat")
    except OSError as error:
        # A process that cannot be looked at now is not one that has ended.
        if error.errno in _SHORT:
            raise
        return _Stat("", None)
    # The command name may hold blanks and brackets: the fields begin after the last bracket.
    fields = raw.rpartition(b")")[2].split()
    if len(fields) < 20:
        return _Stat("", None)
    state = fields[0].decode("ascii", "replace")
    return _Stat(state, Process(pid=pid, start=int(fields[19]), session=int(fields[3])))


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

    False for processes whose environment this user may not read. Raises `OSError` as `find_process` does.
    """
    try:
        raw = _read_proc(process.pid, "environ")
    except OSError as error:
        if error.errno in _SHORT:
            raise
        return False
    return os.fsencode(mark) in raw.split(b"\0")


def arguments(process: Process) -> list[bytes]:
    """Return the argv of a process, at most 4,096 bytes of it; empty if it has ended or hides it."""
    try:
        with (_PROC / str(process.pid) / "cmdline").open("rb") as file:
            raw = file.read(_COMMAND_BYTES)
    except OSError:
        return []
    return raw.rstrip(b"\0").split(b"\0") if raw else []


class MarkedProcess(NamedTuple):
    """A process and its mark; '' = it has none."""

    process: Process
    mark: str


def marked(prefix: str) -> list[MarkedProcess]:
    """Return the living processes, each with its mark: the first variable that begins with `prefix`."""
    begin, found = os.fsencode(prefix), []
    own = os.getpid()
    for process in processes():
        try:
            raw = _read_proc(process.pid, "environ")
        except OSError:
            continue
        if process.pid != own:
            mark = next((one for one in raw.split(b"\0") if one.startswith(begin)), b"")
            found.append(MarkedProcess(process, os.fsdecode(mark)))
    return found


def command_line(process: Process) -> str | None:
    """Return the argv of a process, quoted as for a shell; None if it has ended.

    At most 4,096 bytes; the name in brackets for a process that hides its argv. The process chose both:
    they may hold anything.
    """
    folder = _PROC / str(process.pid)
    argv = [argument.decode("utf-8", "replace") for argument in arguments(process)]
    try:
        name = (folder / "comm").read_bytes().removesuffix(b"\n")
    except OSError:
        return None
    # Checked afterwards: a reused pid would show the argv of another process. The session may be a new one.
    living = find_process(process.pid)
    if living is None or living.start != process.start:
        return None
    return shlex.join(argv) if argv else f"[{name.decode('utf-8', 'replace')}]"


def family(leader: Process | None, mark: str) -> frozenset[Process]:
    """Return the processes in the session that `leader` began, and those that carry the mark (`NAME=value`).

    The number of a session stays taken while it has members; a process with that pid but another start
    shows that it was given away, so that its members belong to something else.
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
    # Checked after the descriptor holds the pid: from here on it cannot be reused unseen.
    living = find_process(process.pid)
    # Not its session: a process that begins one of its own in this moment has not ended.
    if living is not None and living.start == process.start:
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
    """End a family by SIGKILL, also what is born meanwhile; block for some ms; return what was killed.

    The leader has half a second to record how its command ended; if it stays, it is killed as well.
    """
    killed: frozenset[Process] = frozenset()
    for turn in range(_KILL_ROUNDS):
        living = family(leader, mark) - killed
        if not living:
            break
        new = living - {leader} if turn < _LEADER_ROUNDS else living
        # Parents first, so that none of them reacts to the end of a child.
        for process in sorted(new, key=lambda one: (one.start, one.pid)):
            signal_process(process, signal.SIGKILL)
        killed |= new
        time.sleep(_SETTLE_SECONDS)
    return killed


def current_umask() -> int:
    """Return the umask of this process; no thread of it sees another one for a moment."""
    if threading.active_count() == 1:
        # A few hundred times faster, and nothing else runs here meanwhile.
        umask = os.umask(0o077)
        os.umask(umask)
        return umask
    return _umask_in(_read_proc(os.getpid(), "status"))


def _umask_in(status: bytes) -> int:
    _, found, rest = status.partition(b"\nUmask:")
    return int(rest.split(maxsplit=1)[0], 8) if found else 0o077


class _Environment:
    """The environment of this process, decoded again when it has changed: clients ask with each task."""

    def __init__(self) -> None:
        self._encoded: dict[bytes, bytes] | None = None
        self._read: Mapping[str, str] = {}

    def read(self) -> Mapping[str, str]:
        # What `os.environ` decodes: to compare it takes a fiftieth of the time of decoding it.
        encoded: dict[bytes, bytes] | None = getattr(os.environ, "_data", None)
        if encoded is None or encoded != self._encoded:
            self._encoded = None if encoded is None else {**encoded}
            # Half the time of `dict(os.environ)`, which decodes each name twice.
            self._read = {name: text for name, text in os.environ.items()}  # noqa: C416
        return self._read


_ENVIRONMENT = _Environment()


def own_surroundings() -> Surroundings:
    """Return the environment and the umask of this process as they are now."""
    return Surroundings(env=_ENVIRONMENT.read(), umask=current_umask())


def surroundings_of(pid: int) -> Surroundings | None:
    """Return the environment that a process of this user was started with, and its umask.

    None where it has ended or may not be read.
    """
    try:
        variables = _read_proc(pid, "environ").decode("utf-8", "surrogateescape").split("\0")
        umask = _umask_in(_read_proc(pid, "status"))
    except OSError:
        return None
    pairs = (variable.partition("=") for variable in variables)
    return Surroundings(env={name: text for name, equals, text in pairs if name and equals}, umask=umask)


def find_program(name: str, *, path: str, cwd: str) -> Path | None:
    """Return the absolute path of a program, or None if it is missing or not executable.

    A name with a slash is taken from `cwd`, like relative entries of `path`; others by `path`.
    """
    for folder in [""] if "/" in name else path.split(os.pathsep):
        candidate = Path(os.path.normpath(Path(cwd) / folder)) / name
        if is_file(candidate) and os.access(candidate, os.X_OK):
            return candidate
    return None


def default_home() -> Path:
    """Return the data directory used when none is named; raise `ValueError` if the user has none."""
    named = Path(os.environ.get("XDG_DATA_HOME", ""))
    # By the XDG rules a folder that is not absolute counts as none.
    folder = named if named.is_absolute() else _user_folder() / ".local/share"
    return folder / "taskdeck"


def _user_folder() -> Path:
    named = Path(os.environ.get("HOME", ""))
    if named.is_absolute():
        return named
    try:
        folder = Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        folder = Path()
    if not folder.is_absolute():
        raise ValueError("this user has no home directory")
    return folder


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
        status = folder.lstat()
    except OSError:
        return False
    # Another user may have made it first, or a link in its place.
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o077


def user_name() -> str:
    """Return the name of the user, or the number where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def effective_user() -> str:
    """Return the name of the user whose rights this process has, whatever the environment says."""
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


def free_bytes(path: Path) -> int:
    """Return the bytes this user may still write on the file system of an existing path."""
    return shutil.disk_usage(path).free


def free_files(path: Path) -> int | None:
    """Return how many files this user may still create there; None = the file system does not count them."""
    found = os.statvfs(path)
    return found.f_favail if found.f_files else None


def open_files_limit() -> int:
    """Return how many files this process may have open; -1 = no limit."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def file_size_limit() -> int | None:
    """Return how many bytes a file may have that this process writes; None = no limit."""
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return None if most == resource.RLIM_INFINITY else most


def has_pidfd() -> bool:
    """Return whether this kernel can watch a process by descriptor (Linux >= 5.3)."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True
