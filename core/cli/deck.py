"""Reach the deck for reading: what costs no engine."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from core.app.places import Options
from core.app.places import reading as read_store
from core.cli.arguments import Common, Hosting
from core.control.api import ReadingAPI


def options(arguments: Common) -> Options:
    """Return what `core.app` wants to know of a command line."""
    if isinstance(arguments, Hosting):
        return Options(home=arguments.home, slots=arguments.slots, connectors=tuple(arguments.connector))
    return Options(home=arguments.home)


def reading(arguments: Common) -> AbstractAsyncContextManager[ReadingAPI]:
    """Lend the reading half."""
    return read_store(options(arguments))
