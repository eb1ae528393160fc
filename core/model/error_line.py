"""Errors of tasks as one line.

Used by the lists of commands and console.
"""

from __future__ import annotations

from collections.abc import Mapping

_TOLD = ("shell.exit", "python.error", "python.exit", "timeout", "timeout.silence")
"""Codes that the message says too, in fewer letters."""


def error_line(error: Mapping[str, object] | None) -> str:
    """Return code and message of an error, the code left out where the message says it; '' = no error."""
    if not error:
        return ""
    code, message = str(error.get("code") or ""), str(error.get("message") or "")
    return message if message and (not code or code in _TOLD) else ": ".join(filter(None, (code, message)))
