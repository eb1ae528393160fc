"""Claim watch: tells a waiting command why nothing is claimed.

Used by `progress`; the option `--patience` is declared here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, TypeAlias

from core.cli.parameters import Option
from core.model.text import safe_line
from core.model.timing.durations import parse_duration
from core.model.views import EngineInfo

AGAIN_SECONDS = 60.0
"""How often the same reason is told."""

PatienceOption: TypeAlias = Annotated[
    str | None,
    Option(
        metavar="TIME",
        help="Leave, with exit code 4, after nothing was claimed for this long: 30s, 10m. [default: never]",
    ),
]


class OutOfPatience(Exception):
    """End a wait: nothing was claimed for as long as the command has patience."""

    def __init__(self, why: str, *, code: str) -> None:
        super().__init__(why)
        self.why = why
        self.code = code


class ClaimWatch:
    """Why nothing is claimed: told at once, again each minute, and when it is over."""

    def __init__(self, *, patience: str | None = None, now: Callable[[], float] = time.monotonic) -> None:
        """Take a length of time as it was typed; raise `Invalid` for another text."""
        self._patience = None if patience is None else parse_duration(patience) / 1000
        self._now = now
        self._trouble = ""
        self._closed_at = 0.0
        self._told_at = 0.0

    def look(self, engine: EngineInfo) -> str | None:
        """Return the line to write now, if there is one; raise `OutOfPatience`."""
        now, trouble = self._now(), engine.trouble
        if not trouble:
            was, self._trouble = self._trouble, ""
            return "tasks are claimed again" if was else None
        why = safe_line("; ".join(f"{one.message} ({one.hint})" for one in engine.closed) or trouble)
        if not self._trouble:
            self._closed_at = now
        if self._patience is not None and now - self._closed_at >= self._patience:
            raise OutOfPatience(why, code=engine.closed[0].code if engine.closed else "")
        if trouble == self._trouble and now - self._told_at < AGAIN_SECONDS:
            return None
        since = "" if trouble != self._trouble else f" for {round((now - self._closed_at) / 60)} min"
        self._trouble, self._told_at = trouble, now
        return f"nothing is claimed{since}: {why}"
