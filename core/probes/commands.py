"""Commands of probes: run, timed, and ended with all that they left.

Used by `looks`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from core.probes.phases import NoAnswer, Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEPT = 4_096
"""Bytes of stderr that are kept."""
_LINE = 160


async def run(argv: Sequence[str], *, phase: Phase) -> str:
    """Return how a command ended that ends with 0; raise `NoAnswer` for another end, and what hinders one.

    It has a session of its own; whatever of that is left when it ends, or when it is cancelled, is killed.
    """
    phase.missing = "end of the command"
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    try:
        process = await _start(argv, writing)
    except OSError as error:
        os.close(reading)
        raise NoAnswer(f"{argv[0]} cannot be run: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:
        os.close(reading)
        raise NoAnswer(f"{argv[0][:_LINE]} cannot be run: {error}") from error
    finally:
        os.close(writing)
    said = bytearray()
    watched = os.pidfd_open(process.pid)
    ended: asyncio.Future[None] = loop.create_future()
    loop.add_reader(watched, _settle, ended)
    loop.add_reader(reading, lambda: _take(loop, reading, said))
    try:
        await ended
    finally:
        loop.remove_reader(watched)
        loop.remove_reader(reading)
        left = _end(process)
        _read(reading, said)
        os.close(reading)
        os.close(watched)
    return _told(process.returncode, bytes(said), left=left)


def _settle(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


async def _start(argv: Sequence[str], stderr: int) -> subprocess.Popen[bytes]:
    """Start it in a thread: a program on a disk that hangs would keep the loop waiting."""

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )

    starting = asyncio.ensure_future(asyncio.to_thread(start))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        starting.add_done_callback(_end_started)
        raise


def _end_started(starting: asyncio.Future[subprocess.Popen[bytes]]) -> None:
    if not starting.cancelled() and starting.exception() is None:
        _end(starting.result())


def _end(process: subprocess.Popen[bytes]) -> bool:
    """End what is left of a command and reap it; return whether it had ended and left others behind."""
    has_ended = process.poll() is not None
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
        if has_ended:
            return True
        process.wait()
    return False


def _take(loop: asyncio.AbstractEventLoop, reading: int, said: bytearray) -> None:
    if not _read(reading, said):
        # All writers are gone: it would be readable for ever.
        loop.remove_reader(reading)


def _read(reading: int, said: bytearray) -> bool:
    """Take in what is there, of it the end; return whether more may come."""
    try:
        found = os.read(reading, 65_536)
    except BlockingIOError:
        return True
    said += found
    del said[:-_KEPT]
    return bool(found)


def _told(code: int, said: bytes, *, left: bool) -> str:
    others = "; processes that it left behind were killed" if left else ""
    if code == 0:
        return f"ended with 0{others}"
    how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    last = f": {lines[-1][:_LINE]}" if lines else ""
    raise NoAnswer(f"the command {how}{last}{others}")
