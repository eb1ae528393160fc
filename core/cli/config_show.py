"""config show: what holds, and where each part of it comes from.

One of the commands `config`.
"""

from __future__ import annotations

from collections.abc import Iterator

from core import host
from core.app.options import Options
from core.app.reading.lasting_control import read_engine_first
from core.cli.arguments import Hosting
from core.cli.commands import Command
from core.cli.fixed_limits import FIXED
from core.cli.limit_lists import told
from core.cli.output import Painted, emit, note, say
from core.cli.summary import cause_text
from core.config import describe, origins, read_at
from core.config.checks import Configuration, check
from core.config.descriptions import CAPACITY, describe_sections, lines_of
from core.config.positions import Positions
from core.files.kinds import exists
from core.model.errors import TaskdeckError
from core.model.limits.limit_views import CapacityView, Cause
from core.model.paths import Paths, find_home
from core.model.text import safe_line
from core.model.values import JsonObject, JsonValue, to_iso
from core.render.limit_shapes import cause_shape

_DEFAULT = "default"


async def config_show(arguments: Hosting) -> int:
    """Print each setting and section with its source, what was changed at run time, what no setting changes.

    A source is the default, the line of config.toml, a variable or a flag; what was changed at run time
    is stronger until it is reset.
    """
    home = find_home(arguments.home, default=host.default_home)
    configuration = check(home, slots=arguments.slots)
    places = Positions(configuration.file.text)
    sections = describe_sections(configuration)
    changed = [*_changed(await _capacity(arguments.options()))]
    settings = describe(home, slots=arguments.slots)
    for name, setting in settings.items():
        if isinstance(setting, dict) and setting["origin"] == str(configuration.file.path):
            setting["line"] = places.line(configuration.file.setting_path(name))
    if arguments.json:
        fixed: JsonObject = {limit.name: {"value": limit.value, "meaning": limit.meaning} for limit in FIXED}
        file = str(Paths(home=home).config)
        runtime: list[JsonValue] = [*changed]
        emit(
            {
                "home": str(home),
                "file": file,
                "settings": settings,
                **sections,
                "lines": _lines(sections, places),
                "changed": runtime,
                "fixed": fixed,
            }
        )
        return 0
    say(f"home {safe_line(str(home))}")
    _say_settings(configuration, settings, origins(home, slots=arguments.slots))
    say()
    lines = _lines(sections, places)
    file = safe_line(str(configuration.file.path))
    for name, text in lines_of(sections):
        line = lines.get(name)
        say(f"{safe_line(name)}: {safe_line(text)}  ", _dim(f"{file}:{line}" if line else _DEFAULT))
    for one in changed:
        say(safe_line(f"{one['key']}: {one['told']}  "), _dim("changed at run time"))
    say()
    say("what no setting changes:")
    wide = max(len(limit.name) for limit in FIXED)
    for limit in FIXED:
        say(f"{limit.name:{wide}}  {limit.value:40}  ", _dim(limit.meaning))
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


def _say_settings(configuration: Configuration, settings: JsonObject, found: dict[str, str]) -> None:
    values = configuration.settings.model_dump(mode="json")
    lines = []
    for name, value in values.items():
        setting = settings[name]
        line = setting.get("line") if isinstance(setting, dict) else None
        origin = found[name] if line is None else f"{found[name]}:{line}"
        lines.append((name, safe_line(written(value)), safe_line(origin), f"read at {read_at(name)}"))
    widths = [max(len(line[column]) for line in lines) for column in (0, 2)]
    wide = min(40, max(len(line[1]) for line in lines))
    for name, text, origin, moment in lines:
        say(f"{name:{widths[0]}}  {text:{wide}}  {origin:{widths[1]}}  ", _dim(moment))


def _lines(sections: JsonObject, places: Positions) -> JsonObject:
    """Return the line of each table that stands in the file, by `SECTION.NAME` or the section."""
    found: JsonObject = {}
    for section, tables in sections.items():
        names = list(tables) if isinstance(tables, dict) else []
        for path in [(section,), *((section, name) for name in names)]:
            line = places.exact(path)
            if line is not None and (len(path) == 2 or section not in CAPACITY):
                found[".".join(path)] = line
    return found


async def _capacity(options: Options) -> CapacityView:
    """Return pools and limits as they are at run time; nothing where the home was never used."""
    if not exists(options.paths.db):
        return CapacityView()
    try:
        async with read_engine_first(options) as deck:
            return await deck.limits.capacity()
    except TaskdeckError as error:
        # What the file says can be shown without the store.
        note(f"what was changed at run time is not known: {safe_line(error.message)} [{error.code}]")
        return CapacityView()


def _changed(view: CapacityView) -> Iterator[JsonObject]:
    """Yield what an operator changed at run time, with the words for it."""
    for pool in view.pools:
        key = f"pools.{pool.name}"
        if pool.changed is not None:
            yield _told(key, f"slots = {pool.slots}, configured {pool.configured_slots}", pool.changed)
        if pool.paused is not None:
            yield _told(key, "paused", pool.paused)
    for limit in view.limits:
        if limit.changed is not None:
            yield _told(limit.name, told(limit).partition(": ")[2], limit.changed)


def _told(key: str, what: str, cause: Cause) -> JsonObject:
    by = cause_text(cause.by, cause.reason)
    return {
        "key": key,
        "told": f"{what}; since {to_iso(cause.at)} {by}".rstrip(),
        "cause": cause_shape(cause),
    }


def _dim(text: str) -> Painted:
    return Painted(text=text, colour="dim")


SHOW = Command(
    name="config show",
    arguments=Hosting,
    run=config_show,
    examples=("taskdeck config show", "taskdeck config show --json | jq .settings.output_cap"),
)
