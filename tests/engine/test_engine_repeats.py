"""Tests of calls in the loop that may not be repeated unasked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.config import Settings
from core.connectors.delay import Delay
from core.connectors.http import Http
from core.connectors.registry import Registry
from core.engine.shortage import Closed
from core.model.plans import OnLoss, TaskPlan
from core.model.task_specs import TaskSpec
from tests.engine.test_engine_losses import take_over
from tests.support.house import House, task
from tests.support.steered import Steered

NO_SETTINGS: dict[str, Any] = {}


class Mail(Steered):
    """A connector whose calls may not be repeated, but for those that say so."""

    name = "mail"

    def may_repeat(self, with_: Any) -> bool:
        return bool(with_["again"])


class MailHouse(House):
    """A home whose engines send mail."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.mail = Mail()
        self.registry = lambda: Registry([Delay(), Http(Settings(**NO_SETTINGS)), self.steer, self.mail])


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[MailHouse]:
    house = MailHouse(tmp_path / "home")
    await house.open()
    yield house
    house.mail.release()
    await house.close()


def mail(key: str, *, again: bool, **more: Any) -> dict[str, Any]:
    return {"key": key, "uses": "mail", "with": {"do": "block", "again": again}, **more}


async def sending(house: MailHouse, *tasks: dict[str, Any]) -> int:
    job = await house.submit(*tasks, on_task_failure="continue")
    await house.until(
        lambda: all(house.mail.active[one["key"]] for one in tasks), f"all are sending: {house.states(job)}"
    )
    return job


async def test_a_call_of_a_dead_engine_that_may_not_be_repeated_waits_for_the_operator(house: MailHouse):
    job = await sending(
        house,
        mail("once", again=False),
        mail("often", again=True),
        mail("told", again=False, on_loss="retry"),
    )
    await take_over(house)
    await house.settle()
    assert house.states(job) == {"once": "held", "often": "running", "told": "running"}
    assert house.mail.started.count("once") == 1
    await house.until(
        lambda: house.mail.started.count("often") == house.mail.started.count("told") == 2, "both run again"
    )
    assert (await house.control.changes()).lost == 1
    house.mail.release()
    await house.control.cancel(house.target(job, "once"))
    await house.ended(job)
    assert (await house.control.changes()).lost == 0


async def test_a_call_that_a_stop_breaks_off_is_a_loss_where_it_may_not_be_repeated(house: MailHouse):
    job = await sending(house, mail("once", again=False), mail("often", again=True))
    await house.stop()
    assert house.states(job) == {"once": "held", "often": "queued"}
    assert house.attempts(job, "once") == ["lost"]
    house.mail.release()
    await house.open()
    await house.reach(job, "often", "succeeded")
    assert house.mail.started.count("once") == 1
    await house.control.retry(house.target(job, "once"))
    assert (await house.ended(job)).status == "succeeded"


HTTP = [
    ({}, "retry"),
    ({"method": "get"}, "retry"),
    ({"method": "PUT"}, "retry"),
    ({"method": "DELETE"}, "retry"),
    ({"method": "post"}, "ask"),
    ({"method": "PATCH"}, "ask"),
    ({"method": "PURGE"}, "ask"),
    ({"method": "${{ params.m }}"}, "ask"),
    ({"method": "POST", "headers": {"idempotency-KEY": "k"}}, "retry"),
    ({"method": "POST", "headers": {"X-Other": "k"}}, "ask"),
]


@pytest.mark.parametrize(("with_", "expected"), HTTP)
async def test_http_asks_after_the_loss_of_what_repeats_its_effect(
    house: MailHouse, with_: dict[str, Any], expected: str
):
    house.engine.dispatcher.close(Closed.ROOM)
    with_ = {"url": "http://127.0.0.1:9/", **with_}
    plan = TaskPlan(key="a", uses="http", with_=with_)
    ids = (await house.engine.enqueue([plan], group=None, actor="anna")).task_ids
    stored = "SELECT json_extract(spec, '$.on_loss') FROM task WHERE id = ?"
    assert house.rows(stored, ids[0]) == [(expected,)]
    assert house.engine.admission._checks.may_repeat("http", with_) == (expected == "retry")


async def test_what_a_task_or_its_defaults_say_wins(house: MailHouse):
    post = {"uses": "http", "with": {"method": "POST", "url": "http://127.0.0.1:9/"}}
    job = await house.submit(
        task("gate", "block"),
        {"key": "own", "needs": ["gate"], "on_loss": "fail", **post},
        {"key": "default", "needs": ["gate"], **post},
        defaults={"on_loss": "retry"},
    )
    rows = house.rows(
        "SELECT key, json_extract(spec, '$.on_loss') FROM task WHERE job_id = ? ORDER BY id", job
    )
    assert rows == [("gate", "retry"), ("own", "fail"), ("default", "retry")]
    assert TaskSpec(uses="http", on_loss=OnLoss.FAIL).to_plan().on_loss is OnLoss.FAIL
    house.steer.release()
