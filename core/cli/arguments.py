"""Describe commands: arguments as frozen dataclasses, help, examples."""

from __future__ import annotations

import asyncio
import inspect
import shlex
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Generic, TypeAlias, TypeVar, get_type_hints

import typer

from core.app.options import Options
from core.model.errors import Invalid

Act: TypeAlias = Callable[[], int]
"""A command with its arguments read: carry it out and return the exit status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The options of every command."""

    home: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Data directory, instead of $TASKDECK_HOME.", show_default=False),
    ] = None
    json: Annotated[bool, typer.Option("--json", help="Write JSON: one object a line.")] = False

    def options(self) -> Options:
        """Return what the command line chose; raise `Invalid` (`usage`)."""
        return Options(home=self.home)

    def command(self, *argv: str) -> str:
        """Return another command line for the same data directory, for a hint."""
        home = ["--home", str(self.home)] if self.home else []
        return shlex.join(["taskdeck", *argv, *home])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaching(Common):
    """The options of commands that can ask the engine of another machine."""

    host: Annotated[
        str | None,
        typer.Option(
            metavar="USER@BOX", help="Use the engine on this host, through ssh; --home is there too."
        ),
    ] = None
    remote_command: Annotated[
        str | None, typer.Option(metavar="COMMAND", help="How taskdeck is called on the --host.")
    ] = None

    def options(self) -> Options:
        """Return what the command line chose; raise `Invalid` (`usage`)."""
        if self.remote_command is not None and self.host is None:
            raise Invalid("usage", "--remote-command needs a --host")
        return Options(home=self.home, host=self.host, remote_command=self.remote_command)

    def command(self, *argv: str) -> str:
        """Return another command line for the same data directory and host, for a hint."""
        host = ["--host", self.host] if self.host else []
        # dataclass(slots=True) replaces the class, and a bare super() refers to the one it replaced.
        return Common.command(self, *argv, *host)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting(Common):
    """The options of commands that can host an engine."""

    slots: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=10_000, help="Attempts that may run at once.")
    ] = None
    connector: Annotated[
        list[str], typer.Option(metavar="MODULE:OBJECT", help="Add a connector of yours; may be repeated.")
    ] = field(default_factory=list)

    def options(self) -> Options:
        """Return what the command line chose."""
        return Options(home=self.home, slots=self.slots, connectors=tuple(self.connector))


A = TypeVar("A", bound=Common)

_OVERVIEW = """A durable task engine with its operations console in the terminal.

Without a command the console opens, and starts an engine if none runs. Without a terminal it prints an
overview as lines of text.

\b
  --home DIR                Data directory, instead of $TASKDECK_HOME.
  --host USER@BOX           Console here, engine and --home on this host, through ssh.
  --remote-command COMMAND  How taskdeck is called on the --host. [default: taskdeck]
  --embedded                Run the engine in this process; it ends with the console.
  --read-only               Change nothing, and start no engine.
  --plain                   Print an overview as lines of text, once.
  --watch [SECONDS]         Print the overview, then again what has changed. [default: 2]

\b
Examples:
  taskdeck
  taskdeck --host ana@build.example.org
  taskdeck --watch 10 | tee -a overview.txt
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Generic[A]):
    """One command; the first paragraph of the docstring of `run` is its help."""

    name: str
    """As typed; two words for a command of a group, such as `import wfformat`."""
    arguments: type[A]
    run: Callable[[A], Awaitable[int]]
    examples: tuple[str, ...]
    trailing: bool = False
    """All that follows the first argument belongs to it, also what looks like an option."""


def build(commands: Iterable[Command[A]]) -> typer.Typer:
    """Return the application of these commands; called, it returns an `Act`."""
    app = _group("taskdeck", _OVERVIEW)
    groups: dict[str, typer.Typer] = {}
    for command in commands:
        first, _, second = command.name.partition(" ")
        if second and first not in groups:
            groups[first] = _group(first, f"Commands of the group '{first}'.", completion=False)
            app.add_typer(groups[first], name=first)
        _add(groups[first] if second else app, command, second or first)
    return app


def _group(name: str, help_text: str, *, completion: bool = True) -> typer.Typer:
    group = typer.Typer(
        name=name,
        help=help_text,
        add_completion=completion,
        rich_markup_mode=None,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    # Without a callback typer takes a group of one command for that command.
    group.callback()(_nothing)
    return group


def _nothing() -> None:
    return None


def _add(group: typer.Typer, command: Command[A], name: str) -> None:
    examples = "\n".join(f"  {example}" for example in command.examples)
    summary = (inspect.getdoc(command.run) or "").partition("\n\n")[0]
    group.command(
        name,
        help=f"{summary}\n\n\b\nExamples:\n{examples}",
        short_help=summary,
        context_settings={"allow_interspersed_args": not command.trailing},
    )(_reader(command))


def _reader(command: Command[A]) -> Callable[..., Act]:
    """Return a function whose signature is the command's arguments and whose result is its `Act`."""

    def read(**values: object) -> Act:
        arguments = command.arguments(**values)  # type: ignore[arg-type] # typer read them by these types
        return lambda: asyncio.run(_result(command.run(arguments)))

    hints = get_type_hints(command.arguments, include_extras=True)
    read.__annotations__ = {**hints, "return": object}
    read.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # what inspect looks for
        [
            inspect.Parameter(
                argument.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=_default(argument),
                annotation=hints[argument.name],
            )
            for argument in fields(command.arguments)
        ]
    )
    return read


async def _result(work: Awaitable[int]) -> int:
    return await work


def _default(argument: Field[object]) -> object:
    if argument.default is not MISSING:
        return argument.default
    factory = argument.default_factory
    return factory() if factory is not MISSING else inspect.Parameter.empty
