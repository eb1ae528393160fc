"""config check, config show: the settings, and where they come from.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

from core import host
from core.cli.arguments import Common, Hosting
from core.cli.commands import Command
from core.cli.fixed_limits import FIXED
from core.cli.output import Painted, emit, say
from core.config import describe, load, origins, read_at
from core.model.paths import Paths, find_home
from core.model.text import safe_line
from core.model.values import JsonObject


async def config_check(arguments: Common) -> int:
    """Print the settings, or every fault in them."""
    home = find_home(arguments.home, default=host.default_home)
    settings = load(home).model_dump(mode="json")
    if arguments.json:
        emit({"ok": True, "home": str(home), "file": str(Paths(home=home).config), "settings": settings})
        return 0
    say(f"home {home}")
    for name, value in settings.items():
        say(f"{name} = {value}")
    return 0


async def config_show(arguments: Hosting) -> int:
    """Print each setting with its value, its source and when it is read; then what no setting changes."""
    home = find_home(arguments.home, default=host.default_home)
    settings = load(home, slots=arguments.slots)
    found = origins(home, slots=arguments.slots)
    values = settings.model_dump(mode="json")
    if arguments.json:
        shown = describe(home, slots=arguments.slots)
        fixed: JsonObject = {limit.name: {"value": limit.value, "meaning": limit.meaning} for limit in FIXED}
        emit({"home": str(home), "file": str(Paths(home=home).config), "settings": shown, "fixed": fixed})
        return 0
    say(f"home {safe_line(str(home))}")
    lines = [
        (name, written(value), found[name], f"read at {read_at(name)}") for name, value in values.items()
    ]
    widths = [max(len(line[column]) for line in lines) for column in (0, 2)]
    wide = min(40, max(len(line[1]) for line in lines))
    for name, value, origin, moment in lines:
        say(f"{name:{widths[0]}}  {safe_line(value):{wide}}  {safe_line(origin):{widths[1]}}  ", _dim(moment))
    say()
    say("what no setting changes:")
    for limit in FIXED:
        say(f"{limit.name:{widths[0]}}  {limit.value:{wide}}  ", _dim(limit.meaning))
    return 0


def written(value: object) -> str:
    """Return a value as a person reads it: `none`, `true`, a list with commas."""
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case list() | tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)


def _dim(text: str) -> Painted:
    return Painted(text=text, colour="dim")


COMMANDS = (
    Command(
        name="config check",
        arguments=Common,
        run=config_check,
        examples=("taskdeck config check", "taskdeck config check --home /srv/deck"),
    ),
    Command(
        name="config show",
        arguments=Hosting,
        run=config_show,
        examples=("taskdeck config show", "taskdeck config show --json | jq .settings.output_cap"),
    ),
)
