"""Worklets: jobs that decide what follows the failure of a task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.control.api import Target
from core.control.nouns.workflows import AddWorkflow
from core.model.errors import InvalidDocument
from tests.support.house import House, task


@pytest.fixture
async def house(empty_house: House) -> House:
    """Return an open house."""
    await empty_house.open()
    return empty_house


def worklet(tmp_path: Path, outputs: dict[str, Any], *tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an `on_failure` whose worklet gives this out."""
    file = tmp_path / "repair.yaml"
    file.write_text(json.dumps({"name": "repair", "outputs": outputs, "tasks": [*tasks] or [task("fix")], **more}))
    return {"file": str(file)}


async def test_a_worklet_lets_a_task_run_again_and_its_job_succeeds(house: House, tmp_path: Path):
    said = worklet(tmp_path, {"result": "retry", "message": "restarted"})
    a = task("a", "fail", steer={"times": 1}, on_failure=said)
    job = await house.submit(a, task("b", "succeed", "a"))
    assert (await house.ended(job)).status == "succeeded"
    assert house.attempts(job, "a") == ["failed", "succeeded"]
    print(house.history(job, "a"))
    print(house.rows("SELECT kind, data FROM event WHERE job_id=? ORDER BY id", job))
