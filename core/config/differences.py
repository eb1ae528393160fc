"""What differs between two configurations, and what needs a restart.

Used by a running engine that reads its configuration again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import TYPE_CHECKING

from core.config.faults import written
from core.config.sections import SECTIONS
from core.config.settings import Read, read_at
from core.model.config_changes import ConfigChange
from core.model.redaction import redacted

if TYPE_CHECKING:
    from core.config.checks import Configuration
    from core.config.positions import KeyPath
    from core.model.values import JsonValue

SHOWN_MAX = 1_000
"""Characters of a value that are kept of it; it may be a list of a thousand names."""


def differences(old: Configuration, new: Configuration) -> tuple[ConfigChange, ...]:
    """Return what differs, key by key; what is read by commands alone is left out.

    A table that came or went is one change.
    """
    found = (*_of_settings(old, new), *_of_sections(old, new))
    return tuple(sorted(found, key=lambda change: change.key))


def need_restart(changes: tuple[ConfigChange, ...]) -> list[str]:
    """Return the settings among them that an engine reads only when it starts."""
    return [change.key for change in changes if "." not in change.key and read_at(change.key) is Read.ENGINE]


def _of_settings(old: Configuration, new: Configuration) -> Iterator[ConfigChange]:
    before, after = (one.settings.model_dump(mode="json") for one in (old, new))
    for name, value in after.items():
        if before[name] != value and read_at(name) is not Read.COMMAND:
            yield _change((name,), before[name], value)


def _of_sections(old: Configuration, new: Configuration) -> Iterator[ConfigChange]:
    for section in SECTIONS:
        before, after = (_table(one.file.values.get(section.name)) for one in (old, new))
        yield from _of_tables((section.name,), before, after, depth=1)


def _of_tables(
    path: KeyPath, before: Mapping[str, object], after: Mapping[str, object], *, depth: int
) -> Iterator[ConfigChange]:
    for key in (*after, *(before.keys() - after.keys())):
        was, is_ = before.get(key), after.get(key)
        if was == is_:
            continue
        if depth and isinstance(was, Mapping) and isinstance(is_, Mapping):
            yield from _of_tables((*path, key), was, is_, depth=depth - 1)
        else:
            yield _change((*path, key), was, is_)


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _change(path: KeyPath, old: object, new: object) -> ConfigChange:
    name = str(path[-1])
    return ConfigChange(key=written(path), old=redacted(name, plain(old)), new=redacted(name, plain(new)))


def plain(value: object) -> JsonValue:
    """Return a value of TOML as JSON has it; a very long one is cut."""
    match value:
        case Mapping():
            shown: JsonValue = {str(key): plain(part) for key, part in value.items()}
        case list() | tuple():
            shown = [plain(part) for part in value]
        case date() | time():
            return value.isoformat()
        case None | bool() | int() | float() | str():
            shown = value
        case _:
            shown = str(value)
    text = str(shown)
    return shown if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}..."
