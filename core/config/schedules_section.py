"""`[schedules.NAME]`: schedules that the file declares.

One of the sections.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, JsonValue, model_validator

from core.config.field_types import FilePath, Moment, Span, Text, Zone, matching
from core.config.section import Section
from core.config.tables import Table
from core.model.timing.schedules import COUNTED_MAX, DAY_MS, CatchUp, Overlap

TIMES: Final = ("cron", "every", "calendar", "at")
"""What a schedule may fire by; each names one."""


_Line = Annotated[str, matching(r"[^\x00-\x1f]{1,1000}", "one line of at most 1,000 characters")]


class ScheduleTable(Table):
    """`[schedules.NAME]`; one of `cron`, `every`, `calendar`, `at`, and one of `file` and `command`."""

    cron: _Line | None = None
    """At such times: `0 3 * * *`, `@daily`; seconds may come first."""
    every: Span | None = None
    """Each time so much has passed, since `starts` or the beginning of 1970."""
    calendar: _Line | None = None
    """On such days: `last working day at 18:00`, `2nd monday`."""
    at: Moment | None = None
    """Once."""
    zone: Zone = "UTC"
    """The time zone of `cron`, `calendar` and `exclude`."""
    starts: Moment | None = None
    """No fire before."""
    ends: Moment | None = None
    """No fire from then on."""
    exclude: Annotated[list[str], Field(max_length=1_000)] = Field(default_factory=list)
    """Days without fires: `2026-12-25`."""
    jitter: Span = 0
    """Each fire is put off by up to so much."""
    catch_up: Annotated[CatchUp, Field(strict=False)] = CatchUp.LATEST
    """What fires of the times that passed without an engine: `none`, `latest`, `all`."""
    window: Span = DAY_MS
    """Later than this, a time is missed."""
    max: Annotated[int, Field(ge=1, le=COUNTED_MAX)] = 100
    """Times that are caught up on at most."""
    overlap: Annotated[Overlap, Field(strict=False)] = Overlap.SKIP
    """What a fire does while an earlier job has not ended: `skip`, `queue`, `allow`, `replace`."""
    expect: Span | None = None
    """Operators are told when no job of it succeeded for so long."""
    file: FilePath | None = None
    """The workflow, read again at each fire; relative to the data directory."""
    command: Annotated[list[Text], Field(min_length=1, max_length=1_000)] | None = None
    """A command, word by word, as a job of one task."""
    params: dict[str, JsonValue] = Field(default_factory=dict)
    """Parameters of the workflow; `${{ fire.at }}` is the time."""
    env: dict[str, str] = Field(default_factory=dict)
    """Variables of its tasks."""
    cwd: Annotated[str, matching(r"/[^\x00]{0,4096}", "an absolute path, such as /srv/deck")] | None = None
    """The directory of its tasks; without it the folder of the file, or the data directory."""
    project: Text | None = None
    """A label; limits can be for a project."""
    retry: Annotated[int, Field(ge=0, le=999)] = 0
    """Run a failed task that has no `retry` again up to so often."""

    @model_validator(mode="after")
    def _one(self) -> ScheduleTable:
        if len([name for name in TIMES if getattr(self, name) is not None]) != 1:
            raise ValueError(f"must have one of {', '.join(TIMES)}")
        if (self.file is None) == (self.command is None):
            raise ValueError("must have one of file, command")
        return self


SCHEDULES: Final = Section(
    name="schedules",
    table=ScheduleTable,
    example="""\
[schedules.nightly]
cron = "0 3 * * *"              # or every = "6h", calendar = "last working day at 18:00", at = 2027-01-01
zone = "Europe/Berlin"          # UTC without it
file = "/home/ana/nightly.yaml" # read again at each fire; or command = ["restic", "backup", "/home"]
params = { day = "${{ fire.at }}" }
overlap = "skip"                # or queue, allow, replace
catch_up = "latest"             # or none, all
expect = "25h"                  # operators are told when no job of it succeeded for so long
""",
)
