"""Options that say when a schedule fires and what it submits.

Used by `schedule add` and `schedule edit`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, TypeVar

from core.cli.arguments import Project, Retries
from core.cli.parameters import Option
from core.cli.predictions import read_params
from core.cli.refusals import usage
from core.cli.variables import read_variables
from core.cli.whole_documents import piped_workflow
from core.files.kinds import is_dir
from core.model.command_document import document_of_command
from core.model.commands.work import DocumentText
from core.model.errors import Invalid
from core.model.paths import absolute, working_directory
from core.model.present import present_ms
from core.model.records import replace
from core.model.text import safe_line
from core.model.timing.durations import parse_duration
from core.model.timing.schedules import COUNTED_MAX, CatchUp, FirePolicy, Overlap, Schedule, Timing, Work
from core.model.timing.zoned_moments import FORMS, coming_moment
from core.model.timing.zones import zone_of
from core.timetables.machine_zone import machine_zone
from core.workflows.definition import Document
from core.workflows.loader import load
from core.workflows.registry import expanded
from core.workflows.schedule_section import SuggestedSchedule, suggested
from core.workflows.schema_faults import typed
from core.workflows.whole_text import read_whole_text

T = TypeVar("T")
_WORKFLOWS = frozenset({".yaml", ".yml", ".json"})


def _checked_moment(text: str) -> str:
    """Refuse what is not a moment; the zone that it is one of may come later on the command line."""
    coming_moment(text, "UTC", now=present_ms())
    return text


class Cleared(StrEnum):
    """What an edit can take away from a schedule."""

    STARTS = "starts"
    ENDS = "ends"
    EXCLUDE = "exclude"
    JITTER = "jitter"
    EXPECT = "expect"


def zone_name(text: str) -> str:
    """Return the name of a time zone; raise `Invalid` (`zone.unknown`)."""
    return zone_of(text).key


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """When a schedule fires; an option that is left out stays as it is, of a new schedule as documented."""

    cron: Annotated[
        str | None,
        Option(metavar="EXPR", help="At such times: '0 3 * * *', '@daily'; seconds may come first."),
    ] = None
    every: Annotated[
        int | None, Option(read=parse_duration, metavar="TIME", help="Each time so much has passed: 90m.")
    ] = None
    calendar: Annotated[
        str | None, Option(metavar="TEXT", help="On such days: 'last working day at 18:00', '2nd monday'.")
    ] = None
    at: Annotated[str | None, Option(read=_checked_moment, metavar="TIME", help=f"Once: {FORMS}.")] = None
    zone: Annotated[
        str | None,
        Option(read=zone_name, metavar="ZONE", help="Time zone of these times. [default: this machine's]"),
    ] = None
    jitter: Annotated[
        int | None, Option(read=parse_duration, metavar="TIME", help="Put each fire off by up to so much.")
    ] = None
    starts: Annotated[str | None, Option(read=_checked_moment, metavar="TIME", help="No fire before.")] = None
    ends: Annotated[
        str | None, Option(read=_checked_moment, metavar="TIME", help="No fire from then on.")
    ] = None
    exclude: Annotated[
        list[str], Option(metavar="DATE", help="No fire on that day (2026-12-25); may be repeated.")
    ] = field(default_factory=list)
    catch_up: Annotated[
        CatchUp | None,
        Option(help="What fires of the times that passed without an engine. [default: latest]"),
    ] = None
    window: Annotated[
        int | None,
        Option(read=parse_duration, metavar="TIME", help="Later than this, a time is missed. [default: 24h]"),
    ] = None
    max: Annotated[
        int | None,
        Option(
            metavar="N", min=1, max=COUNTED_MAX, help="Times that are caught up on at most. [default: 100]"
        ),
    ] = None
    expect: Annotated[
        int | None,
        Option(
            read=parse_duration, metavar="TIME", help="Tell when no job of it succeeded for so long: 25h."
        ),
    ] = None
    overlap: Annotated[
        Overlap | None, Option(help="What a fire does while an earlier job has not ended. [default: skip]")
    ] = None

    clear: Annotated[
        list[Cleared],
        Option(help="Take what was said of it away from the schedule; may be repeated."),
    ] = field(default_factory=list)

    def timing(self, before: Timing | None) -> Timing:
        """Return when it fires; of a schedule that stands, what is not said stays."""
        said = [one for one in (self.cron, self.every, self.calendar, self.at) if one is not None]
        if len(said) > 1 or (before is None and not said):
            raise Invalid(
                "schedule.timing",
                "say when with one of --cron, --every, --calendar and --at",
                hint="taskdeck schedule add nightly --cron '0 3 * * *' flow.yaml",
            )
        # With another kind the old one goes.
        kinds = self if said or before is None else before
        every = self.every if said else None if before is None else before.every_ms
        now, zone = present_ms(), self.zone or (machine_zone() if before is None else before.zone)
        said_ends = (self.starts, self.ends)
        starts, ends = (None if one is None else coming_moment(one, zone, now=now) for one in said_ends)
        begun = (starts or now) if self.every is not None or before is None else before.anchor
        at = kinds.at if not isinstance(kinds.at, str) else coming_moment(kinds.at, zone, now=now)
        excluded = () if before is None else before.exclude
        return Timing(
            cron=kinds.cron,
            every_ms=every,
            calendar=kinds.calendar,
            at=at,
            zone=zone,
            anchor=begun if every is not None else 0,
            starts=self._kept(Cleared.STARTS, starts, None if before is None else before.starts),
            ends=self._kept(Cleared.ENDS, ends, None if before is None else before.ends),
            exclude=self._kept(Cleared.EXCLUDE, tuple(self.exclude), excluded) or (),
        )

    def _kept(self, what: Cleared, said: T | None, before: T | None) -> T | None:
        """Return what is said, else what was before unless it is taken away."""
        return said or (None if what in self.clear else before)

    def policy(self, before: FirePolicy) -> FirePolicy:
        """Return how its fires are carried out."""
        said = {
            "jitter_ms": self.jitter,
            "catch_up": self.catch_up,
            "window_ms": self.window,
            "most": self.max,
            "overlap": self.overlap,
            "expect_ms": self.expect,
        }
        cleared = {
            **({"jitter_ms": 0} if Cleared.JITTER in self.clear else {}),
            **({"expect_ms": None} if Cleared.EXPECT in self.clear else {}),
        }
        return replace(
            before, **cleared, **{name: value for name, value in said.items() if value is not None}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class What:
    """What a schedule submits beside its workflow."""

    follow: Annotated[
        bool, Option(help="Read the file again at each fire. [default: submit it as it is now]")
    ] = False
    workflow: Annotated[
        str | None,
        Option(metavar="WORKFLOW", help="Submit a registered workflow, as it is current at each fire."),
    ] = None
    param: Annotated[
        list[str],
        Option(short="-p", metavar="K=V", help="A parameter; '${{ fire.at }}' is the time. May be repeated."),
    ] = field(default_factory=list)
    env: Annotated[
        list[str], Option(metavar="NAME[=VALUE]", help="An environment variable; may be repeated.")
    ] = field(default_factory=list)
    retry: Retries = 0
    project: Project = None

    def work(self, words: Sequence[str], *, name: str, before: Work) -> Work:
        """Return what is submitted: a workflow file, or a command as the one task of a job.

        Without words the same as before; of the rest what is not said stays.
        """
        if self.workflow is not None and (words or self.follow):
            raise usage(
                "--workflow names what is submitted", hint="leave out the file or command, and --follow"
            )
        if self.follow and not words:
            raise usage("--follow reads a workflow file again: name the file")
        source = self._source(words, name=name) if words else before
        if self.workflow is not None:
            source = Work(workflow=self.workflow, source=self.workflow, cwd=str(working_directory()))
        said: dict[str, object] = {
            "params": {**before.params, **read_params(self.param)},
            "env": {**before.env, **read_variables(self.env)},
            "retry": self.retry or before.retry,
            "project": self.project or before.project,
        }
        return replace(source, **said)

    def _source(self, words: Sequence[str], *, name: str) -> Work:
        if len(words) != 1 or not _is_workflow(words[0]):
            if self.follow:
                raise usage("--follow reads a workflow file again, and this is a command")
            if len(words) == 1 and is_dir(absolute(expanded(words[0]))):
                raise usage(
                    f"{safe_line(words[0])!r} is a folder",
                    hint="name a workflow file, or a command behind --",
                )
            return Work(text=document_of_command(words, name=name), source=name, cwd=str(working_directory()))
        piped = _piped(words[0])
        if piped is not None:
            if self.follow:
                raise usage("--follow needs a file that stays", hint="leave out --follow, or name a file")
            return Work(text=piped.text, source=piped.name, cwd=str(working_directory()))
        path = absolute(expanded(words[0]))
        if self.follow:
            return Work(path=str(path), source=str(path), cwd=str(path.parent))
        return Work(text=read_whole_text(path), source=str(path), cwd=str(path.parent))


def schedule_of(name: str, words: Sequence[str], *, when: When, what: What) -> Schedule:
    """Return a new schedule; raise `Invalid` and what reading its file raises.

    What its workflow suggests holds where the command line says nothing; a file alone names it, too.
    """
    if when.clear:
        raise usage("--clear is for schedules that stand", hint="leave it out, or taskdeck schedule edit")
    if not name:
        raise usage("the name of the schedule is empty", hint="taskdeck schedule add NAME FILE")
    is_alone = not words and _is_workflow(name)
    if what.workflow is not None:
        work = what.work(words, name=name, before=Work())
        return Schedule(name=name, timing=when.timing(None), policy=when.policy(FirePolicy()), work=work)
    if not (words or is_alone):
        raise usage("name a workflow file, or a command behind --", hint="taskdeck schedule add --help")
    found = _suggested([name] if is_alone else words)
    if is_alone and found is None:
        raise usage("name the schedule: its workflow suggests none", hint="taskdeck schedule add NAME FILE")
    if found is None:
        work = what.work(words, name=name, before=Work())
        return Schedule(name=name, timing=when.timing(None), policy=when.policy(FirePolicy()), work=work)
    if is_alone:
        name, words = found.name, [name]
    follow = what.follow or (found.follows and words[0] != "-")
    return Schedule(
        name=name,
        timing=when.timing(found.timing),
        policy=when.policy(found.policy),
        work=replace(what, follow=follow).work(words, name=name, before=found.work),
    )


def _suggested(words: Sequence[str]) -> SuggestedSchedule | None:
    """Return what a workflow suggests; None for a command, and for a document that is refused when added."""
    if len(words) != 1 or not _is_workflow(words[0]):
        return None
    piped = _piped(words[0])
    text = read_whole_text(absolute(expanded(words[0]))) if piped is None else piped.text
    loaded = load(text, source=words[0])
    document = typed(loaded.value, loaded.positions) if isinstance(loaded.value, dict) else None
    if not isinstance(document, Document):
        return None
    return suggested(document, zone=machine_zone(), now=present_ms()) if document.schedule else None


def edited(before: Schedule, words: Sequence[str], *, when: When, what: What) -> Schedule:
    """Return a schedule with what a command line says of it in its place."""
    work = what.work(words, name=before.name, before=before.work)
    return replace(before, timing=when.timing(before.timing), policy=when.policy(before.policy), work=work)


@cache
def _piped(name: str) -> DocumentText | None:
    """Read a pipe once: for what the workflow suggests, and for what is submitted."""
    return piped_workflow(name)


def _is_workflow(word: str) -> bool:
    return word == "-" or Path(word).suffix.lower() in _WORKFLOWS
