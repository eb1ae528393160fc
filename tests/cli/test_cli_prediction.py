"""run --dry-run and graph --predict."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.cli.cli_stage import HOSTILE, VISIBLE, Deck

Write = Callable[[str, object], str]
FLOW = {
    "name": "flow",
    "params": {"n": {"type": "integer", "max": 5, "default": 1}},
    "tasks": [
        {"key": "a", "uses": "delay", "with": {"seconds": 0}, "cost": {"usd": 0.5}},
        {"key": "b", "uses": "delay", "with": {"seconds": 0}, "needs": ["a"]},
    ],
}


def test_a_new_home_knows_nothing_says_so_and_stays_as_it_was(home: Path, deck: Deck, write: Write) -> None:
    path = write("flow.json", FLOW)
    ended = deck("run", path, "--dry-run")
    assert ended.status == 0, ended.err
    lines = ended.out.splitlines()
    assert lines[0].startswith("flow: 2 tasks, behind and among 0 queued and 0 running, on ")
    assert "takes          unknown" in lines
    assert "unknown        how long 2 of 2 tasks take: fewer than 3 runs are known" in lines
    assert "costs          0.5 to 1 usd (1 task unestimated)" in lines
    assert lines[-1] == "nothing was submitted"
    assert not home.exists()


def test_limits_of_a_home_without_a_store_are_those_that_are_configured(
    home: Path, deck: Deck, write: Write
) -> None:
    home.mkdir()
    (home / "config.toml").write_text(
        '[pools.small]\nslots = 1\nqueues = ["small"]\n'
        '[budgets.team]\nunit = "usd"\nmax = 0.7\non = {project = "red"}\n'
    )
    path = write("flow.json", FLOW)
    (shape,) = deck("run", path, "--dry-run", "-P", "red", "--json").objects
    (fit,) = shape["budgets"]
    assert (fit["limit"], fit["left"], fit["fits"]) == ("team", "0.7", "perhaps")
    assert shape["never"] == {"tasks": 2, "why": "no pool drains queue default"}
    assert (shape["dry_run"], shape["takes_ms"], shape["engine"]) == (True, None, "none")
    assert shape["slots"] == 1
    assert [path.name for path in home.iterdir()] == ["config.toml"]


def test_what_has_run_before_is_predicted_with_and_without_an_engine(
    home: Path, deck: Deck, write: Write
) -> None:
    path = write("flow.json", FLOW)
    for _ in range(3):
        assert deck("run", path).status == 0
    (before,) = deck("jobs", "--json", "--limit", "1").objects
    (shape,) = deck("run", path, "--dry-run", "--json").objects
    assert (shape["engine"], shape["unknown"], shape["sampled"]) == (
        "serving",
        {"tasks": 0, "others": 0, "groups": 0},
        False,
    )
    assert shape["takes_ms"]["high"] >= shape["takes_ms"]["low"] >= 0
    assert shape["costs"] == [{"unit": "usd", "amount": {"low": "0.5", "high": "0.5"}, "unestimated": 0}]
    deck("stop")
    ended = deck("run", path, "--dry-run")
    assert "engine         none is running: counted from the start of one" in ended.out.splitlines()
    assert deck("jobs", "--json", "--limit", "1").objects == [before]


def test_a_graph_has_the_prediction_below_it(home: Path, deck: Deck, write: Write) -> None:
    path = write("flow.json", FLOW)
    lines = deck("graph", path, "--predict", "-p", "n=2").out.splitlines()
    assert lines[0] == "flow: 2 tasks, 1 edge"
    assert "takes          unknown" in lines
    (shape,) = deck("graph", path, "--predict", "--json").objects
    assert shape["prediction"]["tasks"] == 2
    assert "prediction" not in deck("graph", path, "--json").objects[0]
    assert deck("graph", path, "-p", "n=2").status == 2
    assert "params.invalid" in deck("graph", path, "--predict", "-p", "n=9").err


def test_a_dry_run_refuses_what_a_run_refuses_and_what_needs_a_job(
    home: Path, deck: Deck, write: Write
) -> None:
    path = write("flow.json", FLOW)
    for flags in (["--detach"], ["--key", "k"]):
        ended = deck("run", path, "--dry-run", *flags)
        assert ended.status == 2
        assert "--dry-run submits nothing" in ended.err
    refused = write("bad.json", {**FLOW, "tasks": [{**FLOW["tasks"][0], "limits": ["db"]}]})
    error = json.loads(deck("run", refused, "--dry-run", "--json").err)["error"]
    assert error["code"] in ("document.invalid", "limit.unknown")
    assert not home.exists()


def test_names_that_would_reach_a_terminal_are_made_safe(home: Path, deck: Deck, write: Write) -> None:
    path = write("odd.json", {**FLOW, "name": HOSTILE})
    ended = deck("run", path, "--dry-run")
    assert ended.out.startswith(f"{VISIBLE}: 2 tasks")


def test_a_rehearsed_retry_says_what_it_would_start_and_spend(home: Path, deck: Deck, write: Write) -> None:
    tasks = [
        {"key": "a", "uses": "shell", "with": {"script": "exit 3"}, "cost": {"usd": 0.5}},
        {"key": "b", "uses": "delay", "with": {"seconds": 0}, "needs": ["a"]},
    ]
    assert deck("run", write("bad.json", {"name": "bad", "tasks": tasks})).status == 1
    ended = deck("retry", "2", "--dry-run")
    assert ended.out == "not done: would have retried 2\n"
    assert "  2 calls: 0.5 to 1 usd (1 task unestimated)" in ended.err.splitlines()
    (shape,) = deck("retry", "2", "--dry-run", "--json").objects
    assert len(shape["starts"]) == 2
    assert shape["costs"][0]["amount"] == {"low": "0.5", "high": "1"}
    (held,) = deck("cancel", "2", "--dry-run", "--json").objects
    assert (held["starts"], held["costs"]) == ([], [])


def test_groups_whose_instances_are_not_known_are_named(deck: Deck, write: Write) -> None:
    tasks = [
        {"key": "list", "uses": "delay", "with": {"seconds": 0}},
        {
            "key": "ask",
            "uses": "delay",
            "with": {"seconds": 0},
            "needs": ["list"],
            "for_each": "${{ tasks.list.output.json }}",
            "cost": {"usd": 0.5},
        },
    ]
    path = write("open.json", {"name": "open", "tasks": tasks})
    lines = deck("run", path, "--dry-run").out.splitlines()
    assert "unknown        how many instances 1 group will have: each counts as one task" in lines
    assert "costs          at least 0.5 usd (1 task unestimated)" in lines
    (shape,) = deck("run", path, "--dry-run", "--json").objects
    assert shape["unknown"] == {"tasks": 2, "others": 0, "groups": 1}
