"""Message: what is sent to a sink; why it failed.

Used by the senders.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from core.model.values import JsonObject


class DeliveryFailed(Exception):
    """Report why a message did not arrive, in one sentence."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final
        """Whether another try would do harm: a part of it arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A subject, lines of text, and the same as JSON; `key` is the same in each try of a delivery."""

    subject: str
    lines: tuple[str, ...]
    key: str
    body: JsonObject

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join([*self.lines, ""])

    @property
    def json(self) -> bytes:
        """The body as JSON, in ASCII."""
        return json.dumps(self.body).encode("ascii")
