"""Describe commands: their arguments as frozen dataclasses, their words, their examples."""

from __future__ import annotations

import asyncio
import inspect
import shlex
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Generic, TypeAlias, TypeVar, get_type_hints

import typer

Act: TypeAlias = Callable[[], int]
"""A command with its arguments read: carry it out and return the exit status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What every command takes."""

    home: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Data directory, instead of $TASKDECK_HOME.", show_default=False),
    ] = None
    json: Annotated[bool, typer.Option("--json", help="Write JSON: one object a line.")] = False

    def command(self, *words: str) -> str:
        """Write another command line for the same data directory, to be shown as a hint."""
        home = ["--home", str(self.home)] if self.home else []
        return shlex.join(["taskdeck", *words, *home])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaching(Common):
    """What commands take that may ask the engine of another machine."""

    host: Annotated[
        str | None,
        typer.Option(metavar="USER@BOX", help="Ask the engine there, through ssh; --home is there."),
    ] = None
    remote_command: Annotated[
        str | None, typer.Option(metavar="COMMAND", help="How taskdeck is called there.")
    ] = None

    def command(self, *words: str) -> str:
        """Write another command line for the same data directory, to be shown as a hint."""
        there = ["--host", self.host] if self.host else []
        # Named twice: a class with slots is made anew, and super() without words knows the old one.
        return Common.command(self, *words, *there)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosting(Common):
    """What commands take that may have to host an engine."""

    slots: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=10_000, help="Attempts that may run at once.")
    ] = None
    connector: Annotated[
        list[str], typer.Option(metavar="MODULE:OBJECT", help="A connector of your own; may be repeated.")
    ] = field(default_factory=list)


A = TypeVar("A", bound=Common)

_OVERVIEW = """A durable task engine with its operations console in the terminal.

Without a command the console opens, with an engine started if none runs; where there is no terminal it
writes an overview in lines.

\b
  --home DIR                Data directory, instead of $TASKDECK_HOME.
  --host USER@BOX           Console here, engine and --home there, through ssh.
  --remote-command COMMAND  How taskdeck is called there. [default: taskdeck]
  --embedded                The engine runs in this process and ends with it.
  --read-only               Look only: nothing is changed, no engine is started.
  --plain                   Lines instead of a screen.
  --watch [SECONDS]         Lines again and again, only what has changed.

\b
Examples:
  taskdeck
  taskdeck --host ana@build.example.org
  taskdeck --watch 10 | tee -a overview.txt
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Generic[A]):
    """One command: its words (`import wfformat`), its arguments, what carries it out, examples.

    The first line of the docstring of `run` is its help. `trailing` = everything behind the first
    argument belongs to it, also what looks like an option.
    """

    name: str
    arguments: type[A]
    run: Callable[[A], Awaitable[int]]
    examples: tuple[str, ...]
    trailing: bool = False


def build(commands: Iterable[Command[A]]) -> typer.Typer:
    """Return the application of these commands; called, it returns an `Act`."""
    app = _group("taskdeck", _OVERVIEW)
    groups: dict[str, typer.Typer] = {}
    for command in commands:
        first, _, second = command.name.partition(" ")
        if second and first not in groups:
            groups[first] = _group(first, f"{first.capitalize()}: see its commands.", completion=False)
            app.add_typer(groups[first], name=first)
        _add(groups[first] if second else app, command, second or first)
    return app


def _group(name: str, words: str, *, completion: bool = True) -> typer.Typer:
    group = typer.Typer(
        name=name,
        help=words,
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
    words = (inspect.getdoc(command.run) or "").partition("\n\n")[0]
    group.command(
        name,
        help=f"{words}\n\n\b\nExamples:\n{examples}",
        short_help=words,
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
                found.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=_default(found),
                annotation=hints[found.name],
            )
            for found in fields(command.arguments)
        ]
    )
    return read


async def _result(work: Awaitable[int]) -> int:
    return await work


def _default(found: Field[object]) -> object:
    if found.default is not MISSING:
        return found.default
    return found.default_factory() if found.default_factory is not MISSING else inspect.Parameter.empty
