"""The help of every command as the page of commands shows it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from core.cli.commands import build
from core.cli.main import load

WIDTH = 96


def command_help() -> str:
    """Return a section for each command, in the order of `taskdeck --help`."""
    app = build(load([]))
    assert isinstance(app, click.Group)
    return "\n".join(_sections(app, "taskdeck"))


def _sections(group: click.Group, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _sections(command, f"{path} {name}")
        else:
            assert isinstance(command, click.Command)
            yield f"\n## {path.removeprefix('taskdeck').strip()} {name}".replace("##  ", "## ")
            yield f"\n```text\n{_help(command, f'{path} {name}')}\n```"


def _help(command: click.Command, path: str) -> str:
    context = command.make_context(
        path, [], resilient_parsing=True, terminal_width=WIDTH, max_content_width=WIDTH
    )
    lines = command.get_help(context).strip().splitlines()
    return "\n".join(line.rstrip() for line in lines)
