"""Breakers of backends, opened, closed and reset by operators."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.capacity import (
    CapacityChange,
    ChangeCapacity,
    CloseBackend,
    OpenBackend,
    ResetBackend,
)
from core.model.commands.limits import Configure
from core.model.commands.work import Complete, FollowUp, Operated
from core.model.errors import NotFound
from core.model.limits.gauges import ALWAYS
from core.model.limits.limits import Backend, Dimension
from core.model.outcomes import Failed, RetryAt, Succeeded, TaskError
from core.model.plans import TaskPlan
from core.model.values import JsonObject
from core.store.transaction import Group, carry_out
from core.store.verify import verify
from tests.store.deck import Deck, stage

HOST = "a.example"
HOUR = 3_600_000
API = Backend(name="api", match={Dimension.HOST: HOST}, failures=2, rest_ms=10_000)
BROKEN = Failed(error=TaskError(code="http.5xx", message="it is broken"))
REFUSED = Failed(
    error=TaskError(code="http", message="the server answered 429", facts={"status": 429}),
    retry_after_ms=HOUR,
)


class BackendDeck(Deck):
    """A store with one backend and calls that wait for it."""

    def ask(self, change: CapacityChange, reason: str = "", *, slots: int = 0) -> object:
        """Carry one change out as ada; return its answer, a refusal too."""
        command = ChangeCapacity(change=change, reason=reason, actor="ada")
        group = Group(commands=(command,), slots=slots, now=self.now)
        (answer,), self.report = carry_out(self.writer, group)
        return answer

    def stock(self, number: int = 6) -> None:
        self.do(Configure(backends=(API,)))
        self.job(
            stage(
                *(
                    TaskPlan(key=f"a{one}", uses="http", with_={"url": f"https://{HOST}/x"})
                    for one in range(number)
                )
            )
        )
        self.carry_on()

    def carry_on(self) -> None:
        """Carry on what is left over."""
        while self.report.left_over:
            self.do(FollowUp())

    def fail(self, attempt: tuple[int, int], outcome: Failed = BROKEN) -> None:
        decision = RetryAt(at=self.now + 10 * HOUR)
        self.do(Complete(task_id=attempt[0], epoch=attempt[1], outcome=outcome, decision=decision))
        self.carry_on()

    def told(self, kind: str) -> list[JsonObject]:
        rows = self.db.execute("SELECT actor, json(data) FROM event WHERE kind = ? ORDER BY id", (kind,))
        return [{"actor": actor, **json.loads(data)} for actor, data in rows]

    @property
    def stands(self) -> tuple[int | None, int | None, str | None, str | None]:
        sql = "SELECT shut_until, trial, shut_by, shut_reason FROM gauge WHERE name = 'backend:api'"
        return self.db.execute(sql).fetchone()

    @property
    def failures(self) -> int:
        return int(self.db.execute("SELECT count(*) FROM backend_failure").fetchone()[0])


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[BackendDeck]:
    made = BackendDeck(tmp_path / "store.db")
    yield made
    found = verify(made.db)
    made.close()
    assert found == ()


def test_what_is_opened_by_hand_lets_nothing_through_until_it_is_closed(deck: BackendDeck) -> None:
    deck.stock()
    (running,) = deck.claim(slots=1)
    assert deck.ask(OpenBackend(name="api"), "vendor is down") == Operated(changed=1)
    assert deck.stands == (ALWAYS, 0, "ada", "vendor is down")
    deck.now += 1_000 * HOUR
    assert deck.claim(slots=10) == []
    assert deck.report.next_due is None
    deck.end(running)
    assert deck.ask(OpenBackend(name="api"), "again") == Operated(changed=0)
    assert deck.told("backend.opened") == [{"actor": "ada", "backend": "api", "reason": "vendor is down"}]
    assert deck.ask(CloseBackend(name="api"), "it is back", slots=10) == Operated(changed=1)
    assert len(deck.report.claimed) == 5
    assert deck.stands[:2] == (None, None)
    assert deck.told("backend.closed") == [{"actor": "ada", "backend": "api", "reason": "it is back"}]
    assert deck.ask(CloseBackend(name="api")) == Operated(changed=0)


def test_what_is_opened_for_a_time_is_tried_out_then(deck: BackendDeck) -> None:
    deck.stock()
    assert deck.ask(OpenBackend(name="backend:api", for_ms=HOUR)) == Operated(changed=1)
    (event,) = deck.told("backend.opened")
    assert event["until"] == deck.now + HOUR
    deck.now += HOUR - 20
    assert deck.claim(slots=10) == []
    deck.now += 20
    (probe,) = deck.claim(slots=10)
    deck.do(Complete(task_id=probe[0], epoch=probe[1], outcome=Succeeded()))
    assert deck.stands[:2] == (None, None)


def test_neither_a_probe_nor_a_refusal_changes_what_was_opened_by_hand(deck: BackendDeck) -> None:
    deck.stock()
    running, refused = deck.claim(slots=2)
    deck.ask(OpenBackend(name="api", for_ms=1))
    deck.now += 20
    (probe,) = deck.claim(slots=10)
    deck.ask(OpenBackend(name="api"), "stop")
    deck.do(Complete(task_id=probe[0], epoch=probe[1], outcome=Succeeded()))
    deck.fail(running)
    deck.fail(refused, REFUSED)
    assert deck.stands == (ALWAYS, 0, "ada", "stop")
    assert deck.failures == 0


def test_a_reset_lets_one_task_try_out_what_is_open_and_forgets_what_was_counted(deck: BackendDeck) -> None:
    deck.stock()
    deck.ask(OpenBackend(name="api"))
    assert deck.claim(slots=10) == []
    assert deck.ask(ResetBackend(name="api"), "try it", slots=10) == Operated(changed=1)
    assert len(deck.report.claimed) == 1
    assert deck.stands[:2] == (None, deck.report.claimed[0].task_id)
    assert deck.ask(ResetBackend(name="api")) == Operated(changed=0)
    assert deck.told("backend.reset") == [{"actor": "ada", "backend": "api", "reason": "try it"}]


def test_a_reset_of_a_closed_breaker_forgets_its_failures(deck: BackendDeck) -> None:
    deck.stock()
    assert deck.ask(ResetBackend(name="api")) == Operated(changed=0)
    attempts = deck.claim(slots=2)
    deck.fail(attempts[0])
    assert deck.failures == 1
    assert deck.ask(ResetBackend(name="api")) == Operated(changed=1)
    deck.fail(attempts[1])
    assert (deck.failures, deck.stands[1]) == (1, None)


def test_a_host_that_refused_is_opened_without_a_breaker_and_goes_on_by_itself(deck: BackendDeck) -> None:
    deck.stock()
    deck.fail(deck.claim(slots=1)[0], REFUSED)
    deck.ask(CloseBackend(name="api"))
    assert deck.ask(CloseBackend(name=HOST)) == Operated(changed=1)
    assert deck.ask(OpenBackend(name=HOST, for_ms=HOUR)) == Operated(changed=1)
    assert deck.claim(slots=10) == []
    deck.now += HOUR
    assert len(deck.claim(slots=10)) == 5


@pytest.mark.parametrize("kind", [OpenBackend, CloseBackend, ResetBackend])
def test_an_unknown_backend_is_refused_with_what_is_near(deck: BackendDeck, kind: type) -> None:
    deck.stock()
    answer = deck.ask(kind(name="apo"))
    assert isinstance(answer, NotFound)
    assert (answer.code, "`api`" in answer.message) == ("backend.unknown", True)
    assert isinstance(deck.ask(kind(name="http:host")), NotFound)
