"""Say which people a task waits for, since when and until when.

Called by `answers`.
"""

from __future__ import annotations

from core.model.values import to_iso
from core.model.waits import AskedPeople, Reason, TaskFacts, WaitCode


def people_reason(task: TaskFacts, people: AskedPeople) -> Reason:
    if people.claimed_by is not None:
        who, short = f"{people.claimed_by}, who has claimed it", people.claimed_by
    elif people.assignee is not None:
        who = short = people.assignee
    elif people.group is not None:
        who = short = f"one of {people.group}"
    else:
        who, short = "anyone", "people"
    many = f" ({people.missing} have to approve)" if people.missing > 1 else ""
    text = f"it waits for {who}{many} since {to_iso(people.since)}: {people.title}"
    if people.due_at is not None:
        text = f"{text}; due {to_iso(people.due_at)}, then: {people.on_due}"
    if task.fails_at is not None:
        text = f"{text}; it fails at {to_iso(task.fails_at)}"
    return Reason(
        code=WaitCode.ANSWER,
        short=f"{short} (item {people.item_id})",
        text=text,
        ends=f"'taskdeck approve {people.item_id}' or 'taskdeck deny {people.item_id} --reason WHY', or 9",
        since=people.since,
        until=people.due_at or task.fails_at,
        numbers={"item": people.item_id},
    )
