"""Schedules and fires for people and as JSON.

Used by the commands and the console.
"""

from __future__ import annotations

from core.model.durations import write_duration
from core.model.schedule_views import FireView, ScheduleView
from core.model.schedules import COUNTED_MAX, FireStatus, Timing
from core.model.text import SafeText, safe_line
from core.model.values import JsonObject, to_iso


def timing_text(timing: Timing) -> SafeText:
    """Return when a schedule fires: `0 3 * * * Europe/Berlin`, `every 1h30m`."""
    if timing.every_ms is not None:
        return safe_line(f"every {write_duration(timing.every_ms)}")
    if timing.at is not None:
        return safe_line(f"once at {to_iso(timing.at)}")
    return safe_line(f"{timing.cron or timing.calendar} {timing.zone}")


def number_text(number: int) -> str:
    """Return how many times passed; they are counted up to 10,000."""
    return f"{number:,}" if number <= COUNTED_MAX else f"{COUNTED_MAX:,}+"


def fire_text(fire: FireView) -> SafeText:
    """Return what became of a time: `job 12 succeeded`, `3 missed: no engine ran`."""
    what = fire.status.value if fire.number == 1 else f"{number_text(fire.number)} {fire.status}"
    if fire.status is FireStatus.SUBMITTED:
        what = f"job {fire.job_id} {fire.job_status or 'removed'}"
    return safe_line(f"{what}: {fire.reason}" if fire.reason else what)


def state_text(view: ScheduleView) -> SafeText:
    """Return how a schedule stands: `paused by kim: holidays`, `2 wait`, `1 runs`, `ended`."""
    if view.paused is not None:
        why = f": {view.paused.reason}" if view.paused.reason else ""
        return safe_line(f"paused by {view.paused.by}{why}")
    parts = [
        f"{view.open_jobs} open" if view.open_jobs else "",
        f"{view.waiting} wait" if view.waiting else "",
    ]
    said = ", ".join(filter(None, parts))
    return safe_line(said or ("on" if view.due_at is not None else "ended: it has no next time"))


def schedule_shape(view: ScheduleView) -> JsonObject:
    """Return a schedule as `schedules --json` has it; what tasks get of the environment is left out."""
    schedule, policy, timing = view.schedule, view.schedule.policy, view.schedule.timing
    return {
        "name": schedule.name,
        "cron": timing.cron,
        "every_ms": timing.every_ms,
        "calendar": timing.calendar,
        "at": None if timing.at is None else to_iso(timing.at),
        "zone": timing.zone,
        "starts": None if timing.starts is None else to_iso(timing.starts),
        "ends": None if timing.ends is None else to_iso(timing.ends),
        "exclude": list(timing.exclude),
        "jitter_ms": policy.jitter_ms,
        "catch_up": policy.catch_up,
        "window_ms": policy.window_ms,
        "max": policy.most,
        "overlap": policy.overlap,
        "workflow": schedule.work.source or None,
        "follows": schedule.work.path is not None,
        "params": schedule.work.params,
        "due": None if view.due_at is None else to_iso(view.due_at),
        "next": [to_iso(at) for at in view.next],
        "paused": None
        if view.paused is None
        else {"at": to_iso(view.paused.at), "by": view.paused.by, "reason": view.paused.reason},
        "open_jobs": view.open_jobs,
        "waiting": view.waiting,
        "missed_last_week": view.missed,
        "last": None if view.last is None else fire_shape(view.last),
        "created": to_iso(view.created_at),
        "by": view.actor,
    }


def fire_shape(fire: FireView) -> JsonObject:
    """Return what became of a time as `schedules NAME --json` has it."""
    return {
        "at": to_iso(fire.at),
        "status": fire.status,
        "kind": fire.kind,
        "job": fire.job_id,
        "job_status": fire.job_status,
        "number": fire.number,
        "since": None if fire.since is None else to_iso(fire.since),
        "decided": to_iso(fire.decided_at),
        "by": fire.actor,
        "reason": fire.reason or None,
    }
