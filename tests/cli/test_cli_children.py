"""Jobs with children, in the commands that read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.cli_stage import Deck

Write = Callable[[str, object], str]
INNER = """
name: inner
params: {n: {type: integer}}
outputs: {twice: "${{ params.n * 2 }}"}
tasks: [{key: a, uses: delay, with: {seconds: 0}}]
"""


def outer(write: Write) -> str:
    """Write a workflow with a child; return its path."""
    write("inner.yaml", INNER)
    task = "{key: sub, uses: workflow, with: {file: inner.yaml, params: {n: 7}}}"
    return write(
        "outer.yaml", f"name: outer\noutputs: {{sum: '${{{{ tasks.sub.output.twice }}}}'}}\ntasks: [{task}]\n"
    )


def test_show_names_the_child_of_a_job_and_the_parent_of_a_child(
    home: Path, deck: Deck, write: Write
) -> None:
    assert deck("run", outer(write)).status == 0
    assert "child     sub: job 3 inner: succeeded\n" in deck("show", "2").out
    assert "parent    job 2, task 1 sub\n" in deck("show", "3").out
    assert deck("show", "2", "--json").objects[0]["children"] == [
        {
            "job": 3,
            "name": "inner",
            "status": "succeeded",
            "task": 1,
            "key": "sub",
            "superseded": False,
            "worklet": False,
        }
    ]
    below = deck("show", "3", "--json").objects[0]["job"]
    assert (below["parent"], below["root"], below["depth"]) == (
        {"job": 2, "task": 1, "key": "sub", "worklet": False},
        2,
        1,
    )


def test_show_and_run_have_what_a_job_gives_out(home: Path, deck: Deck, write: Write) -> None:
    last = deck("run", outer(write), "--json").objects[-1]
    assert (last["outputs"], last["outputs_error"]) == ({"sum": 14}, None)
    assert deck("show", "2", "--outputs", "--json").objects == [
        {"job": 2, "status": "succeeded", "outputs": {"sum": 14}, "error": None}
    ]
    assert deck("show", "3", "--outputs").out == "twice  14\n"
    assert "output    twice  14\n" in deck("show", "3").out


def test_show_bounds_what_a_job_gives_out_and_says_where_nothing_or_a_fault_is(
    home: Path, deck: Deck, write: Write
) -> None:
    task = "tasks: [{key: a, uses: delay, with: {seconds: 0}}]\n"
    assert deck("run", write("none.yaml", f"name: none\n{task}")).status == 0
    assert deck("show", "2", "--outputs").err == "job 2 gives nothing out\n"
    wrong = "name: wrong\noutputs: {x: '${{ tasks.a.output.no.such }}'}\n"
    assert deck("run", write("wrong.yaml", wrong + task)).status == 0
    assert "outputs   cannot be worked out: " in deck("show", "3").out
    assert "cannot be worked out" in deck("show", "3", "--outputs").err
    many = "".join(f"  o{n}: '${{{{ job.name }}}}{'x' * 90}'\n" for n in range(30))
    assert deck("run", write("many.yaml", f"name: many\noutputs:\n{many}{task}")).status == 0
    shown = deck("show", "4")
    lines = [line for line in shown.out.splitlines() if line.startswith("output ")]
    assert len(lines) == 20
    assert max(map(len, lines)) < 90
    assert "showing 20 of 30 outputs" in shown.err
    assert len(deck("show", "4", "--outputs").out.splitlines()) == 30
    assert deck("show", "4", "--outputs", "--variables").status == 2
    fails = "name: f\noutputs: {x: '1'}\ntasks: [{key: a, uses: shell, with: {script: 'exit 1'}}]\n"
    assert deck("run", write("fails.yaml", fails), "--json").objects[-1]["outputs"] is None
    assert deck("show", "5", "--outputs").err == "job 5 has failed: it gives nothing out\n"


def test_check_follows_the_files_of_children_and_names_a_circle_and_a_missing_one(
    home: Path, deck: Deck, write: Write
) -> None:
    assert deck("check", outer(write)).status == 0
    child = "tasks:\n  - key: a\n    uses: workflow\n    with:\n      file: {}\n"
    missing = write("missing.yaml", "name: missing\n" + child.format("gone.yaml"))
    ended = deck("check", missing)
    assert ended.status == 2
    assert ended.err.startswith(f"error[workflow.child]: {missing}:6:")
    assert "gone.yaml cannot be read" in ended.err
    circle = write("circle.yaml", "name: circle\n" + child.format("round.yaml"))
    write("round.yaml", "name: round\n" + child.format("circle.yaml"))
    ended = deck("check", circle)
    assert ended.status == 2
    assert f"{circle}:6:" in ended.err
    assert "in a circle: circle -> round -> circle" in ended.err
    named = "name: named\ntasks: [{key: a, uses: workflow, with: {name: nightly}}]\n"
    ended = deck("check", write("named.yaml", named))
    assert ended.status == 0
    assert "warning: " in ended.err
    assert "the workflow nightly is neither built in nor registered here: not checked" in ended.err


def test_a_worklet_is_shown_checked_and_told_in_the_history(home: Path, deck: Deck, write: Write) -> None:
    outputs = "{result: retry, message: moved, set: {at: two}}"
    fix = "tasks: [{key: f, uses: shell, with: {argv: ['true']}}]\n"
    write("repair.yaml", f"name: repair\noutputs: {outputs}\n{fix}")
    with_ = "{script: 'test $AT = two', env: {AT: '${{ vars.at }}'}}"
    failing = f"{{key: a, uses: shell, with: {with_}, on_failure: {{file: repair.yaml}}}}"
    text = f"name: outer\nvariables: {{at: one}}\ntasks: [{failing}]\n"
    outer = write("outer.yaml", text)
    assert deck("run", outer).status == 0
    assert "worklet   a: job 3 repair: succeeded\n" in deck("show", "2").out
    assert "parent    job 2, task 1 a, whose worklet it is\n" in deck("show", "3").out
    (child,) = deck("show", "2", "--json").objects[0]["children"]
    assert (child["worklet"], child["job"]) == (True, 3)
    assert deck("show", "3", "--json").objects[0]["job"]["parent"]["worklet"] is True
    told = deck("history", "2").out
    assert "a: job 3, repair, is to repair it\n" in told
    assert "a: its worklet, job 3, decides: retry, message moved\n" in told
    assert "(its worklet, job 3, lets it run again: moved)" in deck("history", "2", "--noise", "2").out
    drawn = deck("graph", outer).out
    assert "! a worklet decides when it fails\non failure: a -> repair.yaml\n" in drawn
    assert deck("graph", outer, "--json").objects[0]["on_failure"] == {"a": "repair.yaml"}
    assert deck("check", outer).status == 0
    write("repair.yaml", f"name: repair\n{fix}")
    refused = deck("check", outer)
    assert (refused.status, "error[workflow.result]" in refused.err) == (2, True)
    assert f"{outer}:3:" in refused.err
    assert "repair.yaml is not a worklet: its `outputs` have no `result`" in refused.err
