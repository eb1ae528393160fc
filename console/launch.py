"""The entry point of `taskdeck`: a command, or a console session.

Called by `_taskdeck`, the entry of the `taskdeck` script.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

if __name__ == "__main__":
    # Run by `python -m` where other packages have the names of ours: before the first of them is loaded.
    import _taskdeck

    sys.exit(_taskdeck.main())

from core import __version__

# At import this file loads the standard library and the version only: `taskdeck version` needs no more.

_USAGE_ERROR = 2
_UNAVAILABLE = 4
_INTERNAL_ERROR = 70
_OUTPUT_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
_LAST_STREAM = 2
_LEFT = 130
_NO_MEMORY = """error[short.memory]: this process gets no more memory, or no more threads
hint: free some, or raise `ulimit -v` and `ulimit -u`; what was asked may be done: look before you repeat it
"""
_NO_THREAD, _NOT_LOADED = "can't start new thread", "failed to map segment"
"""What Python and the loader of libraries say where memory is short."""
_VERSION_HELP = """Usage: taskdeck version [--json]

Print the version.

Example:
  taskdeck version --json"""
_CONSOLE_VALUES = ("--home", "--host", "--remote-command", "--bundle")
"""Flags of the console that are followed by a value."""
_CONSOLE_SWITCHES = ("--embedded", "--plain", "--watch", "--read-only")
_COMMAND_FLAGS = ("-h", "--help", "--json", "--version", "--install-completion", "--show-completion")
"""Flags that the commands answer, also where no command is named."""

Command = Callable[[Sequence[str]], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one `taskdeck` command line and return its exit status.

    An unexpected failure ends in one sentence and status 70, never in a traceback.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    _open_missing_streams()
    try:
        return _choose(arguments)(arguments)
    except KeyboardInterrupt:
        return _LEFT
    except BrokenPipeError:
        _forget_stdout()
        return _LEFT
    except OSError as error:
        return _report_output(error) if error.filename is None else _report(error)
    except MemoryError:
        _complain(_NO_MEMORY)
        return _UNAVAILABLE
    except Exception as error:
        if _NO_THREAD in str(error) or _NOT_LOADED in str(error):
            _complain(_NO_MEMORY)
            return _UNAVAILABLE
        return _report(error)


def _choose(arguments: Sequence[str]) -> Command:
    match list(arguments):
        case ["version" | "--version", *_]:
            return _run_version
        case ["dial-stdio", *rest] if not set(rest) & set(_COMMAND_FLAGS):
            return _run_dial
        case _ if not _names_command(arguments):
            return _run_console
    return _run_cli


def _names_command(arguments: Sequence[str]) -> bool:
    """Tell whether a command line has more on it than flags of the console."""
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in _CONSOLE_VALUES or (word == "--watch" and rest and not rest[0].startswith("-")):
            del rest[:1]
        elif word not in _CONSOLE_SWITCHES and not word.startswith(
            ("--watch=", *(f"{flag}=" for flag in _CONSOLE_VALUES))
        ):
            # An unknown flag is taken for a mistyped one of the console.
            return not word.startswith("-") or word in _COMMAND_FLAGS
    return False


def _run_version(arguments: Sequence[str]) -> int:
    extra = [word for word in arguments[1:] if word != "--json"]
    if extra == ["--help"]:
        return _say(_VERSION_HELP)
    if extra:
        _complain(
            f"error[usage]: version takes no argument {extra[0]!r}\nhint: see: taskdeck version --help\n"
        )
        return _USAGE_ERROR
    return _say(json.dumps({"version": __version__}) if "--json" in arguments else f"taskdeck {__version__}")


def _run_cli(arguments: Sequence[str]) -> int:
    # Typer and the wiring of the engine: `version` must not pay for them.
    from core.cli.main import main as cli_main

    return cli_main(list(arguments))


def _run_dial(arguments: Sequence[str]) -> int:
    # Runs once for each connection over ssh: it loads a socket and little else.
    from console.sessions.dial import run_dial

    return run_dial(arguments[1:])


def _run_console(arguments: Sequence[str]) -> int:
    # The sessions bring asyncio, argparse and the clients of the engine along.
    from console.sessions.choice import run_console

    return run_console(arguments)


def _say(text: str) -> int:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
    return 0


def _report(error: Exception) -> int:
    name = type(error).__name__
    _complain(f"internal: taskdeck met an unexpected failure ({name}). See its log, or: taskdeck doctor\n")
    return _INTERNAL_ERROR


def _report_output(error: OSError) -> int:
    if error.errno == errno.ENOMEM:
        _complain(_NO_MEMORY)
        return _UNAVAILABLE
    if error.errno not in _OUTPUT_FAULTS:
        return _report(error)
    _complain(
        f"error[output.unwritable]: standard output takes no more: {error.strerror}\n"
        "hint: what was asked may be done; look before you repeat it\n"
    )
    _forget_stdout()
    return _UNAVAILABLE


def _complain(text: str) -> None:
    # Where nothing takes it, the exit status alone has to tell.
    with suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def _open_missing_streams() -> None:
    """Put the null device in the place of standard streams that are closed.

    No file of ours, a store least of all, may get the number of a stream that something still writes to.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= _LAST_STREAM:
        os.set_inheritable(number, True)  # noqa: FBT003 - the name of the parameter is not ours
    os.close(number)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - for good


def _forget_stdout() -> None:
    # The interpreter flushes stdout at exit and would print the broken pipe a second time.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
