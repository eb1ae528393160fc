"""Sizes: the parser of numbers of bytes.

Used by documents and the commands.
"""

from __future__ import annotations

import re

from core.model.errors import Invalid
from core.model.text import safe_line

UNITS = {"": 1, "k": 1_000, "m": 1_000**2, "g": 1_000**3, "ki": 1_024, "mi": 1_024**2, "gi": 1_024**3}
LARGEST = 2**40
"""No size is larger than a tebibyte."""
OUTPUT_LEAST = 4_096
"""The smallest limit of an output: whole blocks are dropped."""

_SIZE = re.compile(r"([0-9]{1,13}(?:\.[0-9]{1,6})?) ?([kmg]?i?)b?", re.ASCII | re.IGNORECASE)
_TEXT_MAX = 60


def parse_size(value: object) -> int:
    """Return the bytes of `4096`, `64MiB`, `1.5 GB` or a whole number; raise `Invalid` (`size.invalid`).

    kB, MB, GB are powers of 1,000, KiB, MiB, GiB of 1,024.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        size: float = value
    else:
        match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
        unit = UNITS.get(match[2].lower()) if match else None
        if match is None or unit is None:
            raise _invalid(value)
        size = float(match[1]) * unit
    if not 0 <= size <= LARGEST:
        raise _invalid(value)
    return int(size)


def parse_output_limit(value: object) -> int:
    """Read the limit of an output; raise `Invalid` (`size.invalid`) for one below 4,096 bytes too."""
    size = parse_size(value)
    if size < OUTPUT_LEAST:
        raise Invalid(
            "size.invalid",
            f"a limit of {size:,} bytes is too small for an output",
            hint=f"give at least {OUTPUT_LEAST:,} bytes",
            facts={"size": size},
        )
    return size


def _invalid(value: object) -> Invalid:
    shown = safe_line(str(value)[:_TEXT_MAX])
    return Invalid(
        "size.invalid",
        f"{shown!r} is not a size",
        hint="write bytes, or 500kB, 64MiB, 1.5GB; up to 1 TiB",
        facts={"text": shown},
    )
