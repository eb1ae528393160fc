"""Recorded workflows run: every task once, none before its needs."""

from __future__ import annotations

from pathlib import Path

import pytest

import core
from core.store.verify import verify_path
from core.workflows.importers.wfformat import import_file
from tests.support.aftermath import closed_once, rows
from tests.support.waiting import within

INSTANCES = Path(__file__).resolve().parents[3] / "shared" / "data" / "wfinstances"
FILES = sorted(INSTANCES.glob("*.json")) if INSTANCES.is_dir() else []
ABSENT = "the recorded workflows (../shared/data/wfinstances beside the checkout) are not there"


@pytest.mark.skipif(not FILES, reason=ABSENT)
async def test_every_recorded_workflow_runs_each_task_once_and_in_order(tmp_path: Path):
    documents = {path.stem: import_file(path, time_scale=0.001) for path in FILES}
    async with core.open_engine(home=tmp_path, slots=16) as deck:
        jobs = {name: (await deck.submit(document)).id for name, document in documents.items()}
        for name, job in jobs.items():
            result = await within(deck.wait_job(job), f"{name} ends")
            assert result.status == "succeeded", name
    assert verify_path(tmp_path / "taskdeck.db") == ()
    for name, job in jobs.items():
        _assert_carried(tmp_path, job, documents[name])


def _assert_carried(home: Path, job: int, document: dict) -> None:
    needs = {task["key"]: set(task.get("needs", ())) for task in _tasks(document)}
    keys = dict(rows(home, "SELECT id, key FROM task WHERE job_id = ?", job))
    assert set(keys.values()) == set(needs)
    stored: dict[str, set[str]] = {key: set() for key in needs}
    query = "SELECT e.task_id, e.need_id FROM edge e JOIN task t ON t.id = e.task_id WHERE t.job_id = ?"
    for task_id, need_id in rows(home, query, job):
        stored[keys[task_id]].add(keys[need_id])
    assert stored == needs, "edges are preserved"
    claimed: dict[str, int] = {}
    succeeded: dict[str, int] = {}
    query = "SELECT id, kind, task_id FROM event WHERE job_id = ? AND task_id IS NOT NULL ORDER BY id"
    for event, kind, task_id in rows(home, query, job):
        if kind == "task.claimed":
            assert keys[task_id] not in claimed, "claimed exactly once"
            claimed[keys[task_id]] = event
        elif kind == "task.succeeded":
            succeeded[keys[task_id]] = event
    assert set(claimed) == set(succeeded) == set(needs)
    for key, before in needs.items():
        assert all(succeeded[need] < claimed[key] for need in before), f"{key} came before its needs"
    closed_once(home, job)


def _tasks(document: dict) -> list[dict]:
    if "tasks" in document:
        return document["tasks"]
    return [task for stage in document["stages"] for task in stage["tasks"]]
