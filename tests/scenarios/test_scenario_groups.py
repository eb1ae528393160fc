"""A group over kills of its engines: made whole, decided once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.aftermath import closed_once, finish, rows
from tests.support.engine_process import start_engine
from tests.support.waiting import until_now

ITEMS = 2_300
NEEDED = 2_100
WIDE: dict[str, Any] = {
    "name": "wide",
    "tasks": [
        {
            "key": "g",
            "uses": "delay",
            "for_each": ITEMS,
            "threshold": NEEDED,
            "with": {"seconds": 0},
        },
        {"key": "after", "uses": "delay", "needs": ["g"], "with": {"seconds": 0}},
    ],
}
ENDED = "SELECT count(*) FROM task WHERE group_task IS NOT NULL AND status = 'succeeded'"


def _seen(home: Path, sql: str) -> int:
    return int(rows(home, sql)[0][0]) if (home / "taskdeck.db").exists() else 0


@pytest.mark.parametrize("point", ["journal.applied:5", "journal.committed:6"])
async def test_a_group_is_made_whole_and_decided_once_whenever_its_engines_die(
    tmp_path: Path, point: str
) -> None:
    home = tmp_path / "home"
    start_engine(home, [WIDE], slots=50, crash=point, hold=True).wait()
    for share in (200, 900, 1_900):
        engine = start_engine(home, [WIDE], slots=50, hold=True)
        until_now(lambda share=share: _seen(home, ENDED) >= share, f"{share} instances have ended")
        engine.process.kill()
        engine.wait()
    (result,) = (await finish(home, [WIDE], slots=50)).values()
    assert (result.status, result.tasks) == ("succeeded", {"succeeded": 2})
    ((made, different),) = rows(
        home, "SELECT count(*), count(DISTINCT item) FROM task WHERE item IS NOT NULL"
    )
    assert (made <= ITEMS, made) == (True, different)
    assert _seen(home, ENDED) >= NEEDED
    decided = "SELECT count(*) FROM event e JOIN task t ON t.id = e.task_id WHERE t.key = 'g' AND e.kind IN"
    assert _seen(home, f"{decided} ('task.succeeded', 'task.failed')") == 1
    closed_once(home, result.id)
