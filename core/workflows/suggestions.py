"""Suggestions: the known name that was probably meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

_CANDIDATES = 400
"""Known names that are compared; of more, only those of like first letter and length."""


def near_miss(name: str, known: Collection[str]) -> str | None:
    """Return the known name closest to `name`, or None when none is close."""
    if len(name) > 200:
        return None
    candidates: Collection[str] = known
    if len(known) > _CANDIDATES:
        candidates = [
            other for other in known if abs(len(other) - len(name)) <= 2 and other[:1] == name[:1].lower()
        ][:_CANDIDATES]
    close = get_close_matches(name, candidates, n=1, cutoff=0.6) or get_close_matches(
        name.lower(), candidates, n=1
    )
    return close[0] if close else None


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return `: did you mean `x`?` for a near miss, else nothing."""
    near = near_miss(name, known)
    return f": did you mean `{near}`?" if near else ""


def one_of(name: str, known: Collection[str]) -> str:
    """Return the near miss, or else the known names if there are few."""
    if near := did_you_mean(name, known):
        return near
    return f"; known: {', '.join(sorted(known))}" if 0 < len(known) <= 20 else ""
