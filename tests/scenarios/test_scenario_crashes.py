"""Engines that die at every named point and in mid-work."""

from __future__ import annotations

import json
import os
import random
import re
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from core.model.crash_points import POINTS
from tests.support.aftermath import attempts, closed_once, effect, effects, finish, rows, states
from tests.support.commands import ROOT
from tests.support.engine_process import EngineProcess, start_engine
from tests.support.waiting import until_now

NUMBERS = {
    "journal.begun": 4,
    "journal.applied": 6,
    "journal.committed": 5,
    "runner.claimed": 3,
    "child.prepared": 3,
    "child.spawned": 4,
    "runner.ended": 5,
}
_ASKED = ("runner.killing", "upgrade.", "backup.", "restore.", "compact.", "purge.", "childjob.", "worklet.")
UNASKED = tuple(point for point in POINTS if not point.startswith(_ASKED))
"""The points that come by without an operator, an older store, or jobs of tasks."""
"""Which passage of a point is the last, so that work is under way; the others die at the first."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder in which each run of a task leaves a line."""
    made = tmp_path / "effects"
    made.mkdir()
    return made


def workload(folder: Path) -> list[dict[str, Any]]:
    """Return two jobs of inline and child tasks with needs, stages, retries and one lasting failure."""
    delays = [{"key": f"d{n}", "uses": "delay", "with": {"seconds": 0.01 * n}} for n in range(5)]
    leaves = {"artifacts": {"text": "left.txt"}}
    shells = [effect("s0", folder, "echo text >left.txt", **leaves)]
    shells += [effect(f"s{n}", folder, "exit 0") for n in range(1, 5)]
    has_all = "${{ tasks.s0.output.exit == 0 && tasks.s0.artifacts.text.size == 5 }}"
    joined = effect("join", folder, needs=["d0", "s0", "s4"], when=has_all)
    last = {"key": "last", "uses": "delay", "with": {"seconds": 0}}
    flaky = effect(
        "flaky",
        folder,
        'test -e "$EFFECTS/again.flag" && exit 0; echo run >"$EFFECTS/again.flag"; exit 5',
        retry={"max_attempts": 3, "base": "10ms"},
    )
    bad = effect("bad", folder, "exit 7")
    end = effect(
        "end", folder, needs=[{"task": "bad", "when": "done"}], when="${{ job.verdict == 'failed' }}"
    )
    return [
        {
            "name": "mixed",
            "defaults": {"cwd": str(folder.parent)},
            "stages": [
                {"name": "one", "tasks": [*delays, *shells, joined]},
                {"name": "two", "tasks": [last]},
            ],
        },
        {"name": "broken", "on_task_failure": "finish", "tasks": [flaky, bad], "finally": [end]},
    ]


async def assert_all_ended_well(home: Path, folder: Path, died: list[EngineProcess]) -> None:
    results = await finish(home, workload(folder))
    assert {key: result.status for key, result in results.items()} == {"w0": "succeeded", "w1": "failed"}
    for engine in died:
        for key, job in engine.acknowledged().items():
            assert results[key].id == job, "an acknowledged submit is there, once"
    assert rows(home, "SELECT count(*) FROM job") == [(3,)]
    ran = effects(folder)
    assert ran.pop("flaky") == 2
    assert set(ran.values()) == {1}, f"no child runs twice: {ran}"
    assert len(ran) == 9
    broken = results["w1"].id
    assert states(home, broken) == {"flaky": "succeeded", "bad": "failed", "end": "succeeded"}
    assert attempts(home, broken, "bad")[-1:] == ["failed"]
    for result in results.values():
        closed_once(home, result.id)


def die_at(home: Path, folder: Path, point: str) -> EngineProcess:
    holding = point == "stop.begun"
    crash = f"{point}:{NUMBERS.get(point, 1)}"
    engine = start_engine(home, workload(folder), crash=crash, hold=holding)
    if holding:
        until_now(lambda: len(engine.acknowledged()) == 2, "both jobs are acknowledged")
        engine.process.terminate()
    assert engine.wait() == -signal.SIGKILL, engine.log.read_text()
    return engine


def test_every_point_of_the_source_is_listed_and_no_other() -> None:
    text = "".join(path.read_text() for path in sorted((ROOT / "core").rglob("*.py")))
    assert set(re.findall(r'crash_point\("([a-z.]+)"\)', text)) == set(POINTS)


@pytest.mark.parametrize("point", UNASKED)
async def test_a_death_at_a_named_point_loses_and_repeats_nothing(tmp_path: Path, folder: Path, point: str):
    home = tmp_path / "home"
    died = []
    if point.startswith("recovery."):
        died.append(die_at(home, folder, "child.spawned"))
    died.append(die_at(home, folder, point))
    await assert_all_ended_well(home, folder, died)


@pytest.mark.parametrize("point", [point for point in POINTS if point.startswith("childjob.")])
async def test_a_death_while_a_child_begins_or_answers_makes_one_child_and_one_answer(
    tmp_path: Path, folder: Path, point: str
):
    home, file = tmp_path / "home", tmp_path / "child.json"
    below = {
        "name": "below",
        "tasks": [effect("a", folder)],
        "outputs": {"exit": "${{ tasks.a.output.exit }}"},
    }
    file.write_text(json.dumps(below))
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text('[limits.kids]\nkind = "concurrency"\nmax = 1\n')
    above = {"key": "w", "uses": "workflow", "with": {"file": str(file)}, "limits": ["kids"]}
    after = effect("after", folder, needs=["w"], when="${{ tasks.w.output.exit == 0 }}")
    document = {"name": "above", "tasks": [above, after]}
    engine = start_engine(home, [document], crash=f"{point}:1")
    assert engine.wait() == -signal.SIGKILL, engine.log.read_text()
    result = (await finish(home, [document]))["w0"]
    assert result.status == "succeeded"
    assert states(home, result.id) == {"w": "succeeded", "after": "succeeded"}
    assert effects(folder) == {"a": 1, "after": 1}
    assert rows(home, "SELECT status FROM job WHERE parent_task IS NOT NULL") == [("succeeded",)]


@pytest.mark.parametrize("point", ["worklet.asked", "childjob.begun", "childjob.ended", "childjob.answered"])
async def test_a_death_between_a_failure_and_the_result_of_its_worklet_makes_one_worklet_and_one_result(
    tmp_path: Path, folder: Path, point: str
):
    home, file = tmp_path / "home", tmp_path / "repair.json"
    repair = {
        "name": "repair",
        "tasks": [effect("fix", folder)],
        "outputs": {"result": "retry", "set": {"fixed": "${{ tasks.fix.output.exit == 0 }}"}},
    }
    file.write_text(json.dumps(repair))
    flaky = effect("flaky", folder, 'test "$(grep -c run "$EFFECTS/flaky")" -gt 1')
    flaky["on_failure"] = {"file": str(file)}
    after = effect("after", folder, needs=["flaky"], when="${{ vars.fixed }}")
    document = {"name": "above", "variables": {"fixed": False}, "tasks": [flaky, after]}
    engine = start_engine(home, [document], crash=f"{point}:1")
    assert engine.wait() == -signal.SIGKILL, engine.log.read_text()
    result = (await finish(home, [document]))["w0"]
    assert result.status == "succeeded"
    assert states(home, result.id) == {"flaky": "succeeded", "after": "succeeded"}
    assert attempts(home, result.id, "flaky") == ["failed", "succeeded"]
    assert effects(folder) == {"flaky": 2, "fix": 1, "after": 1}
    assert rows(home, "SELECT status FROM job WHERE is_worklet") == [("succeeded",)]
    assert rows(home, "SELECT count(*) FROM event WHERE kind = 'task.worklet'") == [(1,)]
    closed_once(home, result.id)


async def test_a_kill_while_a_worklet_runs_lets_it_decide_once(tmp_path: Path, folder: Path):
    home, file = tmp_path / "home", tmp_path / "repair.json"
    repair = {"name": "repair", "tasks": [effect("fix", folder, "sleep 1")], "outputs": {"result": "skip"}}
    file.write_text(json.dumps(repair))
    document = {
        "name": "above",
        "tasks": [{**effect("bad", folder, "exit 3"), "on_failure": {"file": str(file)}}],
    }
    engine = start_engine(home, [document])
    until_now((folder / "fix").exists, "the worklet runs")
    engine.kill()
    result = (await finish(home, [document]))["w0"]
    assert (result.status, states(home, result.id)) == ("succeeded", {"bad": "skipped"})
    assert effects(folder) == {"bad": 1, "fix": 1}


async def test_a_kill_while_finally_runs_in_an_ending_job_lets_it_end_once(tmp_path: Path, folder: Path):
    home = tmp_path / "home"
    document = {
        "name": "cleared",
        "tasks": [effect("bad", folder, "exit 7"), effect("other", folder, "sleep 30", needs=["bad"])],
        "finally": [effect("clear", folder, "sleep 1"), effect("told", folder, needs=["clear"])],
    }
    engine = start_engine(home, [document])
    until_now((folder / "clear").exists, "finally runs")
    engine.kill()
    result = (await finish(home, [document]))["w0"]
    assert result.status == "failed"
    assert states(home, result.id) == {
        "bad": "failed",
        "other": "cancelled",
        "clear": "succeeded",
        "told": "succeeded",
    }
    assert effects(folder) == {"bad": 1, "clear": 1, "told": 1}
    closed_once(home, result.id)


async def test_a_kill_amid_many_children_repeats_none_and_keeps_every_end(tmp_path: Path, folder: Path):
    home = tmp_path / "home"
    slow = effect("slow", folder, "sleep 3; exit 7", priority=9)
    document = {
        "name": "many",
        "on_task_failure": "finish",
        "tasks": [slow, *[effect(f"t{n}", folder) for n in range(200)]],
    }
    engine = start_engine(home, [document], slots=8)
    until_now(lambda: len(list(folder.iterdir())) > 60 and (folder / "slow").exists(), "work is under way")
    engine.kill()
    done = len(list(folder.iterdir()))
    assert done < 200, "it was killed in the middle"
    job = engine.acknowledged()["w0"]
    result = (await finish(home, [document], slots=8))["w0"]
    assert (result.id, result.status) == (job, "failed")
    assert result.tasks == {"succeeded": 200, "failed": 1}
    ran = effects(folder)
    assert (len(ran), set(ran.values())) == (201, {1})
    assert attempts(home, job, "slow") == ["failed"], "it was watched to its end"
    ((error,),) = rows(home, "SELECT error FROM task WHERE job_id = ? AND key = 'slow'", job)
    assert '"exit":7' in error
    closed_once(home, job)


@pytest.mark.parametrize("on_loss", ["retry", "fail", "ask"])
async def test_a_wrapper_that_died_with_the_engine_leaves_an_orphan(
    tmp_path: Path, folder: Path, on_loss: str
):
    home = tmp_path / "home"
    text = 'test "$(grep -c run "$EFFECTS/a")" -gt 1 && exit 0; sleep 1'
    document = {"name": "orphan", "tasks": [effect("a", folder, text, on_loss=on_loss)]}
    engine = start_engine(home, [document], hold=True)
    until_now((folder / "a").exists, "the child runs")
    engine.kill()
    (task_id,) = rows(home, "SELECT id FROM task WHERE key = 'a'")[0]
    os.kill(int((home / "output" / str(task_id) / "1" / "pid").read_text().split()[0]), signal.SIGKILL)
    job = engine.acknowledged()["w0"]
    if on_loss == "ask":
        again = start_engine(home, [document], hold=True)
        until_now(lambda: states(home, job)["a"] == "held", "the orphan ended and its task is held")
        again.kill()
        assert attempts(home, job, "a") == ["lost"]
        assert effects(folder)["a"] == 1
        return
    result = (await finish(home, [document]))["w0"]
    assert result.status == ("succeeded" if on_loss == "retry" else "failed")
    assert attempts(home, job, "a") == ["lost", "succeeded"][: 2 if on_loss == "retry" else 1]


@pytest.mark.soak
async def test_a_storm_of_kills_loses_and_repeats_nothing(tmp_path: Path):
    rounds = int(os.environ.get("TASKDECK_SOAK_ROUNDS", "5"))
    seed = int(os.environ.get("TASKDECK_SOAK_SEED", str(random.randrange(2**32))))
    chance = random.Random(seed)
    for number in range(rounds):
        home, folder = tmp_path / f"home{number}", tmp_path / f"effects{number}"
        folder.mkdir()
        died, kills = [], Counter[str]()
        for _ in range(chance.randint(1, 4)):
            crash = f"{chance.choice(UNASKED)}:{chance.randint(1, 12)}"
            engine = start_engine(home, workload(folder), crash=crash)
            died.append(engine)
            kills[crash] += 1
            if chance.random() < 0.5:
                number_of_acks = chance.randint(0, 2)
                until_now(
                    lambda engine=engine, wanted=number_of_acks: (
                        len(engine.acknowledged()) >= wanted or engine.process.poll() is not None
                    ),
                    "it acknowledged so much, or died before",
                )
                engine.kill()
            engine.wait()
        try:
            await assert_all_ended_well(home, folder, died)
        except AssertionError as error:
            error.add_note(f"seed {seed}, round {number}, kills {dict(kills)}")
            raise
