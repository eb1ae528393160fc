"""Worklets: jobs that decide what follows the failure of a task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.connectors.child_workflow import ChildWorkflow
from core.connectors.registry import Registry
from core.connectors.waiting import SignalWait
from core.control.api import Target
from core.control.nouns.workflows import AddWorkflow
from core.model.commands.work import SubmitOptions
from core.model.errors import Invalid, InvalidDocument
from core.model.values import JsonValue
from core.render.prediction_texts import prediction_line, prediction_lines, prediction_shape
from tests.support.house import House, task


@pytest.fixture
async def house(empty_house: House) -> House:
    """Return an open house whose engine knows children."""
    empty_house.registry = lambda: Registry([ChildWorkflow(), SignalWait(), empty_house.steer])
    await empty_house.open()
    return empty_house


class Repair:
    """A document that is a worklet, in a file."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "repair.json"

    def gives(self, outputs: dict[str, Any], *tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Write what it gives out; return an `on_failure` that names it."""
        document = {"name": "repair", "outputs": outputs, "tasks": [*tasks] or [task("fix")], **more}
        self.file.write_text(json.dumps(document))
        return {"file": str(self.file)}


@pytest.fixture
def repair(tmp_path: Path) -> Repair:
    return Repair(tmp_path)


def fails(on_failure: dict[str, Any], key: str = "a", **more: Any) -> dict[str, Any]:
    """Return a task that fails in its first attempts (one), and has a worklet."""
    return task(key, "fail", steer={"times": 1, **more.pop("steer", {})}, on_failure=on_failure, **more)


def worklets(house: House) -> list[tuple[int, str]]:
    return house.rows("SELECT id, status FROM job WHERE is_worklet ORDER BY id")


def why(house: House, job: int, key: str) -> str:
    ((reason,),) = house.rows("SELECT status_reason FROM task WHERE job_id = ? AND key = ?", job, key)
    return str(reason)


def error(house: House, job: int, key: str) -> dict[str, Any]:
    ((stored,),) = house.rows("SELECT error FROM task WHERE job_id = ? AND key = ?", job, key)
    told: dict[str, Any] = json.loads(stored)
    return told


async def test_a_worklet_lets_a_task_run_again_before_its_job_has_a_verdict(house: House, repair: Repair):
    said = repair.gives({"result": "retry", "message": "restarted"}, task("fix", "block"))
    job = await house.submit(fails(said), task("b", "succeed", "a"))
    await house.running("fix")
    assert (house.states(job), house.job_status(job)) == ({"a": "waiting", "b": "blocked"}, "running")
    assert house.open_attempts() == 1, "the task that waits for its worklet has no slot"
    house.steer.release("fix")
    assert (await house.ended(job)).status == "succeeded"
    assert house.attempts(job, "a") == ["failed", "succeeded"]
    kinds = ["task.waiting", "task.worklet", "task.decided", "task.queued"]
    assert house.history(job, "a")[2:6] == kinds
    ((worklet, _),) = worklets(house)
    ((data,),) = house.rows("SELECT data FROM event WHERE kind = 'task.queued' AND task_id = 1")
    assert json.loads(data)["reason"] == f"its worklet, job {worklet}, lets it run again: restarted"


async def test_what_worklets_took_in_the_last_runs_is_told_beside_a_prediction(house: House, repair: Repair):
    document = {"name": "nightly", "tasks": [fails(repair.gives({"result": "retry"})), task("b", "succeed")]}
    before = await house.control.predict(document)
    assert (before.worklets.tasks, before.worklets.runs, before.worklets.per_run_ms) == (1, 0, None)
    assert any("1 task has a worklet: no run is known" in line for line in prediction_lines(before))
    job = (await house.control.submit(document)).job_id
    await house.ended(job)
    ((took,),) = house.rows("SELECT finished_at - created_at FROM job WHERE is_worklet")
    view = await house.control.predict(document)
    share = view.worklets
    assert (share.tasks, share.runs, share.begun, share.took_ms) == (1, 1, 1, took)
    (line,) = [line for line in prediction_lines(view) if line.startswith("left out")]
    assert "1 task has a worklet; 1 began in the last 1 run: " in line
    assert prediction_shape(view)["worklets"] == {"tasks": 1, "runs": 1, "begun": 1, "per_run_ms": took}
    plain = await house.control.predict({"name": "plain", "tasks": [task("b", "succeed")]})
    assert "worklets left out" in prediction_line(view)
    assert not any(line.startswith("left out") for line in prediction_lines(plain))


async def test_a_worklet_skips_a_task_and_with_it_what_needs_it(house: House, repair: Repair):
    needs = {"task": "a", "when": "done"}
    job = await house.submit(
        fails(repair.gives({"result": "skip"})), task("b", "succeed", "a"), task("c", "succeed", needs)
    )
    assert (await house.ended(job)).status == "succeeded"
    assert house.states(job) == {"a": "skipped", "b": "skipped", "c": "succeeded"}


async def test_a_worklet_gives_the_output_with_which_a_task_succeeds(house: House, repair: Repair):
    said = repair.gives(
        {"result": "succeed", "output": {"n": "${{ tasks.fix.output.n }}"}},
        task("fix", steer={"output": {"n": 7}}),
    )
    job = await house.submit(fails(said), task("b", "succeed", "a", when="${{ tasks.a.output.n == 7 }}"))
    assert (await house.ended(job)).status == "succeeded"
    assert house.states(job) == {"a": "succeeded", "b": "succeeded"}
    assert "lets it succeed" in why(house, job, "a")
    assert (await house.look(job, "a")).task.error is None


async def test_a_worklet_leaves_a_task_failed_with_the_error_that_it_had(house: House, repair: Repair):
    job = await house.submit(fails(repair.gives({"result": "fail", "message": "no hope"})))
    result = await house.ended(job)
    assert result.status == "failed"
    assert error(house, job, "a")["code"] == "steer.failed"
    assert why(house, job, "a").endswith("leaves it failed: no hope")


async def test_a_worklet_chooses_who_goes_on_after_its_task(house: House, repair: Repair):
    said = repair.gives({"result": "succeed", "next": ["c"]})
    rest = [task("b", "succeed", "a"), task("c", "succeed", "a"), task("d", "succeed", "b")]
    job = await house.submit(fails(said), *rest)
    assert (await house.ended(job)).status == "succeeded"
    assert house.states(job) == {"a": "succeeded", "b": "skipped", "c": "succeeded", "d": "skipped"}
    assert "chose others" in why(house, job, "b")


async def test_the_worklet_of_an_instance_skips_none_whether_those_that_read_it_are_made_or_not(
    house: House, repair: Repair
):
    said = repair.gives({"result": "succeed", "output": {}, "next": []}, task("fix", "block"))
    job = await house.submit(
        fails(said, "a", for_each=["x"]),
        task("gate", "block"),
        task("made", "succeed", {"each": "a"}, for_each=["x"]),
        task("later", "succeed", {"each": "a"}, "gate", for_each=["x"]),
    )
    await house.running("fix", "gate")
    house.steer.release("fix")
    await house.reach(job, "made[0]", "succeeded")
    house.steer.release("gate")
    assert (await house.ended(job)).status == "succeeded"
    assert house.states(job)["later[0]"] == "succeeded"


async def test_a_worklet_sets_variables_that_the_next_attempt_sees(house: House, repair: Repair):
    said = repair.gives({"result": "retry", "set": {"host": "two"}})
    a = fails(said, steer={"output": {"at": "${{ vars.host }}"}})
    job = await house.submit(
        a,
        task("b", "succeed", "a", when="${{ tasks.a.output.at == 'two' }}"),
        variables={"host": {"type": "string", "value": "one"}},
    )
    assert (await house.ended(job)).status == "succeeded"
    assert house.states(job) == {"a": "succeeded", "b": "succeeded"}
    assert house.history(job, "a").index("variable.set") < house.history(job, "a").index("task.queued")


async def test_a_worklet_cancels_others(house: House, repair: Repair):
    said = repair.gives({"result": "retry", "cancel": ["slow", "later"]})
    slow = task("slow", "block")
    job = await house.submit(
        fails(said, needs=["first"]), slow, task("later", "succeed", "slow"), task("first", "block")
    )
    await house.running("slow", "first")
    house.steer.release("first")
    await house.ended(job)
    assert house.states(job) == {
        "a": "succeeded",
        "slow": "cancelled",
        "later": "cancelled",
        "first": "succeeded",
    }


@pytest.mark.parametrize("end", ["failed", "cancelled"])
async def test_a_worklet_ends_the_job(house: House, repair: Repair, end: str):
    said = repair.gives({"result": "skip", "end": end, "message": "enough"})
    job = await house.submit(fails(said), task("b", "succeed", {"task": "a", "when": "done"}))
    assert (await house.ended(job)).status == end
    assert house.states(job) == {"a": "skipped", "b": "cancelled"}
    assert house.rows("SELECT reason LIKE '%: enough' FROM job WHERE id = ?", job) == [(1,)]


NONSENSE = {
    "what no worklet says": ({"result": "${{ 'reboot' }}"}, "`result` is one of"),
    "an unknown next": ({"result": "succeed", "next": ["x"], "set": {"n": 2}}, "names x as next"),
    "an unknown task to cancel": ({"result": "skip", "cancel": ["x"], "set": {"n": 2}}, "cancels x"),
    "a variable of another type": ({"result": "retry", "set": {"n": "x"}}, "is not of type integer"),
    "an expression that fails": ({"result": "${{ tasks.fix.output.no.such }}"}, "does not say what follows"),
}


@pytest.mark.parametrize("name", NONSENSE)
async def test_a_worklet_that_answers_nonsense_fails_its_task_and_is_named(
    house: House, repair: Repair, name: str
):
    outputs, message = NONSENSE[name]
    said = repair.gives(outputs)
    job = await house.submit(
        fails(said), task("b", "succeed", "a"), variables={"n": {"type": "integer", "value": 1}}
    )
    assert (await house.ended(job)).status == "failed"
    told = error(house, job, "a")
    assert (told["code"], told["facts"]["cause"]["code"]) == ("worklet.result", "steer.failed")
    ((worklet, status),) = worklets(house)
    assert (told["facts"]["job"], status) == (worklet, "succeeded")
    assert message in told["message"]
    assert f"job {worklet}" in told["message"]
    assert house.rows("SELECT value FROM variable WHERE job_id = ?", job) == [("1",)], (
        "nothing is carried out"
    )


async def test_a_worklet_that_fails_fails_its_task_and_a_retry_begins_another(house: House, repair: Repair):
    said = repair.gives({"result": "retry"}, task("fix", "fail", steer={"times": 1}))
    job = await house.submit(fails(said, steer={"times": 2}))
    assert (await house.ended(job)).status == "failed"
    told = error(house, job, "a")
    ((worklet, _),) = worklets(house)
    assert (told["code"], told["facts"]["job"]) == ("worklet.failed", worklet)
    assert told["message"] == (
        f"its worklet did not help: job {worklet} repair failed: task fix: as told; it was to repair: as told"
    )
    await house.control.retry(Target(job_id=job))
    assert (await house.ended(job)).status == "succeeded"
    assert [status for _, status in worklets(house)] == ["failed", "succeeded"]
    assert house.attempts(job, "a") == ["failed", "failed", "succeeded"]


async def test_a_worklet_that_is_cancelled_or_late_fails_its_task(house: House, repair: Repair):
    said = {**repair.gives({"result": "retry"}, task("fix", "block")), "timeout": "1m"}
    one, other = await house.submit(fails(said, "a")), await house.submit(fails(said, "b"))
    await house.until(lambda: house.steer.active["fix"] == 2, "both worklets run")
    ((first,),) = house.rows("SELECT id FROM job WHERE parent_task = ?", house.task_id(one, "a"))
    await house.control.cancel(Target(job_id=first))
    await house.ended(one)
    house.clock.advance(minutes=2)
    await house.ended(other)
    codes = [error(house, one, "a")["code"], error(house, other, "b")["code"]]
    assert codes == ["worklet.cancelled", "worklet.timeout"]


@pytest.mark.parametrize("field", ["when", "params"])
async def test_what_the_when_of_a_worklet_mentions_and_cannot_be_read_leaves_the_failure_as_it_is(
    house: House, repair: Repair, field: str
):
    scopes = house.engine.dispatcher._conditions._children.scopes
    scope = scopes.scope

    async def refuse(job_id: int, value: JsonValue, *more: Any, **options: Any) -> Any:
        if "too_large" in json.dumps(value):
            raise Invalid("expression.size", "the outputs are too large")
        return await scope(job_id, value, *more, **options)

    scopes.scope = refuse  # type: ignore[method-assign]
    said = repair.gives({"result": "retry"}, params={"x": {"default": ""}})
    with_ = (
        {"when": "vars.too_large == 'no'"} if field == "when" else {"params": {"x": "${{ vars.too_large }}"}}
    )
    one = {"when": "attempt > 1"} if field == "params" else {}
    job = await house.submit(fails({**said, **one, **with_}), variables={"too_large": "no"})
    assert (await house.ended(job)).status == "failed"
    assert error(house, job, "a")["code"] == "steer.failed"
    assert ("the outputs are too large" in why(house, job, "a")) == (field == "when")
    assert worklets(house) == []


async def test_a_worklet_that_is_not_wanted_leaves_the_failure_as_it_is(house: House, repair: Repair):
    wanted = "${{ error.code == 'steer.failed' && attempt == 1 }}"
    said = repair.gives({"result": "retry"})
    other = await house.submit(fails({**said, "when": "error.code == 'http.503'"}))
    broken = await house.submit(fails({**said, "when": "${{ vars.n > 1 }}"}, "b"), variables={"n": "x"})
    said_false = "the `when` of its on_failure is false"
    for job, key, reason in (
        (other, "a", said_false),
        (broken, "b", "no worklet began: `b.on_failure.when`"),
    ):
        assert (await house.ended(job)).status == "failed"
        assert error(house, job, key)["code"] == "steer.failed"
        assert why(house, job, key).startswith(reason)
    assert worklets(house) == []
    assert (await house.finish(fails({**said, "when": wanted}, "c"))).status == "succeeded"


async def test_a_worklet_gets_what_failed_and_what_was_before(house: House, repair: Repair):
    names = ("code", "message", "task", "attempt", "before")
    said = repair.gives(
        {"result": "succeed", "output": {name: f"${{{{ params.{name} }}}}" for name in names}},
        params={name: {"type": "integer" if name == "attempt" else "string"} for name in names},
    )
    params = {name: f"${{{{ error.{name} }}}}" for name in names[:3]}
    params |= {"attempt": "${{ attempt }}", "before": "${{ tasks.first.output.at }}"}
    a = fails({**said, "params": params}, needs=["first"], retry={"max_attempts": 2, "base": "0s"})
    a["with"]["times"] = 2
    job = await house.submit(task("first", steer={"output": {"at": "noon"}}), a)
    assert (await house.ended(job)).status == "succeeded"
    ((output,),) = house.rows("SELECT output FROM task WHERE key = 'a'")
    assert json.loads(output) == {
        "code": "steer.failed",
        "message": "as told",
        "task": "a",
        "attempt": 2,
        "before": "noon",
    }


async def test_a_worklet_gets_the_variables_of_the_submission(house: House, repair: Repair):
    result = "${{ tasks.fix.status == 'skipped' ? 'fail' : 'retry' }}"
    said = repair.gives({"result": result}, task("fix", when="${{ env.A == 'given' }}"))
    document = {"name": "work", "env": {"A": "its"}, "tasks": [fails(said)]}
    submitted = await house.control.submit(document, options=SubmitOptions(env={"A": "given"}))
    assert (await house.ended(submitted.job_id)).status == "succeeded"


async def test_parameters_that_a_worklet_cannot_have_fail_the_task(house: House, repair: Repair):
    said = repair.gives({"result": "retry"}, params={"n": {"type": "integer"}})
    job = await house.submit(fails({**said, "params": {"n": "${{ error.code }}"}}))
    assert (await house.ended(job)).status == "failed"
    told = error(house, job, "a")
    assert (told["code"], told["facts"]["cause"]["code"]) == ("worklet.not_begun", "steer.failed")
    assert worklets(house) == []


async def test_rounds_are_bounded_and_begin_again_with_a_rerun(house: House, repair: Repair):
    said = {**repair.gives({"result": "retry"}), "max": 2}
    job = await house.submit(fails(said, steer={"times": 5}))
    assert (await house.ended(job)).status == "failed"
    assert house.attempts(job, "a") == ["failed"] * 3
    assert why(house, job, "a") == "its worklet has run 2 times, and may not run again"
    await house.control.retry(Target(job_id=job))
    assert (await house.ended(job)).status == "succeeded"
    assert len(worklets(house)) == 4


async def test_a_stage_has_a_worklet_for_its_tasks_that_have_none(
    house: House, repair: Repair, tmp_path: Path
):
    said = {**repair.gives({"result": "skip"}), "when": "${{ error.task != 'c' }}"}
    own = Repair(tmp_path / "own")
    own.file.parent.mkdir()
    b = fails(own.gives({"result": "retry"}), "b")
    c = task("c", "fail", continue_on_error=True)
    waits = {"key": "w", "uses": "signal", "with": {"name": "go"}, "timeout": "1s"}
    stages = [
        {"name": "one", "on_failure": said, "tasks": [task("a", "fail"), b, c]},
        {"name": "two", "on_failure": said, "tasks": [{**waits, "continue_on_error": True}]},
    ]
    job = await house.submit(stages=stages)
    await house.reach(job, "w", "waiting")
    house.clock.advance(seconds=2)
    assert (await house.ended(job)).status == "succeeded"
    assert house.states(job) == {"a": "skipped", "b": "succeeded", "c": "failed", "w": "failed"}
    assert error(house, job, "w")["code"] == "signal.timeout"


async def test_an_instance_has_a_worklet_that_knows_its_item(house: House, repair: Repair):
    said = repair.gives({"result": "succeed", "output": {"is": "${{ params.item }}"}}, params={"item": {}})
    a = fails(
        {**said, "params": {"item": "${{ item }}"}, "when": "${{ index == 1 }}"},
        steer={"times": 9},
        for_each=["x", "y"],
        on_instance_failure="continue",
    )
    job = await house.submit(a)
    assert (await house.ended(job)).status == "succeeded"
    assert house.states(job) == {"a": "succeeded", "a[0]": "failed", "a[1]": "succeeded"}
    ((output,),) = house.rows("SELECT output FROM task WHERE key = 'a[1]'")
    assert json.loads(output) == {"is": "y"}


async def test_a_task_of_finally_has_a_worklet_too(house: House, repair: Repair):
    said = repair.gives({"result": "retry"})
    job = await house.submit(task("a", "fail"), **{"finally": [fails(said, "f")]})
    assert (await house.ended(job)).status == "failed"
    assert house.states(job) == {"a": "failed", "f": "succeeded"}


async def test_a_failure_that_a_worklet_leaves_is_tolerated_where_it_would_be(house: House, repair: Repair):
    broken = repair.gives({"result": "retry"}, task("fix", "fail"))
    job = await house.submit(fails(broken, continue_on_error=True), task("b", "succeed", "a"))
    assert (await house.ended(job)).status == "succeeded"
    assert house.states(job) == {"a": "failed", "b": "succeeded"}


async def test_a_cancel_and_a_pause_of_the_job_go_down_to_the_worklet(house: House, repair: Repair):
    said = repair.gives({"result": "retry"}, task("fix", "block"))
    job = await house.submit(fails(said))
    await house.running("fix")
    marks = "SELECT status, paused_above FROM job WHERE is_worklet"
    await house.control.pause(Target(job_id=job))
    assert house.rows(marks) == [("running", 1)]
    await house.control.resume(Target(job_id=job))
    assert house.rows(marks) == [("running", 0)]
    await house.control.cancel(Target(job_id=job))
    assert (await house.ended(job)).status == "cancelled"
    assert house.states(job) == {"a": "cancelled"}
    assert worklets(house)[0][1] == "cancelled"


async def test_a_name_is_pinned_at_submit(house: House):
    text = "name: mend\noutputs: {result: %s}\ntasks: [{key: m, uses: steer, with: {do: succeed}}]\n"
    await house.control.workflows.add(AddWorkflow(text=text % "retry", source="m.yaml"))
    job = await house.submit(task("first", "block"), fails({"workflow": "mend"}, needs=["first"]))
    await house.running("first")
    await house.control.workflows.add(AddWorkflow(text=text % "skip", source="m.yaml"))
    await house.control.workflows.remove("mend")
    house.steer.release("first")
    await house.ended(job)
    assert house.states(job)["a"] == "succeeded"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"workflow": "nothing"}, "no workflow is registered as nothing"),
        ({"file": "gone.json"}, "gone.json cannot be read"),
        ({"file": "plain.json"}, "plain.json is not a worklet: its `outputs` have no `result`"),
        ({"file": "typo.json"}, "typo.json is not a worklet: `nxt` is not part of the result of a worklet"),
        ({"file": "odd.json"}, "odd.json is not a worklet: its `result` is retry, skip, succeed or fail"),
        ({"file": "needy.json"}, "needy.json needs the parameter `n`"),
        ({"file": "plain.json", "params": {"m": 1}}, "`m` is not a parameter of plain.json"),
        ({"file": "work.json"}, "workflows begin each other in a circle: work -> work"),
    ],
)
async def test_a_worklet_that_cannot_be_is_named_when_the_job_is_submitted(
    house: House, tmp_path: Path, said: dict[str, Any], message: str
):
    itself = {
        "name": "work",
        "outputs": {"result": "fail"},
        "tasks": [task("a", on_failure={"file": "work.json"})],
    }
    documents: dict[str, dict[str, Any]] = {
        "plain": {"name": "plain", "tasks": [task("a")]},
        "typo": {"name": "typo", "outputs": {"result": "skip", "nxt": []}, "tasks": [task("a")]},
        "odd": {"name": "odd", "outputs": {"result": "reboot"}, "tasks": [task("a")]},
        "needy": {"name": "n", "params": {"n": {}}, "outputs": {"result": "skip"}, "tasks": [task("a")]},
        "work": itself,
    }
    for name, document in documents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    whole = {"name": "work", "tasks": [task("a", on_failure=said)]}
    (tmp_path / "main.json").write_text(json.dumps(whole))
    with pytest.raises(InvalidDocument) as caught:
        await house.control.submit(str(tmp_path / "main.json"))
    assert any(message in fault.message for fault in caught.value.faults), caught.value.faults


async def test_worklets_nine_deep_are_refused_and_eight_deep_run(house: House, tmp_path: Path):
    for depth in range(10):
        below = {"on_failure": {"file": f"d{depth - 1}.json"}} if depth else {}
        last = task(f"a{depth}", "fail" if depth else "succeed", steer={"times": 1}, **below)
        document = {"name": f"d{depth}", "outputs": {"result": "retry"}, "tasks": [last]}
        (tmp_path / f"d{depth}.json").write_text(json.dumps(document))
    job = (await house.control.submit(str(tmp_path / "d8.json"))).job_id
    assert (await house.ended(job)).status == "succeeded"
    assert house.rows("SELECT max(depth), count(*) FROM job") == [(8, 10)]
    with pytest.raises(InvalidDocument):
        await house.control.submit(str(tmp_path / "d9.json"))
