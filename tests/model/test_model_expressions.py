"""Tests of which values contain an expression."""

from __future__ import annotations

from core.model.expressions import has_expression
from core.model.values import JsonValue


def test_an_expression_is_seen_at_any_depth() -> None:
    deep: JsonValue = "${{ x }}"
    for _ in range(50_000):
        deep = [deep]
    assert has_expression(deep)
    assert not has_expression({"a": ["$ {{", 1, None, {"${{": 2}]})
