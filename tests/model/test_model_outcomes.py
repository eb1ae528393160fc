"""Tests of outcomes: their errors as one line."""

from __future__ import annotations

import pytest

from core.model.outcomes import error_line


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (None, ""),
        ({}, ""),
        ({"code": "exit"}, "exit"),
        ({"message": "gone"}, "gone"),
        ({"code": "http.5xx", "message": "status 503"}, "http.5xx: status 503"),
        ({"code": "shell.exit", "message": "exit 65: no rows"}, "exit 65: no rows"),
        ({"code": "shell.exit", "message": ""}, "shell.exit"),
        ({"code": 7, "message": ["a"]}, "7: ['a']"),
    ],
)
def test_an_error_is_code_and_message_as_far_as_there_are_any(
    error: dict[str, object] | None, said: str
) -> None:
    assert error_line(error) == said
