"""Describe commands, and build the click commands that read their lines.

Used by every file of a command, and by `main`.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Generic, TypeAlias, TypeGuard, TypeVar, get_args, get_type_hints

import click

from core.cli.arguments import Common
from core.cli.completion_setup import completion_options
from core.cli.parameter_types import parameter_of

Act: TypeAlias = Callable[[], int]
"""A command with its arguments read: carry it out and return the exit status."""
A = TypeVar("A", bound=Common)
T = TypeVar("T")

_OVERVIEW = """A durable task engine with its operations console in the terminal.

Without a command the console opens, and starts an engine if none runs. Without a terminal it prints an
overview as lines of text.

\b
  --home DIR                Data directory, instead of $TASKDECK_HOME.
  --host USER@BOX           Console here, engine and --home on this host, through ssh.
  --remote-command COMMAND  How taskdeck is called on the --host. [default: taskdeck]
  --embedded                Run the engine in this process; it ends with the console.
  --read-only               Change nothing, start no engine; show the store where none runs.
  --plain                   Print an overview as lines of text, once.
  --watch [SECONDS]         Print the overview, then again what has changed. [default: 2]
  --bundle FILE             Show what `taskdeck bundle` wrote, read-only.

\b
Examples:
  taskdeck
  taskdeck --host ana@build.example.org
  taskdeck --watch 10 | tee -a overview.txt
"""
GROUPS = {
    "import": "Make workflows and schedules from records of other programs.",
    "secrets": "List secrets, also without the word `list`, or check that they can be read.",
    "config": "Write, check and show the configuration.",
    "pools": "List pools, also without the word `list`, or change one.",
    "limits": "List limits, also without the word `list`, or change one.",
    "backends": "List backends, also without the word `list`; look at one, open, close or reset its breaker.",
    "schedule": "Add a rule that submits jobs, or change one; `taskdeck schedules` lists them.",
    "retention": "Show what is kept for how long, also without the word `list`; `apply` begins it.",
    "purge": "Remove outputs, ended jobs or ended loose tasks; `--dry-run` tells what would go.",
    "workitems": "List what waits for people, also without the word `list`; show one, claim, delegate it.",
    "workflows": "List registered workflows, also without the word `list`; add, show, compare, remove one.",
    "notify": "Try where notices go; `taskdeck notices` lists what was sent.",
    "budgets": "List budgets, also without the word `list`, or change what may be spent.",
}
"""The first words of commands of two words, with their help."""
LIST = "list"
"""The second word that may be left out."""
HELP = ("-h", "--help")
_SIGNED = re.compile(r"-[0-9.]+")
_HINTED: dict[object, tuple[tuple[Field[object], object], ...]] = {}
"""What the fields of a class of arguments are declared to be, by the class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Generic[A]):
    """One command; the first paragraph of the docstring of `run` is its help."""

    name: str
    """As typed; two words for a command of a group, such as `import wfformat`."""
    arguments: type[A]
    """A dataclass; its fields declare parameters, and one that is a dataclass stands for those of that."""
    run: Callable[[A], Awaitable[int]]
    examples: tuple[str, ...]
    trailing: bool = False
    """All that follows the first argument belongs to it, also what looks like an option."""
    signed: bool = False
    """Its last argument is a number that may have a sign: `-1.5` is not an option."""
    on_loop: Callable[[Coroutine[object, object, int]], int] = asyncio.run
    """Runs it to its end."""


class _Group(click.Group):
    """Lists its commands in the order in which they were added; its `list` needs no second word."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if LIST in self.commands and args[:1] not in [[word] for word in (*self.commands, *HELP)]:
            args = [LIST, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(self.commands)


class _Signed(click.Command):
    """Takes a word such as `-1.5` as its last argument."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        valued = {name for one in self.params if not _is_switch(one) for name in one.opts}
        signed = [at for at, word in enumerate(args) if _SIGNED.fullmatch(word)]
        if "--" not in args and signed and not (signed[-1] and args[signed[-1] - 1] in valued):
            at = signed[-1]
            args = [*args[:at], *args[at + 1 :], "--", args[at]]
        return super().parse_args(ctx, args)


def _is_switch(parameter: click.Parameter) -> bool:
    return not isinstance(parameter, click.Option) or parameter.is_flag


def build(commands: Iterable[Command[A]]) -> click.Group:
    """Return the program of these commands; run, it returns an `Act`."""
    program = _group("taskdeck", _OVERVIEW, completion_options())
    groups: dict[str, click.Group] = {}
    for command in commands:
        first, _, second = command.name.partition(" ")
        if second and first not in groups:
            groups[first] = _group(first, GROUPS[first])
            program.add_command(groups[first])
        (groups[first] if second else program).add_command(_built(command, second or first))
    return program


def _group(name: str, summary: str, options: Iterable[click.Parameter] = ()) -> click.Group:
    return _Group(
        name,
        help=summary,
        params=list(options),
        no_args_is_help=True,
        context_settings={"help_option_names": list(HELP), "show_default": True},
    )


def _built(command: Command[A], name: str) -> click.Command:
    examples = "\n".join(f"  {example}" for example in command.examples)
    summary = (inspect.getdoc(command.run) or "").partition("\n\n")[0]
    kind = _Signed if command.signed else click.Command
    return kind(
        name,
        help=f"{summary}\n\n\b\nExamples:\n{examples}",
        short_help=summary,
        params=list(_parameters(command.arguments)),
        callback=_reader(command),
        context_settings={"allow_interspersed_args": not command.trailing},
    )


def _reader(command: Command[A]) -> Callable[..., Act]:
    def read(**values: object) -> Act:
        arguments = _filled(command.arguments, values)
        return lambda: command.on_loop(_result(command.run(arguments)))

    return read


def _parameters(arguments: type[object]) -> Iterator[click.Parameter]:
    for argument, hint in _hinted(arguments):
        if _is_nested(hint):
            yield from _parameters(hint)
        else:
            kind, declared = get_args(hint)
            yield parameter_of(argument.name, kind, declared, default=_default(argument))


def _filled(arguments: type[T], values: Mapping[str, object]) -> T:
    return arguments(
        **{
            argument.name: _filled(hint, values) if _is_nested(hint) else values[argument.name]
            for argument, hint in _hinted(arguments)
        }
    )


def _hinted(arguments: type[object]) -> tuple[tuple[Field[object], object], ...]:
    # Once for a class: the options that all commands have are a part of a hundred others.
    if arguments not in _HINTED:
        hints = get_type_hints(arguments, include_extras=True)
        declared = fields(arguments)  # type: ignore[arg-type] # every class of arguments is a dataclass
        _HINTED[arguments] = tuple((argument, hints[argument.name]) for argument in declared)
    return _HINTED[arguments]


def _is_nested(hint: object) -> TypeGuard[type[object]]:
    return isinstance(hint, type) and is_dataclass(hint)


def _default(argument: Field[object]) -> object:
    if argument.default is not MISSING:
        return argument.default
    factory = argument.default_factory
    return factory() if factory is not MISSING else ...


async def _result(work: Awaitable[int]) -> int:
    return await work
