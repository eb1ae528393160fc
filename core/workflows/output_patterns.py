"""Patterns of the last output, as `retry.on` may name them.

Used by the typed document and by admission.
"""

from __future__ import annotations

from core.filters.patterns import Case, PatternRefused, compile_line_pattern


def pattern_refusal(text: str) -> str | None:
    """Return in a sentence why a pattern of the last output cannot be used, or None."""
    try:
        compile_line_pattern(text, Case.EXACT)
    except PatternRefused as error:
        return f"{error.reason}; {error.hint}"
    return None
