"""Tests of what is remembered of the surroundings of tasks."""

from __future__ import annotations

import asyncio
import os

from core.control.api import Enqueue
from core.engine.attempts.task_surroundings import TaskSurroundings
from core.host import own_surroundings
from core.model.stored_spec import StoredSpec
from core.model.surroundings import Surroundings
from core.model.task_specs import TaskSpec
from tests.support.house import House
from tests.support.waiting import within


class Counted:
    """A store that counts what is read, and answers after others had their turn."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def surroundings(self, key: str) -> Surroundings | None:
        self.asked.append(key)
        # The others have asked by the time that this answer is there.
        await asyncio.gather(*[asyncio.to_thread(str) for _ in range(2)])
        return None


def spec(key: str) -> StoredSpec:
    return StoredSpec.from_json({"with": {}, "context": {"at": key}})


async def test_tasks_that_ask_at_once_for_the_same_surroundings_read_them_once():
    stored = Counted()
    surroundings = TaskSurroundings(stored, own=own_surroundings())
    await asyncio.gather(*[surroundings.of(spec("a")) for _ in range(100)])
    assert stored.asked == ["a"]


async def test_more_surroundings_at_once_than_are_remembered_are_all_found():
    stored = Counted()
    surroundings = TaskSurroundings(stored, own=own_surroundings())
    found = await asyncio.gather(*[surroundings.of(spec(f"k{number % 400}")) for number in range(800)])
    assert len(found) == 800


async def test_who_gives_up_takes_the_answer_from_nobody():
    stored = Counted()
    surroundings = TaskSurroundings(stored, own=own_surroundings())
    first, second = [asyncio.ensure_future(surroundings.of(spec("a"))) for _ in range(2)]
    await asyncio.gather(*[asyncio.to_thread(str)])
    first.cancel()
    assert await second == own_surroundings()
    assert stored.asked == ["a"]


async def test_each_request_has_its_own_surroundings(house: House):
    spec = TaskSpec(uses="shell", with_={"argv": ["printenv", "TZ"]})
    for zone in ("UTC", "Asia/Tokyo", "Asia/Tokyo", "UTC"):
        surroundings = Surroundings(env={"TZ": zone, "PATH": os.environ["PATH"]})
        request = Enqueue(specs=(spec,), surroundings=surroundings)
        (task_id,) = await house.control.ask(request)
        await within(house.control.wait_tasks([task_id]), "the command ends")
        shown = await house.control.task(task_id)
        assert isinstance(shown.output, dict)
        assert shown.output["text"] == f"{zone}\n"
