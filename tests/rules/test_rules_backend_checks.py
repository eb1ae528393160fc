"""What looks at a backend mean: rise, fall, slow, damping."""

from __future__ import annotations

import pytest

from core.model.backend_checks import Check, CheckStatus, Look, TcpTarget
from core.rules.backend_checks import FLAPPING_MS, Standing, needed, observe, standing_after

CHECK = Check(target=TcpTarget(host="a", port=1), slow_ms=100)
LOOKS = {
    "+": Look(answered=True, took_ms=100, text="fine"),
    "s": Look(answered=True, took_ms=101, text="fine"),
    "-": Look(answered=False, took_ms=1, text="refused"),
}
LETTERS = {
    CheckStatus.UNKNOWN: "?",
    CheckStatus.UP: "U",
    CheckStatus.SLOW: "S",
    CheckStatus.DOWN: "D",
}


def course(looks: str, check: Check = CHECK, *, every: int = 1_000) -> str:
    """Return the status after each look, as letters."""
    standing, told = Standing(), ""
    for number, letter in enumerate(looks):
        standing = observe(standing, LOOKS[letter], check, now=number * every)
        told += LETTERS[standing.status]
    return told


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ("++", "UU"),
        ("--", "?D"),
        ("-+", "?U"),
        ("+-+-+-+-", "UUUUUUUU"),
        ("+--++", "UUDDU"),
        ("+--+-++", "UUDDDDU"),
        ("s+ss".replace(" ", ""), "SSSS"),
        ("+s+ss", "UUUUS"),
        ("sss++", "SSSSU"),
        ("+--+s", "UUDDS"),
        ("s--", "SSD"),
    ],
)
def test_a_status_changes_with_so_many_looks_in_a_row(looks: str, told: str) -> None:
    assert course(looks) == told


def test_each_fall_within_ten_minutes_doubles_what_makes_it_up() -> None:
    assert course("+--++--++++--++++++++") == "UUDDUUDDDDUUDDDDDDDDU"
    apart = course("+--++--++", every=FLAPPING_MS // 3)
    assert apart == "UUDDUUDDU"


def test_the_damping_has_an_end() -> None:
    standing = standing_after(CheckStatus.DOWN, range(20), now=20)
    assert needed(standing, CheckStatus.UP, CHECK, now=20) == 32


def test_what_a_former_engine_left_goes_on() -> None:
    standing = standing_after(CheckStatus.DOWN, [5], now=10)
    once = observe(standing, LOOKS["+"], CHECK, now=20)
    assert (once.status, once.toward, once.seen) == (CheckStatus.DOWN, CheckStatus.UP, 1)
    assert observe(once, LOOKS["+"], CHECK, now=30).status is CheckStatus.UP
    assert standing_after(CheckStatus.DOWN, [5], now=5 + FLAPPING_MS).falls == ()
