"""Dialers: connections to an engine, by its socket or by a command.

Used by the transport.
"""

from __future__ import annotations

import asyncio
import shlex
import signal
import time
from asyncio.subprocess import SubprocessStreamProtocol
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from core.control.sockets import address_of, check_peer
from core.host import find_process, signal_process
from core.model.errors import Forbidden
from core.model.text import safe_line

STDERR_BYTES = 1_000
"""Last bytes that are kept of what a command writes to its standard error."""
_NAME_CHARS = 80
_RETRY_SECONDS = 0.02
_END_SECONDS = 2.0
_STDERR_SECONDS = 0.2
_LIMIT_BYTES = 65_536

S = TypeVar("S", asyncio.StreamReader, asyncio.StreamWriter)


class Line(Protocol):
    """Bytes to and from an engine."""

    @property
    def reader(self) -> asyncio.StreamReader:
        """Where its answers come from."""

    @property
    def writer(self) -> asyncio.StreamWriter:
        """Where requests go."""

    def drop(self) -> None:
        """Hang up at once: the engine must see that this client no longer waits."""

    async def failure_reason(self) -> str:
        """Return why the line broke, as far as that is known; one safe line, or ''."""


class Dialer(Protocol):
    """Opens lines to one engine."""

    @property
    def shares_files(self) -> bool:
        """Return whether a path means the same file to that engine."""

    async def dial(self) -> Line:
        """Open a line; raise `OSError`, or `Forbidden` if another user answers."""

    async def close(self) -> None:
        """Wait for what dropped lines leave behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLine:
    """A connection to a socket of this machine."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def drop(self) -> None:
        self.writer.transport.abort()

    async def failure_reason(self) -> str:
        """Return '': a socket does not say why."""
        return ""


class SocketDialer:
    """Open lines to the engine's socket, if a process of this user listens there.

    `patience` = seconds for which connecting is tried again while no engine listens.
    """

    def __init__(self, path: Path, *, patience: float = 0.0) -> None:
        self._path = path
        self._patience = patience

    @property
    def shares_files(self) -> bool:
        """Return True: the socket is a file of this machine."""
        return True

    async def dial(self) -> Line:
        """Connect; raise `OSError`, or `Forbidden` (`socket.foreign`)."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return await self._open()
            except OSError:
                if time.monotonic() >= deadline:
                    raise
            # The owner of the lock is still opening its socket: nothing announces when.
            await asyncio.sleep(_RETRY_SECONDS)

    async def close(self) -> None:
        """Do nothing: a dropped socket leaves nothing behind."""

    async def _open(self) -> SocketLine:
        with address_of(self._path) as address:
            reader, writer = await asyncio.open_unix_connection(address)
        try:
            check_peer(writer.get_extra_info("socket"))
        except Forbidden:
            writer.transport.abort()
            raise
        return SocketLine(reader=reader, writer=writer)


class CommandDialer:
    """Open lines through a command that carries the bytes, `ssh HOST taskdeck dial-stdio` for one."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = tuple(argv)
        self._lines: set[CommandLine] = set()

    @property
    def shares_files(self) -> bool:
        """Return False: the command may lead to another machine."""
        return False

    async def dial(self) -> Line:
        """Start the command once more; raise `OSError` if it does not exist."""
        pipe = asyncio.subprocess.PIPE
        loop = asyncio.get_running_loop()
        transport, ending = await loop.subprocess_exec(
            lambda: Ending(loop), *self._argv, stdin=pipe, stdout=pipe, stderr=pipe
        )
        for old in [one for one in self._lines if one.is_spent]:
            self._lines.remove(old)
            old.release()
        line = CommandLine(transport, ending, name=shlex.join(self._argv)[:_NAME_CHARS])
        self._lines.add(line)
        return line

    async def close(self) -> None:
        """Hang up all lines and wait until their commands have ended."""
        lines, self._lines = self._lines, set()
        for line in lines:
            line.drop()
        await asyncio.gather(*(line.reap() for line in lines))


class Ending(SubprocessStreamProtocol):
    """The pipes of a child process, and its end.

    `Process.wait` returns when the pipes are closed too, and what the child has started, such as the
    master of a shared ssh, may hold them open for long.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=_LIMIT_BYTES, loop=loop)
        self.has_come = asyncio.Event()

    def process_exited(self) -> None:
        """Note that the process itself has ended."""
        self.has_come.set()
        super().process_exited()


class CommandLine:
    """A child process whose input and output are the line."""

    def __init__(self, transport: asyncio.SubprocessTransport, ending: Ending, *, name: str) -> None:
        self._transport = transport
        self._ending = ending
        self._target = find_process(transport.get_pid())
        self._name = name
        self._is_dropped = False
        self._stderr_tail = b""
        self._stderr_reader = asyncio.ensure_future(self._read_stderr())

    @property
    def reader(self) -> asyncio.StreamReader:
        return _pipe(self._ending.stdout)

    @property
    def writer(self) -> asyncio.StreamWriter:
        return _pipe(self._ending.stdin)

    @property
    def has_ended(self) -> bool:
        return self._ending.has_come.is_set()

    @property
    def is_spent(self) -> bool:
        """Return whether the command has ended and what it has written is read, or wanted no longer."""
        return self.has_ended and (self._is_dropped or self.reader.at_eof())

    def drop(self) -> None:
        self._is_dropped = True
        # A pipe that is closed already cannot be aborted.
        if not self.writer.is_closing():
            self.writer.transport.abort()
        self._signal(signal.SIGTERM)

    async def failure_reason(self) -> str:
        """Return how the command ended and the end of its standard error, if it ends soon."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await self._ending.has_come.wait()
        # A process that inherited its standard error, such as the master of a shared ssh, may hold it open.
        await asyncio.wait([self._stderr_reader], timeout=_STDERR_SECONDS)
        code = self._transport.get_returncode()
        ending = "still runs" if code is None else f"ended with exit {code}"
        stderr = safe_line(self._stderr_tail.decode(errors="replace").strip())
        return f"{safe_line(self._name)} {ending}" + (f": {stderr}" if stderr else "")

    async def reap(self) -> None:
        """Wait until the command has ended, and kill it if that takes too long."""
        try:
            async with asyncio.timeout(_END_SECONDS):
                await self._ending.has_come.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._ending.has_come.wait()
        self.release()

    def _signal(self, number: signal.Signals) -> None:
        # Not by the process of asyncio: that would collect its exit status before the watcher does, which
        # then writes "Unknown child process" into the operator's terminal.
        if self._target is not None:
            signal_process(self._target, number)

    def release(self) -> None:
        """Read its standard error no longer, and close its pipes: its command has ended."""
        self._stderr_reader.cancel()
        self._transport.close()

    async def _read_stderr(self) -> None:
        errors = _pipe(self._ending.stderr)
        while piece := await errors.read(STDERR_BYTES):
            self._stderr_tail = (self._stderr_tail + piece)[-STDERR_BYTES:]


def _pipe(stream: S | None) -> S:
    assert stream is not None, "the command was started with pipes"
    return stream
