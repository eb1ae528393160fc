"""The user's `keymap.toml`: other keys for actions of the key table.

Read by the app at its start.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from console.key_table import KEYS
from core.files.reading import read_at_once
from core.model.errors import Invalid
from core.model.text import safe_line

FILE = "keymap.toml"
_BYTES_MAX = 2**20
_KEY = re.compile(r"(ctrl\+|shift\+|alt\+)*([a-z0-9_]+|[A-Z])|[^\s,]")


def read_keymap(file: Path, groups: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """Return keys by the id of their action: `retry = "t"` or `retry = "t,f9"`; no file = none.

    `groups` are parts that are active together: a key for two actions of one group is refused. Raises
    `Invalid` (`keymap.*`) that names file and line.
    """
    try:
        text = read_at_once(file, _BYTES_MAX).decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(
            "keymap.unreadable",
            safe_line(f"{file}: {error}"),
            hint="fix the file",
            facts={"file": str(file), "reason": str(error)},
        ) from error
    return check_keymap(text, str(file), groups)


def check_keymap(text: str, source: str, groups: Iterable[tuple[str, ...]]) -> dict[str, str]:
    """Return the keys that a text gives; see `read_keymap`."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(
            "keymap.syntax",
            safe_line(f"{source}: {error}"),
            hint="fix the file",
            facts={"file": str(source), "reason": str(error)},
        ) from error
    ids = {key.id for keys in KEYS.values() for key in keys}
    for name, keys in table.items():
        if name not in ids:
            raise _refuse(text, source, name, "is not an action; ? in the console lists them")
        if not isinstance(keys, str) or not all(_KEY.fullmatch(key) for key in keys.split(",")):
            raise _refuse(text, source, name, 'needs keys as a text, "t" or "t,ctrl+g"')
    keymap: dict[str, str] = {name: str(keys) for name, keys in table.items()}
    for clash in _clashes(keymap, groups):
        why = f"takes '{clash.key}', which is already the key of '{clash.other}'"
        raise _refuse(text, source, clash.name, why)
    return keymap


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clash:
    """A key that the user gave to one action while another has it."""

    name: str
    other: str
    key: str


def _clashes(keymap: Mapping[str, str], groups: Iterable[tuple[str, ...]]) -> Iterable[_Clash]:
    for group in groups:
        taken: dict[str, str] = {}
        keys = [key for part in dict.fromkeys(group) for key in KEYS[part]]
        # Keys of the user come last: then they are the ones that are refused.
        for key in sorted(keys, key=lambda key: key.id in keymap):
            for name in keymap.get(key.id, key.keys).split(","):
                other = taken.setdefault(name, key.id)
                if other != key.id and key.id in keymap:
                    yield _Clash(name=key.id, other=other, key=name)


def _refuse(text: str, source: str, name: str, why: str) -> Invalid:
    word = re.compile(rf'\s*"?{re.escape(name)}"?\s*=')
    lines = (number for number, line in enumerate(text.splitlines(), 1) if word.match(line))
    place = f"{source}:{next(lines, 1)}"
    return Invalid(
        "keymap.value",
        safe_line(f"{place}: '{name}' {why}"),
        hint="fix the file; without it all keys are as shipped",
        facts={"place": place, "name": name, "reason": why},
    )
