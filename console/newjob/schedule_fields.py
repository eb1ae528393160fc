"""Fields of the form of a schedule, and what they say.

Used by the dialog that adds and edits schedules.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TypeVar

from console.newjob.params import FormField
from core.model.errors import Invalid, TaskdeckError
from core.model.records import replace
from core.model.text import SafeText, safe_line
from core.model.timing.durations import parse_duration, write_duration
from core.model.timing.schedules import COUNTED_MAX, CatchUp, FirePolicy, Overlap, Schedule, Timing, Work
from core.model.timing.wall_clock import EPOCH
from core.model.timing.zoned_moments import FORMS, coming_moment
from core.model.timing.zones import zone_of
from core.model.values import JsonObject, to_iso

T = TypeVar("T")
NAME, KIND, RULE, ZONE, WORK, FOLLOWS, PARAMS = "name", "kind", "rule", "zone", "work", "follows", "params"
OVERLAP, CATCH_UP, WINDOW, MOST, EXPECT = "overlap", "catch_up", "window", "most", "expect"
JITTER, STARTS, ENDS, EXCLUDE = "jitter", "starts", "ends", "exclude"
KINDS = ("cron", "every", "calendar", "at")
AS_NOW, EACH_FIRE = "as it is now", "read again at each fire"
_FORMS = {
    "cron": "0 3 * * *, */15 8-18 * * mon-fri, @daily; seconds may come first",
    "every": "90m, 6h, 1d: each time so much has passed",
    "calendar": "last working day at 18:00, 2nd monday at 06:30",
    "at": FORMS,
}
RULE_FORMS = "cron: 0 3 * * *   every: 6h   calendar: last working day at 18:00   at: 18:30"
_FACTS = {"timing": RULE, "every": RULE, "cron": RULE, "calendar": RULE, "max": MOST}
"""The field of a fault whose facts name another."""
_FIELDS = (NAME, RULE, ZONE, WORK, FOLLOWS, WINDOW, MOST, EXPECT, JITTER, STARTS, ENDS, EXCLUDE)
_CODES = {
    "zone.unknown": ZONE,
    "schedule.exclude": EXCLUDE,
    "schedule.taken": NAME,
    "params.invalid": PARAMS,
    "document.not_found": WORK,
    "document.unreadable": WORK,
    "document.no_file": WORK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSchedule:
    """What a form says, as far as it can be read; `faults` has a sentence for each field that is wrong."""

    timing: Timing | None
    policy: FirePolicy
    params: JsonObject
    faults: Mapping[str, SafeText] = field(default_factory=dict)


def fields_of(before: Schedule | None, *, zone: str) -> tuple[FormField, ...]:
    """Return the fields, filled in with a schedule that stands; `zone` is that of a new one."""
    timing = Timing(cron="@daily", zone=zone) if before is None else before.timing
    policy = FirePolicy() if before is None else before.policy
    work = Work() if before is None else before.work
    kind, rule = _rule_of(timing)
    moments = f"such as {FORMS}"
    of_work = "a workflow (a .yaml or .json file), or a command line"
    fields = (
        _text(NAME, "name", "how lists call it") if before is None else None,
        _choice(KIND, "fires by", KINDS, kind),
        _text(RULE, "rule", RULE_FORMS, "" if before is None else rule),
        _text(ZONE, "time zone of these times", "such as Europe/Berlin, UTC", timing.zone),
        _text(WORK, "submits", of_work if before is None else f"{of_work}; empty: as it is ({work.source})"),
        _choice(
            FOLLOWS, "a workflow file is submitted", (AS_NOW, EACH_FIRE), EACH_FIRE if work.path else AS_NOW
        ),
        _text(
            PARAMS,
            "parameters  (optional)",
            "NAME=VALUE, more behind a space; '${{ fire.at }}' is the time",
            _params_text(work.params),
        ),
        _choice(OVERLAP, "while an earlier job has not ended, a fire is", tuple(Overlap), policy.overlap),
        _choice(CATCH_UP, "of times without an engine fires", tuple(CatchUp), policy.catch_up),
        _text(WINDOW, "missed when later than", "such as 24h", write_duration(policy.window_ms)),
        _text(MOST, "caught up on at most", f"a number up to {COUNTED_MAX:,}", str(policy.most)),
        _text(
            EXPECT,
            "a success is expected every  (optional)",
            "such as 25h",
            _optional(policy.expect_ms),
        ),
        _text(JITTER, "put off by up to  (optional)", "such as 5m", _optional(policy.jitter_ms or None)),
        _text(STARTS, "no fire before  (optional)", moments, moment_words(timing.starts, timing.zone)),
        _text(
            ENDS,
            "no fire from then on  (optional)",
            f"such as {FORMS}",
            moment_words(timing.ends, timing.zone),
        ),
        _text(EXCLUDE, "no fire on these days  (optional)", "such as 2026-12-25", " ".join(timing.exclude)),
    )
    return tuple(one for one in fields if one is not None)


def field_of_fault(error: TaskdeckError) -> str:
    """Return the field of a form that a refusal is about; '' = none of them."""
    named = error.facts.get("field")
    if isinstance(named, str) and error.code != "params.invalid":
        known = _FACTS.get(named, named)
        if known in _FIELDS:
            return known
    if error.code.startswith("schedule.") and error.code not in _CODES:
        return RULE
    return _CODES.get(error.code, "")


class ScheduleReader:
    """Reads the texts of a form; a text that was not changed stands for the value that was there."""

    def __init__(self, before: Schedule | None, fields: tuple[FormField, ...], *, now: int) -> None:
        self._before = before
        self._initial = {one.name: one.text for one in fields}
        self._now = now

    def read(self, texts: Mapping[str, str]) -> ReadSchedule:
        """Return what the texts say, with a fault for each field that is wrong."""
        faults: dict[str, SafeText] = {}
        timing = self._timing(texts, faults)
        policy = self._policy(texts, faults)
        params = _taken(faults, PARAMS, lambda: self._params(texts[PARAMS]))
        if self._before is None and not texts[NAME].strip():
            faults[NAME] = SafeText("required: a name")
        if self._before is None and not texts[WORK].strip():
            faults[WORK] = SafeText("required: a workflow file, or a command")
        if self._before is not None and not texts[WORK].strip() and self._is_changed(FOLLOWS, texts):
            faults[FOLLOWS] = SafeText("name the file above, too: it is read from there")
        return ReadSchedule(timing=timing, policy=policy, params=params or {}, faults=faults)

    def _timing(self, texts: Mapping[str, str], faults: dict[str, SafeText]) -> Timing | None:
        zone, before = texts[ZONE].strip(), None if self._before is None else self._before.timing
        if _taken(faults, ZONE, lambda: zone_of(zone or " ")) is None:
            return None
        starts = _taken(faults, STARTS, lambda: self._moment(STARTS, texts, zone))
        ends = _taken(faults, ENDS, lambda: self._moment(ENDS, texts, zone))
        rule = _taken(faults, RULE, lambda: self._rule(texts, zone, starts or self._now))
        if rule is None or {STARTS, ENDS} & set(faults):
            return None
        is_kept = before is not None and not self._is_changed(EXCLUDE, texts)
        excluded = before.exclude if is_kept and before is not None else _words(texts[EXCLUDE])
        return _taken(
            faults, EXCLUDE, lambda: replace(rule, zone=zone, starts=starts, ends=ends, exclude=excluded)
        )

    def _rule(self, texts: Mapping[str, str], zone: str, begun: int) -> Timing:
        typed = texts[RULE].strip()
        if self._before is not None and not (self._is_changed(RULE, texts) or self._is_changed(KIND, texts)):
            return self._before.timing
        if not typed:
            raise Invalid(
                "schedule.timing", f"required, such as {_FORMS[texts[KIND]]}", facts={"field": RULE}
            )
        match texts[KIND]:
            case "cron":
                return Timing(cron=typed)
            case "every":
                return Timing(every_ms=parse_duration(typed), anchor=begun)
            case "calendar":
                return Timing(calendar=typed)
            case _:
                return Timing(at=coming_moment(typed, zone, now=self._now))

    def _moment(self, name: str, texts: Mapping[str, str], zone: str) -> int | None:
        if self._before is not None and not self._is_changed(name, texts):
            return self._before.timing.starts if name == STARTS else self._before.timing.ends
        typed = texts[name].strip()
        return coming_moment(typed, zone, now=self._now) if typed else None

    def _policy(self, texts: Mapping[str, str], faults: dict[str, SafeText]) -> FirePolicy:
        before = FirePolicy() if self._before is None else self._before.policy

        def length(name: str, *, empty: int | None) -> Callable[[], int | None]:
            return lambda: parse_duration(texts[name]) if texts[name].strip() else empty

        said: dict[str, object] = {"overlap": Overlap(texts[OVERLAP]), "catch_up": CatchUp(texts[CATCH_UP])}
        for name, attribute, empty in (
            (WINDOW, "window_ms", FirePolicy().window_ms),
            (EXPECT, "expect_ms", None),
            (JITTER, "jitter_ms", 0),
        ):
            found = _taken(faults, name, length(name, empty=empty))
            if name not in faults:
                said[attribute] = found
                _taken(faults, name, partial(replace, before, **{attribute: found}))
        most = _taken(faults, MOST, lambda: _number(texts[MOST]))
        if most is not None and _taken(faults, MOST, lambda: replace(before, most=most)) is not None:
            said["most"] = most
        return before if faults else replace(before, **said)

    def _params(self, typed: str) -> JsonObject:
        before: JsonObject = {} if self._before is None else self._before.work.params
        if typed == self._initial[PARAMS]:
            return before
        params: JsonObject = {}
        for pair in _split(typed):
            name, equals, value = pair.partition("=")
            if not equals or not name:
                raise Invalid(
                    "params.invalid",
                    f"`{safe_line(pair[:40])}` is not NAME=VALUE",
                    facts={"param": safe_line(pair[:40])},
                )
            if name in params:
                raise Invalid(
                    "params.invalid",
                    f"`{safe_line(name[:40])}` is given twice",
                    facts={"param": safe_line(name[:40])},
                )
            # A number of a configuration stays one as long as it reads the same.
            same = name in before and _param_text(before[name]) == value
            params[name] = before[name] if same else value
        return params

    def _is_changed(self, name: str, texts: Mapping[str, str]) -> bool:
        return texts[name] != self._initial[name]


def command_words(typed: str) -> list[str]:
    """Return the words of a command line; raise `Invalid` (`params.invalid`) for a quote without an end."""
    return _split(typed)


def moment_words(at: int | None, zone: str) -> str:
    """Write a moment with the offset of its zone, so that it is read as the same moment again."""
    if at is None:
        return ""
    try:
        return (EPOCH + timedelta(milliseconds=at)).astimezone(zone_of(zone)).isoformat()
    except Invalid:
        return to_iso(at)


def _rule_of(timing: Timing) -> tuple[str, str]:
    if timing.cron is not None:
        return "cron", timing.cron
    if timing.every_ms is not None:
        return "every", write_duration(timing.every_ms)
    if timing.calendar is not None:
        return "calendar", timing.calendar
    return "at", moment_words(timing.at, timing.zone)


def _taken(faults: dict[str, SafeText], name: str, read: Callable[[], T]) -> T | None:
    """Return what is read; a refusal becomes the fault of a field, and None is returned."""
    try:
        return read()
    except Invalid as error:
        faults.setdefault(field_of_fault(error) or name, safe_line(error.message))
        return None


def _split(typed: str) -> list[str]:
    try:
        return shlex.split(typed)
    except ValueError as error:
        raise Invalid("params.invalid", "a quote has no end") from error


def _number(typed: str) -> int:
    if not typed.strip().isascii() or not typed.strip().isdigit() or len(typed) > 9:
        raise Invalid("schedule.timing", f"write a number from 1 to {COUNTED_MAX:,}", facts={"field": "max"})
    return int(typed)


def _words(typed: str) -> tuple[str, ...]:
    return tuple(typed.replace(",", " ").split())


def _params_text(params: JsonObject) -> str:
    return " ".join(shlex.quote(f"{name}={_param_text(value)}") for name, value in params.items())


def _param_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _optional(ms: int | None) -> str:
    return "" if ms is None else write_duration(ms)


def _text(name: str, label: str, note: str, text: str = "") -> FormField:
    # As the input shows it: what was not typed again is then known to be as it was.
    return FormField(name=name, label=SafeText(label), note=safe_line(note), text=safe_line(text))


def _choice(name: str, label: str, options: tuple[str, ...], chosen: str) -> FormField:
    texts = tuple(str(one) for one in options)
    return FormField(name=name, label=SafeText(label), note=SafeText(""), text=str(chosen), options=texts)
