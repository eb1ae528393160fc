"""Near misses: known names close to a misspelt one, and their message.

Used wherever a name from outside is refused: settings, filters, documents, commands.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from core.model.text import safe_line

_NAME_MAX = 200
"""Characters of a name that is compared; a longer one is not a slip of the keyboard."""
_CANDIDATES_MAX = 400
"""Known names that are compared; of more, only those of like first letter and length."""
_LISTED_MAX = 20


def near_misses(name: str, known: Collection[str], *, limit: int = 1) -> list[str]:
    """Return the known names close to `name`, the closest first."""
    if len(name) > _NAME_MAX:
        return []
    candidates = known
    if len(known) > _CANDIDATES_MAX:
        candidates = [
            other for other in known if abs(len(other) - len(name)) <= 2 and other[:1] == name[:1].lower()
        ][:_CANDIDATES_MAX]
    # Many import this file, and few have to ask.
    from difflib import get_close_matches

    return get_close_matches(name, candidates, n=limit) or get_close_matches(
        name.lower(), candidates, n=limit
    )


def suggestion(names: Sequence[str]) -> str:
    """Return ``; did you mean `x` or `y`?`` to end a message with, or nothing without names."""
    return f"; did you mean {' or '.join(f'`{safe_line(name)}`' for name in names)}?" if names else ""


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return the suggestion of the closest known name, or nothing when none is close."""
    return suggestion(near_misses(name, known))


def one_of(name: str, known: Collection[str]) -> str:
    """Return the suggestion of the closest known name, or else the known names if they are few."""
    if near := did_you_mean(name, known):
        return near
    return f"; known: {', '.join(map(safe_line, sorted(known)))}" if 0 < len(known) <= _LISTED_MAX else ""
