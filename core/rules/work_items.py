"""Decide who may claim, answer, release and delegate a work item.

Called by the store's verbs on items, through `writer`.
"""

from __future__ import annotations

from core.model.actors import is_same_person
from core.model.errors import Conflict
from core.model.patterns.work_items import ItemRole
from core.model.text import safe_line
from core.model.values import to_iso


def refuse_claim(role: ItemRole, person: str) -> Conflict | None:
    """Return why a person may not claim an item; None = it may, or has it already."""
    return _own_work(role, person) or _of_another(role, person) or _approved(role, person)


def refuse_approval(role: ItemRole, person: str) -> Conflict | None:
    """Return why the approval of a person does not count; None = it does."""
    return _own_work(role, person) or _of_another(role, person) or _approved(role, person)


def refuse_denial(role: ItemRole, person: str) -> Conflict | None:
    """Return why a person may not deny an item; None = it may, also after it approved."""
    return _own_work(role, person) or _of_another(role, person)


def refuse_release(role: ItemRole, person: str) -> Conflict | None:
    """Return why a person has nothing to release; None = it has."""
    if role.claimed_by is None:
        return _conflict(
            role, "item.unclaimed", "is not claimed", f"'taskdeck workitems claim {role.item_id}'"
        )
    if is_same_person(role.claimed_by, person):
        return None
    return _of_another(role, person)


def refuse_delegation(role: ItemRole, to: str) -> Conflict | None:
    """Return why an item is not given to a person; None = it is."""
    return _own_work(role, to) or _approved(role, to)


def _own_work(role: ItemRole, person: str) -> Conflict | None:
    if not role.four_eyes or not is_same_person(role.submitter, person):
        return None
    what = f"was asked for by {safe_line(role.submitter)}: another person has to answer it (`four_eyes`)"
    hint = f"give it to another: 'taskdeck workitems delegate {role.item_id} --to NAME'"
    return _conflict(role, "item.four_eyes", what, hint)


def _of_another(role: ItemRole, person: str) -> Conflict | None:
    hint = f"'taskdeck workitems delegate {role.item_id} --to NAME' gives it to another"
    if role.claimed_by is not None:
        if is_same_person(role.claimed_by, person):
            return None
        since = "" if role.claimed_at is None else f" since {to_iso(role.claimed_at)}"
        return _conflict(role, "item.claimed", f"is claimed by {safe_line(role.claimed_by)}{since}", hint)
    if role.assignee is not None and not is_same_person(role.assignee, person):
        return _conflict(role, "item.assigned", f"is for {safe_line(role.assignee)}", hint)
    return None


def _approved(role: ItemRole, person: str) -> Conflict | None:
    if not any(is_same_person(person, other) for other in role.approved_by):
        return None
    what = f"has the approval of {safe_line(person)} already: another person has to approve it too"
    return _conflict(role, "item.approved", what, "its `quorum` counts each name once")


def _conflict(role: ItemRole, code: str, what: str, hint: str) -> Conflict:
    facts = {"item": role.item_id, "claimed_by": role.claimed_by, "assignee": role.assignee}
    return Conflict(code, f"work item {role.item_id} {what}", hint=hint, facts={**facts})
