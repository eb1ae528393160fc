"""An engine killed behind any commit: each attempt ends once."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from core.model.errors import Unavailable
from core.model.records import replace
from core.store.reports.conditions import WaitingCondition
from tests.engine.test_engine_faults import damage, refuse
from tests.engine.test_engine_judgements import conditions_of
from tests.support.house import House, script, task

ENDS = ("succeeded", "failed", "cancelled", "lost", "bounced", "interrupted", "timed_out")
FINAL = ("task.succeeded", "task.failed", "task.cancelled")


class Moments:
    """The writer's connection, which copies the home behind each commit: what a kill there would leave."""

    def __init__(self, house: House, folder: Path) -> None:
        self._house, self._folder = house, folder
        journal = house.engine.journal
        self._connection = journal._writer.connection
        self.copies: list[Path] = []
        journal._writer = replace(journal._writer, connection=self)

    def execute(self, sql: str, *args: Any) -> Any:
        done = self._connection.execute(sql, *args)
        if sql == "COMMIT":
            copy = self._folder / f"moment{len(self.copies)}" / "home"
            shutil.copytree(self._house.paths.home, copy)
            self.copies.append(copy)
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.fixture
def moments(house: House, tmp_path: Path) -> Moments:
    return Moments(house, tmp_path)


@pytest.fixture
def next_lives(moments: Moments) -> Callable[..., Any]:
    """Return what gives, for each moment, a home with an engine that has started there, one after another."""

    async def lives(*, without: str = "") -> AsyncIterator[tuple[House, Counter[str]]]:
        for copy in moments.copies:
            life = House(copy)
            life.steer.release()
            left = Counter(kind for (kind,) in life.rows("SELECT kind FROM event"))
            if without:
                damage(life, f"DROP TRIGGER IF EXISTS {without}")
            await life.open()
            yield life, left
            # Recounts the counters and folds the events into the rows.
            await life.close()

    return lives


def ends(house: House, job: int, key: str) -> Counter[str]:
    """Return how often a task ended, and each attempt of it."""
    rows = house.rows(
        "SELECT kind, coalesce(attempt, 0) FROM event WHERE task_id = ?", house.task_id(job, key)
    )
    found: Counter[str] = Counter()
    for kind, attempt in rows:
        noun, _, end = kind.partition(".")
        if noun == "attempt" and end in ENDS:
            found[f"attempt {attempt}"] += 1
        if kind in FINAL:
            found["task"] += 1
    return found


@pytest.mark.parametrize("on_loss", ["retry", "ask"])
async def test_a_call_that_is_given_up_ends_once_wherever_its_engine_dies(
    house: House, moments: Moments, next_lives: Callable[..., Any], on_loss: str
):
    job = await house.submit(task("a", "stubborn", on_loss=on_loss))
    await house.running("a")
    await house.control.kill(house.target(job, "a"))
    await house.ended(job)
    house.steer.release("a")
    await house.until(lambda: "call.ended" in house.history(job, "a"), "its end is told")
    await house.settle()
    seen = []
    async for life, left in next_lives():
        if not life.rows("SELECT 1 FROM job WHERE id = ?", job):
            continue
        was_asked = bool(left["task.stop_requested"])
        if on_loss == "ask" and not was_asked:
            await life.until(lambda life=life: life.states(job)["a"] in ("held", "succeeded"), "it is held")
            if life.states(job)["a"] == "held":
                await life.control.cancel(life.target(job, "a"))
        result = await life.ended(job)
        found = ends(life, job, "a")
        assert set(found.values()) == {1}, (found, life.history(job, "a"))
        history = Counter(life.history(job, "a"))
        assert max(history["call.abandoned"], history["call.ended"]) <= 1
        if was_asked:
            assert (result.status, life.steer.started) == ("cancelled", []), "it does not run again"
        seen.append((was_asked, history["call.abandoned"], history["call.ended"]))
    assert {(True, 0, 0), (True, 1, 0), (True, 1, 1)} <= set(seen), seen


async def test_an_end_that_is_kept_is_written_once_wherever_its_engine_dies(
    house: House, moments: Moments, next_lives: Callable[..., Any], tmp_path: Path
):
    refuse(house, "bad", "succeeded", "failed")
    ran = tmp_path / "ran"
    job = await house.submit(script("bad", f"echo x >>{ran}"), task("next", "succeed", "bad"))
    await house.until(lambda: house.engine._set_aside.summary(), "it is named")
    await house.settle()
    damage(house, "DROP TRIGGER refuse_bad")
    house.clock.advance(seconds=60)
    assert (await house.ended(job)).status == "succeeded"
    await house.settle()
    # Of a process that runs a copied home knows no end: those are no moments of a kill.
    moments.copies = [copy for copy in moments.copies if (copy / "output/1/1/status").exists()]
    seen = []
    async for life, left in next_lives(without="refuse_bad"):
        assert (await life.ended(job)).status == "succeeded"
        found = ends(life, job, "bad")
        assert set(found.values()) == {1}, (found, life.history(job, "bad"))
        assert life.attempts(job, "bad") == ["succeeded"]
        assert life.history(job, "bad").count("fault.found") == left["fault.found"]
        seen.append((left["fault.found"], left["task.succeeded"] > 0))
    assert {(0, False), (1, False), (1, True)} <= set(seen), seen
    assert ran.read_text() == "x\n"


async def test_a_judgement_that_is_made_again_lands_once_wherever_its_engine_dies(
    house: House, moments: Moments, next_lives: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
    conditions, refusals = conditions_of(house), [2]
    read = conditions._waiting.some

    async def some(task_ids: Any) -> list[WaitingCondition]:
        found = list(await read(task_ids))
        if found and refusals[0]:
            refusals[0] -= 1
            raise Unavailable("store.busy", "odd", hint="again")
        return found

    monkeypatch.setattr(
        conditions,
        "_waiting",
        type("Odd", (), {"some": staticmethod(some), "to_judge": conditions._waiting.to_judge})(),
    )
    job = await house.submit(
        task("a"), task("b", "succeed", "a", when="${{ tasks.a.output.n == 1 }}"), task("c", "succeed", "b")
    )
    await house.reach(job, "a", "succeeded")

    def judged() -> bool:
        house.clock.advance(seconds=1)
        return house.job_status(job) not in ("running", "pending")

    await house.until(judged, "it is judged again")
    status = (await house.ended(job)).status
    await house.settle()
    assert refusals == [0]
    count = 0
    async for life, _ in next_lives():
        if not life.rows("SELECT 1 FROM job WHERE id = ?", job):
            continue
        assert (await life.ended(job)).status == status
        for key in "abc":
            assert set(ends(life, job, key).values()) <= {1}, life.history(job, key)
        kinds = Counter(kind for (kind,) in life.rows("SELECT kind FROM event WHERE job_id = ?", job))
        assert kinds[f"job.{status}"] == 1
        count += 1
    assert count >= 3
