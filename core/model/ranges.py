"""A range: positions from one up to another.

Of bytes, characters, cells or moments; used wherever parts of a whole are named.
"""

from __future__ import annotations

from typing import NamedTuple


class Range(NamedTuple):
    """From a position up to `end`, which is not in it."""

    begin: int
    end: int
