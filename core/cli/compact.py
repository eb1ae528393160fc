"""compact: rewrite the store of a data directory without its free pages.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.app.backups.compacting import compact_home
from core.app.signals import Interrupted, cancelling_on_signal
from core.cli.arguments import Common, HostOption
from core.cli.commands import Command
from core.cli.live_line import wipe, write_over
from core.cli.output import emit, say
from core.cli.refusals import Left, usage
from core.model.text import safe_line
from core.render.sizes import size_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Compact(Common):
    """The arguments of `compact`."""

    host: HostOption = None


async def compact(arguments: Compact) -> int:
    """Rewrite the store without its free pages, while no engine runs; so that the file is as small as it can.

    The new file is checked as 'taskdeck doctor' does before it takes the place of the old one: killed at any
    moment, it leaves one of the two whole. Stores of this version shrink by themselves while an engine has
    little to do; those of older ones do so once they were rewritten.
    """
    if arguments.host is not None:
        raise usage(
            "compact works on the machine that it runs on",
            hint=f"run it there: ssh {safe_line(arguments.host)} taskdeck compact",
        )
    try:
        with cancelling_on_signal():
            done = await compact_home(arguments.options(), write_over)
    except Interrupted as interrupted:
        message = f"interrupted ({interrupted.number.name}): the store is as it was"
        raise Left(message, hint="run it again") from None
    finally:
        wipe()
    if arguments.json:
        emit({"before": done.before, "after": done.after})
    else:
        say(f"the store has {size_text(done.after)}; it had {size_text(done.before)}")
    return 0


COMMANDS = (
    Command(
        name="compact",
        arguments=Compact,
        run=compact,
        examples=("taskdeck compact", "taskdeck compact --home /srv/deck"),
    ),
)
