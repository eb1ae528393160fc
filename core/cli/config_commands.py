"""config: write, check and show the configuration of a home.

Loaded by `core.cli.main` for its commands.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

from core import host
from core.cli.access import running
from core.cli.arguments import Common, Label, Remote, actor_of
from core.cli.commands import Command
from core.cli.config_show import SHOW, written
from core.cli.output import emit, say
from core.cli.parameters import Option
from core.cli.refusals import write_faults
from core.config.checks import check
from core.config.descriptions import describe_capacity, lines_of
from core.config.example import example
from core.config.json_schema import json_schema
from core.engine.scheduling.declared_schedules import declared_schedules
from core.files.writing import write_new
from core.model.commands.work import Effect
from core.model.errors import Conflict
from core.model.paths import Paths, ensure_home, find_home
from core.model.present import present_ms
from core.model.text import safe_line
from core.model.values import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Init(Common):
    """The arguments of `config init`."""

    print_: Annotated[bool, Option(help="Write it to standard output; no file is touched.")] = False


async def config_init(arguments: Init) -> int:
    """Write a config.toml with every setting and section, all of it commented out.

    A file that is there is left alone.
    """
    if arguments.print_:
        say(example().rstrip("\n"))
        return 0
    path = Paths(home=ensure_home(find_home(arguments.home, default=host.default_home)).home).config
    try:
        write_new(path, example().encode())
    except FileExistsError as error:
        raise Conflict(
            "config.exists",
            f"{safe_line(str(path))} is there, and was left as it is",
            hint="see the example with 'taskdeck config init --print'",
            facts={"file": str(path)},
        ) from error
    if arguments.json:
        emit({"file": str(path), "written": True})
    else:
        say(f"{safe_line(str(path))} is written; nothing in it holds until you take the `# ` off a line")
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload(Remote):
    """The arguments of `config reload`."""

    dry_run: Annotated[bool, Option(help="Say what would change; change nothing.")] = False
    as_: Label = None


async def config_reload(arguments: Reload) -> int:
    """Let the running engine read config.toml again, and take all of it or nothing.

    What runs goes on. A setting that is read only when an engine starts is refused by name.
    """
    effect = Effect.NONE if arguments.dry_run else Effect.CHANGE
    async with running(arguments) as deck:
        done = await deck.configuration.reload(effect=effect, actor=actor_of(arguments.as_))
    if arguments.json:
        changes: list[JsonValue] = [
            {"key": change.key, "old": change.old, "new": change.new} for change in done.changes
        ]
        emit({"changed": changes, "done": effect is Effect.CHANGE})
        return 0
    for change in done.changes:
        say(safe_line(f"{change.key}: {written(change.old)} -> {written(change.new)}"))
    count = len(done.changes)
    word = "would change" if arguments.dry_run else "changed"
    say(f"{count:,} {word}" if count else "nothing changed: the engine runs with what the file says")
    return 0


async def config_schema(arguments: Common) -> int:
    """Print the JSON Schema of config.toml, for editors that check and complete it."""
    schema = json_schema()
    if arguments.json:
        emit(schema)
    else:
        say(json.dumps(schema, indent=2))
    return 0


async def config_check(arguments: Common) -> int:
    """Print the settings, pools, limits, budgets, prices and backends, or every fault in them.

    Warns about a queue that no pool drains, a pool that is not there, and settings that change nothing.
    """
    home = find_home(arguments.home, default=host.default_home)
    file = str(Paths(home=home).config)
    found = check(home)
    declared_schedules(found, surroundings={}, now=present_ms())
    settings = found.settings.model_dump(mode="json")
    capacity = describe_capacity(found.capacity, slots=found.settings.slots)
    if arguments.json:
        warnings: list[JsonValue] = [warning.to_json() for warning in found.warnings]
        emit(
            {
                "ok": True,
                "home": str(home),
                "file": file,
                "settings": settings,
                **capacity,
                "warnings": warnings,
            }
        )
        return 0
    write_faults(safe_line(file), found.warnings, prefix="warning: ")
    say(f"home {home}")
    for name, value in settings.items():
        say(f"{name} = {value}")
    for name, text in lines_of(capacity):
        say(f"{safe_line(name)}: {safe_line(text)}")
    return 0


COMMANDS = (
    Command(
        name="config init",
        arguments=Init,
        run=config_init,
        examples=("taskdeck config init", "taskdeck config init --print | less"),
    ),
    Command(
        name="config check",
        arguments=Common,
        run=config_check,
        examples=("taskdeck config check", "taskdeck config check --home /srv/deck"),
    ),
    SHOW,
    Command(
        name="config reload",
        arguments=Reload,
        run=config_reload,
        examples=(
            "taskdeck config reload --dry-run",
            "taskdeck config reload --host build@box",
        ),
    ),
    Command(
        name="config schema",
        arguments=Common,
        run=config_schema,
        examples=("taskdeck config schema > config.schema.json",),
    ),
)
