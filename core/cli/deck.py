"""Reach the deck for reading: what costs no engine, or the engine of a host."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from core import app
from core.app.options import Options
from core.cli.arguments import Common, Hosting, Reaching
from core.cli.refusals import usage
from core.control.api import ReadingAPI


def options(arguments: Common) -> Options:
    """Return what `core.app` wants to know of a command line; raise `Invalid` (`usage`)."""
    match arguments:
        case Hosting():
            return Options(home=arguments.home, slots=arguments.slots, connectors=tuple(arguments.connector))
        case Reaching(host=None, remote_command=str()):
            raise usage("--remote-command says what is run on the --host: name one")
        case Reaching():
            return Options(home=arguments.home, host=arguments.host, remote_command=arguments.remote_command)
    return Options(home=arguments.home)


def reading(arguments: Common) -> AbstractAsyncContextManager[ReadingAPI]:
    """Lend the reading half: the store file here, the engine of a host there."""
    chosen = options(arguments)
    return app.reading(chosen) if chosen.host is None else app.far(chosen)
