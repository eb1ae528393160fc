"""Work items: their requests, and the verbs that ask them.

The part `work_items` of the ControlAPI.
"""

from __future__ import annotations

from msgspec import field

from core.control.arguments import OPERATOR
from core.control.requests import Kind, Request, Verbs, verb
from core.model import bounds
from core.model.actors import check_person
from core.model.commands import work_items as commands
from core.model.commands.work_items import ItemChanged, ItemCommand
from core.model.patterns.work_items import (
    ANSWER_BYTES,
    ITEMS_MAX,
    TEXT_MAX,
    ItemDetails,
    ItemScope,
    WorkItems,
)
from core.model.values import JsonObject, json_size


@verb("work_items", Kind.READ)
class ListWorkItems(Request[WorkItems], frozen=True, kw_only=True):
    scope: ItemScope = ItemScope.OPEN
    limit: int = ITEMS_MAX
    actor: str = OPERATOR
    """For whom `mine` is: the person whom this actor names."""


@verb("work_item", Kind.READ)
class GetWorkItem(Request[ItemDetails], frozen=True, kw_only=True):
    item_id: int


@verb("find_work_item", Kind.READ)
class FindWorkItem(Request[int], frozen=True, kw_only=True):
    ref: str


class OnItem(Request[ItemChanged], frozen=True, kw_only=True):
    """On which item a person acts."""

    item_id: int
    actor: str = OPERATOR

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("actor", self.actor)

    def command(self, actor: str) -> ItemCommand:
        """Return what the journal takes; the actor is signed."""
        raise NotImplementedError


@verb("claim_item", Kind.CHANGE)
class ClaimItem(OnItem, frozen=True, kw_only=True):
    def command(self, actor: str) -> ItemCommand:
        """Return what the journal takes; the actor is signed."""
        return commands.ClaimItem(item_id=self.item_id, actor=actor)


@verb("release_item", Kind.CHANGE)
class ReleaseItem(OnItem, frozen=True, kw_only=True):
    def command(self, actor: str) -> ItemCommand:
        """Return what the journal takes; the actor is signed."""
        return commands.ReleaseItem(item_id=self.item_id, actor=actor)


@verb("delegate_item", Kind.CHANGE)
class DelegateItem(OnItem, frozen=True, kw_only=True):
    to: str
    comment: str = ""

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`), and a name that is none (`actor.label`)."""
        OnItem.__post_init__(self)
        check_person(self.to)
        _check_text("comment", self.comment)

    def command(self, actor: str) -> ItemCommand:
        """Return what the journal takes; the actor is signed."""
        return commands.DelegateItem(
            item_id=self.item_id, to=self.to.strip(), comment=self.comment, actor=actor
        )


@verb("comment_item", Kind.CHANGE)
class CommentItem(OnItem, frozen=True, kw_only=True):
    text: str

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        OnItem.__post_init__(self)
        bounds.check_text("text", self.text.strip(), most=TEXT_MAX)

    def command(self, actor: str) -> ItemCommand:
        """Return what the journal takes; the actor is signed."""
        return commands.CommentItem(item_id=self.item_id, text=self.text, actor=actor)


@verb("approve_item", Kind.CHANGE)
class ApproveItem(OnItem, frozen=True, kw_only=True):
    values: JsonObject = field(default_factory=dict)
    comment: str = ""

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        OnItem.__post_init__(self)
        _check_text("comment", self.comment)
        if json_size(self.values) > ANSWER_BYTES:
            wanted = f"at most {ANSWER_BYTES} bytes as JSON"
            raise bounds.refused("values", f"{json_size(self.values)} bytes", wanted)

    def command(self, actor: str) -> ItemCommand:
        """Return what the journal takes; the actor is signed."""
        return commands.ApproveItem(
            item_id=self.item_id, values=self.values, comment=self.comment, actor=actor
        )


@verb("deny_item", Kind.CHANGE)
class DenyItem(OnItem, frozen=True, kw_only=True):
    reason: str

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`): a no has a reason."""
        OnItem.__post_init__(self)
        bounds.check_text("reason", self.reason.strip(), most=bounds.REASON_MAX)

    def command(self, actor: str) -> ItemCommand:
        """Return what the journal takes; the actor is signed."""
        return commands.DenyItem(item_id=self.item_id, reason=self.reason, actor=actor)


VERBS = (ClaimItem, ReleaseItem, DelegateItem, CommentItem, ApproveItem, DenyItem)
"""What a person may do with an item."""


class WorkItemsReading(Verbs):
    """What waits for people."""

    async def list(
        self, scope: ItemScope = ItemScope.OPEN, *, limit: int = ITEMS_MAX, actor: str = OPERATOR
    ) -> WorkItems:
        """Return items, what is due first; of all, the newest first. `limit` is at most 1,000.

        `mine` are those that the person whom the actor names may answer now: given to it or claimed by it, or
        for anyone; not what it asked for itself under `four_eyes`, nor what it has approved.
        """
        return await self._control.ask(ListWorkItems(scope=scope, limit=limit, actor=actor))

    async def one(self, item_id: int) -> ItemDetails:
        """Return an item with its form and its history; raise `NotFound` (`item.unknown`)."""
        return await self._control.ask(GetWorkItem(item_id=item_id))

    async def find(self, ref: str) -> int:
        """Return the id of the newest item of the task that `ref` names: `KEY` or `JOB/KEY`.

        Raises `NotFound` (`task.unknown`, `item.none`) and `Conflict` (`task.ambiguous`).
        """
        return await self._control.ask(FindWorkItem(ref=ref))


class WorkItemVerbs(WorkItemsReading):
    """Work items, read and answered.

    All raise `NotFound` (`item.unknown`) and, but for a comment, `Conflict` (`item.closed`: who ended it and
    when). People are known by the label of the actor, else by its user; names are not verified.
    """

    async def claim(self, item_id: int, *, actor: str = OPERATOR) -> ItemChanged:
        """Take an item, so that no one else answers it; one's own stays as it is.

        Raises `Conflict`: `item.claimed` (who has it since when), `item.assigned`, `item.four_eyes`,
        `item.approved`.
        """
        return await self._control.ask(ClaimItem(item_id=item_id, actor=actor))

    async def release(self, item_id: int, *, actor: str = OPERATOR) -> ItemChanged:
        """Give back a claim; raise `Conflict` (`item.unclaimed`, `item.claimed`)."""
        return await self._control.ask(ReleaseItem(item_id=item_id, actor=actor))

    async def delegate(
        self, item_id: int, to: str, *, comment: str = "", actor: str = OPERATOR
    ) -> ItemChanged:
        """Give an item to another, also from the one who has it.

        Raises `Conflict` (`item.four_eyes`, `item.approved`) where that one may not answer it, and `Invalid`
        (`actor.label`) for a name that is none.
        """
        return await self._control.ask(DelegateItem(item_id=item_id, to=to, comment=comment, actor=actor))

    async def comment(self, item_id: int, text: str, *, actor: str = OPERATOR) -> ItemChanged:
        """Write to the history of an item, also of one that has ended."""
        return await self._control.ask(CommentItem(item_id=item_id, text=text, actor=actor))

    async def approve(
        self, item_id: int, values: JsonObject | None = None, *, comment: str = "", actor: str = OPERATOR
    ) -> ItemChanged:
        """Approve with the values of the form; the last approval that its quorum asks for ends the task.

        Text is read as the type of its field asks. Raises `Invalid` (`item.form`: every field at fault) and
        `Conflict`: what `claim` raises, `item.held`, `item.values` (others approved other values).
        """
        request = ApproveItem(item_id=item_id, values=values or {}, comment=comment, actor=actor)
        return await self._control.ask(request)

    async def deny(self, item_id: int, reason: str, *, actor: str = OPERATOR) -> ItemChanged:
        """Deny: one is enough.

        Raises `Conflict`: what `claim` raises but for `item.approved`, and `item.held`.
        """
        return await self._control.ask(DenyItem(item_id=item_id, reason=reason, actor=actor))


def _check_text(name: str, text: str) -> None:
    if text:
        bounds.check_text(name, text, most=TEXT_MAX)
