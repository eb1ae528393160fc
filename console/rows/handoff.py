"""The handoff note: what fails, runs, waits and was changed, as text.

Used by the handoff screen and the copy menu.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from console.feed import Pulse
from console.last_look import LastLook
from console.rows.families import acknowledged_text
from console.rows.listing import now_ms
from console.rows.people_changes import change_text, changes_by_people
from core.control.api import ControlAPI
from core.filters.fields import Noun
from core.filters.terms import Filter, In, Sort
from core.model.bundles import STATE as BUNDLE
from core.model.events import EventView
from core.model.failures import FamilyState, FamilyView
from core.model.pulse import Waiting, WaitKind
from core.model.status import JOB_FINAL, JobStatus
from core.model.text import SafeText, safe_line
from core.model.values import INBOX, to_iso
from core.model.views import JobView
from core.render.times import clock_text

SHOWN = 20
"""Rows of a part at the most."""
USUAL_MS = 8 * 3_600_000
"""How far back the note goes where it is not known when the operator looked last."""
_OF_JOBS = (WaitKind.NEEDS, WaitKind.PAUSED_JOB, WaitKind.HELD)
_ACTIVE = tuple(status.value for status in JobStatus if status not in JOB_FINAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffFacts:
    """What the note tells; `since` in ms UTC."""

    now: int
    since: int
    pulse: Pulse
    families: Sequence[FamilyView]
    jobs: Sequence[JobView]
    waiting: Sequence[Waiting]
    changes: Sequence[EventView]
    """What people changed since then, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffNote:
    """The note as lines, to be shown and copied."""

    lines: tuple[SafeText, ...]


async def read_handoff(control: ControlAPI, pulse: Pulse, last_look: LastLook) -> HandoffFacts:
    """Read what a note tells."""
    now = now_ms()
    since = now - USUAL_MS if last_look.since is None else last_look.since
    view = await control.pulse()
    newest = Sort(field="id", descending=True)
    active = Filter(noun=Noun.JOBS, terms=(In(field="status", values=_ACTIVE),), sort=newest)
    jobs = await control.jobs(active, limit=SHOWN + 1)
    changes = await control.events(changes_by_people(since=since, now=now), limit=SHOWN)
    return HandoffFacts(
        now=now,
        since=since,
        pulse=pulse,
        families=view.failing,
        jobs=[job for job in jobs.rows if job.id != INBOX][:SHOWN],
        waiting=view.waiting,
        changes=changes.rows,
    )


def handoff_note(facts: HandoffFacts) -> HandoffNote:
    """Write the note."""
    return HandoffNote(lines=tuple(safe_line(line) for line in _lines(facts)))


def _lines(facts: HandoffFacts) -> Iterator[str]:
    pulse, engine = facts.pulse, facts.pulse.engine
    yield f"handoff of {to_iso(facts.now)}, since {to_iso(facts.since)}"
    if engine is None:
        yield "engine: none answers"
    elif engine.state == BUNDLE:
        yield engine.home
    else:
        yield f"engine: {engine.state}, {engine.running} of {engine.slots} slots, {engine.home}"
    others = [
        f"{n} {status}" for status, n in pulse.tasks.items() if n and status not in ("failed", "succeeded")
    ]
    yield f"tasks: {', '.join([f'{pulse.news} failed{pulse.known_text}', *others])}"
    yield from _part("fails", [_family(family, facts) for family in facts.families])
    yield from _part("runs", [_job(job) for job in facts.jobs])
    yield from _part("waits", [_waiting(waiting) for waiting in facts.waiting])
    yield from _part("changed by people", [change_text(event, now=facts.now) for event in facts.changes])


def _part(title: str, lines: Sequence[str]) -> Iterator[str]:
    yield ""
    yield title if lines else f"{title}: nothing"
    yield from (f"  {line}" for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        yield f"  and {len(lines) - SHOWN} more"


def _family(family: FamilyView, facts: HandoffFacts) -> str:
    is_new = family.state is FamilyState.FAILING and family.first_at > facts.since
    state = "new" if is_new else str(family.state)
    jobs = f" of {_many(family.jobs, 'job')}" if family.jobs else ""
    last = clock_text(family.last_at, now=facts.now)
    named = f" [{family.id}]" if family.id else ""
    known = f"; {acknowledged_text(family)}" if family.acknowledged else ""
    return f"{state}: {_many(family.tasks, 'task')}{jobs}, last {last}: {family.line}{named}{known}"


def _job(job: JobView) -> str:
    counts = ", ".join(f"{n} {status}" for status, n in job.tasks.items() if n)
    return f"job {job.id} {job.name}: {job.status}; {counts}"


def _waiting(waiting: Waiting) -> str:
    noun = " job" if waiting.kind in _OF_JOBS else ""
    subject = f"{noun} {waiting.subject}" if waiting.subject else ""
    return f"{_many(waiting.tasks, 'task')}: {waiting.kind}{subject}"


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
