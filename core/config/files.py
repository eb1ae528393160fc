"""config.toml as it stands: its text and its values.

Read by the settings and by the capacity.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from core.config.sections import ENGINE, NAMES
from core.files.reading import read_at_once
from core.model.errors import Invalid
from core.model.text import safe_line

if TYPE_CHECKING:
    from pathlib import Path

    from core.config.positions import KeyPath

_BYTES_MAX = 1_048_576
_PARTS_MAX = 100
_DEEP = re.compile(
    rf"""(?<![A-Za-z0-9_-])(?:(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_PARTS_MAX}}}"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigFile:
    """A file of configuration; one that does not exist is empty."""

    path: Path
    text: str = ""
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, object]:
        """What is not a section, and what stands in `[engine]`; a key that is in both is that of the top."""
        return {
            **self._engine,
            **{key: value for key, value in self.values.items() if key not in NAMES},
        }

    @property
    def twice(self) -> list[str]:
        """Return the settings that stand at the top and in `[engine]`."""
        return [key for key in self.values if key in self._engine]

    @property
    def has_faulty_engine(self) -> bool:
        """Whether `engine` is something else than a table."""
        return not isinstance(self.values.get(ENGINE, {}), Mapping)

    def setting_path(self, name: str) -> KeyPath:
        """Return where a setting stands."""
        return (name,) if name in self.values or name not in self._engine else (ENGINE, name)

    @property
    def _engine(self) -> Mapping[str, object]:
        table = self.values.get(ENGINE)
        return table if isinstance(table, Mapping) else {}


def read_file(path: Path) -> ConfigFile:
    """Read a file; raise `Invalid` (`config.unreadable`, `config.syntax`)."""
    try:
        raw = read_at_once(path, _BYTES_MAX + 1)
    except FileNotFoundError:
        return ConfigFile(path=path)
    except OSError as error:
        raise _broken(path, "config.unreadable", error.strerror or "cannot be read") from error
    if len(raw) > _BYTES_MAX:
        raise _broken(path, "config.unreadable", "larger than 1 MiB")
    try:
        text, values = _parse(raw)
        return ConfigFile(path=path, text=text, values=values)
    # Also a number of thousands of digits, which int refuses with a ValueError of its own.
    except ValueError as error:
        raise _broken(path, "config.syntax", str(error)) from error
    except RecursionError as error:
        raise _broken(path, "config.syntax", "its values are nested too deeply") from error


# Settings, capacity and origins read the same file one after another: it is taken apart once.
@lru_cache(maxsize=1)
def _parse(raw: bytes) -> tuple[str, Mapping[str, object]]:
    # Editors of other systems begin a file with a byte order mark, of which TOML knows nothing.
    text = raw.decode("utf-8-sig")
    # tomllib takes memory by the square of a key's parts.
    if _DEEP.search(text):
        raise ValueError(f"a key has more than {_PARTS_MAX} parts")
    return text, tomllib.loads(text)


def _broken(path: Path, code: str, reason: str) -> Invalid:
    return Invalid(
        code,
        f"{safe_line(str(path))}: {safe_line(reason)}",
        hint="fix the file or move it away; taskdeck runs without it",
        facts={"file": str(path)},
    )
