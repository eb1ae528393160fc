"""Scenes: the captured screens, and the keys that lead to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from textual.screen import Screen

from console.desk import Desk
from console.dialogs.new_job import NewJobDialog
from console.dialogs.workflow_picker import WorkflowPicker
from console.navigation.history import AsOf, JobMoment, JobPair, Subject
from console.newjob.documents import Source
from console.shell.places import ROOTS
from core.model.patterns.workflow_views import ParamView, WorkflowView
from core.model.text import SafeText
from tests.console.support_fake_control import NOW, FakeControl
from tests.shots.seed import BLOCKED, CLEANING, ETL

ALBUM = 7
"""The job of `_album`, behind those of the seed."""
SIZES = ((80, 24), (120, 40))
"""Columns and rows of the captures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A place with its subject, a screen put on top, then keys."""

    name: str
    place: str
    subject: Subject | None = None
    on_top: Callable[[Desk], Screen[int | None]] | None = None
    keys: tuple[str, ...] = ()
    opened_at_each_size: bool = False
    """Whether what it shows depends on the size at which its keys were pressed."""
    stock: Callable[[FakeControl], None] | None = None
    """What only this scene has among its rows."""


def _album(control: FakeControl) -> None:
    """Add a job with a group of which most instances have ended."""
    job = control.add_job("album", started_at=NOW - 90_000, created_at=NOW - 95_000)
    assert job == ALBUM
    statuses = ["succeeded"] * 41 + ["failed"] + ["running"] * 4 + ["blocked"] * 14
    control.add_group(job, "resize", statuses)
    control.add_task(job, "publish", status="blocked", needs=("resize",))


def _picker(desk: Desk) -> Screen[int | None]:
    return WorkflowPicker(desk, Path("workflows"))


def _form(desk: Desk) -> Screen[int | None]:
    params = (
        ParamView(name="day", type="string", required=True, description="which day to load, 2026-01-31"),
        ParamView(name="rows", type="integer", required=False, default=2048, min=1, max=100_000),
        ParamView(name="mode", type="string", required=False, default="fast", choices=("fast", "careful")),
        ParamView(name="dry", type="boolean", required=False, default=False, description="change nothing"),
    )
    source = Source(document={"name": "nightly-etl"}, name=SafeText("nightly-etl.yaml"), folder="/srv/etl")
    workflow = WorkflowView(name="nightly-etl", stages=3, tasks=16, params=params)
    return NewJobDialog(desk.control, source, workflow)


SCENES = (
    *(Scene(name=root, place=root) for root in ROOTS),
    Scene(name="job", place="job", subject=ETL),
    Scene(name="group", place="job", subject=ALBUM, keys=("j", "f", "j"), stock=_album),
    Scene(name="graph", place="graph", subject=ETL, keys=("right", "j", "right")),
    Scene(name="task", place="task", subject=CLEANING),
    Scene(name="log", place="log", subject=CLEANING),
    Scene(name="artifacts", place="artifacts", subject=ETL, keys=("j",)),
    Scene(name="timeline", place="timeline", subject=ETL),
    Scene(name="history", place="history", subject=ETL, keys=("plus", *"jjjjj")),
    Scene(name="job then", place="job at", subject=JobMoment(job_id=ETL, event=60, noise=2)),
    Scene(name="graph then", place="graph at", subject=JobMoment(job_id=ETL, event=60, noise=2)),
    Scene(name="difference", place="difference", subject=JobPair(after=ETL)),
    Scene(name="runs", place="runs", subject="nightly-etl"),
    Scene(name="why", place="why", subject=BLOCKED),
    Scene(name="past", place="as of", subject=AsOf(at=NOW - 20 * 60_000)),
    Scene(name="inspector", place="tasks", keys=("j", "i"), opened_at_each_size=True),
    Scene(name="help", place="tasks", keys=("question_mark",)),
    Scene(name="confirm", place="jobs", keys=("x",)),
    Scene(name="confirm many", place="tasks", keys=("*", "x")),
    Scene(name="confirm kill", place="orphans", keys=("X",)),
    Scene(name="schedule", place="schedule", subject="nightly-etl"),
    Scene(name="schedule form", place="schedules", keys=("j", "j", "e", "down"), opened_at_each_size=True),
    Scene(name="gauges", place="gauges", subject="team"),
    Scene(name="confirm budget", place="budgets", keys=("B", *"+5", "enter", "w")),
    Scene(name="new job", place="jobs", on_top=_picker),
    Scene(name="form", place="jobs", on_top=_form),
    *(
        Scene(
            name=f"graph in {theme}",
            place="graph",
            subject=ETL,
            keys=("right", "j", "right", *["ctrl+t"] * steps),
            opened_at_each_size=True,
        )
        for steps, theme in enumerate(("high-contrast", "light", "ansi"), 1)
    ),
)
"""Every capture; the screens of `ROOTS` come by themselves."""
