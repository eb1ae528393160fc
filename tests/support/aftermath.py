"""What a killed engine left: finish it here and check every trace."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import core
from core.model.views import JobResult
from tests.support.hosted_workload import submit_all
from tests.support.recounts import findings_of
from tests.support.waiting import within


def effect(key: str, folder: Path, text: str = "", **more: Any) -> dict[str, Any]:
    """Return a shell task that leaves one line in a file of its own, then does more."""
    script = f'echo run >>"$EFFECTS/$TASK"\n{text}'
    env = {"EFFECTS": str(folder), "TASK": key}
    return {"key": key, "uses": "shell", "with": {"script": script, "env": env}, **more}


def effects(folder: Path) -> Counter[str]:
    """Return how often each task ran."""
    return Counter({path.name: path.read_text().count("run") for path in folder.iterdir()})


def rows(home: Path, sql: str, *args: object) -> list[tuple]:
    db = sqlite3.connect(f"file:{home / 'taskdeck.db'}?mode=ro", uri=True)
    try:
        return db.execute(sql, args).fetchall()
    finally:
        db.close()


def states(home: Path, job_id: int) -> dict[str, str]:
    return dict(rows(home, "SELECT key, status FROM task WHERE job_id = ? ORDER BY id", job_id))


def attempts(home: Path, job_id: int, key: str) -> list[str]:
    query = (
        "SELECT a.status FROM attempt a JOIN task t ON t.id = a.task_id"
        " WHERE t.job_id = ? AND t.key = ? ORDER BY a.epoch"
    )
    return [status for (status,) in rows(home, query, job_id, key)]


async def finish(home: Path, documents: list[dict[str, Any]], *, slots: int = 4) -> dict[str, JobResult]:
    """Host the home in this process until all documents have ended; recount and fold."""
    async with core.open_engine(home=home, slots=slots) as deck:
        jobs = await submit_all(deck, documents)
        results = {
            key: await within(deck.wait_job(job), f"job {job} ends: {states(home, job)}")
            for key, job in jobs.items()
        }
    assert findings_of(home / "taskdeck.db") == ()
    assert rows(home, "SELECT count(*) FROM attempt WHERE status = 'running'") == [(0,)]
    return results


def closed_once(home: Path, job_id: int) -> None:
    """Assert that a job and each of its stages closed once and after all of their tasks."""
    kinds = rows(
        home, "SELECT kind, data FROM event WHERE job_id = ? AND task_id IS NULL ORDER BY id", job_id
    )
    ends = [kind for kind, _ in kinds if kind in ("job.succeeded", "job.failed", "job.cancelled")]
    closes = [(kind, data) for kind, data in kinds if kind.startswith("stage.") and kind != "stage.open"]
    ((stages,),) = rows(home, "SELECT count(*) FROM stage WHERE job_id = ?", job_id)
    assert len(ends) == 1
    assert len({data for _, data in closes}) == len(closes) == stages
