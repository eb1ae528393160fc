"""Work items: tasks that wait for people.

Made by the connector `human`; kept by the store; shown by commands and console. Times are ms UTC.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from core.model.patterns.workflow_views import ParamView
from core.model.values import JsonObject

QUORUM_MAX = 20
"""People that one item may ask for."""
FIELDS_MAX = 50
"""Fields of one form."""
TITLE_MAX = 200
TEXT_MAX = 10_000
ANSWER_BYTES = 65_536
"""Bytes of the values of one form, written as JSON."""
ITEMS_MAX = 1_000
"""Items of one list."""
ENTRIES_MAX = 1_000
"""Entries of the history of one item that are shown, the newest."""
OF_ITEM = "item"
"""The name in the output of a task that tells who answered; no field may have it."""


class OnDue(StrEnum):
    """What becomes of an item whose time has passed."""

    APPROVE = "approve"
    """It is approved with the defaults of its form."""
    REJECT = "reject"
    """It is denied, as a person would."""
    FAIL = "fail"
    """Its task fails, whatever `on_deny` says."""
    ESCALATE = "escalate"
    """It stays open, is marked, told of, and given to `escalate_to`."""


class OnDeny(StrEnum):
    """What becomes of the task of an item that is denied."""

    FAIL = "fail"
    SKIP = "skip"


class ItemOutcome(StrEnum):
    """How an item ended."""

    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    """Its time passed, and `on_due` says that its task fails; or the `timeout` of its task did."""
    CANCELLED = "cancelled"
    """Its task ended otherwise."""


class ItemScope(StrEnum):
    """Which items are listed."""

    OPEN = "open"
    MINE = "mine"
    """Open, and the person who asks may answer it now."""
    OVERDUE = "overdue"
    """Open, and its time has passed."""
    ALL = "all"
    """Ended ones too, the newest first."""


class EntryKind(StrEnum):
    """What happened to an item."""

    OPENED = "opened"
    CLAIMED = "claimed"
    RELEASED = "released"
    DELEGATED = "delegated"
    COMMENTED = "commented"
    APPROVED = "approved"
    DENIED = "denied"
    REMINDED = "reminded"
    ESCALATED = "escalated"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class NewItem(Struct, frozen=True, kw_only=True):
    """An item as its task asks for it; lengths in ms of engine time."""

    title: str
    text: str = ""
    form: tuple[ParamView, ...] = ()
    assignee: str | None = None
    group: str | None = None
    due_ms: int | None = None
    on_due: OnDue = OnDue.ESCALATE
    escalate_to: str | None = None
    remind_ms: int | None = None
    quorum: int = 1
    four_eyes: bool = False
    on_deny: OnDeny = OnDeny.FAIL


class ItemRole(Struct, frozen=True, kw_only=True):
    """What of an item decides who may do what with it."""

    item_id: int
    assignee: str | None
    claimed_by: str | None
    claimed_at: int | None = None
    submitter: str
    four_eyes: bool
    approved_by: tuple[str, ...] = ()


class ItemEntry(Struct, frozen=True, kw_only=True):
    """One line of the history of an item; `person` is the name that is not verified."""

    at: int
    kind: EntryKind
    person: str
    actor: str
    text: str = ""
    values: JsonObject = {}


class ItemView(Struct, frozen=True, kw_only=True):
    """A work item as it stands."""

    id: int
    task_id: int
    job_id: int
    task: str
    """The key of its task."""
    job: str
    title: str
    text: str
    created_at: int
    submitter: str
    assignee: str | None = None
    group: str | None = None
    claimed_by: str | None = None
    claimed_at: int | None = None
    due_at: int | None = None
    on_due: OnDue = OnDue.ESCALATE
    escalated_at: int | None = None
    quorum: int = 1
    four_eyes: bool = False
    approved_by: tuple[str, ...] = ()
    values: JsonObject | None = None
    """What the first approval says; the others approve the same."""
    is_held: bool = False
    outcome: ItemOutcome | None = None
    """None = it is open."""
    closed_at: int | None = None
    closed_by: str | None = None
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it waits for people."""
        return self.outcome is None


class ItemDetails(Struct, frozen=True, kw_only=True):
    """A work item with its form and its history, the oldest entry first."""

    item: ItemView
    form: tuple[ParamView, ...] = ()
    entries: tuple[ItemEntry, ...] = ()


class WorkItems(Struct, frozen=True, kw_only=True):
    """A list of items, and how many are open in all."""

    items: tuple[ItemView, ...]
    open: int
    overdue: int
    mine: int
    person: str = ""
    """Whom `mine` counts for."""
    is_whole: bool = True
    """False = there are more than were listed."""
