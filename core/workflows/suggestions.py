"""Near misses: the known word that was probably meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

_CANDIDATES = 400
"""Beyond so many known words only those of the same first letter and similar length are compared."""


def near_miss(word: str, known: Collection[str]) -> str | None:
    """Return the known word closest to `word`, or None when nothing is close."""
    if len(word) > 200:
        return None
    words: Collection[str] = known
    if len(known) > _CANDIDATES:
        words = [
            other for other in known if abs(len(other) - len(word)) <= 2 and other[:1] == word[:1].lower()
        ][:_CANDIDATES]
    found = get_close_matches(word, words, n=1, cutoff=0.6) or get_close_matches(word.lower(), words, n=1)
    return found[0] if found else None


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return `: did you mean `x`?` for a near miss, else nothing."""
    found = near_miss(word, known)
    return f": did you mean `{found}`?" if found else ""


def one_of(word: str, known: Collection[str]) -> str:
    """Return the near miss, or else the known words as far as they are few."""
    if near := did_you_mean(word, known):
        return near
    return f"; known: {', '.join(sorted(known))}" if 0 < len(known) <= 20 else ""
