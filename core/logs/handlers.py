"""Handlers of the log: where it is written, and in which form.

Loaded when a process configures its log.
"""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from typing import IO, TYPE_CHECKING

import structlog

from core.logs import CONTEXT, ROOT
from core.model.redaction import REDACTED, SECRET_NAME, redacted_text
from core.model.text import safe

if TYPE_CHECKING:
    from io import TextIOWrapper
    from pathlib import Path

    from structlog.typing import EventDict, Processor

FILE = "engine.log"
"""The newest log file; older ones are `engine.log.1` and so on."""
_DEPTH_MAX, _TEXT_MAX, _ITEMS_MAX = 6, 8_192, 200
_NOISY = ("httpx", "httpcore", "apscheduler", "asyncio", "aiosqlite", "uvicorn.access")
_handlers: list[logging.Handler] = []


def configure(
    directory: Path | None,
    *,
    level: str = "info",
    max_bytes: int = 10_485_760,
    files: int = 5,
    stream: IO[str] | None = None,
) -> None:
    """Log from now on into `directory/engine.log` (0600) and, for people, to `stream`; either may be None.

    Replaces an earlier configuration; other libraries' records are written in the same format.
    Raises OSError where the file cannot be opened.
    """
    shared: list[Processor] = [
        _take_facts,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _clean,
    ]

    def formatter(*last: Processor) -> logging.Formatter:
        drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
        return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[drop, *last])

    fresh: list[logging.Handler] = []
    if directory is not None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        to_file = _PrivateFile(directory / FILE, maxBytes=max_bytes, backupCount=files, encoding="ascii")
        to_file.setFormatter(formatter(structlog.processors.JSONRenderer(sort_keys=False)))
        fresh.append(to_file)
    if stream is not None:
        to_people = logging.StreamHandler(stream)
        renderer = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        to_people.setFormatter(formatter(_for_people, renderer))
        fresh.append(to_people)
    shutdown()
    root = logging.getLogger()
    for handler in fresh:
        root.addHandler(handler)
    _handlers.extend(fresh)
    change_level(level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def change_level(level: str) -> None:
    """Log nothing below this level from now on."""
    logging.getLogger(ROOT).setLevel(level.upper())


def shutdown() -> None:
    """Close what `configure` opened; records are dropped from here on."""
    while _handlers:
        handler = _handlers.pop()
        logging.getLogger().removeHandler(handler)
        handler.close()


class _PrivateFile(RotatingFileHandler):
    """A rotated file that no other user reads, and whose errors never reach the screen."""

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(
            self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        os.fchmod(descriptor, 0o600)
        return os.fdopen(descriptor, "a", encoding=self.encoding)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        # A full disk must neither end the engine nor write over the console.
        del record


def _take_facts(_logger: object, _method: str, fields: EventDict) -> EventDict:
    record: logging.LogRecord = fields["_record"]
    fields["logger"] = record.name.removeprefix(f"{ROOT}.")
    # Handlers format where the line was logged, so that those of other libraries have the context too.
    facts = {**CONTEXT.get(), **getattr(record, "facts", {})}
    reserved = {"event", "level", "timestamp", "logger", "exc_info", "exception"}
    # A fact named like a field of the format must not forge it.
    fields.update({f"{key}_" if key in reserved or key.startswith("_") else key: facts[key] for key in facts})
    return fields


def _clean(_logger: object, _method: str, fields: EventDict) -> EventDict:
    """Make plain, bounded JSON of every field, without secrets."""
    return {key: value if key.startswith("_") else _plain(key, value) for key, value in fields.items()}


def _plain(key: str, value: object, *, depth: int = 0) -> object:
    if SECRET_NAME.search(key):
        return REDACTED
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict) and depth < _DEPTH_MAX:
        items = list(value.items())[:_ITEMS_MAX]
        return {str(name): _plain(str(name), item, depth=depth + 1) for name, item in items}
    if isinstance(value, list | tuple) and depth < _DEPTH_MAX:
        return [_plain("", item, depth=depth + 1) for item in value[:_ITEMS_MAX]]
    return redacted_text(str(value)[:_TEXT_MAX])


def _for_people(_logger: object, _method: str, fields: EventDict) -> EventDict:
    """Disarm what a terminal would obey."""
    return {key: safe(value) if isinstance(value, str) else value for key, value in fields.items()}
