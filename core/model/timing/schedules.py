"""Schedules: when they fire, and what becomes of each fire.

Checked by the engine and the commands; the store keeps the rows.
"""

from __future__ import annotations

import json
from enum import StrEnum

import msgspec
from msgspec import Struct

from core.model import bounds
from core.model.errors import Invalid
from core.model.stored_text import read_stored
from core.model.timing.durations import write_duration
from core.model.values import JsonObject

EVERY_MIN_MS = 1_000
"""The shortest interval."""
SPAN_MAX_MS = 100 * 366 * 86_400_000
"""The longest interval, jitter, window and expectation."""
CRON_MAX = 200
"""Characters of a cron expression or calendar phrase."""
EXCLUDED_MAX = 1_000
"""Dates that one schedule leaves out."""
COUNTED_MAX = 10_000
"""Missed fires are counted exactly up to here."""
QUEUED_MAX = 100
"""Fires that wait for one before them; more are missed."""
DAY_MS = 86_400_000


class CatchUp(StrEnum):
    """What becomes of fires whose time passed while no engine ran."""

    NONE = "none"
    LATEST = "latest"
    """The last of them fires."""
    ALL = "all"
    """Each fires, the oldest first."""


class Overlap(StrEnum):
    """What becomes of a fire while a job of an earlier one has not ended."""

    SKIP = "skip"
    QUEUE = "queue"
    """It waits for that job."""
    ALLOW = "allow"
    REPLACE = "replace"
    """That job is cancelled; the fire starts when it has ended."""


class Timing(Struct, frozen=True, kw_only=True):
    """When a schedule fires: exactly one of `cron`, `every_ms`, `calendar` and `at` is given."""

    cron: str | None = None
    """Five fields, or six with seconds first, or `@daily` and its kind."""
    every_ms: int | None = None
    """Elapsed time from `anchor` on."""
    calendar: str | None = None
    """Such as `last working day at 18:00`, `2nd monday at 06:30`."""
    at: int | None = None
    """Once; ms UTC."""
    zone: str = "UTC"
    """IANA name of the time zone of `cron`, `calendar` and `exclude`."""
    anchor: int = 0
    """When the first interval of `every_ms` begins; ms UTC."""
    starts: int | None = None
    """No fire before; ms UTC."""
    ends: int | None = None
    """No fire at or after; ms UTC."""
    exclude: tuple[str, ...] = ()
    """Dates of the zone (`YYYY-MM-DD`) without fires."""

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`schedule.timing`, `task.FIELD`)."""
        kinds = (self.cron, self.every_ms, self.calendar, self.at)
        if sum(kind is not None for kind in kinds) != 1:
            raise Invalid(
                "schedule.timing",
                "a schedule has exactly one of cron, every, calendar and at",
                hint="taskdeck schedule add nightly --cron '0 3 * * *' flow.yaml",
            )
        for name, text in (("cron", self.cron), ("calendar", self.calendar)):
            if text is not None and len(text) > CRON_MAX:
                raise bounds.refused(name, f"{len(text)} characters", f"at most {CRON_MAX} characters")
        if self.every_ms is not None and not EVERY_MIN_MS <= self.every_ms <= SPAN_MAX_MS:
            raise Invalid(
                "schedule.every",
                f"`every` must be from {write_duration(EVERY_MIN_MS)} to {write_duration(SPAN_MAX_MS)},"
                f" not {write_duration(self.every_ms)}",
                hint="give another length of time, such as 90s or 6h",
                facts={"field": "every", "value": self.every_ms},
            )
        if len(self.exclude) > EXCLUDED_MAX:
            raise bounds.refused("exclude", f"{len(self.exclude)} dates", f"at most {EXCLUDED_MAX} dates")


class FirePolicy(Struct, frozen=True, kw_only=True):
    """How fires are carried out, spread, caught up on, and kept apart."""

    jitter_ms: int = 0
    """Each fire is put off by less than this, by the same amount whenever it is worked out."""
    catch_up: CatchUp = CatchUp.LATEST
    window_ms: int = DAY_MS
    """A fire that is later than this is missed."""
    most: int = 100
    """Fires that one catch-up makes at the most; the older ones are missed."""
    overlap: Overlap = Overlap.SKIP
    expect_ms: int | None = None
    """Operators are told when no job of the schedule succeeded for so long."""

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`schedule.timing`, `task.FIELD`)."""
        bounds.check_whole("jitter", self.jitter_ms, least=0, most=SPAN_MAX_MS)
        bounds.check_whole("window", self.window_ms, least=0, most=SPAN_MAX_MS)
        bounds.check_whole("max", self.most, least=1, most=COUNTED_MAX)
        if self.expect_ms is not None:
            bounds.check_whole("expect", self.expect_ms, least=EVERY_MIN_MS, most=SPAN_MAX_MS)


class Work(Struct, frozen=True, kw_only=True):
    """What a schedule submits at each fire."""

    path: str | None = None
    """The file that is read again at each fire; None = `text` is submitted as it stood."""
    text: str | None = None
    """A workflow as a document's text."""
    source: str = ""
    """What faults in `text` call it."""
    params: JsonObject = {}
    cwd: str | None = None
    """Directory of the tasks; None = the folder of the file, or the engine's own."""
    env: JsonObject = {}
    project: str | None = None
    retry: int = 0
    surroundings: JsonObject = {}
    """Of who added the schedule, as tasks get them."""
    workflow: str | None = None
    """The registered workflow whose current version is submitted at each fire."""


class Schedule(Struct, frozen=True, kw_only=True):
    """A rule that submits jobs."""

    name: str
    timing: Timing
    policy: FirePolicy = FirePolicy()
    work: Work = Work()

    def to_json(self) -> JsonObject:
        """Return the stored form."""
        stored: JsonObject = msgspec.to_builtins(self)
        work = stored["work"]
        if isinstance(work, dict) and self.work.workflow is None:
            # As it is stored since the first schedules: an edit compares the two.
            del work["workflow"]
        return stored


def schedule_of(text: str) -> Schedule:
    """Return the schedule of a row; raise `Invalid` (`schedule.unreadable`), whatever stands there."""
    return read_stored(
        lambda stored: msgspec.convert(json.loads(stored), Schedule),
        text,
        code="schedule.unreadable",
        what="a schedule",
        hint="its row is damaged: restore a backup, or remove it and add it again",
    )


class ScheduleState(StrEnum):
    """How a schedule stands, as lists tell it."""

    ON = "on"
    PAUSED = "paused"
    ENDED = "ended"
    """It has no next time."""
    SILENT = "silent"
    """No job of it succeeded in time."""
    UNREADABLE = "unreadable"
    """Its row is damaged: it does not fire."""


class FireStatus(StrEnum):
    """What became of one due time of a schedule."""

    WAITING = "waiting"
    """It starts when a job of an earlier fire has ended."""
    SUBMITTED = "submitted"
    """Its job was admitted."""
    SKIPPED = "skipped"
    """By its overlap, or by an operator."""
    MISSED = "missed"
    """Its time passed without an engine, or too many waited."""
    FAILED = "failed"
    """Its workflow was refused."""


class FireKind(StrEnum):
    """What made a fire."""

    TIMED = "timed"
    """Its time came, or was caught up on."""
    MANUAL = "manual"
    """An operator."""
    BACKFILL = "backfill"
    """An operator, for a time that has passed."""


class NextFire(Struct, frozen=True, kw_only=True):
    """The next time of a schedule, and when it is to be decided about: later by its jitter. ms UTC."""

    at: int
    wake_at: int
