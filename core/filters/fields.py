"""The fields that a filter may name, for each kind of list.

Used by the parser, the store, the commands and the console.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from core.model.events import KINDS
from core.model.failures import FamilyState
from core.model.status import JobStatus, TaskStatus
from core.model.timing.schedules import CatchUp, Overlap, ScheduleState
from core.model.waits import OWN

ITEM_STATES = ("open", "claimed", "overdue", "held", "approved", "denied", "expired", "cancelled")
"""How a work item may stand, as lists say it (`core.render.item_lines`)."""


class Noun(StrEnum):
    """What a list shows and its filter selects."""

    JOBS = "jobs"
    TASKS = "tasks"
    EVENTS = "events"
    QUEUES = "queues"
    FAILURES = "failures"
    SCHEDULES = "schedules"
    ITEMS = "items"
    """Work items."""


class Kind(StrEnum):
    """What the values of a field are, and so which operators it has."""

    TEXT = "text"
    """Any text: `:` with `*` globs, `~`."""
    CHOICE = "choice"
    """One of the known words: `:`; a glob stands for the words that it matches."""
    NUMBER = "number"
    """A whole number: `:` and comparisons."""
    TIME = "time"
    """A moment (ms UTC): comparisons with a date or, as a length, with how long ago it was."""
    AGE = "age"
    """How long ago a moment was: comparisons with a length; grows while the moment falls."""
    SPAN = "span"
    """How long from a moment to another, or until now: comparisons with a length."""


class Field(Struct, frozen=True, kw_only=True):
    """One field: its name, and the column of the view it reads (`error.code` = a key of an object).

    That of a span is both moments, `started_at:finished_at`.
    """

    name: str
    kind: Kind
    column: str
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


class Fields(Struct, frozen=True, kw_only=True):
    """The fields of a noun, and the columns in which a bare word is looked for."""

    fields: tuple[Field, ...]
    searched: tuple[str, ...]

    def find(self, name: str) -> Field | None:
        """Return the field of that name or alias, whatever its case."""
        wanted = name.lower()
        return next((field for field in self.fields if wanted == field.name or wanted in field.aliases), None)

    def names(self) -> tuple[str, ...]:
        """Return all names and aliases, in the order of the table."""
        return tuple(name for field in self.fields for name in (field.name, *field.aliases))


def _text(name: str, column: str = "", *aliases: str) -> Field:
    return Field(name=name, kind=Kind.TEXT, column=column or name, aliases=aliases)


def _choice(name: str, choices: tuple[str, ...], *aliases: str) -> Field:
    return Field(name=name, kind=Kind.CHOICE, column=name, aliases=aliases, choices=choices)


def _number(name: str, column: str = "", *aliases: str) -> Field:
    return Field(name=name, kind=Kind.NUMBER, column=column or name, aliases=aliases)


def _time(name: str, column: str, *aliases: str) -> Field:
    return Field(name=name, kind=Kind.TIME, column=column, aliases=aliases)


def _span(name: str, column: str, *aliases: str) -> Field:
    return Field(name=name, kind=Kind.SPAN, column=column, aliases=aliases)


def _age(name: str, column: str) -> Field:
    return Field(name=name, kind=Kind.AGE, column=column)


TOOK = "started_at:finished_at"
"""How long a job, or the latest attempt of a task, took or has been running."""

FIELDS: dict[Noun, Fields] = {
    Noun.JOBS: Fields(
        fields=(
            _number("id"),
            _text("name"),
            _choice("status", tuple(status.value for status in JobStatus), "state"),
            _text("reason"),
            _number("tolerated"),
            _text("actor"),
            _age("age", "created_at"),
            _time("created", "created_at"),
            _time("started", "started_at"),
            _time("finished", "finished_at", "ended"),
            _span("took", TOOK, "duration"),
            _text("pinned", "pinned.by"),
        ),
        searched=("id", "name"),
    ),
    Noun.TASKS: Fields(
        fields=(
            _number("id"),
            _number("job", "job_id"),
            _number("stage", "stage_id"),
            _text("key"),
            _text("name"),
            _choice("status", tuple(status.value for status in TaskStatus), "state"),
            _text("queue"),
            _text("uses", "", "connector"),
            _text("group"),
            _number("priority", "", "prio"),
            _number("attempts", "", "attempt"),
            _number("try", "tries", "tries"),
            Field(
                name="wait",
                kind=Kind.CHOICE,
                column="wait_reason",
                aliases=("why",),
                choices=tuple(code.value for code in OWN),
            ),
            _text("err", "error.message", "error"),
            _text("code", "error.code"),
            _text("family"),
            _age("age", "created_at"),
            _time("created", "created_at"),
            _time("queued", "queued_at"),
            _time("started", "started_at"),
            _time("finished", "finished_at", "ended"),
            _span("took", TOOK, "duration"),
            _time("due", "retry_at"),
            _text("pinned", "pinned.by"),
        ),
        searched=("id", "key", "queue", "name"),
    ),
    Noun.EVENTS: Fields(
        fields=(
            _number("id"),
            _choice("kind", KINDS),
            _number("job", "job_id"),
            _number("task", "task_id"),
            _text("key"),
            _number("attempt"),
            _text("actor"),
            _number("noise"),
            _age("age", "at"),
            _time("at", "at"),
        ),
        searched=("id", "kind", "key", "actor"),
    ),
    Noun.QUEUES: Fields(
        fields=(
            _text("name", "", "queue"),
            _number("depth", "", "queued"),
            _number("rate"),
            _age("oldest", "oldest_at"),
            _text("reason", "pause_reason"),
            _text("by", "paused_by"),
            _time("paused", "paused_at"),
        ),
        searched=("name",),
    ),
    Noun.FAILURES: Fields(
        fields=(
            _text("id", "", "family"),
            _choice("state", tuple(state.value for state in FamilyState)),
            _text("code"),
            _text("err", "message", "error"),
            _number("tasks"),
            _number("failed"),
            _number("retrying"),
            _number("jobs"),
            _number("failures"),
            _age("seen", "last_at"),
            _time("last", "last_at"),
            _age("age", "first_at"),
            _time("first", "first_at"),
        ),
        searched=("id", "code", "message"),
    ),
    Noun.SCHEDULES: Fields(
        fields=(
            _text("name"),
            _choice("state", tuple(state.value for state in ScheduleState), "status"),
            _text("fires", "", "when"),
            _text("cron"),
            _text("zone"),
            _time("next", "due", "due"),
            _text("result", "", "last"),
            _age("ago", "last_at"),
            _time("fired", "last_at"),
            _number("missed"),
            _choice("overlap", tuple(one.value for one in Overlap)),
            _choice("catch_up", tuple(one.value for one in CatchUp)),
            _text("by"),
            _text("reason"),
            _text("workflow", "work", "work"),
        ),
        searched=("name", "work"),
    ),
    Noun.ITEMS: Fields(
        fields=(
            _number("id", "", "item"),
            _choice("state", ITEM_STATES, "status"),
            _text("title"),
            _text("who", "", "by"),
            _time("due", "due_at"),
            _age("age", "created_at"),
            _text("task"),
            _text("job"),
            _text("submitter"),
            _text("reason"),
        ),
        searched=("title", "who", "task"),
    ),
}
"""The fields of every noun; columns are those of its view."""
