"""What differs between two readings of a configuration.

Written into the history, and answered to who asked for a reload.
"""

from __future__ import annotations

from msgspec import Struct

from core.model.values import JsonValue


class ConfigChange(Struct, frozen=True, kw_only=True):
    """One key, with what it was and is; None = it was not, or is not any more, in the file."""

    key: str
    """As TOML writes it: `slots`, `pools.gpu.slots`, `limits.db` for a whole table."""
    old: JsonValue
    new: JsonValue


class Reloaded(Struct, frozen=True, kw_only=True):
    """What a reload changed, or would change."""

    changes: tuple[ConfigChange, ...]
    """In the order of their keys."""
