"""Commands: a program that reads a message as JSON.

Used by `sending`.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress

from core.model.notices import Sink
from core.senders.message import DeliveryFailed, Message

SECONDS = 30.0
"""For the command to end."""
_LINE = 160


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
        raise DeliveryFailed(f"{sink.command[0]} cannot be run: {error}") from error
    try:
        _, said = process.communicate(message.json + b"\n", timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise DeliveryFailed(f"{sink.command[0]} did not end within {SECONDS:g} s") from error
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stderr):
            if stream is not None:
                stream.close()
    if process.returncode:
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        raise DeliveryFailed(
            f"{sink.command[0]} ended with {process.returncode}{f': {last[0][:_LINE]}' if last else ''}"
        )
