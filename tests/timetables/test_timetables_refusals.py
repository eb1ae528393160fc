"""What is not a timing is refused by field and value."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.model.errors import Invalid
from core.model.text import safe_line
from core.model.timing.schedules import Timing
from core.timetables.timetable import timetable_of
from tests.support.tables import each

EVERY = {"every_ms": 60_000}


@each(
    ("timing", "code", "field", "words"),
    [
        ({"cron": "0 25 * * *"}, "schedule.cron", "hour", ["hour field `25`", "not from 0 to 23"]),
        ({"cron": "60 1 * * *"}, "schedule.cron", "minute", ["`60` is not from 0 to 59"]),
        ({"cron": "61 0 1 * * *"}, "schedule.cron", "second", ["`61` is not from 0 to 59"]),
        ({"cron": "0 0 0 * *"}, "schedule.cron", "day-of-month", ["`0` is not from 1 to 31"]),
        ({"cron": "0 0 1 13 *"}, "schedule.cron", "month", ["`13` is not from 1 to 12"]),
        ({"cron": "0 0 1 jam *"}, "schedule.cron", "month", ["`jam` is not known", "did you mean `jan`?"]),
        ({"cron": "0 0 * * mom"}, "schedule.cron", "day-of-week", ["`mom`", "did you mean `mon`?"]),
        ({"cron": "0 0 * * 8"}, "schedule.cron", "day-of-week", ["`8` is not from 0 to 7"]),
        ({"cron": "0 0 * * 1#6"}, "schedule.cron", "day-of-week", ["`1#6`", "cannot be read"]),
        ({"cron": "0 22-5 * * *"}, "schedule.cron", "hour", ["ends before it begins", "write 22-23,0-5"]),
        ({"cron": "0 0 * * fri-sun"}, "schedule.cron", "day-of-week", ["write fri-sat,sun"]),
        ({"cron": "0 0 * * 5-0"}, "schedule.cron", "day-of-week", ["write 5-7"]),
        ({"cron": "*/0 * * * *"}, "schedule.cron", "minute", ["the step `0`", "*/5"]),
        ({"cron": "*/x * * * *"}, "schedule.cron", "minute", ["the step `x`"]),
        ({"cron": "1,,2 * * * *"}, "schedule.cron", "minute", ["a value is missing"]),
        ({"cron": "0 0 ? * *"}, "schedule.cron", "day-of-month", ["write * for every value"]),
        ({"cron": "0 0 15W * *"}, "schedule.cron", "day-of-month", ["`15w` is not known"]),
        ({"cron": "* * * *"}, "schedule.cron", "cron", ["4 fields", "five fields"]),
        ({"cron": ""}, "schedule.cron", "cron", ["0 fields"]),
        ({"cron": "0 0 1 1 * 2026 *"}, "schedule.cron", "cron", ["7 fields"]),
        ({"cron": "@dayly"}, "schedule.cron", "cron", ["did you mean `@daily`?"]),
        ({"cron": "@reboot"}, "schedule.cron", "cron", ["`@reboot` is not a time", "systemd unit"]),
        ({"cron": "0 0 30 2 *"}, "schedule.never", "day-of-month", ["never fires"]),
        ({"calendar": "2nd mondy"}, "schedule.calendar", "calendar", ["`mondy`", "did you mean `monday`?"]),
        ({"calendar": "lst friday"}, "schedule.calendar", "calendar", ["did you mean `last`?"]),
        ({"calendar": "day 32"}, "schedule.calendar", "calendar", ["no month has a day `32`"]),
        (
            {"calendar": "last day at 24:00"},
            "schedule.calendar",
            "calendar",
            ["`24:00` is not a time of day"],
        ),
        (
            {"calendar": "last at"},
            "schedule.calendar",
            "calendar",
            ["does not name days", "write it as one of"],
        ),
        ({"calendar": ""}, "schedule.calendar", "calendar", ["does not name days"]),
        ({**EVERY, "zone": "Europe/Berln"}, "zone.unknown", None, ["did you mean `Europe/Berlin`?"]),
        (
            {**EVERY, "exclude": ("24.12.2026",)},
            "schedule.exclude",
            "exclude",
            ["did you mean `2026-12-24`?"],
        ),
        ({**EVERY, "exclude": ("2026-2-3",)}, "schedule.exclude", "exclude", ["did you mean `2026-02-03`?"]),
        ({**EVERY, "exclude": ("20261224",)}, "schedule.exclude", "exclude", ["did you mean `2026-12-24`?"]),
        (
            {**EVERY, "exclude": ("2026-13-01",)},
            "schedule.exclude",
            "exclude",
            ["`2026-13-01` is not a date"],
        ),
        ({**EVERY, "starts": 10**12, "ends": 10**12}, "schedule.never", "ends", ["it ends before it starts"]),
        ({"at": 5, "exclude": ("1970-01-01",)}, "schedule.never", "timing", ["starts, ends and exclude"]),
        ({"at": -1}, "schedule.never", "timing", ["never fires"]),
    ],
)
def test_a_timing_is_refused_by_what_is_wrong(timing, code, field, words):
    with pytest.raises(Invalid) as refusal:
        timetable_of(Timing(**timing))
    assert refusal.value.code == code
    assert refusal.value.facts.get("field") == field
    text = f"{refusal.value.message} {refusal.value.hint}"
    assert [word for word in words if word not in text] == []
    assert refusal.value.hint


CRON = st.text("0123456789*/,-#?LWAMONFRIDAYJ@ \t\x1b²", max_size=30)
FIELD = st.sampled_from(
    ["*", "*/7", "1-5", "5-1", "L", "LW", "mon#2", "1#9", "5L", "sun", "jan", "0,30", "99", "/", "*/L", "L/2"]
)
WORD = st.sampled_from(
    [
        "every",
        "last",
        "day",
        "2nd",
        "monday",
        "at",
        "9:00",
        "15",
        "working",
        "weekday",
        "the",
        "9:99",
        "²",
        "",
    ]
)


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(
        CRON.map(lambda cron: {"cron": cron}),
        st.lists(FIELD, min_size=4, max_size=7).map(lambda fields: {"cron": " ".join(fields)}),
        st.lists(WORD, max_size=6).map(lambda words: {"calendar": " ".join(words)}),
        st.text(max_size=30).map(lambda text: {"calendar": text}),
        st.text(max_size=12).map(lambda text: {"every_ms": 60_000, "exclude": (text,)}),
    )
)
def test_whatever_is_typed_is_a_timetable_or_a_refusal(timing):
    try:
        table = timetable_of(Timing(**timing))
    except Invalid as error:
        refusal = error
    else:
        assert table.next_after(0) is not None
        return
    assert refusal.code in ("schedule.cron", "schedule.calendar", "schedule.exclude", "schedule.never")
    assert refusal.message == safe_line(refusal.message)
    assert refusal.hint
