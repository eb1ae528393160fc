"""schedules, schedule: listed, added, changed and fired by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.cli import import_crontab
from core.timetables.crontab import CrontabEntry, read_crontab
from tests.cli.cli_stage import Deck

Write = Callable[[str, object], str]
FLOW = {"name": "flow", "tasks": [{"key": "a", "uses": "delay", "with": {"seconds": 0}}]}


def test_a_schedule_is_added_shown_changed_and_removed(home: Path, deck: Deck, write: Write) -> None:
    flow = write("flow.json", FLOW)
    added = deck("schedule", "add", "nightly", "--cron", "0 3 1 1 *", "--zone", "Europe/Berlin", flow)
    assert added.status == 0
    assert added.out.startswith("nightly: 0 3 1 1 * Europe/Berlin, on, next 20")
    assert "no engine is running: it fires while an engine runs; `taskdeck serve --install`" in added.err
    (listed,) = deck("schedules", "--json").objects
    assert (listed["name"], listed["workflow"], listed["follows"]) == ("nightly", flow, False)
    assert len(listed["next"]) == 5
    assert "surroundings" not in json.dumps(listed)
    again = deck("schedule", "add", "nightly", "--every", "1h", flow)
    assert (again.status, "error[schedule.taken]" in again.err) == (2, True)
    changed = deck("schedule", "edit", "nightly", "--every", "90m", "--overlap", "queue")
    assert changed.out.startswith("nightly: every 1h30m, on, next ")
    assert deck("schedules", "--json").objects[0]["overlap"] == "queue"
    assert deck("schedule", "edit", "nightly", "--every", "2h", "-p", "x=1").status != 0
    bounds = ("--starts", "+1h", "--ends", "+90d", "--exclude", "2030-01-01", "--jitter", "1m")
    rare = deck("schedule", "edit", "nightly", *bounds, "--expect", "1h")
    assert "it counts as silent between its times: " in rare.err
    fine = deck("schedule", "edit", "nightly", "--expect", "25h")
    assert (fine.status, "silent" in fine.err) == (0, False)
    told = deck("schedules", "nightly").out
    assert "a success every 1d1h, none since" in told
    assert "not on 2030-01-01" in told
    clears = [
        word for what in ("starts", "ends", "exclude", "jitter", "expect") for word in ("--clear", what)
    ]
    assert deck("schedule", "edit", "nightly", *clears).status == 0
    (bare,) = deck("schedules", "--json").objects
    assert [bare[name] for name in ("starts", "ends", "exclude", "jitter_ms", "expect_ms")] == [
        None,
        None,
        [],
        0,
        None,
    ]
    assert (
        "--clear is for" in deck("schedule", "add", "x", "--clear", "ends", "--every", "1h", "--", "true").err
    )
    other = write("other.json", {**FLOW, "params": {"x": {"type": "integer", "default": 0}}})
    assert deck("schedule", "edit", "nightly", other, "-p", "x=1", "--env", "Y=2").status == 0
    assert deck("schedule", "edit", "nightly", other).out.startswith("nothing changed: nightly")
    assert deck("schedules", "--json").objects[0]["params"] == {"x": "1"}
    alone = deck("schedule", "edit", "nightly", "--follow")
    assert "name the file" in alone.err
    flow = other
    same = deck("schedule", "edit", "nightly", "--overlap", "queue")
    assert same.out.startswith("nothing changed: nightly")
    paused = deck("schedule", "pause", "nightly", "--reason", "holidays")
    assert "paused by" in paused.out
    assert ": holidays" in paused.out
    assert deck("schedule", "resume", "nightly").status == 0
    skipped = deck("schedule", "skip", "nightly")
    assert skipped.status == 0
    shown = deck("schedules", "nightly").out
    assert "skipped: an operator skipped it" in shown
    assert f"submits     {flow}" in shown
    assert deck("schedule", "remove", "nightly").out == "nightly: removed\n"
    assert "no schedules yet" in deck("schedules").err
    unknown = deck("schedule", "remove", "nightly")
    assert "error[schedule.unknown]" in unknown.err


def test_a_command_is_a_job_of_one_task_and_fired_by_hand(home: Path, deck: Deck, tmp_path: Path) -> None:
    told = tmp_path / "told"
    command = ("sh", "-c", 'printf %s "$0" >>told', "here")
    added = deck("schedule", "add", "tell", "--every", "1d", "--env", "X=1", "--", *command)
    assert added.status == 0
    fired = deck("schedule", "trigger", "tell", "--json").objects[0]
    assert (fired["status"], fired["job"]) == ("submitted", 2)
    assert deck("schedule", "trigger", "tell").out.startswith("skipped: a job of an earlier fire")
    assert deck("wait", "2").status == 0
    assert (Path.cwd() / "told").read_text() == "here"
    (Path.cwd() / "told").unlink()
    assert not told.exists()
    (job,) = deck("jobs", "--json").objects[:1]
    assert (job["name"], job["status"]) == ("tell", "succeeded")
    # The engine that `wait` started ends by itself.
    edited = deck("schedule", "edit", "tell", "--every", "2d")
    assert "the engine that runs ends at log-out or with the machine" in edited.err
    assert "`taskdeck serve --install` keeps one" in edited.err


def test_times_that_passed_are_filled_in(home: Path, deck: Deck, write: Write) -> None:
    deck("schedule", "add", "hourly", "--cron", "0 * * * *", "--zone", "UTC", write("flow.json", FLOW))
    asked = deck("schedule", "backfill", "hourly", "--since", "3h", "--dry-run")
    assert asked.out.splitlines()[0] == "would fire for 3 times"
    assert deck("schedule", "backfill", "hourly", "--since", "3h").out == "fires for 3 times\n"
    again = deck("schedule", "backfill", "hourly", "--since", "3h", "--json").objects[0]
    assert (again["times"], again["left_out"]) == ([], 3)
    fires = deck("schedules", "hourly", "--json").objects[0]["fires"]
    assert [fire["status"] for fire in fires] == ["waiting", "waiting", "submitted"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--cron", "61 * * * *", "--", "true"), "error[schedule.cron]"),
        (("--calendar", "last workday", "--", "true"), "error[schedule.calendar]"),
        (("--cron", "@daily", "--every", "1h", "--", "true"), "error[schedule.timing]"),
        (("--", "true"), "error[schedule.timing]"),
        (("--every", "1h"), "name a workflow file, or a command"),
        (("--every", "1h", "--zone", "Europe/Berln", "--", "true"), "Europe/Berlin"),
        (("--at", "2020-01-01T00:00", "--", "true"), "error[schedule.never]"),
        (("--every", "1h", "--follow", "--", "true"), "--follow reads a workflow file"),
        (("--every", "1h", "missing.yaml"), "error[document.not_found]"),
        (("--every", "1h", "/"), "'/' is a folder"),
        (("--every", "1h", "--overlap", "twice", "--", "true"), "skip"),
        (("--at", "soon", "--", "true"), "error[moment.invalid]"),
        (("--every", "10ms", "--", "true"), "`every` must be from 1s to "),
    ],
)
def test_what_cannot_be_scheduled_is_refused(
    home: Path, deck: Deck, words: tuple[str, ...], told: str
) -> None:
    refused = deck("schedule", "add", "nightly", *words)
    assert refused.status != 0
    assert told in refused.err
    assert "Traceback" not in refused.err


def test_each_line_of_a_crontab_becomes_a_schedule_or_is_refused_by_its_number(
    home: Path, deck: Deck, write: Write, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    text = (
        f"GREETING=hello\nMAILTO=ops\n*/5 * * * * cat >{told}; echo $GREETING >>{told}%one%two\n@reboot up\n"
    )
    crontab = write("crontab", text)
    tried = deck("import", "crontab", crontab, "--zone", "UTC", "--dry-run")
    assert (tried.status, "1 would be added, 1 refused" in tried.err) == (1, True)
    assert "line 4 refused: " in tried.out
    assert "error[store.missing]" in deck("schedules").err
    done = deck("import", "crontab", crontab, "--zone", "UTC", "--json")
    added, refused = done.objects
    assert (added["line"], added["cron"], added["error"]) == (3, "*/5 * * * *", None)
    assert (refused["line"], "@reboot" in refused["error"]) == (4, True)
    assert "MAILTO is kept by cron alone" in done.err
    assert deck("schedule", "trigger", added["name"]).status == 0
    assert deck("wait", "2").status == 0
    assert told.read_text() == "one\ntwo\nhello\n"
    again = deck("import", "crontab", crontab, "--zone", "UTC")
    assert "there is a schedule" in again.out


def test_what_a_workflow_suggests_is_taken_over_and_the_command_line_wins(
    home: Path, deck: Deck, write: Write
) -> None:
    section = {
        "name": "nightly",
        "calendar": "last working day at 18:00",
        "zone": "Europe/Berlin",
        "jitter": "1m",
        "starts": "2030-01-01T00:00",
        "exclude": ["2030-01-31"],
        "catch_up": "all",
        "window": "2h",
        "max": 7,
        "overlap": "queue",
        "expect": "40d",
        "params": {"day": "${{ fire.at }}"},
        "env": {"X": "1"},
        "retry": 2,
        "follow": True,
    }
    flow = {**FLOW, "params": {"day": {"default": ""}}, "schedule": section}
    path = write("flow.json", flow)
    added = deck("schedule", "add", path)
    assert added.out.startswith("nightly: last working day at 18:00 Europe/Berlin, on, next 2030-02-28T17:00")
    other = deck("schedule", "add", "other", path, "--every", "1h", "--max", "9", "-p", "day=x")
    assert other.out.startswith("other: every 1h, on")
    nightly, second = deck("schedules", "--json").objects
    assert nightly["starts"] == "2029-12-31T23:00:00.000Z"
    wanted = {"jitter_ms": 60_000, "catch_up": "all", "window_ms": 7_200_000, "overlap": "queue", "max": 7}
    for name, value in {**wanted, "follows": True, "expect_ms": 40 * 86_400_000}.items():
        assert nightly[name] == value
    assert (nightly["params"], nightly["exclude"]) == ({"day": "${{ fire.at }}"}, ["2030-01-31"])
    assert (second["calendar"], second["max"], second["overlap"]) == (None, 9, "queue")
    assert second["params"] == {"day": "x"}
    none = deck("schedule", "add", write("none.json", FLOW))
    assert "name the schedule: its workflow suggests none" in none.err
    short = write("short.json", {**FLOW, "name": "short", "schedule": "@weekly"})
    assert deck("schedule", "add", short).out.startswith("short: @weekly ")
    wrong = write("wrong.json", {**FLOW, "schedule": {"cron": "61 * * * *"}})
    assert "error[schedule.cron]" in deck("check", wrong).err
    assert "61" in deck("schedule", "add", "x", wrong).err


def test_a_crontab_for_another_machine_takes_nothing_of_this_one(
    home: Path, deck: Deck, write: Write
) -> None:
    crontab = write("crontab", "0 3 * * * ana nightly.sh\n0 4 * * * root /sbin/other\n")
    host = ("--host", "ana@box", "--dry-run")
    unzoned = deck("import", "crontab", crontab, *host, "--system")
    assert "name the time zone of the crontab" in unzoned.err
    told = deck("import", "crontab", crontab, *host, "--system", "--zone", "UTC")
    assert "line 1 nightly: 0 3 * * * UTC: nightly.sh" in told.out
    assert "line 2 refused: the line is for the user `root`, not `ana`" in told.out
    unnamed = deck("import", "crontab", crontab, "--host", "box", "--dry-run", "--system", "--zone", "UTC")
    assert "name the user on the host" in unnamed.err
    named = deck("import", "crontab", crontab, "--dry-run", "--system", "--zone", "UTC", "--user", "root")
    assert "line 2 other" in named.out
    assert "--user is for system crontabs" in deck("import", "crontab", crontab, "--user", "ana").err
    (entry,) = read_crontab("0 3 * * * nightly.sh%x\n")
    assert isinstance(entry, CrontabEntry)
    work = import_crontab._schedule_elsewhere(entry).work
    assert work.cwd is None
    assert "cd || exit\\nprintf %s" in str(work.text)
    assert import_crontab._schedule(entry).work.cwd == str(Path.home())
