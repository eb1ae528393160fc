"""serve: a headless engine, or the systemd unit of one.

Loaded by `core.cli.main` for its command.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from core.app.engine_process import StartNotice
from core.app.hosting.engine_loop import run_on_engine_loop
from core.app.hosting.hosts import UntilIdle, serve_after_take_over
from core.app.hosting.hosts import serve as serve_engine
from core.app.lock import is_held
from core.app.systemd.installation import install_unit
from core.app.systemd.unit import user_unit
from core.cli.arguments import Hosting
from core.cli.commands import Command
from core.cli.output import emit, note, put, say
from core.cli.parameters import Option
from core.cli.refusals import usage
from core.model.errors import TaskdeckError
from core.model.records import replace
from core.model.text import safe_line


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
    install: Annotated[
        bool,
        Option(help="Write that unit, enable and start it, and let it outlive the log-out (enable-linger)."),
    ] = False


async def serve(arguments: Serve) -> int:
    """Run the engine without a screen, until it is asked to stop."""
    if arguments.unit or arguments.install:
        return _print_unit(arguments) if arguments.unit else await _install(arguments)

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


async def _install(arguments: Serve) -> int:
    chosen = arguments.options()
    home = chosen.paths.home
    is_owned = is_held(chosen.paths.lock)
    installed = await asyncio.to_thread(install_unit, home, _unit_text(arguments))
    path = safe_line(str(installed.path))
    if arguments.json:
        fault = installed.linger_fault or None
        emit({"unit": str(installed.path), "linger_fault": fault, "engine_ran_before": is_owned})
        return 0
    say(f"{path}: enabled and started; it serves {safe_line(str(home))} after each boot")
    if is_owned:
        note("an engine runs already: end it with 'taskdeck stop', and the unit takes its place within 30 s")
    if installed.linger_fault:
        note(f"the engine ends at log-out: {installed.linger_fault}; ask for: loginctl enable-linger")
    return 0


def _unit_text(arguments: Serve) -> str:
    word = "--install" if arguments.install else "--unit"
    others = {
        "--unit": arguments.unit,
        "--until-idle": arguments.until_idle,
        "--take-over": arguments.take_over,
    }
    other = next((name for name, is_said in others.items() if is_said and name != word), None)
    if other is not None:
        raise usage(f"{word} does not go with {other}")
    chosen = arguments.options()
    return user_unit(chosen.paths.home, chosen.settings(), flags=chosen.engine_flags)


def _print_unit(arguments: Serve) -> int:
    text = _unit_text(arguments)
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
        on_loop=run_on_engine_loop,
        examples=(
            "taskdeck serve --slots 8",
            "taskdeck serve --connector mypkg.mail:connector",
            "taskdeck serve --take-over",
            "taskdeck serve --install",
            "taskdeck serve --unit > ~/.config/systemd/user/taskdeck.service",
        ),
    ),
)
