"""Commands: a program that reads a message as JSON.

Used by `sending`.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from contextlib import suppress

from core.model.notices import Sink
from core.senders.message import DeliveryFailed, Message

SECONDS = 30.0
"""For the command to end."""
_LINE = 160
_KEPT = 4_096
"""Bytes of stderr that are kept."""
_PIECE = 65_536


def run(sink: Sink, message: Message) -> None:
    """Run the command; it is sent when that ends with 0. What is left of its session then is killed."""
    told = {
        "TASKDECK_NOTICE_SUBJECT": message.subject,
        "TASKDECK_NOTICE_KEY": message.key,
        "TASKDECK_NOTICE_SINK": sink.name,
    }
    try:
        process = subprocess.Popen(
            sink.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, **told},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DeliveryFailed(f"{sink.command[0]} cannot be run: {reason}") from error
    try:
        said = _ended(process, message.json + b"\n", until=time.monotonic() + SECONDS)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stderr):
            if stream is not None:
                stream.close()
    if said is None:
        raise DeliveryFailed(f"{sink.command[0]} did not end within {SECONDS:g} s")
    if process.returncode:
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        raise DeliveryFailed(
            f"{sink.command[0]} ended with {process.returncode}{f': {last[0][:_LINE]}' if last else ''}"
        )


def _ended(process: subprocess.Popen[bytes], data: bytes, *, until: float) -> bytes | None:
    """Feed a command until it ends; return the end of what it said, None = the time was over first.

    Its own end counts: what it started may keep its streams for longer.
    """
    assert process.stdin is not None
    assert process.stderr is not None
    feeding, hearing = process.stdin.fileno(), process.stderr.fileno()
    ending = os.pidfd_open(process.pid)
    waiting, left, said = select.poll(), memoryview(data), b""
    for stream in (feeding, hearing):
        os.set_blocking(stream, False)
    waiting.register(feeding, select.POLLOUT)
    waiting.register(hearing, select.POLLIN)
    waiting.register(ending, select.POLLIN)
    try:
        while ready := dict(waiting.poll(max(0.0, until - time.monotonic()) * 1_000)):
            if hearing in ready:
                piece = _read(hearing)
                said = (said + piece)[-_KEPT:]
                if not piece:
                    waiting.unregister(hearing)
            if ending in ready:
                # Waited for here alone: its exit status is there.
                process.wait()
                return (said + _read(hearing))[-_KEPT:]
            if feeding in ready:
                left = left[_write(feeding, left) :]
                if not left:
                    waiting.unregister(feeding)
                    process.stdin.close()
        return None
    finally:
        os.close(ending)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _PIECE)
    except BlockingIOError:
        return b""


def _write(descriptor: int, data: memoryview) -> int:
    """Write what goes; what reads no more has all."""
    try:
        return os.write(descriptor, data)
    except BlockingIOError:
        return 0
    except BrokenPipeError:
        return len(data)
