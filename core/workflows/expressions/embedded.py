"""Expressions embedded in text: where each `${{ ... }}` begins and ends.

Used by `checking`, `resolving` and the checks of documents.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.model.errors import Invalid
from core.model.expressions import OPENING

SOURCE_MAX = 500
"""Characters of one expression; the library has no limit on what one may cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """One expression in a text: its source without `${{ }}`, trimmed, and the offset of the source."""

    source: str
    offset: int


def split(text: str) -> list[str | Embedded]:
    """Split a text into its literal pieces and its expressions, in order; no empty pieces.

    An expression ends at the first `}}` outside of quotes and braces. `${{ "${{" }}` writes the opening
    itself. Raises `Invalid` for an expression without end, an empty one, or a source over 500 characters.
    """
    pieces: list[str | Embedded] = []
    at = 0
    while (start := text.find(OPENING, at)) >= 0:
        if start > at:
            pieces.append(text[at:start])
        inner = start + len(OPENING)
        end = _find_end(text, inner)
        raw = text[inner:end]
        source = raw.strip()
        if not source:
            raise Invalid(
                "expression.empty",
                "an expression has nothing in it",
                hint="write a path or a comparison between ${{ and }}",
                facts={"offset": start},
            )
        pieces.append(Embedded(source=source, offset=inner + raw.index(source)))
        at = end + 2
    if at < len(text):
        pieces.append(text[at:])
    return pieces


def bare_source(text: str) -> str:
    """Return the source of a text that is one expression as a whole, or of one without `${{ }}`."""
    pieces = split(text.strip())
    if len(pieces) == 1 and isinstance(pieces[0], Embedded):
        return pieces[0].source
    if any(isinstance(piece, Embedded) for piece in pieces) or not pieces:
        raise Invalid(
            "expression.not_whole",
            "a condition is one expression: nothing may stand before or after it",
            hint='write "${{ params.limit > 10 }}"',
        )
    return text.strip()


def _find_end(text: str, start: int) -> int:
    depth = 0
    at = start
    stop = min(len(text), start + SOURCE_MAX + 100)
    while at < stop:
        char = text[at]
        if char in "\"'":
            at = _skip_string(text, at, stop)
            continue
        if char == "{":
            depth += 1
        elif char == "}" and depth:
            depth -= 1
        elif char == "}" and text[at + 1 : at + 2] == "}":
            return at
        at += 1
    if stop < len(text):
        raise Invalid(
            "expression.too_long",
            f"an expression has more than {SOURCE_MAX} characters, or no end",
            hint="end it with }}, or compute it in a task",
            facts={"offset": start},
        )
    raise Invalid(
        "expression.no_end", "an expression has no end", hint="end it with }}", facts={"offset": start}
    )


def _skip_string(text: str, at: int, stop: int) -> int:
    """Return the offset behind a quoted string; single and triple quotes, with escapes."""
    quote = text[at] * 3 if text.startswith(text[at] * 3, at) else text[at]
    at += len(quote)
    while at < stop:
        if text[at] == "\\":
            at += 2
        elif text.startswith(quote, at):
            return at + len(quote)
        else:
            at += 1
    return stop
