"""The commands on work items, and what became of an item.

Made by the control; carried out by the store.
"""

from __future__ import annotations

from msgspec import Struct, field

from core.model.commands.work import Command
from core.model.patterns.work_items import ItemOutcome
from core.model.values import JsonObject


class ItemChanged(Struct, frozen=True, kw_only=True):
    """How an item stands after a verb."""

    item_id: int
    task_id: int
    job_id: int
    outcome: ItemOutcome | None = None
    approvals: int = 0
    quorum: int = 1

    @property
    def missing(self) -> int:
        """How many people have to approve yet."""
        return 0 if self.outcome is not None else self.quorum - self.approvals


class ItemCommand(Command[ItemChanged], frozen=True, kw_only=True):
    """What a person does with an item; the person is the one that its signed actor names."""

    item_id: int
    actor: str


class ApproveItem(ItemCommand, frozen=True, kw_only=True):
    """Approve it with the values of its form."""

    values: JsonObject = field(default_factory=dict)
    comment: str = ""


class DenyItem(ItemCommand, frozen=True, kw_only=True):
    """Deny it: one is enough, whatever its quorum."""

    reason: str


class ClaimItem(ItemCommand, frozen=True, kw_only=True):
    """Take it: no one else answers it until it is released or delegated."""


class ReleaseItem(ItemCommand, frozen=True, kw_only=True):
    """Give back what was claimed."""


class DelegateItem(ItemCommand, frozen=True, kw_only=True):
    """Give it to another person, also from the one who has it."""

    to: str
    comment: str = ""


class CommentItem(ItemCommand, frozen=True, kw_only=True):
    """Write something to its history."""

    text: str
