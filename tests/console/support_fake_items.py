"""Work items of the control in memory."""

from __future__ import annotations

from core.control.nouns import work_items
from core.filters.fields import Noun
from core.model.actors import person_of, signed
from core.model.commands.work_items import ItemChanged
from core.model.errors import Conflict, NotFound
from core.model.patterns.form_values import bind_form
from core.model.patterns.work_items import (
    EntryKind,
    ItemDetails,
    ItemEntry,
    ItemOutcome,
    ItemRole,
    ItemScope,
    ItemView,
    WorkItems,
)
from core.model.patterns.workflow_views import ParamView
from core.model.records import replace
from core.model.values import to_iso
from core.rules import work_items as rules
from tests.console.support_fake_rows import NOW
from tests.console.support_fake_upkeep import FakeUpkeep

USER = "root"
"""The user of the control in memory."""


def item(number: int, **more: object) -> ItemView:
    """Return an open item that anyone may answer."""
    shown: dict[str, object] = {
        "id": number,
        "task_id": 900 + number,
        "job_id": 7,
        "task": f"ask{number}",
        "job": "release",
        "title": f"May step {number} begin?",
        "text": "",
        "created_at": NOW - 3_600_000,
        "submitter": "ann",
    }
    return ItemView(**{**shown, **more})  # type: ignore[arg-type]


class FakeItems(FakeUpkeep):
    """Answers all of work items; `on_items` = what was asked to be changed."""

    def __init__(self) -> None:
        super().__init__()
        self.item_details: dict[int, ItemDetails] = {}
        self.on_items: list[work_items.OnItem] = []

    def add_item(self, view: ItemView, *form: ParamView) -> None:
        opened = ItemEntry(at=view.created_at, kind=EntryKind.OPENED, person="engine", actor="engine")
        self.item_details[view.id] = ItemDetails(item=view, form=form, entries=(opened,))

    def rows_of(self, noun: Noun) -> list:
        views = [details.item for details in self.item_details.values()]
        return views if noun is Noun.ITEMS else super().rows_of(noun)

    async def answer_work_items(self, r: work_items.ListWorkItems) -> WorkItems:
        person = person_of(signed(r.actor, USER))
        views = [details.item for details in self.item_details.values()]
        opened = [view for view in views if view.is_open]
        overdue = [view for view in opened if view.due_at is not None and view.due_at <= NOW]
        mine = [view for view in opened if rules.refuse_claim(_role(view), person) is None]
        listed = {ItemScope.OPEN: opened, ItemScope.MINE: mine, ItemScope.OVERDUE: overdue}
        return WorkItems(
            items=tuple(listed.get(r.scope, views)[: r.limit]),
            open=len(opened),
            overdue=len(overdue),
            mine=len(mine),
            person=person,
        )

    async def answer_work_item(self, r: work_items.GetWorkItem) -> ItemDetails:
        if r.item_id not in self.item_details:
            raise NotFound("item.unknown", f"work item {r.item_id} does not exist")
        return self.item_details[r.item_id]

    async def answer_find_work_item(self, r: work_items.FindWorkItem) -> int:
        places = {
            f"{details.item.job_id}/{details.item.task}": item for item, details in self.item_details.items()
        }
        return places[r.ref]

    async def answer_claim_item(self, r: work_items.ClaimItem) -> ItemChanged:
        view, person = self._open(r), self._person(r)
        _check(rules.refuse_claim(_role(view), person))
        if view.claimed_by is not None:
            return _changed(view)
        return self._put(r, EntryKind.CLAIMED, claimed_by=person, claimed_at=NOW)

    async def answer_release_item(self, r: work_items.ReleaseItem) -> ItemChanged:
        _check(rules.refuse_release(_role(self._open(r)), self._person(r)))
        return self._put(r, EntryKind.RELEASED, claimed_by=None, claimed_at=None)

    async def answer_delegate_item(self, r: work_items.DelegateItem) -> ItemChanged:
        _check(rules.refuse_delegation(_role(self._open(r)), r.to))
        return self._put(r, EntryKind.DELEGATED, text=f"to {r.to}", assignee=r.to, claimed_by=None)

    async def answer_comment_item(self, r: work_items.CommentItem) -> ItemChanged:
        return self._put(r, EntryKind.COMMENTED, text=r.text)

    async def answer_approve_item(self, r: work_items.ApproveItem) -> ItemChanged:
        view, person = self._open(r), self._person(r)
        _check(rules.refuse_approval(_role(view), person))
        values = bind_form(self.item_details[view.id].form, {**(view.values or {}), **r.values})
        approved = (*view.approved_by, person)
        more = {"approved_by": approved, "values": values, "claimed_by": None, "assignee": None}
        if len(approved) >= view.quorum:
            more |= {"outcome": ItemOutcome.APPROVED, "closed_at": NOW, "closed_by": signed(r.actor, USER)}
        return self._put(r, EntryKind.APPROVED, text=r.comment, **more)

    async def answer_deny_item(self, r: work_items.DenyItem) -> ItemChanged:
        _check(rules.refuse_denial(_role(self._open(r)), self._person(r)))
        more = {"outcome": ItemOutcome.DENIED, "closed_at": NOW, "closed_by": signed(r.actor, USER)}
        return self._put(r, EntryKind.DENIED, text=r.reason, reason=r.reason, **more)

    def _person(self, request: work_items.OnItem) -> str:
        return person_of(signed(request.actor, USER))

    def _open(self, request: work_items.OnItem) -> ItemView:
        details = self.item_details.get(request.item_id)
        if details is None:
            raise NotFound("item.unknown", f"work item {request.item_id} does not exist")
        view = details.item
        if view.is_open:
            return view
        by, at = view.closed_by, to_iso(view.closed_at or 0)
        raise Conflict("item.closed", f"work item {view.id} is {view.outcome} already, by {by} at {at}")

    def _put(
        self, request: work_items.OnItem, kind: EntryKind, text: str = "", **more: object
    ) -> ItemChanged:
        self.on_items.append(request)
        details, actor = self.item_details[request.item_id], signed(request.actor, USER)
        entry = ItemEntry(at=NOW, kind=kind, person=person_of(actor), actor=actor, text=text)
        view = replace(details.item, **more)
        self.item_details[view.id] = replace(details, item=view, entries=(*details.entries, entry))
        self.note(f"item.{kind}", job_id=view.job_id, task_id=view.task_id, key=view.task)
        return _changed(view)


def _role(view: ItemView) -> ItemRole:
    return ItemRole(
        item_id=view.id,
        assignee=view.assignee,
        claimed_by=view.claimed_by,
        claimed_at=view.claimed_at,
        submitter=view.submitter,
        four_eyes=view.four_eyes,
        approved_by=view.approved_by,
    )


def _changed(view: ItemView) -> ItemChanged:
    return ItemChanged(
        item_id=view.id,
        task_id=view.task_id,
        job_id=view.job_id,
        outcome=view.outcome,
        approvals=len(view.approved_by),
        quorum=view.quorum,
    )


def _check(refusal: Conflict | None) -> None:
    if refusal is not None:
        raise refusal
