"""The table of words of the completion, from the commands."""

from __future__ import annotations

import json
from typing import Any

import click

from core.cli.commands import LIST, build
from core.cli.main import load


def completion_table() -> str:
    """Return the commands with their help, options and arguments, as JSON."""
    return json.dumps(_described(build(load([]))), indent=1, ensure_ascii=True) + "\n"


def _described(command: Any) -> dict[str, object]:
    told: dict[str, object] = {"help": (command.get_short_help_str(limit=200) or "").strip()}
    options: dict[str, object] = {}
    arguments: list[str] = []
    for param in command.params:
        if param.param_type_name == "argument":
            arguments.append(str(param.metavar or param.name).upper())
        elif param.name not in ("install_completion", "show_completion"):
            for name in (*param.opts, *param.secondary_opts):
                options[name] = _value(param)
    told["options"] = options
    if arguments:
        told["arguments"] = arguments
    if hasattr(command, "commands"):
        # Its options stand behind the first word too, where the second is left out.
        if LIST in command.commands:
            told["options"] = _described(command.commands[LIST])["options"]
        told["commands"] = {name: _described(one) for name, one in command.commands.items()}
    return told


def _value(param: Any) -> object:
    """Return None for a switch, the choices of an option, or what its value is called."""
    if param.is_flag:
        return None
    if isinstance(param.type, click.Choice):
        return list(param.type.choices)
    return str(param.metavar or "VALUE")
