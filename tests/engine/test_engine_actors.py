"""Events of the engine name who asked for it."""

from __future__ import annotations

import pytest

from core.model.commands.work import StopMode
from core.model.errors import Bug
from tests.support.actors import by
from tests.support.house import House, task
from tests.support.waiting import within

ENDS = "SELECT kind, actor, data->>'how' FROM event WHERE kind LIKE 'engine.%' ORDER BY id"
UNNAMED = (
    "SELECT DISTINCT kind FROM event WHERE actor IS NULL"
    " AND kind NOT LIKE 'task.%' AND kind NOT LIKE 'attempt.%'"
)


async def test_a_drain_and_who_took_it_back_are_in_the_history(house: House) -> None:
    ana, ops = by("ana"), by("ops")
    await house.submit(task("call", "block"))
    await house.running("call")
    await house.control.stop_engine(StopMode.DRAIN, actor="ana")
    await house.control.resume_engine(actor="ops")
    await house.control.stop_engine(StopMode.KILL, actor="ana")
    house.steer.release("call")
    await within(house.engine.stopped(), "the engine ends")
    assert house.rows(ENDS)[1:] == [
        ("engine.stop_requested", ana, "drain"),
        ("engine.resumed", ops, None),
        ("engine.stop_requested", ana, "kill"),
        ("engine.stopped", ana, "kill"),
    ]
    assert house.rows(UNNAMED) == []


async def test_an_engine_that_fails_says_of_what_it_ended(house: House) -> None:
    house.engine.fail(Bug("journal.broken", "injected"))
    await within(house.engine.ended(), "the engine ends")
    ended = "SELECT actor, data->>'reason' FROM event WHERE kind = 'engine.stopped'"
    assert house.rows(ended) == [("engine", "journal.broken: injected")]


@pytest.mark.parametrize("actor", ["signal 15 (SIGTERM)", "ana (cli)"])
async def test_a_stop_names_who_asked(house: House, actor: str) -> None:
    house.engine.stop(actor=actor)
    await within(house.engine.stopped(), "the engine ends")
    assert [row[1] for row in house.rows(ENDS)[1:]] == [actor, actor]
