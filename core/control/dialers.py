"""Dialers: a line to an engine, through its socket here or through a command."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from core.control.sockets import address_of, check_peer
from core.model.errors import Forbidden
from core.model.text import safe_line

WORDS_BYTES = 1_000
"""Of what a command complains the last bytes are kept."""
_NAME_CHARS = 80
_RETRY_SECONDS = 0.02
_END_SECONDS = 2.0
_WORDS_SECONDS = 0.2

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
        """Hang up at once: the engine must see that nobody waits any more."""

    async def last_words(self) -> str:
        """Return why the line broke, as far as it says so; one safe line, or nothing."""


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
        """Hang up at once."""
        self.writer.transport.abort()

    async def last_words(self) -> str:
        """Return nothing: a socket does not say why."""
        return ""


class SocketDialer:
    """Open lines to the engine's socket, if a process of this user listens there.

    `patience` = seconds for which connecting is tried again while nobody listens.
    """

    def __init__(self, path: Path, *, patience: float = 0.0) -> None:
        self._path = path
        self._patience = patience

    @property
    def shares_files(self) -> bool:
        """Return yes: the socket is a file of this machine."""
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
            # The winner of the lock is still opening its socket: nothing tells us when.
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
        """Return no: nobody knows where the command leads."""
        return False

    async def dial(self) -> Line:
        """Start the command once more; raise `OSError` if there is none such."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*self._argv, stdin=pipe, stdout=pipe, stderr=pipe)
        for old in [one for one in self._lines if one.ended]:
            self._lines.remove(old)
            old.forget()
        line = CommandLine(process, name=shlex.join(self._argv)[:_NAME_CHARS])
        self._lines.add(line)
        return line

    async def close(self) -> None:
        """Hang up all lines and wait until their commands have ended."""
        lines, self._lines = self._lines, set()
        for line in lines:
            line.drop()
        await asyncio.gather(*(line.reaped() for line in lines))


class CommandLine:
    """A child process whose input and output are the line."""

    def __init__(self, process: asyncio.subprocess.Process, *, name: str) -> None:
        self._process = process
        self._name = name
        self._words = b""
        self._listening = asyncio.ensure_future(self._listen())

    @property
    def reader(self) -> asyncio.StreamReader:
        """Where its answers come from."""
        return _there(self._process.stdout)

    @property
    def writer(self) -> asyncio.StreamWriter:
        """Where requests go."""
        return _there(self._process.stdin)

    @property
    def ended(self) -> bool:
        """Return whether the command is over."""
        return self._process.returncode is not None

    def drop(self) -> None:
        """Hang up at once."""
        # A pipe that is closed already cannot be aborted.
        if not self.writer.is_closing():
            self.writer.transport.abort()
        with suppress(ProcessLookupError):
            self._process.terminate()

    async def last_words(self) -> str:
        """Return how the command ended and what it complained of, if it ends soon."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await self._process.wait()
        # Who inherited its error stream, the master of a shared ssh connection for one, may hold it open.
        await asyncio.wait([self._listening], timeout=_WORDS_SECONDS)
        code = self._process.returncode
        ending = "still runs" if code is None else f"ended with exit {code}"
        said = safe_line(self._words.decode(errors="replace").strip())
        return f"{safe_line(self._name)} {ending}" + (f": {said}" if said else "")

    async def reaped(self) -> None:
        """Wait until the command has ended, and kill it if it takes its time."""
        try:
            async with asyncio.timeout(_END_SECONDS):
                await self._process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        self.forget()

    def forget(self) -> None:
        """Listen no more to what it complains of."""
        self._listening.cancel()

    async def _listen(self) -> None:
        errors = _there(self._process.stderr)
        while piece := await errors.read(WORDS_BYTES):
            self._words = (self._words + piece)[-WORDS_BYTES:]


def _there(stream: S | None) -> S:
    assert stream is not None, "the command was started with pipes"
    return stream
