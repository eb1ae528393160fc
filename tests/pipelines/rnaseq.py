"""Counts of genes of several samples as one table."""

from __future__ import annotations

from typing import Any


def merge(samples: list[str], parts: list[dict[str, Any] | None], gaps: list[dict[str, Any]]) -> str:
    """Return what each sample counted, and which samples are missing."""
    counted = [f"{name}={part['text']}" for name, part in zip(samples, parts, strict=True) if part]
    missing = [f"no {samples[gap['index']]} ({gap['status']})" for gap in gaps]
    return ", ".join(counted + missing)
