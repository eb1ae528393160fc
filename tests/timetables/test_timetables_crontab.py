"""Crontabs as they are found, line by line."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from core.model.text import safe_line
from core.timetables.crontab import CrontabEntry, CrontabRefusal, read_crontab
from core.timetables.crontab_names import NAME_MAX
from core.timetables.timetable import timetable_of
from tests.support.tables import each

START = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)
EXPECTED = {
    "a home server that backs up and tidies": ["6 run-backup", "7 find", "8 docker-system"],
    "a system crontab of a distribution, for root": [
        "3 cron.hourly",
        "4 cron.daily",
        "5 cron.weekly",
        "6 cron.monthly",
    ],
    "the same taken for the crontab of a user": ["1 ! crontab.user"],
    "a web application in PHP": ["1 artisan-schedule-run", "2 artisan-queue-restart"],
    "certificates": ["1 certbot", "2 ! crontab.user"],
    "dumps with per cent signs": ["1 pg_dump", "2 mysqldump"],
    "mail by standard input": ["1 mail", "2 cat"],
    "a robot that starts with its board": ["1 ! schedule.cron", "2 ! schedule.cron", "3 calibrate"],
    "a market in another zone": ["2 daily", "3 screener"],
    "a zone that does not exist": ["2 ! zone.unknown"],
    "an old mail server": ["2 dump", "3 dumpall", "4 rotate"],
    "monitoring by day and night": ["2 watch-link", "3 watch-link-2", "4 ! crontab.user"],
    "names of months and days": ["1 fiscal-report", "2 quarterly", "3 standup"],
    "a continuous integration server": ["1 ! schedule.cron", "2 ! schedule.cron", "3 poll"],
    "broken lines": [
        "1 ! schedule.cron",
        "2 ! crontab.line",
        "3 ! crontab.line",
        "4 ! schedule.cron",
        "5 ! schedule.cron",
    ],
    "comments and blank lines only": [],
    "spaces everywhere": ["1 tar"],
    "locks and timeouts": ["1 rsync", "2 fetch_feeds"],
    "variables in quotes": ["4 echo"],
    "one variable after the other": ["2 run", "4 run-2", "5 run-3"],
    "a node application": ["1 sync-orders", "2 yearly"],
    "django": ["1 manage-clearsessions", "2 manage-invoice"],
    "unusual names of times": ["1 collect", "2 rotate", "3 renew", "4 ! schedule.cron", "5 ! schedule.cron"],
    "restic on another system": ["1 restic-backup", "2 restic-check", "3 ! crontab.user"],
    "a user that the system does not name": ["1 ! crontab.command", "2 deploy"],
    "nothing after the times": ["1 ! crontab.command"],
    "days of month or week": ["1 friday-the-13th", "2 odd-mondays", "3 ls"],
    "without logging, as some distributions have it": ["1 collect"],
    "a loader of public notices, with its folder in a variable": ["6 load-nightly", "7 load-grants"],
    "meters of two proxies, taken for the crontab of a user": ["1 ! crontab.user", "2 ! crontab.user"],
    "a shop with a queue": ["1 shop-jobs-run", "2 jobs", "3 ! crontab.user"],
    "a clock that speaks, and what its author says of it": ["1 play", "3 ! schedule.cron"],
    "a cleaner that forgot a field": ["1 sync", "2 ! schedule.cron", "3 truncate", "4 journalctl"],
    "a map of the weather with lights": ["1 refresh", "2 lights-off"],
    "numbers of a site, mail at the end": [
        "1 manage-counts",
        "2 manage-updates",
        "3 manage-review",
        "4 sync-catalogue",
    ],
    "the first of some weekday": ["1 update", "2 incremental"],
    "lists, ranges and steps": ["1 every-other", "2 office", "3 weekend", "4 quarter", "5 new-year"],
    "six fields, as other schedulers have them": ["1 ! crontab.line", "2 ! crontab.line", "3 ! crontab.line"],
    "delays at random": ["2 spread", "3 ! crontab.delay", "4 at-once"],
    "question marks from another scheduler": ["1 ! schedule.cron", "2 ! schedule.cron"],
    "shells in shells": ["1 nightly", "2 deploy", "3 prune"],
    "a range that goes over midnight": ["1 ! schedule.cron", "2 ! schedule.never"],
    "written on another system": ["1 one", "2 two"],
}
"""Number and name of each line, or the code it is refused with."""


def crontabs() -> list[tuple[str, str | None, str]]:
    """Return title, user and text of each; with a user it is one of the system."""
    # As bytes: one of them has the line ends of another system.
    whole = Path(__file__).with_name("crontabs.txt").read_bytes().decode()
    found = []
    for part in whole.split("=== ")[1:]:
        title, _, text = part.partition("\n")
        name, _, user = title.partition(": ")
        found.append((name, user or None, text))
    return found


CRONTABS = crontabs()


def entries(text: str, **form: str) -> list[CrontabEntry]:
    lines = read_crontab(text, **form)
    assert all(isinstance(line, CrontabEntry) for line in lines)
    return list(lines)


def refusal(text: str, **form: str) -> CrontabRefusal:
    (line,) = read_crontab(text, **form)
    assert isinstance(line, CrontabRefusal)
    return line


@each(("title", "user", "text"), CRONTABS, ids=[title for title, _, _ in CRONTABS])
def test_each_line_of_a_crontab_is_a_schedule_or_refused_by_its_number(title, user, text):
    read = [
        f"{line.line} {line.name}" if isinstance(line, CrontabEntry) else f"{line.line} ! {line.error.code}"
        for line in read_crontab(text, user=user)
    ]
    assert read == EXPECTED[title]


def test_there_are_thirty_crontabs_and_more():
    assert len(CRONTABS) == len(EXPECTED) >= 30


@each(("title", "user", "text"), CRONTABS, ids=[title for title, _, _ in CRONTABS])
def test_the_next_ten_fires_are_those_of_another_library(title, user, text):
    for line in read_crontab(text, user=user):
        if isinstance(line, CrontabRefusal):
            continue
        cron = {"@midnight": "@daily"}.get(line.timing.cron, line.timing.cron)
        other = croniter(cron, START.replace(tzinfo=None), ret_type=datetime, implement_cron_bug=True)
        # The zone is another test's: here all clocks are in UTC.
        table = timetable_of(type(line.timing)(cron=line.timing.cron))
        at = round(START.timestamp() * 1_000)
        for _ in range(10):
            at = table.next_after(at)
            assert at == round(other.get_next().replace(tzinfo=UTC).timestamp() * 1_000), (title, line.line)


def test_a_variable_holds_for_the_lines_below_it():
    first, second = entries('A=1\n0 1 * * * one\nA=\'2 \'\n"B c" = "x y"\n0 2 * * * two\n')
    assert (first.variables, second.variables) == ({"A": "1"}, {"A": "2 ", "B c": "x y"})


def test_mailto_is_no_variable_of_the_command_but_told():
    mailed, silent = entries('MAILTO=ops@example.org\n0 1 * * * one\nMAILTO=""\n0 2 * * * two\n')
    assert (mailed.mail_to, mailed.variables) == ("ops@example.org", {})
    assert (silent.mail_to, silent.variables) == (None, {})


def test_cron_tz_is_the_zone_of_the_lines_below_it_and_tz_a_variable():
    lines = entries(
        "0 1 * * * one\nTZ=Asia/Tokyo\nCRON_TZ=Asia/Kolkata\n0 2 * * * two\n", zone="Europe/Berlin"
    )
    assert [line.timing.zone for line in lines] == ["Europe/Berlin", "Asia/Kolkata"]
    assert lines[1].variables == {"TZ": "Asia/Tokyo"}


@pytest.mark.parametrize(
    ("typed", "command", "stdin"),
    [
        ("date +\\%F", "date +%F", None),
        ("cat%", "cat", "\n"),
        ("cat%one%two", "cat", "one\ntwo\n"),
        ("mail joe%Dear Joe,%%50\\% off%", "mail joe", "Dear Joe,\n\n50% off\n"),
    ],
)
def test_a_per_cent_sign_begins_standard_input_unless_it_is_escaped(typed, command, stdin):
    (line,) = entries(f"0 1 * * * {typed}")
    assert (line.command, line.stdin) == (command, stdin)


@pytest.mark.parametrize(
    ("text", "form", "words"),
    [
        ("@reboot /srv/start", {}, ["`@reboot` is not a time"]),
        ("1 2 * * * root /srv/run", {}, ["`root` is a user", "system crontab"]),
        ("1 2 * * *\troot\t/srv/run", {}, ["`root` is a user"]),
        ("1 2 * * * anna /srv/run", {"user": "root"}, ["for the user `anna`, not `root`"]),
        ("1 2 * * * root", {"user": "root"}, ["no command"]),
        ("1 2 * * *", {"user": "root"}, ["no command"]),
        ("1 2 * * *", {}, ["no command"]),
        ("1 2 * * * %input", {}, ["no command"]),
        ("run this daily", {}, ["neither a variable nor five fields"]),
    ],
)
def test_a_line_is_refused_by_what_it_lacks(text, form, words):
    refused = refusal(f"# a comment\n{text}\n", **form)
    assert refused.line == 2
    assert [word for word in words if word not in f"{refused.error.message} {refused.error.hint}"] == []
    assert refused.error.hint


def test_names_are_short_and_no_two_are_the_same():
    command = "/srv/" + "long" * 40 + ".sh"
    lines = entries(f"0 1 * * * {command}\n" * 12 + "0 1 * * * ''\n0 1 * * * //\n")
    names = [line.name for line in lines]
    assert len(set(names)) == 14
    assert max(len(name) for name in names) == NAME_MAX
    assert names[-2:] == ["line-13", "line-14"]


LINE = st.one_of(
    st.text(max_size=40),
    st.builds(
        lambda times, rest: f"{times} {rest}",
        st.sampled_from(["* * * * *", "@daily", "1 2 3 4 5", "61 * * * *", "@reboot", "A=", "x"]),
        st.text("ab/.%\\'\" =&|;\x1b\t²", max_size=20),
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(LINE, max_size=6).map("\n".join), st.sampled_from([None, "ab"]))
def test_whatever_a_file_holds_is_read_or_refused_line_by_line(text, user):
    lines = read_crontab(text, user=user)
    numbers = [line.line for line in lines]
    assert numbers == sorted(set(numbers))
    names = [line.name for line in lines if isinstance(line, CrontabEntry)]
    assert len(set(names)) == len(names)
    assert all(name and name == safe_line(name) for name in names)
    for line in lines:
        if isinstance(line, CrontabRefusal):
            assert line.error.message == safe_line(line.error.message)


def test_a_delay_at_random_puts_the_lines_below_it_off_by_so_many_minutes():
    text = "0 1 * * * a\nRANDOM_DELAY=45\n0 2 * * * b\nRANDOM_DELAY=x\n0 3 * * * c\n"
    text += "RANDOM_DELAY=1440\n0 4 * * * d\nRANDOM_DELAY=1441\n0 5 * * * e\n"
    lines = read_crontab(text)
    found = [line for line in lines if isinstance(line, CrontabEntry)]
    assert [line.delay_ms // 60_000 for line in found] == [0, 45, 0, 24 * 60, 0]
    assert all(line.variables == {} for line in found)
    refused = [line for line in lines if isinstance(line, CrontabRefusal)]
    assert [(line.line, line.error.code) for line in refused] == [(4, "crontab.delay"), (8, "crontab.delay")]
