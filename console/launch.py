"""Start taskdeck: the entry point of the `taskdeck` script."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from console.engine_lifecycle.starters import EngineStarter
    from console.shell.app import ConsoleApp
    from console.starting.flags import ConsoleFlags
    from core.app import Embedded, Options
    from core.control.api import ControlAPI

_USAGE_ERROR = 2
_INTERNAL_ERROR = 70
_LEFT = 130

Command = Callable[[Sequence[str]], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one `taskdeck` command line and return its exit status.

    ``version`` is answered here, so that it loads nothing third-party; all else belongs to ``core.cli``.
    A failure nobody foresaw ends in one sentence and status 70, never in a traceback.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _choose(arguments)(arguments)
    except KeyboardInterrupt:
        return _LEFT
    except BrokenPipeError:
        _forget_stdout()
        return _LEFT
    except Exception as error:
        return _report(error)


def _choose(arguments: Sequence[str]) -> Command:
    if arguments and arguments[0] in ("version", "--version"):
        return _version
    if arguments and arguments[0] == "dial-stdio":
        return _dial
    if _wants_console(arguments):
        return _run_console
    return _run_cli


def _version(arguments: Sequence[str]) -> int:
    # The rule of this file: at import the standard library only, our own rooms when a command needs them.
    from core import __version__

    extra = [word for word in arguments[1:] if word != "--json"]
    if extra and extra != ["--help"]:
        return _refuse(f"version takes no argument {extra[0]!r}")
    if extra:
        return _say(
            "Usage: taskdeck version [--json]\n\nPrint the version.\n\nExample:\n  taskdeck version --json"
        )
    return _say(json.dumps({"version": __version__}) if "--json" in arguments else f"taskdeck {__version__}")


def _run_cli(arguments: Sequence[str]) -> int:
    # Commands cost typer and the wiring of the engine; `version` must not pay for them.
    from core.cli.main import main as cli_main

    return cli_main(list(arguments))


def _dial(arguments: Sequence[str]) -> int:
    # Runs once for each connection over ssh: neither typer nor the wiring of the engine is loaded.
    from console.starting.flags import BadFlags, read_dial
    from core import app
    from core.model.errors import TaskdeckError

    try:
        flags = read_dial(arguments[1:])
    except BadFlags:
        return _run_cli(arguments)
    try:
        (app.start_and_dial if flags.start else app.dial_stdio)(flags.home)
    except TaskdeckError as error:
        # One line: it is read at the other end of the line, between words of ssh.
        sys.stderr.write(f"error[{error.code}]: {error.message}; {error.hint}\n")
        return error.exit_code
    return 0


def _wants_console(arguments: Sequence[str]) -> bool:
    if not arguments or not arguments[0].startswith("-"):
        return not arguments
    # Most command lines begin with their command, and do not pay for argparse.
    from console.starting.flags import names_command

    return not names_command(arguments)


def _run_console(arguments: Sequence[str]) -> int:
    """Show the console, or write its lines where no screen is wanted or possible."""
    # The screen costs Textual, the control its wiring; commands and `version` must not pay for them.
    import asyncio

    from console.starting.flags import BadFlags, read_flags
    from core.app import Interrupted
    from core.cli.refusals import report
    from core.model.errors import TaskdeckError

    try:
        flags = read_flags(arguments)
        if flags.plain or flags.watch is not None or not _can_draw():
            asyncio.run(_write_lines(flags))
        elif flags.embedded:
            _show_embedded(flags)
        else:
            asyncio.run(_show_far(flags) if flags.host else _show_near(flags))
    except BadFlags as error:
        return _refuse(str(error))
    except TaskdeckError as error:
        return report(error, as_json=False)
    except Interrupted:
        return _LEFT
    return 0


def _can_draw() -> bool:
    """Tell whether a person sits at a terminal that can show a full screen."""
    can_move = os.environ.get("TERM", "") not in ("", "dumb", "unknown")
    return can_move and sys.stdin.isatty() and sys.stdout.isatty()


async def _write_lines(flags: ConsoleFlags) -> None:
    # Neither Textual nor an engine of our own.
    from console.starting.flags import BadFlags
    from console.starting.plain import show_plain
    from core import app

    if flags.embedded:
        raise BadFlags("--embedded needs a terminal that can show a full screen")
    options = app.Options(home=flags.home, host=flags.host, remote_command=flags.remote_command)
    async with app.far(options) if flags.host else app.glance(options) as control:
        await show_plain(control, sys.stdout, watch=flags.watch)


async def _show_near(flags: ConsoleFlags) -> None:
    # As above.
    from console.engine_lifecycle.starters import EngineStarter
    from core import app
    from core.model.paths import ensure_home

    options = app.Options(home=flags.home)
    paths = ensure_home(options.paths.home)
    starter = EngineStarter(app.engine_argv(paths.home), paths.logs / "console-engine.log")
    async with app.attached(options) as control:
        await _show(control, starter, flags=flags, home=paths.home)


async def _show_far(flags: ConsoleFlags) -> None:
    # As above.
    from console.engine_lifecycle.starters import DialedEngine
    from core import app

    options = app.Options(home=flags.home, host=flags.host, remote_command=flags.remote_command)
    reached = app.far_running if flags.read_only else app.far
    async with reached(options, more=app.SILENT) as control:
        # While the terminal is still plain: what does not fit together is said there.
        await control.status()
        await _show(control, DialedEngine(), flags=flags, home=app.Options().paths.home)


def _show_embedded(flags: ConsoleFlags) -> None:
    # As above.
    import asyncio

    from core import app

    options = app.Options(home=flags.home)
    engine = app.Embedded(options)
    try:
        asyncio.run(_show_beside(engine, options, flags=flags))
        if engine.draining:
            sys.stderr.write("waiting for what still runs; Ctrl-C stops at once\n")
            engine.join()
    finally:
        engine.stop()
        engine.join()


async def _show_beside(engine: Embedded, options: Options, *, flags: ConsoleFlags) -> None:
    # As above.
    from console.engine_lifecycle.starters import EmbeddedEngine
    from core import app
    from core.app import giving_up, keeping

    # Who ends the console ends its engine in order, at any moment.
    with keeping():
        with giving_up():
            await engine.start()
        async with app.attached(options) as control:
            await _show(control, EmbeddedEngine(engine), flags=flags, home=options.paths.home)


async def _show(control: ControlAPI, starter: EngineStarter, *, flags: ConsoleFlags, home: Path) -> None:
    """Show the screens; views, keymap and what is copied are kept in the home of this machine."""
    # On a slow line every frame of an animation costs a second; Textual reads these at import.
    os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    # Only now Textual.
    from console.feed import SECONDS, SECONDS_SSH
    from console.protection.gate import ANY, READ_ONLY
    from console.shell.app import ConsoleApp, ConsoleOptions

    is_far = "SSH_CONNECTION" in os.environ
    tick = SECONDS_SSH if is_far or flags.host else SECONDS
    wanted, never = (None, READ_ONLY) if flags.read_only else (starter, ANY)
    manner = ConsoleOptions(tick=tick, starter=wanted, host=flags.host or "", home=home, never=never)
    # Over SSH a mouse that reports every motion costs more than it gives.
    await _until_asked(ConsoleApp(control, manner), mouse=not is_far)


async def _until_asked(console: ConsoleApp, *, mouse: bool) -> None:
    """Run the screens; who asks for their end gets the terminal back first, and `Interrupted`."""
    # As above.
    import signal

    from core.app import Interrupted, forget, heeding

    asked: list[signal.Signals] = []

    def leave(number: signal.Signals) -> None:
        asked.append(number)
        # A terminal that takes nothing more must not keep the process.
        forget()
        console.exit()

    with heeding(leave):
        # Textual waits for ever to write to a terminal that is gone.
        forget(signal.SIGHUP)
        if not asked:
            await console.run_async(mouse=mouse)
    if asked:
        raise Interrupted(asked[0])


def _say(text: str) -> int:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
    return 0


def _refuse(reason: str) -> int:
    sys.stderr.write(f"usage: {reason}. See: taskdeck --help\n")
    return _USAGE_ERROR


def _report(error: Exception) -> int:
    name = type(error).__name__
    sys.stderr.write(
        f"internal: taskdeck met a failure it does not know ({name}). See its log, or: taskdeck doctor\n"
    )
    return _INTERNAL_ERROR


def _forget_stdout() -> None:
    # The interpreter flushes stdout at exit and would print the broken pipe a second time.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
