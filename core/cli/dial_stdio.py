"""dial-stdio: the engine's socket on standard input and output, for ssh.

Loaded by `main` for help and wrong options; the session `dial` runs the usual call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from core.app.remote.stdio_bridge import dial_or_start, dial_stdio
from core.cli.arguments import Common
from core.cli.commands import Command
from core.cli.parameters import Option


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial(Common):
    """The arguments of `dial-stdio`."""

    start: Annotated[bool, Option(help="Start an engine if none runs.")] = False


async def dial(arguments: Dial) -> int:
    """Connect standard input and output to the engine; --host runs this through ssh."""
    if arguments.start:
        dial_or_start(arguments.home)
    else:
        dial_stdio(arguments.home)
    return 0


COMMANDS = (
    Command(
        name="dial-stdio",
        arguments=Dial,
        run=dial,
        examples=("taskdeck dial-stdio", "taskdeck dial-stdio --start --home /srv/deck"),
    ),
)
