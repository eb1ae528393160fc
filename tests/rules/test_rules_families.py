"""Tests of families: what differs within one, and what tells them apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rules.families import LONGEST, family_of, pattern_of

PATTERNS = [
    ("timeout after 30s connecting to db-03.internal:5432", "timeout after #s connecting to <name>"),
    ("no such file or directory: /data/2026-01-31/part-0007.csv", "no such file or directory: <path>"),
    ("cannot read src/load/a.py", "cannot read <path>"),
    ("row 17 of batch 8f3a9c2e has no price", "row # of batch <id> has no price"),
    ("can't open 'x y' for \"z\" at 10.0.0.7:80", "can't open '…' for '…' at <host>"),
    ("doesn't exist; it isn't there", "doesn't exist; it isn't there"),
    ("HTTPError: 503 for url: https://a.b/c?d=1", "HTTPError: # for url: <url>"),
    ("key 550e8400-e29b-41d4-a716-446655440000 is gone", "key <uuid> is gone"),
    ("expired at 2026-01-31T02:00:00Z", "expired at <time>"),
    ("expired at 2026-01-31 02:00:00,123", "expired at <time>"),
    ("ids [1, 2, 3] missing", "ids [#] missing"),
    ("user 1 and 2 and 3 denied", "user # denied"),
    ("index out of bounds (src/main.rs:2:5)", "index out of bounds (<path>:#:#)"),
    ("requests.exceptions.HTTPError: no", "requests.exceptions.HTTPError: no"),
    ("module.fn() missing 1 argument", "module.fn() missing # argument"),
    ("mail to ana@example.com bounced", "mail to <address> bounced"),
    ("job-42ab7-x9z failed", "<id> failed"),
    ("fe80::1ff:fe23:4567:890a unreachable", "<host> unreachable"),
    ("at 0x7f3a9c2e10", "at <id>"),
    ("a\n  b\tc", "a b c"),
]


@pytest.mark.parametrize(("message", "pattern"), PATTERNS)
def test_what_differs_is_taken_out(message: str, pattern: str) -> None:
    assert pattern_of(message) == pattern


def error(message: str, *, code: str = "shell.exit", **facts: object) -> dict[str, object]:
    return {"code": code, "message": message, "facts": facts}


def test_code_exit_and_words_tell_families_apart() -> None:
    errors = (
        error("exit 1: row 7 is bad", exit=1),
        error("exit 2: row 7 is bad", exit=2),
        error("exit 1: row 7 is odd", exit=1),
        error("exit 1: row 7 is bad", code="python.exit", exit=1),
        error("SIGKILL", exit=137),
        error("status 500", code="http.5xx", status=500),
        error("status 503", code="http.5xx", status=503),
    )
    assert len({family_of(one).id for one in errors}) == len(errors)


def test_numbers_hosts_and_paths_do_not() -> None:
    one = family_of(error("exit 1: row 7 of /a/b.csv at h1.internal", exit=1))
    other = family_of(error("exit 1: row 812 of /c/d.csv at h77.internal", exit=1))
    assert one == other
    assert one.pattern == "exit 1: row # of <path> at <name>"


@pytest.mark.parametrize(
    "odd", [{}, {"code": None}, {"message": 7}, {"facts": [1]}, {"facts": {"exit": None}}]
)
def test_an_odd_error_has_a_family_too(odd: dict[str, object]) -> None:
    assert len(family_of(odd).id) == 10


@given(st.text(max_size=2 * LONGEST))
def test_any_message_has_a_pattern_that_is_its_own(message: str) -> None:
    family = family_of({"code": "x", "message": message})
    assert family == family_of({"code": "x", "message": message})
