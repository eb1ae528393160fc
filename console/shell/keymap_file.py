"""The user's `keymap.toml`: other keys for actions of the table, checked before the console opens."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from console.key_table import KEYS
from core.model.errors import Invalid
from core.model.text import safe_line

FILE = "keymap.toml"
_KEY = re.compile(r"(ctrl\+|shift\+|alt\+)*([a-z0-9_]+|[A-Z])|[^\s,]")


def read_keymap(file: Path, groups: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """Return keys by the id of their action: `retry = "t"` or `retry = "t,f9"`; no file = none.

    `groups` are parts that are in force together: a key for two actions of one of them is refused. Raises
    `Invalid` (`keymap.*`) that names file and line.
    """
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid("keymap.unreadable", safe_line(f"{file}: {error}"), hint="mend the file") from error
    return check_keymap(text, str(file), groups)


def check_keymap(text: str, source: str, groups: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """Return the keys that a text gives; see `read_keymap`."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid("keymap.syntax", safe_line(f"{source}: {error}"), hint="mend the file") from error
    ids = {key.id for keys in KEYS.values() for key in keys}
    for name, keys in table.items():
        if name not in ids:
            raise _refuse(text, source, name, "is no action; 'taskdeck' shows them under ?")
        if not isinstance(keys, str) or not all(_KEY.fullmatch(key) for key in keys.split(",")):
            raise _refuse(text, source, name, 'needs keys as a text, "t" or "t,ctrl+g"')
    moved: dict[str, str] = {name: str(keys) for name, keys in table.items()}
    for name, other, key in _clashes(moved, groups):
        raise _refuse(text, source, name, f"takes '{key}', which is the key of '{other}' there")
    return moved


def _clashes(moved: Mapping[str, str], groups: Iterable[tuple[str, ...]]) -> Iterable[tuple[str, str, str]]:
    for group in groups:
        taken: dict[str, str] = {}
        keys = [key for part in dict.fromkeys(group) for key in KEYS[part]]
        # What the user moved comes last: then it is what is named.
        for key in sorted(keys, key=lambda key: key.id in moved):
            for name in moved.get(key.id, key.keys).split(","):
                other = taken.setdefault(name, key.id)
                if other != key.id and key.id in moved:
                    yield key.id, other, name


def _refuse(text: str, source: str, name: str, why: str) -> Invalid:
    word = re.compile(rf'\s*"?{re.escape(name)}"?\s*=')
    found = (number for number, line in enumerate(text.splitlines(), 1) if word.match(line))
    place = f"{source}:{next(found, 1)}"
    return Invalid(
        "keymap.value",
        safe_line(f"{place}: '{name}' {why}"),
        hint="mend the file; without it all keys are as shipped",
    )
