"""JSON shapes of the views, stable for programs; times ISO 8601 UTC.

Used by `--json` of the commands and by the console's exports.
"""

from __future__ import annotations

from core.model.commands.limits import Charged
from core.model.events import EventView
from core.model.failures import FamilyView
from core.model.limits.amounts import write_amount
from core.model.limits.limits import Price
from core.model.limits.usage_views import Spending
from core.model.timing.schedule_views import FireView
from core.model.values import JsonObject, iso_or_none
from core.model.views import JobView, QueueView, TaskView
from core.render.data_texts import ArtifactRow, artifact_shape
from core.render.job_shapes import job_shape, queue_shape, task_shape
from core.render.schedule_lines import ScheduleLine
from core.render.schedule_texts import fire_shape, schedule_shape


def shape_of(view: object) -> JsonObject | None:
    """Return a row of a list as its command has it with `--json`; None for what no list holds."""
    match view:
        case JobView():
            return job_shape(view)
        case TaskView():
            return task_shape(view)
        case EventView():
            return event_shape(view)
        case QueueView():
            return queue_shape(view)
        case FamilyView():
            return family_shape(view)
        case ScheduleLine():
            return schedule_shape(view.view)
        case FireView():
            return fire_shape(view)
        case ArtifactRow():
            return artifact_shape(view.kept, view.copy)
        case _:
            return None


def family_shape(family: FamilyView) -> JsonObject:
    """Return a failure family as `failures --json` has it."""
    known = family.acknowledged
    return {
        "id": family.id,
        "state": family.state,
        "code": family.code,
        "pattern": family.pattern,
        "message": family.message,
        "failed": family.failed,
        "known": family.known,
        "retrying": family.retrying,
        "jobs": family.jobs,
        "failures": family.failures,
        "first_at": iso_or_none(family.first_at),
        "last_at": iso_or_none(family.last_at),
        "newest_task": family.newest_task,
        "trend": list(family.trend),
        "acknowledged": None
        if known is None
        else {
            "by": known.by,
            "at": iso_or_none(known.at),
            "reason": known.reason,
            "until": iso_or_none(known.until),
            "since": known.since,
        },
    }


def spending_shape(spent: Spending) -> JsonObject:
    """Return what was spent of a unit, as `usage --json` has it; `unknown` is not in the total."""
    return {
        "unit": spent.unit,
        "total": write_amount(spent.total),
        "reported": write_amount(spent.reported),
        "estimated": write_amount(spent.estimated),
        "corrected": write_amount(spent.corrected),
        "unknown": write_amount(spent.unknown),
        "entries": spent.entries,
        "unpriced": spent.unpriced,
    }


def charged_shape(charged: Charged) -> JsonObject:
    """Return what became of a charge, as `charge --json` has it."""
    return {
        "booked": charged.landed,
        "late": charged.late,
        "spent": [
            {"unit": one.unit, "amount": write_amount(one.amount), "model": one.model, "price": one.price}
            for one in charged.spent
        ],
        "budgets": [
            {
                "name": one.name,
                "key": one.key or None,
                "unit": one.unit,
                "left": write_amount(one.left),
                "max": write_amount(one.max),
                "spent": one.is_spent,
            }
            for one in charged.budgets
        ],
    }


def price_shape(price: Price) -> JsonObject:
    """Return a price as `prices --json` has it: dollars for `per` tokens."""
    return {
        "model": price.model,
        "input": write_amount(price.input),
        "output": write_amount(price.output),
        "per": price.per,
        "from": iso_or_none(price.since or None),
    }


def event_shape(event: EventView) -> JsonObject:
    """Return an event as `events --json` has it."""
    return {
        "id": event.id,
        "at": iso_or_none(event.at),
        "kind": event.kind,
        "job": event.job_id,
        "task": event.task_id,
        "key": event.key,
        "attempt": event.attempt,
        "actor": event.actor,
        "data": event.data,
    }
