"""Tests of the registry: files, built-ins, and the sample workflow."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from core.model.errors import NotFound
from core.workflows.expansion import expand, parse_loaded
from core.workflows.expressions.resolving import resolve
from core.workflows.registry import find, names
from tests.support.waiting import DEADLINE
from tests.workflows.workflow_cases import CONNECTORS


def test_a_path_comes_before_a_name(tmp_path: Path) -> None:
    (tmp_path / "sample").write_text("name: mine")
    assert find("sample", cwd=tmp_path).value == {"name": "mine"}
    assert find("sample", cwd=tmp_path / "..").source == "sample"


def test_an_unknown_word_gets_a_near_miss_of_names_and_neighbours(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text("name: x")
    for word, near in (("sampel", "sample"), ("flow.yml", "flow.yaml"), ("zzz", "one of: sample")):
        with pytest.raises(NotFound) as caught:
            find(word, cwd=tmp_path)
        assert near in f"{caught.value.message} ({caught.value.hint})"


def test_every_built_in_workflow_is_without_fault_or_warning() -> None:
    assert "sample" in names()
    for name in names():
        assert parse_loaded(find(name), CONNECTORS).warnings == ()


def test_the_sample_runs_on_real_files_fails_twice_and_leaves_nothing(tmp_path: Path) -> None:
    """Run task by task with real processes, as an engine would."""
    plan = expand(parse_loaded(find("sample"), CONNECTORS))
    done: dict[str, dict[str, object]] = {}
    spent = tmp_path.with_name("spent")
    attempts: dict[str, int] = {}
    for task in (task for stage in plan.stages for task in stage.tasks):
        assert all(need.key in done or need.key == "broken" for need in task.needs)
        if task.key == "broken":
            assert task.when is not None
            continue
        scope = {"params": plan.params, "tasks": done, "job": {"id": 1}, "env": {}}
        given = resolve(task.with_, scope)  # type: ignore[arg-type]
        assert isinstance(given, dict)
        for attempt in range(1, task.retry.max_attempts + 1):
            attempts[task.key] = attempt
            ended = _run(given, tmp_path, spent=spent)
            if ended.returncode == 0:
                break
        assert ended.returncode == 0, ended.stdout
        done[task.key] = {"output": {"text": ended.stdout}, "status": "succeeded"}
    assert {key: count for key, count in attempts.items() if count > 1} == {"flaky": 3}
    summary = str(done["summary"]["output"])
    assert "words: 10000 + 20000 + 30000 + 40000 = 100000" in summary
    assert "flaky said: try 3" in summary
    assert sorted(spent.read_text().splitlines()) == [f'{{"usd": 0.00{n}}}' for n in (1, 2, 3, 4)]
    assert list(tmp_path.iterdir()) == []


def _run(given: dict[str, object], scratch: Path, *, spent: Path) -> subprocess.CompletedProcess[str]:
    argv = given.get("argv") or ["sh", "-c", given["script"]]
    env = {"PATH": os.environ["PATH"], "TMPDIR": str(scratch), "TASKDECK_USAGE": str(spent)}
    env |= {name: str(value) for name, value in given.get("env", {}).items()}  # type: ignore[attr-defined]
    cwd = str(given.get("cwd", scratch))
    return subprocess.run(
        argv,  # type: ignore[arg-type]
        cwd=cwd,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
