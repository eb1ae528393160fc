"""ExpressionFault: what is wrong with an expression, and where in it.

Raised by the parser, the type rules and the evaluation.
"""

from __future__ import annotations

from core.model.errors import Invalid
from core.model.values import JsonObject


class ExpressionFault(Invalid):
    """Refuse an expression; `at` is the offset in its source, from 0."""

    def __init__(
        self, code: str, message: str, *, at: int, hint: str = "", facts: JsonObject | None = None
    ) -> None:
        super().__init__(code, message, hint=hint or "fix the expression there", facts=facts)
        self.at = at
