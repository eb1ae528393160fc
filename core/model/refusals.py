"""Refusals: what a verb leaves as it is, and why.

Part of the answers to commands.
"""

from __future__ import annotations

from typing import NamedTuple


class Refusal(NamedTuple):
    """A task or job that a verb leaves as it is, and why."""

    id: int
    reason: str
    code: str = ""
    """Empty where the reason says all that a program may want to know."""


ONCE_TAKEN = "once.taken"
"""Code of a refusal: another task has the key of its `once`."""
RETRY_LIMIT = "retry.limit"
"""Code of the refusal of a task that was retried as often as it may be without force."""
