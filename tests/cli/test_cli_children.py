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
    assert (below["parent"], below["root"], below["depth"]) == ({"job": 2, "task": 1, "key": "sub"}, 2, 1)
