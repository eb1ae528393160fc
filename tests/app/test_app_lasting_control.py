"""A control whose reading goes on when its engine has gone."""

from __future__ import annotations

from pathlib import Path

import pytest

import core
from core.app.options import Options
from core.app.reading.lasting_control import LastingControl, LazyStore
from core.control.api import ControlAPI, EventQuery, Request, Target
from core.model.errors import Invalid, Unavailable


class Absent(ControlAPI):
    """Stands for the control of an engine that does not answer."""

    def __init__(self, code: str) -> None:
        self.error = Unavailable(code, "no engine answers")

    async def ask(self, request: Request[object]) -> object:  # type: ignore[override]
        raise self.error

    async def close(self) -> None:
        return


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    """Return a data directory without an engine: job 2 and task 1 have ended, task 2 has not."""
    home = tmp_path / "home"
    async with core.open_engine(home=home, slots=1) as deck:
        document = {
            "name": "flow",
            "tasks": [{"key": "a", "uses": "shell", "with": {"argv": ["echo", "hi"]}}],
        }
        await deck.wait_job((await deck.submit(document)).id)
    async with core.open_engine(home=home, slots=1, dispatch=False) as deck:
        await deck.enqueue_many([core.TaskSpec(uses="delay", with_={"seconds": 0})])
    return home


@pytest.mark.parametrize("code", ["engine.none", "engine.lost", "engine.stopping"])
async def test_what_has_ended_is_told_without_the_engine(home: Path, code: str) -> None:
    async with LastingControl(Absent(code), LazyStore(Options(home=home))) as control:
        assert (await control.logs.chunk(1)).data == b"hi\n"
        assert await control.wait_tasks([1]) == {"succeeded": 1}
        assert (await control.wait_job(2)).status == "succeeded"


async def test_what_has_not_ended_needs_the_engine(home: Path) -> None:
    gone = Absent("engine.lost")
    async with LastingControl(gone, LazyStore(Options(home=home))) as control:
        for work in (control.wait_tasks([1, 2]), control.wait_job(1), control.cancel(Target(task_ids=(2,)))):
            with pytest.raises(Unavailable) as refusal:
                await work
            assert refusal.value is gone.error


async def test_other_refusals_are_those_of_the_engine(home: Path) -> None:
    async with LastingControl(Absent("engine.busy"), LazyStore(Options(home=home))) as control:
        with pytest.raises(Unavailable, match="no engine answers"):
            await control.logs.chunk(1)


async def test_a_number_beyond_all_ids_is_refused_by_the_store(home: Path) -> None:
    async with LastingControl(Absent("engine.none"), LazyStore(Options(home=home))) as control:
        with pytest.raises(Invalid) as refusal:
            await control.events(EventQuery(job_id=2**70))
        assert refusal.value.code == "number.range"
