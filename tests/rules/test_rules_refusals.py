"""Which failures are refusals of a backend."""

from __future__ import annotations

import pytest

from core.model.outcomes import Failed, TaskError
from core.rules.refusals import LONGEST_MS, refused_for


def answered(status: int, after: int | None) -> Failed:
    error = TaskError(code="http", message="the server answered", facts={"status": status})
    return Failed(error=error, retry_after_ms=after)


@pytest.mark.parametrize("status", [429, 503])
def test_too_many_and_unavailable_with_a_time_are_refusals(status: int) -> None:
    assert refused_for(answered(status, 2_000)) == 2_000
    assert refused_for(answered(status, LONGEST_MS + 1)) == LONGEST_MS


@pytest.mark.parametrize(
    ("status", "after"), [(429, None), (503, None), (429, 0), (500, 2_000), (404, 2_000)]
)
def test_other_answers_are_not(status: int, after: int | None) -> None:
    assert refused_for(answered(status, after)) is None


def test_neither_are_failures_without_an_answer() -> None:
    assert refused_for(Failed(error=TaskError(code="x", message="x"), retry_after_ms=2_000)) is None
