"""The help of every command as the page of commands shows it."""

from __future__ import annotations

from collections.abc import Iterator

from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from core.cli.commands import build
from core.cli.main import load

WIDTH = 96


def command_help() -> str:
    """Return a section for each command, in the order of `taskdeck --help`."""
    app = get_command(build(load([])))
    assert isinstance(app, TyperGroup)
    return "\n".join(_sections(app, "taskdeck"))


def _sections(group: TyperGroup, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _sections(command, f"{path} {name}")
        else:
            assert isinstance(command, TyperCommand)
            yield f"\n## {path.removeprefix('taskdeck').strip()} {name}".replace("##  ", "## ")
            yield f"\n```text\n{_help(command, f'{path} {name}')}\n```"


def _help(command: TyperCommand, path: str) -> str:
    context = command.make_context(
        path, [], resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH
    )
    lines = command.get_help(context).strip().splitlines()
    return "\n".join(line.rstrip() for line in lines)
