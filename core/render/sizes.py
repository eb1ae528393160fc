"""Sizes of files as people read them.

Used by the log screens and the commands.
"""

from __future__ import annotations

from core.model.text import SafeText

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def size_text(size: int) -> SafeText:
    """Return a number of bytes in the largest unit of which it has one, powers of 1,000: `10.2 GB`."""
    value, unit = float(size), 0
    while value >= 999.95 and unit < len(_UNITS) - 1:
        value, unit = value / 1_000, unit + 1
    return SafeText(f"{size:,} {_UNITS[0]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}")
