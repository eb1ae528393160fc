"""How far a look has come, and what its errors are called.

Used by the probes.
"""

from __future__ import annotations

import socket
import ssl


class Phase:
    """The step that a look is at, which tells what did not happen in time."""

    def __init__(self) -> None:
        self.missing = "answer"


class NoAnswer(Exception):
    """A look that has no answer; its text says why."""


def reason_of(error: Exception, *, missing: str, timeout_ms: int) -> str:
    """Return what an error of a look is called, `missing` = what it waited for."""
    match error:
        case NoAnswer():
            return str(error)
        case ssl.SSLCertVerificationError():
            return f"TLS: the certificate is refused: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS: {error.reason or error.args[-1]}".lower().replace("tls:", "TLS:", 1)
        case socket.gaierror():
            return f"its name is not resolved: {error.strerror}"
        case TimeoutError() if error.errno is None:
            return f"no {missing} within {timeout_ms / 1_000:g}s"
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionResetError() | BrokenPipeError():
            return "the connection was reset"
        case OSError():
            return (error.strerror or str(error)).lower()
        case _:
            return f"{type(error).__name__}: {error}"
