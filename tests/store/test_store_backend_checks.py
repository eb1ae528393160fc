"""What checks say of backends, and who waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.backend_checks import KEPT, Check, CheckStatus, CommandTarget, TcpTarget
from core.model.commands.capacity import CloseBackend, OpenBackend, ResetBackend
from core.model.commands.limits import Configure, NoteCheck
from core.model.commands.work import Complete, Operated, Recount
from core.model.outcomes import Succeeded
from core.model.records import replace
from core.store.verify import verify
from tests.store.test_store_operated_backends import API, HOUR, BackendDeck

UP, SLOW, DOWN = CheckStatus.UP, CheckStatus.SLOW, CheckStatus.DOWN
PORT = TcpTarget(host="a.example", port=443)
CHECKED = replace(API, check=Check(target=PORT))
REFUSED = "connection refused"


class CheckedDeck(BackendDeck):
    """A store with one backend that is looked at, and calls that wait for it."""

    def stock(self, number: int = 6) -> None:
        super().stock(number)
        self.do(Configure(backends=(CHECKED,)))
        self.carry_on()

    def says(self, status: CheckStatus, reason: str = REFUSED, *, slots: int = 0) -> bool:
        command = NoteCheck(backend="api", target=PORT, status=status, reason=reason, took_ms=3)
        (answer,) = self.do(command, slots=slots)
        return answer

    @property
    def down(self) -> tuple[int | None, str | None]:
        return self.db.execute("SELECT down_at, down_reason FROM gauge WHERE name = 'backend:api'").fetchone()

    @property
    def changes(self) -> list[str]:
        return [status for (status,) in self.db.execute("SELECT status FROM check_change ORDER BY id")]


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[CheckedDeck]:
    made = CheckedDeck(tmp_path / "store.db")
    made.stock()
    yield made
    found = verify(made.db)
    made.close()
    assert found == ()


def test_nothing_of_a_backend_that_is_down_starts_and_all_does_when_it_is_up(deck: CheckedDeck) -> None:
    assert deck.says(DOWN)
    since = deck.now
    assert deck.claim() == []
    assert deck.report.next_due is None
    assert deck.down == (since, REFUSED)
    assert deck.says(UP, "answered", slots=10)
    assert len(deck.report.claimed) == 6
    assert [deck.told(f"backend.{one}") for one in ("down", "up")] == [
        [{"actor": "engine", "backend": "api", "reason": REFUSED, "from": "unknown", "took_ms": 3}],
        [
            {
                "actor": "engine",
                "backend": "api",
                "reason": "answered",
                "from": "down",
                "since": since,
                "took_ms": 3,
            }
        ],
    ]


def test_what_says_nothing_new_or_is_of_another_target_changes_nothing(deck: CheckedDeck) -> None:
    assert (deck.says(DOWN), deck.says(DOWN, "timed out")) == (True, False)
    command = NoteCheck(backend="api", target=TcpTarget(host="b", port=1), status=UP)
    assert deck.do(command, NoteCheck(backend="other", target=PORT, status=UP)) == [False, False]
    assert (deck.changes, deck.down[1]) == (["down"], REFUSED)


def test_a_slow_backend_goes_on_and_a_fall_out_of_slow_shuts_it(deck: CheckedDeck) -> None:
    deck.says(SLOW)
    assert len(deck.claim(slots=2)) == 2
    deck.says(DOWN)
    assert deck.claim() == []
    deck.says(SLOW)
    assert len(deck.claim(slots=6)) == 4


def test_failures_do_not_count_while_the_cause_is_known(deck: CheckedDeck) -> None:
    first, second, third = deck.claim(slots=3)
    deck.fail(first)
    deck.says(DOWN)
    deck.fail(second)
    deck.fail(third)
    assert (deck.failures, deck.stands[1]) == (1, None)


def test_a_check_that_is_up_ends_the_rest_of_a_breaker_but_not_its_trial(deck: CheckedDeck) -> None:
    for one in deck.claim(slots=2):
        deck.fail(one)
    assert deck.stands[1] == 0
    deck.says(DOWN)
    deck.now += HOUR
    assert deck.claim() == []
    deck.now -= HOUR
    deck.says(UP)
    (probe,) = deck.claim()
    deck.do(Complete(task_id=probe[0], epoch=probe[1], outcome=Succeeded()), slots=10)
    assert len(deck.report.claimed) == 3


def test_what_an_operator_opened_outlasts_a_check_that_is_up(deck: CheckedDeck) -> None:
    deck.ask(OpenBackend(name="api"), "unpaid")
    deck.says(DOWN)
    deck.says(UP)
    assert deck.claim() == []
    assert deck.stands[2:] == ("ada", "unpaid")


def test_an_operator_closes_what_is_down_until_the_check_falls_again(deck: CheckedDeck) -> None:
    deck.says(DOWN)
    assert deck.ask(CloseBackend(name="api"), "the check is wrong", slots=2) == Operated(changed=1)
    assert len(deck.report.claimed) == 2
    assert deck.changes == ["down"]
    deck.says(UP)
    deck.says(DOWN)
    assert deck.claim() == []


def test_a_reset_lets_the_check_decide_again(deck: CheckedDeck) -> None:
    deck.says(DOWN)
    since = deck.now
    deck.ask(CloseBackend(name="api"))
    assert deck.ask(ResetBackend(name="api")) == Operated(changed=1)
    assert deck.down == (since, REFUSED)
    assert deck.ask(ResetBackend(name="api")) == Operated(changed=0)
    assert len(deck.told("backend.reset")) == 1


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        (API, "its check was removed"),
        (None, "its check was removed"),
        (replace(API, check=Check(target=CommandTarget(argv=("true",)))), "what its check looks at has"),
    ],
)
def test_another_check_begins_without_what_the_former_said(
    deck: CheckedDeck, backend: object, reason: str
) -> None:
    deck.says(DOWN)
    deck.do(Configure(backends=() if backend is None else (backend,)))
    deck.carry_on()
    assert len(deck.claim()) == 6
    (event,) = deck.told("backend.unknown")
    assert event["reason"].startswith(reason)


def test_another_pace_of_looks_keeps_what_the_check_said(deck: CheckedDeck) -> None:
    deck.says(DOWN)
    slower = replace(API, check=Check(target=PORT, every_ms=60_000))
    deck.do(Configure(backends=(slower,)))
    assert (deck.claim(), deck.changes) == ([], ["down"])


def test_the_newest_changes_are_kept(deck: CheckedDeck) -> None:
    for _ in range(KEPT // 2 + 2):
        deck.says(DOWN)
        deck.says(UP)
    assert len(deck.changes) == KEPT
    assert deck.changes[-1] == "up"


def test_a_gauge_that_is_shut_by_no_check_is_found_and_opened_again(deck: CheckedDeck) -> None:
    deck.says(UP)
    deck.change("UPDATE gauge SET down_at = 5 WHERE name = 'backend:api'")
    assert [finding.code for finding in verify(deck.db)] == ["gauge.down"]
    deck.do(Recount())
    assert len(deck.claim()) == 6
