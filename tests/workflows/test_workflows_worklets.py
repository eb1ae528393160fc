"""`on_failure` of tasks and stages, as documents say it."""

from __future__ import annotations

from core.connectors.child_workflow import ChildWorkflow
from core.connectors.delay import Delay
from core.connectors.registry import Registry
from core.connectors.waiting import SignalWait
from core.model.errors import Fault
from core.model.patterns.children import OnFailure
from core.workflows.child_uses import child_uses
from core.workflows.drawing import text_dag
from core.workflows.expansion import Workflow, expand, parse
from core.workflows.loader import load
from core.workflows.outline import outline_of
from core.workflows.validation import check

CONNECTORS = Registry([Delay(), SignalWait(), ChildWorkflow()])
STAGED = """
name: staged
defaults: {uses: delay}
params: {host: {type: string}}
stages:
  - name: one
    on_failure: {file: fix.yaml, when: error.code == 'timeout', max: 5, timeout: 2m}
    tasks:
      - {key: a, with: {seconds: 0}}
      - {key: b, with: {seconds: 0}, on_failure: {workflow: mend, params: {host: "${{ params.host }}"}}}
      - {key: w, uses: signal, with: {name: go}}
  - {name: two, tasks: [{key: c, with: {seconds: 0}}]}
"""


def staged() -> Workflow:
    return parse(STAGED, CONNECTORS)


def faults(text: str) -> tuple[Fault, ...]:
    loaded = load(text)
    return check(loaded.value, loaded.positions, CONNECTORS).faults


def test_a_task_has_its_own_worklet_or_that_of_its_stage() -> None:
    plan = expand(staged(), {"host": "db1"})
    a, b, *_ = plan.stages[0].tasks
    shared = OnFailure(file="fix.yaml", when="error.code == 'timeout'", max=5, timeout_ms=120_000)
    assert a.on_failure == shared
    assert b.on_failure == OnFailure(workflow="mend", params={"host": "${{ params.host }}"})
    assert plan.stages[1].tasks[0].on_failure is None


def test_null_is_no_worklet_also_where_the_stage_has_one() -> None:
    said = STAGED.replace("{key: a, with: {seconds: 0}}", "{key: a, with: {seconds: 0}, on_failure: null}")
    for text in (said, said.replace("    on_failure: {file", "    # {file")):
        workflow = parse(text, CONNECTORS)
        (a, *_), *_ = (
            stage.tasks for stage in expand(workflow, {"host": "db1"}, context={"env": {"A": "1"}}).stages
        )
        assert a.on_failure is None
        assert a.context == {"env": {"A": "1"}}, "it hands nothing to a job below it"
        assert "a" not in workflow.document.worklets


def test_null_of_a_task_is_what_the_defaults_say() -> None:
    said = STAGED.replace("{uses: delay}", "{uses: delay, continue_on_error: true, skip_exit_codes: [3]}")
    said = said.replace("{key: a,", "{key: a, uses: null, continue_on_error: null, skip_exit_codes: null,")
    (a,) = (task for task in outline_of(load(said).value).tasks if task.key == "a")  # type: ignore[arg-type]
    assert (a.uses, a.tolerated, a.skips) == ("delay", True, True)
    plan = expand(parse(said, CONNECTORS), {"host": "db1"}).stages[0].tasks[0]
    assert (plan.uses, plan.continue_on_error, plan.skip_exit_codes) == ("delay", True, (3,))


def test_the_worklet_of_a_stage_is_named_once() -> None:
    named = [(use.by, use.text, use.path) for use in child_uses(staged().definition)]
    assert named == [
        ("file", "fix.yaml", ("stages", 0, "on_failure", "file")),
        ("name", "mend", ("stages", 0, "tasks", 1, "on_failure", "workflow")),
    ]


def test_a_faulty_worklet_of_a_stage_is_told_at_its_place() -> None:
    found = faults(STAGED.replace("error.code == 'timeout'", "tasks.c.status == 'failed'"))
    assert {(fault.code, fault.line) for fault in found} == {("expression.not_needed", 7)}
    found = faults(STAGED.replace("max: 5", 'max: 5, params: {x: "${{ secrets.x }}"}'))
    assert {(fault.code, fault.line) for fault in found} == {("secret.exposed", 7)}
    (fault,) = faults(STAGED.replace("max: 5", "mx: 5"))
    assert (fault.code, fault.message.endswith("did you mean `max`?")) == ("document.unknown_field", True)


def test_a_task_that_makes_no_attempt_has_no_worklet_of_its_own() -> None:
    text = "name: x\ntasks: [{key: a, uses: %s, with: {name: y}, on_failure: {workflow: mend}}]\n"
    (fault,) = faults(text % "signal")
    assert (fault.code, "makes no attempt" in fault.message) == ("document.on_failure", True)
    (fault,) = faults(text % "workflow")
    assert "`on_child_failure`" in fault.message


def test_what_follows_any_end_of_a_task_with_a_worklet_is_no_warning() -> None:
    after = "{key: b, uses: delay, with: {seconds: 0}, needs: [{task: a, when: done}]}"
    text = f"name: x\ntasks: [{{key: a, uses: delay, with: {{seconds: 0}}%s}}, {after}]\n"
    assert [fault.code for fault in parse(text % "", CONNECTORS).warnings] == ["warning.never_done"]
    assert parse(text % ", on_failure: {workflow: mend}", CONNECTORS).warnings == ()


def test_a_graph_names_worklets_and_marks_the_tasks_that_have_one() -> None:
    lines = text_dag(staged().document)
    drawn = " ".join(lines[:-4]).split()
    assert {"a!", "b!", "w:signal", "c"} <= {*drawn}, lines
    assert lines[-4:-1] == [
        "! a worklet decides when it fails  :KIND waits outside a slot",
        "on failure: a -> fix.yaml",
        "on failure: b -> mend",
    ]
