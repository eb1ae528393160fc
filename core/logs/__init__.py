"""The log: one JSON object a line, rotated, without secrets.

Used by every room that logs; `core.app.hosting` has it written. Without that a message is nothing but a call,
and what writes (`handlers`) is not loaded.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING

from core.model.lazy import lazy_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.logs.handlers import FILE, change_level, configure, shutdown

__all__ = [
    "CONTEXT",
    "FILE",
    "ROOT",
    "Logger",
    "bound",
    "change_level",
    "configure",
    "get_logger",
    "shutdown",
]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(
        __name__,
        dict.fromkeys(("FILE", "change_level", "configure", "shutdown"), "core.logs.handlers"),
    )

ROOT = "taskdeck"
"""The logger of all of ours."""
CONTEXT: ContextVar[Mapping[str, object]] = ContextVar("taskdeck_log_context", default={})  # noqa: B039 - never written to
"""Facts of every line."""


class Logger:
    """Log constant lower-case messages with facts as fields; cheap before and without `configure`."""

    __slots__ = ("_inner",)

    def __init__(self, name: str) -> None:
        self._inner = logging.getLogger(f"{ROOT}.{name}")

    def debug(self, event: str, **facts: object) -> None:
        """Note what only a developer wants to know."""
        self._write(logging.DEBUG, event, facts)

    def info(self, event: str, **facts: object) -> None:
        """Note what has no row in the store."""
        self._write(logging.INFO, event, facts)

    def warning(self, event: str, **facts: object) -> None:
        """Note what an operator should look at."""
        self._write(logging.WARNING, event, facts)

    def error(self, event: str, **facts: object) -> None:
        """Note what broke; inside an `except` block the traceback is added."""
        self._write(logging.ERROR, event, facts)

    def _write(self, level: int, event: str, facts: Mapping[str, object]) -> None:
        if self._inner.isEnabledFor(level):
            # A tuple of Nones outside an `except` block is dropped by the formatter.
            self._inner.log(level, "%s", event, extra={"facts": facts}, exc_info=level >= logging.ERROR)


def get_logger(name: str) -> Logger:
    """Return the logger of a module by its `__name__`."""
    return Logger(name)


class bound:  # noqa: N801 # Called like a function; a generator would cost each attempt several calls more.
    """Add facts (job, task, attempt) to every line logged inside, also by tasks that are created there."""

    __slots__ = ("_facts", "_token")

    def __init__(self, **facts: object) -> None:
        self._facts = facts

    def __enter__(self) -> None:
        self._token = CONTEXT.set({**CONTEXT.get(), **self._facts})

    def __exit__(self, *_: object) -> None:
        CONTEXT.reset(self._token)


logging.getLogger(ROOT).addHandler(logging.NullHandler())
