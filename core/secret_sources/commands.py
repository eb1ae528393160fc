"""Run the command that writes a secret.

Used by the reader. It runs in a thread: its end is waited for there, and the loop goes on.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from core.secret_sources.refusals import unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_PIECE = 65_536


async def output_of(name: str, argv: Sequence[str], *, seconds: float, cwd: Path, most: int) -> bytes:
    """Return what a command writes to standard output, of it a byte more than `most` at the most.

    What else it says is dropped: it may hold the secret. Raises `SecretUnreadable`.
    """
    return await asyncio.to_thread(_run, name, list(argv), seconds=seconds, cwd=cwd, most=most)


def _run(name: str, argv: list[str], *, seconds: float, cwd: Path, most: int) -> bytes:
    hint = "try it by hand, as the user and with the environment of the engine"
    try:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it cannot be run"
        raise unreadable(name, f"{argv[0]}: {reason}", hint=hint) from error
    with process:
        try:
            until = time.monotonic() + seconds
            data = _read(process, until=until, most=most)
            # One that has said too much is not waited for: it may go on for ever.
            is_whole = data is not None and len(data) <= most
            code = process.wait(timeout=max(0.0, until - time.monotonic())) if is_whole else None
        except subprocess.TimeoutExpired:
            data = code = None
        finally:
            # Also what it left behind in its session.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
    if data is not None and len(data) > most:
        return data
    if data is None or code is None:
        raise unreadable(name, f"{argv[0]} did not end within {seconds:g} s", hint="raise `timeout`")
    if code != 0:
        raise unreadable(name, f"{argv[0]} ended with {code}", hint=hint)
    return data


def _read(process: subprocess.Popen[bytes], *, until: float, most: int) -> bytes | None:
    """Return all that it wrote, or more than `most` of it; None = the time was over."""
    assert process.stdout is not None
    descriptor, data = process.stdout.fileno(), b""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    while len(data) <= most:
        if not waiting.poll(max(0.0, until - time.monotonic()) * 1_000):
            return None
        piece = os.read(descriptor, _PIECE)
        if not piece:
            return data
        data += piece
    return data
