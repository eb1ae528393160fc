"""The best of several trials."""

from __future__ import annotations

from typing import Any


def best(trials: list[dict[str, Any] | None]) -> dict[str, Any]:
    """Return what the trial with the least loss printed."""
    return min((trial["json"] for trial in trials if trial), key=lambda told: told["loss"])
