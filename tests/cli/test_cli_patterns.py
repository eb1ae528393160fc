"""Tests of every workflow pattern in graph, timeline, list, grid and why."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.cli_stage import Deck
from tests.support.waiting import until_now

DOCUMENT = """
name: every-pattern
on_task_failure: finish
tasks:
  - {key: cut, for_each: 3, uses: shell, with: {argv: [echo, "${{ item }}"]}}
  - {key: send, needs: [{each: cut}], for_each: 3, uses: shell, with: {argv: [echo, "${{ item }}"]}}
  - {key: child, uses: workflow, with: {file: child.yaml}}
  - {key: ask, uses: human, with: {title: "May it go?", assignee: ann}}
  - {key: paid, uses: signal, with: {name: paid, key: "7"}}
  - {key: later, uses: wait, with: {for: 2h}}
  - {key: drop, uses: file, with: {path: drop.csv}}
  - {key: other, uses: job, with: {name: nightly}}
  - key: look
    uses: http
    with: {url: "http://127.0.0.1:9/x", poll: {until: "${{ status == 200 }}", every: 1h, max: 2h}}
  - {key: flaky, uses: shell, with: {script: "exit 3"}, continue_on_error: true}
finally:
  - {key: clean, uses: shell, with: {argv: [echo, clean]}}
"""


class Drawn(NamedTuple):
    """What each picture says of a pattern, as regular expressions."""

    key: str
    graph: str
    listed: str
    why: str
    timeline: str
    grid: str


def drawn(key: str, graph: str, listed: str, why: str, *, bar: str = "~", cell: str = "w") -> Drawn:
    return Drawn(
        key=key,
        graph=rf"(?<!\w){re.escape(graph)}(?!\S)",
        listed=rf"(?<!\w){key}\b.*{re.escape(listed)}",
        why=re.escape(why),
        timeline=rf"^[* ] {key}\b.*{re.escape(bar)}",
        grid=rf"^{key}\b.* {re.escape(cell)} *(usually .*)?$",
    )


TABLE = (
    drawn("cut", "cut[]", "3/3", "it succeeded", bar="", cell="+"),
    drawn("send", "send[]=", "3/3", "it succeeded", bar="", cell="+"),
    drawn("child", "child()", "child job 3", "it waits for its child, job 3 below ("),
    drawn("ask", "ask:human", "ann (item 1)", "it waits for ann since"),
    drawn("paid", "paid:signal", "signal paid", "the signal paid with the key 7"),
    drawn("later", "later:wait", "a moment", "it waits until 20"),
    drawn("drop", "drop:file", "file drop.csv", "drop.csv is there"),
    drawn("other", "other:job", "a job named nightly", "a job named nightly has ended"),
    drawn("look", "look:poll", "http.connect", "it failed after 1 attempt", bar="✗", cell="X"),
    drawn("flaky", "flaky~", "tolerated: exit 3", "its job goes on (`continue_on_error`)", bar="✗", cell="x"),
    drawn("clean", "clean", "stage main", "its stage finally begins when", bar="", cell="."),
)


@pytest.fixture
def pictures(home: Path, deck: Deck, tmp_path: Path) -> dict[str, Callable[[str], str]]:
    """Run a job of all patterns until nothing but answers is missing; return each picture, by key."""
    (tmp_path / "child.yaml").write_text(
        "name: below\ntasks: [{key: deep, uses: signal, with: {name: deep, key: a}}]\n"
    )
    path = tmp_path / "every.yaml"
    path.write_text(DOCUMENT)
    assert deck("run", str(path), "--detach").status == 0
    waiting = (
        "child job 3",
        "a job named nightly",
        "file drop.csv",
        "cut 3/3",
        "send 3/3",
        "tolerated",
        "http.connect",
    )
    until_now(lambda: all(text in deck("show", "2").out for text in waiting), "its tasks wait")
    whole = {
        "graph": deck("graph", str(path)).out,
        "graph of the job": deck("graph", "--job", "2").out,
        "listed": deck("show", "2").out,
        "timeline": deck("timeline", "2").out,
        "grid": deck("grid", "every-pattern").out,
    }
    return {
        **{name: (lambda _, text=text: text) for name, text in whole.items()},
        "why": lambda key: deck("why", f"2/{key}").out,
        "logs": lambda key: deck("logs", f"2/{key}").err,
    }


def test_who_has_the_output_is_told_of_tasks_that_have_none(
    pictures: dict[str, Callable[[str], str]],
) -> None:
    told = {key: pictures["logs"](key) for key in ("cut", "child", "ask", "flaky")}
    assert "2/cut is a group, whose instances have the output: taskdeck logs '2/cut[0]'" in told["cut"]
    assert "2/child stands for a job, whose tasks have the output: 'taskdeck show 2" in told["child"]
    assert "2/ask is waiting: no attempt of it has begun" in told["ask"]
    assert told["flaky"] == ""


def test_every_pattern_is_drawn_in_every_picture(pictures: dict[str, Callable[[str], str]]) -> None:
    missing = [
        (one.key, picture, wanted)
        for one in TABLE
        for picture, wanted in (
            ("graph", one.graph),
            ("graph of the job", one.graph),
            ("listed", one.listed),
            ("grid", one.grid),
            ("why", one.why),
            ("timeline", one.timeline),
        )
        if not re.search(wanted, pictures[picture](one.key), re.MULTILINE)
    ]
    assert missing == []
