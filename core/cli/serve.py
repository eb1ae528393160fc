"""serve: a headless engine, or the systemd unit of one.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from core.app.engine_process import StartNotice
from core.app.hosting.hosts import UntilIdle, serve_after_take_over
from core.app.hosting.hosts import serve as serve_engine
from core.app.systemd.unit import user_unit
from core.cli.arguments import Hosting
from core.cli.commands import Command
from core.cli.output import emit, note, put, say
from core.cli.parameters import Option
from core.cli.refusals import usage
from core.model.errors import TaskdeckError
from core.model.records import replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve(Hosting):
    """The arguments of `serve`."""

    until_idle: Annotated[
        bool, Option(help="End when no work is left, no schedule will fire and no client watches.")
    ] = False
    linger: Annotated[
        float | None,
        Option(
            metavar="SECONDS",
            min=0,
            max=86_400,
            help="With --until-idle: how long to wait for clients first, instead of the setting.",
        ),
    ] = None
    take_over: Annotated[bool, Option(help="First end the engine that runs; its children go on.")] = False
    notify_fd: Annotated[int | None, Option(min=3, hidden=True)] = None
    """A pipe to the process that started this engine; it gets one line: that it serves, or why not."""
    started_by: Annotated[str | None, Option(hidden=True)] = None
    """What the process that started this engine says of itself."""
    unit: Annotated[bool, Option(help="Only print a systemd user unit for this engine.")] = False


async def serve(arguments: Serve) -> int:
    """Run the engine without a screen, until it is asked to stop."""
    if arguments.unit:
        return _print_unit(arguments)

    notice = StartNotice(arguments.notify_fd)

    def ready(line: str) -> None:
        notice.serves()
        if arguments.json:
            emit({"ready": line})
        else:
            say(line)

    def tell(line: str) -> None:
        notice.step(line)
        note(line)

    chosen = replace(arguments.options(), tell=tell)
    if arguments.started_by is not None:
        chosen = replace(chosen, actor=arguments.started_by)
    try:
        until = None
        if arguments.until_idle:
            until = UntilIdle(linger=arguments.linger, expects=notice.is_heard)
        if arguments.take_over:
            await serve_after_take_over(chosen, tell=note, ready=ready, until=until)
        else:
            await serve_engine(chosen, ready=ready, until=until)
    except TaskdeckError as error:
        notice.refused(error)
        raise
    return 0


def _print_unit(arguments: Serve) -> int:
    if arguments.until_idle or arguments.take_over:
        raise usage("--unit only prints a unit: it does not go with --until-idle and --take-over")
    chosen = arguments.options()
    text = user_unit(chosen.paths.home, chosen.settings(), flags=chosen.engine_flags)
    if arguments.json:
        emit({"unit": text})
    else:
        put(text)
    return 0


COMMANDS = (
    Command(
        name="serve",
        arguments=Serve,
        run=serve,
        examples=(
            "taskdeck serve --slots 8",
            "taskdeck serve --connector mypkg.mail:connector",
            "taskdeck serve --take-over",
            "taskdeck serve --unit > ~/.config/systemd/user/taskdeck.service",
        ),
    ),
)
