"""Nouns of notices: where they go, of what, their end.

Made by the configuration and the engine; kept by the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from core.model.values import JsonObject

RESERVED = "taskdeck"
"""What this deck says of itself in notices."""
LISTED = 20
"""Notices that one delivery lists; the rest is counted."""
TRIES = 5
KEPT = 10_000
"""Notices that have ended are kept, the newest of them."""


class Topic(StrEnum):
    """What a notice is about."""

    JOB_ENDED = "job_ended"
    """A job ended; `status` and `workflow` narrow it."""
    NEW_FAILURE = "new_failure"
    """A task failed as none did before: the first failure of a family."""
    SOFT_LIMIT = "soft_limit"
    """A budget or limit passed its soft limit."""
    BUDGET_SPENT = "budget_spent"
    """A budget reached its cap: nothing is left in this window."""
    BUDGET_FREED = "budget_freed"
    """Such a budget has something left again: its window turned, it was raised, or amounts were booked."""
    BACKEND_DOWN = "backend_down"
    """The check of a backend says down, or it refused and is shut."""
    BACKEND_UP = "backend_up"
    """The check of a backend says up again."""
    MISSED_SCHEDULE = "missed_schedule"
    """Times of a schedule passed, or its workflow was refused."""
    SILENCE = "silence"
    """Nothing succeeded in the time in which it should, or a task writes nothing."""
    LOST = "lost"
    """The end of an attempt was not seen, and its task is held for an operator."""
    NO_ROOM = "no_room"
    """Nothing is claimed: the disk is full, or outputs are above their quota."""
    ITEM_OPENED = "item_opened"
    """A task waits for people."""
    ITEM_REMINDER = "item_reminder"
    """A task still waits for people, by its `remind`."""
    ITEM_OVERDUE = "item_overdue"
    """The time passed in which people should have answered, by its `due`."""


class Signal(StrEnum):
    """How an open console tells of a notice."""

    TOAST = "toast"
    """A sentence in a corner of the screen."""
    BELL = "bell"
    """And the bell of the terminal."""
    DESKTOP = "desktop"
    """And a notification of the desktop (OSC 9), where the terminal knows it."""


class Email(Struct, frozen=True, kw_only=True):
    """A server that takes mail, and who it is from and to."""

    to: tuple[str, ...]
    sender: str
    server: str = "localhost"
    port: int = 25
    starttls: bool = False
    user: str = ""
    password: str = ""


class Quiet(Struct, frozen=True, kw_only=True):
    """Hours in which nothing is sent: ms after midnight in a zone; they may pass midnight."""

    begins_ms: int
    ends_ms: int
    zone: str = "UTC"


class Sink(Struct, frozen=True, kw_only=True):
    """Where notices go, and which of them; one of `webhook`, `command`, `email`, `console` is given."""

    name: str
    on: tuple[Topic, ...]
    webhook: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    email: Email | None = None
    console: tuple[Signal, ...] = ()
    """How consoles that are open then tell of it."""
    statuses: tuple[str, ...] = ()
    """Of jobs; none = all."""
    workflows: tuple[str, ...] = ()
    """Of jobs; none = all."""
    every_ms: int = 60_000
    """The least time between two deliveries; what comes meanwhile goes with the second."""
    quiet: Quiet | None = None


class NoticeStatus(StrEnum):
    """What became of a notice."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    """It was tried so often in vain."""
    DROPPED = "dropped"
    """Its sink is not configured any more, or the store was restored."""


class Told(Struct, frozen=True, kw_only=True):
    """An event of which operators may want to hear, with what rows say of it; times in ms UTC."""

    event: int
    at: int
    kind: str
    job_id: int | None = None
    workflow: str = ""
    task_id: int | None = None
    key: str = ""
    data: JsonObject = field(default_factory=dict)
    is_first: bool = False
    """Of a failure: none of its family was before."""


class Draft(Struct, frozen=True, kw_only=True):
    """A notice for one sink, about an event."""

    sink: str
    topic: Topic
    event: int
    at: int
    text: str
    job_id: int | None = None
    task_id: int | None = None
    about: str | None = None
    """A sink has one notice about this; None = each event is one."""


class NoticeView(Struct, frozen=True, kw_only=True):
    """A notice, and what became of it; times in ms UTC."""

    id: int
    sink: str
    topic: str
    event: int
    at: int
    text: str
    job_id: int | None
    task_id: int | None
    status: str
    tries: int
    delivery: int | None
    """Those that are sent together; None = it was not tried yet."""
    ended_at: int | None
    error: str | None


class SinkStanding(Struct, frozen=True, kw_only=True):
    """What waits for one sink: the first delivery that was begun and did not end, and new notices."""

    sink: str
    delivery: int | None
    tries: int
    due_at: int | None
    """Engine time of the next try of that delivery; None = at once."""
    new: int


class Delivery(Struct, frozen=True, kw_only=True):
    """Notices that are sent together: at most `LISTED` of them, and how many there are."""

    number: int
    sink: str
    tries: int
    count: int
    notices: tuple[NoticeView, ...]
