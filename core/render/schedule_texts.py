"""Schedules and fires for people and as JSON.

Used by the commands and the console.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from core.model.errors import Invalid
from core.model.limits.limit_views import Cause
from core.model.text import SafeText, safe_line
from core.model.timing.durations import write_duration
from core.model.timing.schedule_views import Downtime, ExpectationView, FireView, ScheduleView
from core.model.timing.schedules import COUNTED_MAX, CatchUp, FirePolicy, FireStatus, Timing, Work
from core.model.timing.zones import zone_of
from core.model.values import JsonObject, to_iso
from core.render.cron_words import cron_words

FACT_LABEL = 12
"""Cells of the label of a fact."""
_WORDS = 4
"""Of a moment: day of the week, date, time, offset."""


def timing_text(timing: Timing) -> SafeText:
    """Return when a schedule fires: `0 3 * * * Europe/Berlin`, `every 1h30m`."""
    if timing.every_ms is not None:
        return safe_line(f"every {write_duration(timing.every_ms)}")
    if timing.at is not None:
        return safe_line(f"once at {to_iso(timing.at)}")
    return safe_line(f"{timing.cron or timing.calendar} {timing.zone}")


def timing_words(timing: Timing) -> SafeText:
    """Return the same in short words: `daily at 03:00 Berlin`."""
    if timing.cron is None and timing.calendar is None:
        return timing_text(timing)
    words = timing.calendar if timing.cron is None else cron_words(timing.cron)
    return safe_line(f"{words} {timing.zone.rpartition('/')[2]}")


def number_text(number: int) -> str:
    """Return how many times passed; they are counted up to 10,000."""
    return f"{number:,}" if number <= COUNTED_MAX else f"{COUNTED_MAX:,}+"


def downtime_text(downtime: Downtime) -> SafeText:
    """Return `no engine since 2026-11-29T02:00:00Z: 3 fires missed`."""
    fires = "1 fire" if downtime.fires == 1 else f"{number_text(downtime.fires)} fires"
    of = "" if downtime.schedules == 1 else f" of {downtime.schedules:,} schedules"
    return safe_line(f"no engine since {to_iso(downtime.since)}: {fires}{of} missed")


def silent_gap(view: ScheduleView) -> SafeText | None:
    """Return the next two times that are further apart than a success is expected; None = there are none."""
    expected = view.schedule.policy.expect_ms
    for before, after in pairwise(view.next):
        if expected is not None and after - before >= expected:
            zone, every = view.schedule.timing.zone, write_duration(expected)
            apart = f"{moment_text(before, zone)} and {moment_text(after, zone)} are more than {every} apart"
            return safe_line(apart)
    return None


def silence_text(expected: ExpectationView) -> SafeText:
    """Return `workflow nightly: no success since 2026-11-28T03:10:00Z, one is expected every 1d1h`."""
    every = write_duration(expected.every_ms)
    told = f"no success since {to_iso(expected.since)}, one is expected every {every}"
    return safe_line(f"workflow {expected.workflow}: {told}")


def fire_text(fire: FireView) -> SafeText:
    """Return what became of a time: `job 12 succeeded`, `3 missed: no engine ran`."""
    what = fire.status.value if fire.number == 1 else f"{number_text(fire.number)} {fire.status}"
    if fire.status is FireStatus.SUBMITTED:
        what = f"job {fire.job_id} {fire.job_status or 'removed'}"
    return safe_line(f"{what}: {fire.reason}" if fire.reason else what)


def last_text(fire: FireView) -> SafeText:
    """Return the same with the result first, as a narrow column needs it: `succeeded: job 12`."""
    if fire.status is not FireStatus.SUBMITTED:
        return fire_text(fire)
    return safe_line(f"{fire.job_status or 'removed'}: job {fire.job_id}")


def summary_text(view: ScheduleView) -> SafeText:
    """Return `0 3 * * * Europe/Berlin, paused by kim: holidays`."""
    if view.fault:
        return state_text(view)
    return safe_line(f"{timing_text(view.schedule.timing)}, {state_text(view)}")


def state_text(view: ScheduleView) -> SafeText:
    """Return how a schedule stands: `paused by kim: holidays`, `2 wait`, `1 runs`, `ended`."""
    if view.fault:
        return safe_line(f"does not fire: its row cannot be read: {view.fault}")
    if view.paused is not None:
        why = f": {view.paused.reason}" if view.paused.reason else ""
        return safe_line(f"paused by {view.paused.by}{why}")
    parts = [
        f"{view.open_jobs} open" if view.open_jobs else "",
        f"{view.waiting} wait" if view.waiting else "",
    ]
    said = ", ".join(filter(None, parts))
    return safe_line(said or ("on" if view.due_at is not None else "ended: it has no next time"))


def schedule_facts(view: ScheduleView) -> Iterator[SafeText]:
    """Write what a schedule is and when it fires next, a line each: `overlap  skip`."""
    timing = view.schedule.timing
    facts = {
        **(_rule_facts(view) if not view.fault else {"fault": f"its row cannot be read: {view.fault}"}),
        "expects": "" if view.expected is None else expectation_text(view.expected, timing.zone),
        "paused": "" if view.paused is None else _cause_text(view.paused, timing.zone),
        "now": ", ".join(
            filter(
                None,
                (
                    f"{view.open_jobs:,} open" if view.open_jobs else "",
                    f"{view.waiting} wait" if view.waiting else "",
                    f"{number_text(view.missed)} missed within a week" if view.missed else "",
                ),
            )
        ),
        "added": f"by {view.actor}, {moment_text(view.created_at, timing.zone)}",
    }
    for label, told in facts.items():
        if told:
            yield safe_line(f"{label:<{FACT_LABEL}}{told}")


def _rule_facts(view: ScheduleView) -> dict[str, str]:
    schedule, policy, timing = view.schedule, view.schedule.policy, view.schedule.timing
    return {
        "fires": _fires_text(timing),
        "next": next_text(view.next, timing.zone),
        "submits": _work_text(schedule.work),
        "overlap": policy.overlap.value,
        "catches up": _catch_up_text(policy),
    }


def moment_text(at: int, zone: str) -> str:
    """Write a moment as the clock of a zone shows it, in UTC where this machine does not know that."""
    try:
        return _zoned_text(at, zone)
    except Invalid:
        return to_iso(at)


def next_text(times: Sequence[int], zone: str) -> str:
    """Write the first moment in full, of each other only what differs from the one before."""
    told: list[str] = []
    before: list[str] = []
    for text in (moment_text(at, zone) for at in times):
        words = text.split(" ")
        is_alike = len(words) == len(before) == _WORDS and words[3] == before[3]
        if not is_alike:
            told.append(text)
        else:
            told.append(words[2] if words[1] == before[1] else " ".join(words[:3]))
        before = words
    return ", ".join(told)


def expectation_text(expected: ExpectationView, zone: str) -> str:
    """Write `a success every 1d1h, none since ...`, and whether that is a fault."""
    told = (
        f"a success every {write_duration(expected.every_ms)}, none since {moment_text(expected.since, zone)}"
    )
    if expected.silent_since is None:
        return told
    return f"{told}: SILENT since {moment_text(expected.silent_since, zone)}"


def _fires_text(timing: Timing) -> str:
    words = "" if timing.cron is None else cron_words(timing.cron)
    told = [f"{timing_text(timing)} ({words})" if words not in ("", timing.cron) else timing_text(timing)]
    told += [] if timing.starts is None else [f"from {moment_text(timing.starts, timing.zone)}"]
    told += [] if timing.ends is None else [f"until {moment_text(timing.ends, timing.zone)}"]
    told += [f"not on {', '.join(timing.exclude)}"] if timing.exclude else []
    return ", ".join(told)


def _catch_up_text(policy: FirePolicy) -> str:
    within = f"within {write_duration(policy.window_ms)}"
    told = {
        CatchUp.NONE: "on nothing",
        CatchUp.LATEST: f"on the latest time {within}",
        CatchUp.ALL: f"on all times {within}, at most {policy.most:,}",
    }[policy.catch_up]
    return f"{told}, put off by up to {write_duration(policy.jitter_ms)}" if policy.jitter_ms else told


def _work_text(work: Work) -> str:
    params = "".join(f"  {name}={value}" for name, value in work.params.items())
    if work.workflow is not None:
        return f"{work.source}, the version that is current at each fire{params}"
    return f"{work.source}{', read again at each fire' if work.path is not None else ''}{params}"


def _cause_text(cause: Cause, zone: str) -> str:
    return f"by {cause.by}, {moment_text(cause.at, zone)}{f': {cause.reason}' if cause.reason else ''}"


def schedule_shape(view: ScheduleView) -> JsonObject:
    """Return a schedule as `schedules --json` has it; what tasks get of the environment is left out."""
    schedule, policy, timing = view.schedule, view.schedule.policy, view.schedule.timing
    return {
        "name": schedule.name,
        "fault": view.fault or None,
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
        "expect_ms": policy.expect_ms,
        "silent_since": None
        if view.expected is None or view.expected.silent_since is None
        else to_iso(view.expected.silent_since),
        "last_success": None if view.expected is None else to_iso(view.expected.since),
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


def _zoned_text(at: int, zone: str) -> str:
    """Write a moment (ms UTC) as the clock of a zone shows it, `Mon 2026-11-30 03:00 +01:00`.

    Seconds are written where there are some. Raises `Invalid` (`zone.unknown`).
    """
    moment = datetime.fromtimestamp(at / 1000, zone_of(zone))
    clock = "%H:%M:%S" if moment.second else "%H:%M"
    offset = f"{moment:%z}"
    return f"{moment:%a %Y-%m-%d {clock}} {offset[:3]}:{offset[3:5]}"
