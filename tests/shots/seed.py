"""A fake control with fixed sample jobs, for reproducible captures."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from core.control.reading_api import Runs
from core.model.orphans import OrphanKind
from core.model.patterns.artifacts import ArtifactFile, KeptArtifact
from core.model.patterns.workflow_views import ParamView
from core.model.records import replace
from core.model.status import TASK_FINAL
from core.model.timelines import RunCell, RunsView
from core.model.views import AttemptView, StageView, TaskDetail
from tests.console.support_fake_control import NOW, FakeControl
from tests.console.support_fake_health import stock_health
from tests.console.support_fake_items import item
from tests.console.support_fake_money import stock_limits
from tests.console.support_fake_rows import INFO, KIND_OF
from tests.console.support_stocked_notices import stock_notices
from tests.console.support_stocked_schedules import stock_schedules

ETL, SAMPLE, THUMBNAILS, REPORT, BACKUP = 2, 3, 4, 5, 6
"""The jobs, by id."""
CLEANING = 10
"""A task of the first one that runs and writes."""
BLOCKED = 15
"""One that waits for two others."""
NIGHTS = 8
"""Runs of the first one, with those of earlier nights."""
_SECOND = 1_000
_EVENT_MS = 900
_REFUSED = {"code": "http.status", "message": "503 Service Unavailable from api.example.org", "status": 503}
_EXIT = {"code": "shell.exit", "message": "exit status 2: no such column: region", "exit": 2}
_OOM = {"code": "shell.exit", "message": "SIGKILL", "facts": {"exit": 137, "signal": "SIGKILL"}}


class SeededControl(FakeControl):
    """Rows with stages, times and attempts that fit together."""

    def stage(self, job_id: int, position: int, name: str, status: str) -> int:
        """Add a stage; return its id."""
        self.stage_rows.pop(job_id, None)
        number = 100 * job_id + position
        self.stage_rows[number] = StageView(
            id=number, job_id=job_id, position=position, name=name, status=status, tasks={}
        )
        return number

    def place(self, job_id: int, stage_id: int, key: str, *, status: str, **more) -> int:
        """Add a task; `started` and `ended` are seconds before now."""
        started, ended = more.pop("started", None), more.pop("ended", None)
        number = self.add_task(job_id, key, status=status, **more)
        queued = None if status == "blocked" else NOW - (started or 90) * _SECOND - 400
        self.task_rows[number] = replace(
            self.task_rows[number],
            stage_id=stage_id,
            created_at=self.job_rows[job_id].created_at,
            queued_at=queued,
            started_at=None if started is None else NOW - started * _SECOND,
            finished_at=None if ended is None else NOW - ended * _SECOND,
            attempts=more.get("attempts", 0 if started is None else 1),
        )
        if status not in ("blocked", "queued"):
            self.note(KIND_OF[status], job_id=job_id, task_id=number, key=key)
        return number

    async def answer_runs(self, r: Runs) -> RunsView:
        """Add runs of earlier nights to that of this one."""
        view = await super().answer_runs(r)
        job = replace(view.runs[0], id=85, params={"rows": 4096})
        nights = [
            replace(job, id=85 - 7 * night, status="succeeded", params={"rows": 2048})
            for night in range(1, NIGHTS)
        ]
        rows = tuple(replace(row, cells=(*row.cells, *_nights(row.cells[0]))) for row in view.rows)
        return replace(view, runs=(job, *nights), rows=rows)

    def task_detail(self, task_id: int) -> TaskDetail:
        detail = super().task_detail(task_id)
        task = detail.task
        begin = task.started_at or NOW
        attempts = tuple(
            AttemptView(
                epoch=epoch,
                status="failed",
                started_at=begin - (task.attempts - epoch) * 30 * _SECOND,
                finished_at=begin - (task.attempts - epoch) * 30 * _SECOND + 4_200,
                error=task.error,
            )
            for epoch in range(1, task.attempts + 1)
        )
        if attempts and task.status not in ("failed", "retrying", "queued"):
            status = task.status if task.status in ("running", *TASK_FINAL) else "lost"
            attempts = (
                *attempts[:-1],
                replace(attempts[-1], status=status, finished_at=task.finished_at, error=None),
            )
        output = {"rows": 48_211} if task.status == "succeeded" else None
        with_ = {"argv": ["python", "-m", "etl", task.key], "cwd": "/srv/etl"}
        return replace(detail, attempts=attempts, with_=with_, output=output)


def _nights(cell: RunCell | None) -> list[RunCell | None]:
    return [None if cell is None else replace(cell, status="succeeded", took=40_000)] * (NIGHTS - 1)


def seeded() -> SeededControl:
    control = SeededControl()
    control.engine = replace(INFO, slots=8, running=6, home="/srv/taskdeck")
    minutes = {"nightly-etl": 14, "sample": 31, "thumbnails": 9, "weekly-report": 4, "backup": 62}
    statuses = ("running", "succeeded", "running", "paused", "failed")
    for (name, minute), status in zip(minutes.items(), statuses, strict=True):
        begun = NOW - minute * 60 * _SECOND
        control.add_job(name, status=status, created_at=begun - 300, started_at=begun, actor="cron")
    _etl(control)
    _sample(control)
    _thumbnails(control)
    _others(control)
    _spread_events(control)
    stock_limits(control)
    stock_schedules(control)
    stock_notices(control)
    stock_health(control)
    control.artifact_rows[ETL] = [*_files()]
    limit = ParamView(name="machines", type="integer", required=True, min=1, max=10)
    control.add_item(item(1, title="Release to all machines?", due_at=NOW - 600_000, quorum=2), limit)
    control.add_item(item(2, title="Pay the invoice of March", assignee="eve", due_at=NOW + 86_400_000))
    control.add_item(item(3, title="Take over the archive", group="operators"))
    return control


def _files() -> Iterator[KeptArtifact]:
    """Yield the files that the first tasks of the nightly job left."""
    for task_id, (source, size) in enumerate((("orders", 48_211_004), ("clients", 913_220)), 1):
        for position, kind in enumerate(("parquet", "csv")):
            content = sha256(f"{source}.{kind}".encode()).hexdigest()
            path = f"out/{source}/{source}-2026-01-30.{kind}"
            file = ArtifactFile(name="table", path=path, size=size * (position + 1), hash=content)
            key = f"extract_{source}"
            yield KeptArtifact(task_id=task_id, epoch=1, position=position, file=file, key=key)


def _etl(control: SeededControl) -> None:
    extract = control.stage(ETL, 0, "extract", "succeeded")
    transform = control.stage(ETL, 1, "transform", "open")
    load = control.stage(ETL, 2, "load", "pending")
    sources = ("orders", "clients", "returns", "stock", "prices", "reviews")
    for at, source in enumerate(sources):
        started = 830 - 9 * at
        control.place(
            ETL,
            extract,
            f"pull_{source}",
            status="succeeded",
            started=started,
            ended=started - 40,
            uses="http",
        )
    done = {"status": "succeeded", "started": 700, "ended": 640}
    retrying = {"status": "retrying", "started": 60, "ended": 52, "error": _REFUSED}
    states = {
        "orders": done,
        "clients": {"status": "failed", "started": 690, "ended": 520, "error": _EXIT},
        "returns": done,
        "stock": {"status": "running", "started": 95},
        "prices": {**retrying, "attempts": 2, "max_attempts": 3, "retry_at": NOW + 12_000},
        "reviews": {"status": "running", "started": 31},
    }
    for source in sources:
        control.place(ETL, transform, f"clean_{source}", **states[source])
    for key, needs in (
        ("sales", ("clean_orders", "clean_clients", "clean_returns")),
        ("stock", ("clean_stock", "clean_prices")),
        ("rank", ("sales", "stock", "clean_reviews")),
    ):
        control.place(ETL, transform, key, status="blocked", needs=needs, waits_for=needs[0])
    control.place(ETL, load, "load", status="blocked", queue="warehouse")
    control.outputs[CLEANING] = b"".join(
        b"\x1b[36m2023-11-14T22:%02d:%02dZ\x1b[0m %b chunk %3d of 240: 2048 rows, %d dropped\n"
        % (
            11 + at // 60,
            at % 60,
            b"\x1b[33mWARN\x1b[0m" if at % 7 > 5 else b"\x1b[32mINFO\x1b[0m",
            at,
            at % 7,
        )
        for at in range(1, 96)
    )


def _sample(control: SeededControl) -> None:
    stage = control.stage(SAMPLE, 0, "work", "succeeded")
    for at, key in enumerate(("write", "count", "sum", "clean")):
        control.place(SAMPLE, stage, key, status="succeeded", started=1_860 - at, ended=1_859 - at)
    control.set_job(SAMPLE, finished_at=NOW - 1_855 * _SECOND)


def _thumbnails(control: SeededControl) -> None:
    stage = control.stage(THUMBNAILS, 0, "resize", "open")
    for at in range(60):
        key, queue = f"photo_{at:03d}", {"queue": "images", "group": "album-7"}
        if at < 34:
            started = 540 - 15 * at
            control.place(
                THUMBNAILS, stage, key, status="succeeded", started=started, ended=started - 11, **queue
            )
        elif at < 36:
            control.place(
                THUMBNAILS,
                stage,
                key,
                status="failed",
                started=40,
                ended=24,
                error=_OOM,
                family="9c41d07be2",
                **queue,
            )
        elif at < 40:
            control.place(THUMBNAILS, stage, key, status="running", started=20 - 2 * (at - 36), **queue)
        else:
            reason, waits_for = ("slots", "a slot") if at < 54 else ("budget", "budget research")
            control.place(
                THUMBNAILS, stage, key, status="queued", wait_reason=reason, waits_for=waits_for, **queue
            )
    running = [task.id for task in control.task_rows.values() if task.key == "photo_036"]
    control.add_orphan(
        running[0], pids=(31_337, 31_340), commands=("convert photo_036.png", "cat"), since=NOW - 8_000
    )


def _others(control: SeededControl) -> None:
    report = control.stage(REPORT, 0, "main", "open")
    control.place(REPORT, report, "collect", status="succeeded", started=230, ended=200)
    control.place(REPORT, report, "render", status="queued", needs=("collect",), queue="mail")
    lost = control.place(REPORT, report, "send", status="held", started=150, queue="mail")
    control.add_orphan(
        lost, kind=OrphanKind.LOST, since=NOW - 120_000, reason="nobody saw how the attempt ended"
    )
    control.paused["mail"] = NOW - 180_000
    backup = control.stage(BACKUP, 0, "main", "failed")
    control.place(BACKUP, backup, "snapshot", status="succeeded", started=3_700, ended=3_400)
    control.place(
        BACKUP,
        backup,
        "upload",
        status="failed",
        started=3_399,
        ended=3_100,
        attempts=3,
        max_attempts=3,
        error=_REFUSED,
        family="3fa91c22d0",
    )
    control.place(BACKUP, backup, "verify", status="skipped", needs=("upload",))
    control.set_job(BACKUP, reason="task upload failed", finished_at=NOW - 3_100 * _SECOND)


def _spread_events(control: SeededControl) -> None:
    count = len(control.event_rows)
    control.event_rows = [
        replace(event, at=NOW - (count - at) * _EVENT_MS) for at, event in enumerate(control.event_rows)
    ]
