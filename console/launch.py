"""Start taskdeck: the entry point of the `taskdeck` script."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_USAGE_ERROR = 2
_INTERNAL_ERROR = 70
_LEFT = 130

_HELP = """\
Usage: taskdeck [COMMAND] [OPTIONS]

A durable task engine with its operations console in the terminal.

Commands:
  version [--json]  Print the version.

Examples:
  taskdeck version
  taskdeck version --json
"""

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
    if find_spec("core.cli") is None:
        return _help_or_refusal
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

    status: int = cli_main(list(arguments) or ["--help"])
    return status


def _dial(arguments: Sequence[str]) -> int:
    # Runs once for each connection over ssh: neither typer nor the wiring of the engine is loaded.
    from console.flags import BadFlags, read_dial
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
    """Tell whether no command is named and a person sits at a terminal that can show a full screen."""
    only_home = len(arguments) == 2 and arguments[0] == "--home"
    if arguments and not only_home and not (len(arguments) == 1 and arguments[0].startswith("--home=")):
        return False
    can_draw = os.environ.get("TERM", "") not in ("", "dumb", "unknown")
    return can_draw and sys.stdin.isatty() and sys.stdout.isatty()


def _run_console(arguments: Sequence[str]) -> int:
    # On a slow line every frame of an animation costs a second; Textual reads these at import.
    os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    # The screen costs Textual, the control its wiring; commands and `version` must not pay for them.
    import asyncio
    from pathlib import Path

    from core.cli.refusals import report
    from core.model.errors import TaskdeckError

    home = arguments[-1].removeprefix("--home=") if arguments else None
    try:
        asyncio.run(_show_console(None if home is None else Path(home)))
    except TaskdeckError as error:
        return report(error, as_json=False)
    return 0


async def _show_console(home: Path | None) -> None:
    # As above.
    from console.app import ConsoleApp, Manner
    from console.engines import EngineStarter
    from console.feed import SECONDS, SECONDS_SSH
    from core import app
    from core.config import ensure_home

    paths = ensure_home(app.Options(home=home).paths.home)
    argv = [sys.executable, "-m", "console.launch", "serve", "--home", str(paths.home)]
    starter = EngineStarter(argv, paths.logs / "console-engine.log")
    is_far = "SSH_CONNECTION" in os.environ
    async with app.connect(home=paths.home) as deck:
        manner = Manner(tick=SECONDS_SSH if is_far else SECONDS, starter=starter)
        # Over SSH a mouse that reports every motion costs more than it gives.
        await ConsoleApp(deck.control, manner).run_async(mouse=not is_far)


def _help_or_refusal(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("--help", "-h", "help"):
        return _say(_HELP.rstrip())
    return _refuse(f"no such command: {arguments[0]!r}")


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
