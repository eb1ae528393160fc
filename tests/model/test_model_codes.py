"""Which error codes exist, and what a pattern of them fits."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import core
from core.config import load
from core.connectors.registry import Registry, builtin
from core.model.codes import ENGINE_CODES, NOT_RETRIED, Match, fault_of, match_error

REGISTRY = Registry(builtin(load(Path("/nonexistent"))))
SHELL = REGISTRY.codes("shell") or ENGINE_CODES
HTTP = REGISTRY.codes("http") or ENGINE_CODES


@pytest.mark.parametrize(
    ("pattern", "code", "facts", "found"),
    [
        ("shell.exit", "shell.exit", {"exit": 75}, Match.NAMED),
        ("shell", "shell.exit", {"exit": 75}, Match.BEGINNING),
        ("shel", "shell.exit", {"exit": 75}, None),
        ("shell.exit.75", "shell.exit", {"exit": 75}, Match.NAMED),
        ("shell.exit.7", "shell.exit", {"exit": 75}, None),
        ("shell.exit.64-78", "shell.exit", {"exit": 64}, Match.NAMED),
        ("shell.exit.64-78", "shell.exit", {"exit": 78}, Match.NAMED),
        ("shell.exit.64-78", "shell.exit", {"exit": 79}, None),
        ("shell.exit.75", "python.exit", {"exit": 75}, None),
        ("shell.exit.75", "shell.exit", {}, None),
        ("shell.exit.75", "shell.exit", {"exit": "75"}, None),
        ("http.503", "http.5xx", {"status": 503}, Match.NAMED),
        ("http.503", "http.5xx", {"status": 500}, None),
        ("http.5xx", "http.5xx", {"status": 503}, Match.NAMED),
        ("http.4xx", "http.429", {"status": 429}, Match.NAMED),
        ("http.429", "http.429", {"status": 429}, Match.NAMED),
        ("http.500-504", "http.5xx", {"status": 502}, Match.NAMED),
        ("http.500-504", "http.timeout", {}, None),
        ("timeout", "timeout", {}, Match.NAMED),
    ],
)
def test_a_pattern_fits_an_error_by_code_beginning_or_number(pattern, code, facts, found):
    assert match_error([pattern], code, facts) is found


@pytest.mark.parametrize("text", ["shell", "shell.exit", "shell.exit.0", "shell.exit.1-255", "shell.output"])
def test_codes_of_the_shell_are_known(text):
    assert fault_of(text, SHELL) is None


@pytest.mark.parametrize("text", ["http", "http.4xx", "http.404", "http.500-599", "http.429", "http.timeout"])
def test_codes_of_http_are_known(text):
    assert fault_of(text, HTTP) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shel.exit", "did you mean `shell.exit`?"),
        ("shel.exit.75", "did you mean `shell.exit`?"),
        ("shell.exit.256", "from 0 to 255"),
        ("shell.exit.9-3", "ends before it begins"),
        ("shell.75", "is not an error code"),
        ("shell.exit.75.1", "is not an error code"),
        ("exit", "is not an error code"),
        ("attempt.lost", "follows `on_loss`"),
    ],
)
def test_a_code_that_no_error_has_is_told_with_what_may_have_been_meant(text, said):
    assert said in (fault_of(text, SHELL) or "")


def test_every_code_that_an_attempt_is_failed_with_is_declared():
    rooms = [Path(core.__file__).parent / name for name in ("connectors", "engine")]
    used = {
        keyword.value.value
        for room in rooms
        for path in room.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("TaskError", "broken")
        for keyword in call.keywords
        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant)
    }
    known = set(ENGINE_CODES.codes) | set(NOT_RETRIED)
    for name in REGISTRY.names():
        declared = REGISTRY.codes(name)
        assert declared is not None
        known |= declared.codes
    assert used <= known
