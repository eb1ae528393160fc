"""Outputs: the attempt directories, with what a child leaves there.

Used by `ChildExecutor`, by the engine and for reading logs.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from core import host
from core.executors.output_cap import OutputCap
from core.executors.output_process import OutputProcess
from core.executors.output_use import OutputUse
from core.executors.room import Room, short_disk
from core.files.kinds import exists
from core.files.untrusted import open_regular, read_extent, read_small
from core.model.errors import Unavailable
from core.model.limits.usage import FILE
from core.model.plans import OnOverflow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from core.model.ports import AttemptRef

OUT, ERR, PID, STATUS = "out", "err", "pid", "status"
READY, LOST, LIMIT = "ready", "lost", "limit"
ORDER = "order"
"""In which order the bytes of two streams came, written by the collector."""
STREAMS = (OUT, ERR)
TIMES = tuple(f"{stream}.times" for stream in STREAMS)
"""Of each stream: which of its bytes came when, written by the collector."""
CHUNK_BYTES = 65_536
_STATUS = re.compile(rb"exit (0|[1-9][0-9]{0,2})\n")
_PID = re.compile(rb"([1-9][0-9]{0,9}) ([0-9]{1,19}) ([0-9a-f-]{36})\n")
_LIMIT = re.compile(rb"([1-9][0-9]{0,18}) (drop_middle|fail)\n")
_REVOKED = b"revoked\n"
_READY = re.compile(rb"ready ([0-9a-f-]{36})(?: [0-9a-f]{16})?\n")
_SMALL = 256
_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What the wrapper wrote into `pid`: its process, and the boot it runs in."""

    process: host.Process
    boot: str


PidFile: TypeAlias = Started | Literal["absent", "revoked", "unreadable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of output; `offset` is where its data begins, later than asked for if a hole was left out."""

    offset: int
    data: bytes
    size: int
    """Bytes written by the child so far, dropped ones included."""

    @property
    def next(self) -> int:
        """Where to read on."""
        return self.offset + len(self.data)


class Outputs:
    """The tree `output/<task>/<epoch>/`: directories 0700, files 0600, whatever the umask."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._root = str(self.root)
        self.process = OutputProcess(self.root)
        self.use = OutputUse(self.root, self.process)
        self._ready: dict[AttemptRef, bytes] = {}
        """What `ready` of attempts that were prepared here holds: no command can know it."""

    def directory(self, ref: AttemptRef) -> Path:
        """Return the absolute directory of an attempt, which need not exist."""
        return Path(self.path(ref))

    def path(self, ref: AttemptRef) -> str:
        """Return the same as text: most calls need no more, and a path takes long to make."""
        return f"{self._root}/{ref.task_id}/{ref.epoch}"

    def prepare(
        self,
        ref: AttemptRef,
        files: Mapping[str, bytes],
        *,
        streams: Sequence[str] = (OUT,),
        cap: OutputCap | None = None,
    ) -> Path:
        """Make the directory of an attempt with empty streams, `ready`, these files, a cap; return it.

        Raises `OSError`: `FileExistsError` for a directory that has an `out`, a `pid` or a `status`, else
        what the disk says.
        """
        directory = self._make(ref)
        for name in (PID, STATUS):
            if os.path.lexists(directory / name):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(directory / name))
        for stream in streams:
            write_new(directory / stream, b"")
        if cap is not None:
            write_new(directory / LIMIT, f"{cap.size} {cap.policy}\n".encode("ascii"))
        self._ready[ref] = _ready_text()
        write_new(directory / READY, self._ready[ref])
        for name, data in files.items():
            if "/" in name or name in (
                *STREAMS,
                *TIMES,
                ORDER,
                PID,
                STATUS,
                READY,
                LOST,
                LIMIT,
                FILE,
                "",
                ".",
                "..",
            ):
                raise ValueError(f"not a name for a file of an attempt: {name!r}")
            write_new(directory / name, data)
        return directory

    def read_status(self, ref: AttemptRef) -> int | None:
        """Return the exit status, or None unless `status` is one complete line `exit N`, N < 256."""
        data = read_small(self.directory(ref) / STATUS, _SMALL)
        match = _STATUS.fullmatch(data) if data is not None else None
        code = int(match[1]) if match else None
        return code if code is not None and code < 256 else None

    def read_limit(self, ref: AttemptRef) -> OutputCap | None:
        """Return the cap that was prepared for this attempt alone."""
        data = read_small(self.directory(ref) / LIMIT, _SMALL)
        match = _LIMIT.fullmatch(data) if data is not None else None
        if match is None:
            return None
        return OutputCap(size=int(match[1]), policy=OnOverflow(match[2].decode("ascii")))

    def read_pid(self, ref: AttemptRef) -> PidFile:
        """Return what `pid` says; its contents are claims, to be checked against the process."""
        path = self.directory(ref) / PID
        if not os.path.lexists(path):
            return "absent"
        data = read_small(path, _SMALL)
        if data == _REVOKED:
            return "revoked"
        match = _PID.fullmatch(data) if data is not None else None
        if match is None:
            return "unreadable"
        pid = int(match[1])
        process = host.Process(pid=pid, start=int(match[2]), session=pid)
        return Started(process=process, boot=match[3].decode("ascii"))

    def is_ready(self, ref: AttemptRef) -> bool:
        """Return whether `ready` shows that the command has not begun; nothing else shows that.

        It holds since when the machine runs: after another start of it the emptying may not have
        reached the disk.
        """
        found = read_small(self.directory(ref) / READY, _SMALL)
        match = _READY.fullmatch(found) if found is not None else None
        if match is None or match[1].decode("ascii") != host.boot_id():
            return False
        return self._ready.get(ref, found) == found

    def forget(self, ref: AttemptRef) -> None:
        """Forget what was prepared for an attempt that has ended."""
        self._ready.pop(ref, None)

    def revoke(self, ref: AttemptRef) -> bool:
        """Call a start back, so that the command never runs; False if it has begun, or may have.

        `pid` is created before the wrapper does it, by a link, since the file must appear with its text: an
        incomplete one would look like a child's. Raises `OSError` for what the disk says.
        """
        if not self.is_ready(ref):
            return False
        directory = self.directory(ref)
        complete = directory / f".revoked-{os.getpid()}"
        complete.unlink(missing_ok=True)
        write_new(complete, _REVOKED)
        try:
            os.link(complete, directory / PID)
        except FileExistsError:
            if self.read_pid(ref) != "revoked":
                return False
        finally:
            complete.unlink()
        # Looked at again: a command that had begun meanwhile may have removed the `pid` of its wrapper.
        return self.is_ready(ref)

    def size(self, ref: AttemptRef, stream: str = OUT) -> int:
        """Return the bytes a child wrote so far, before any cap; 0 without a file."""
        try:
            return os.lstat(self.directory(ref) / stream).st_size
        except OSError:
            return 0

    def is_lossy(self, ref: AttemptRef) -> bool:
        """Return whether output is missing that could not be written."""
        return os.path.lexists(self.directory(ref) / LOST)

    def read(self, ref: AttemptRef, *, offset: int, limit: int = CHUNK_BYTES, stream: str = OUT) -> Chunk:
        """Return the next piece of a stream; empty data = nothing more yet, read again from `next`."""
        try:
            descriptor = open_regular(self.directory(ref) / stream)
        except OSError:
            return Chunk(offset=offset, data=b"", size=0)
        try:
            size = os.fstat(descriptor).st_size
            extent = read_extent(descriptor, offset, limit=limit)
        finally:
            os.close(descriptor)
        return Chunk(offset=extent.start, data=extent.data, size=size)

    def shortage(self, least: Room, *, quota: int) -> Unavailable | None:
        """Return why no more should begin: the disk has less room than this, or the quota is reached.

        The quota of the whole tree in bytes, as far as `use` has counted it.
        """
        return short_disk(self._existing(), least, root=self.root) or self.over(quota)

    def over(self, quota: int) -> Unavailable | None:
        """Return that the quota is reached; None where it is not, or was not counted yet."""
        used = self.use.total
        if used is None or used < quota:
            return None
        return Unavailable(
            "output.quota",
            f"outputs take {used // _MIB:,} MiB, and output_quota is {quota // _MIB:,} MiB",
            hint="see 'taskdeck disk'; remove some with 'taskdeck purge outputs', or raise output_quota",
            facts={"path": str(self.root), "used": used, "quota": quota},
        )

    def _make(self, ref: AttemptRef) -> Path:
        directory = self.directory(ref)
        # One by one: `parents=True` gives the upper ones the mode of the umask.
        self.root.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._make_each(directory)
        except FileNotFoundError:
            # The folder of the task was removed in between, empty, with the outputs of former attempts.
            self._make_each(directory)
        return directory

    def _make_each(self, directory: Path) -> None:
        for folder in (self.root, directory.parent, directory):
            folder.mkdir(mode=0o700, exist_ok=True)

    def _existing(self) -> Path:
        return next(path for path in (self.root, *self.root.parents) if exists(path))


def _ready_text() -> bytes:
    return f"ready {host.boot_id()} {secrets.token_hex(8)}\n".encode("ascii")


def write_new(path: Path, data: bytes) -> None:
    """Create a file 0600 with this content; raise `OSError` if it exists or the disk is full."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(data)
