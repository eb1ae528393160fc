"""The reading commands: shapes, filters, limits, places in the output."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.cli_stage import HOSTILE, STORED, VISIBLE, Deck
from tests.support.waiting import until_now

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_jobs_as_json_is_one_object_a_line(stored: Deck) -> None:
    found = stored("jobs", "--json", "--where", "id:2").objects
    assert [(job["id"], job["name"], job["status"]) for job in found] == [(2, f"stored {HOSTILE}", "failed")]
    assert found[0]["tasks"] == {"succeeded": 1, "failed": 1, "skipped": 1, "cancelled": 1}
    assert ISO.fullmatch(found[0]["created_at"])
    assert ISO.fullmatch(found[0]["finished_at"])


def test_json_is_ascii(stored: Deck) -> None:
    assert stored("jobs", "--json").out.isascii()


def test_jobs_for_people_show_glyphs_and_no_controls(stored: Deck) -> None:
    out = stored("jobs", "--where", "id:2").out
    assert VISIBLE in out
    assert "\x1b" not in out
    assert out.splitlines()[0].split()[:3] == ["JOB", "NAME", "STATUS"]


def test_an_empty_list_says_so_on_standard_error(stored: Deck) -> None:
    ended = stored("jobs", "--where", "name:nothing")
    assert (ended.status, ended.out, ended.err) == (0, "", "no jobs match\n")


def test_tasks_as_json_have_their_job_and_key(stored: Deck) -> None:
    found = stored("tasks", "--json", "--where", "job:2 sort:id").objects
    assert [(task["job"], task["key"], task["status"]) for task in found] == [
        (2, "good", "succeeded"),
        (2, "bad", "failed"),
        (2, "after", "skipped"),
        (2, "late", "cancelled"),
    ]
    assert found[1]["error"]["code"] == "shell.exit"
    assert found[1]["attempts"] == found[1]["max_attempts"] == 1


def test_a_limit_is_said(stored: Deck) -> None:
    ended = stored("tasks", "--limit", "3")
    assert len(ended.out.splitlines()) == 4
    assert ended.err == "showing the first 3; all of them: --limit 0\n"


def test_a_limit_holds_for_json_too(stored: Deck) -> None:
    assert len(stored("tasks", "--json", "--limit", "3").objects) == 3


def test_show_as_json_is_one_object_with_job_stages_and_tasks(stored: Deck) -> None:
    (shown,) = stored("show", "2", "--json").objects
    assert shown["job"]["id"] == 2
    assert [(stage["name"], stage["status"]) for stage in shown["stages"]] == [
        ("first", "failed"),
        ("second", "cancelled"),
    ]
    good, bad, after, late = shown["tasks"]
    assert {"id", "key", "name", "status", "attempts", "needs", "error"} <= set(good)
    assert (good["name"], good["needs"], bad["needs"]) == (HOSTILE, [], ["good"])
    assert ISO.fullmatch(bad["queued_at"])
    assert ISO.fullmatch(bad["started_at"])
    assert ISO.fullmatch(bad["finished_at"])
    assert (bad["attempts"], bad["error"]["facts"]) == (1, {"exit": 7})
    assert (after["started_at"], late["attempts"]) == (None, 0)


def test_show_for_people_has_status_reason_stages_and_tasks(stored: Deck) -> None:
    out = stored("show", "2").out
    assert out.startswith(f"job 2 stored {VISIBLE}: failed\n")
    assert "reason    stage first failed" in out
    assert "stage 2   second: cancelled, 1 cancelled" in out
    assert re.search(r"^ *\d+ +2  bad +failed +1/1", out, re.MULTILINE)


def test_events_come_in_order_with_all_fields(stored: Deck) -> None:
    events = stored("events", "--job", "2", "--json").objects
    assert [event["id"] for event in events] == sorted(event["id"] for event in events)
    assert events[0]["kind"] == "job.created"
    assert set(events[0]) == {"id", "at", "kind", "job", "task", "key", "attempt", "actor", "data"}
    failed = next(event for event in events if event["kind"] == "task.failed")
    assert (failed["job"], failed["key"], failed["attempt"]) == (2, "bad", 1)
    assert ISO.fullmatch(failed["at"])


def test_events_of_a_task_are_its_own(stored: Deck) -> None:
    events = stored("events", "--task", "2/bad", "--json").objects
    assert {event["key"] for event in events} == {"bad"}
    assert [event["kind"] for event in events][-1] == "task.failed"


def test_events_go_beyond_one_page(stored: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = stored("events", "--json").out
    monkeypatch.setattr("core.cli.event_pages.PAGE_ROWS", 3)
    assert stored("events", "--json").out == whole


def test_lists_go_beyond_one_page(stored: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = stored("tasks", "--json").out
    monkeypatch.setattr("core.cli.paging.PAGE_ROWS", 3)
    assert stored("tasks", "--json").out == whole
    assert len(stored("tasks", "--limit", "0").out.splitlines()) == len(whole.splitlines()) + 1


def test_events_after_an_id_leave_out_what_came_before(stored: Deck) -> None:
    ids = [event["id"] for event in stored("events", "--json").objects]
    later = stored("events", "--json", "--after", str(ids[4])).objects
    assert [event["id"] for event in later] == ids[5:]


def test_following_the_events_of_an_ended_job_ends(stored: Deck) -> None:
    assert stored("events", "--job", "2", "--follow").status == 0


def test_events_of_an_unknown_job_are_refused(stored: Deck) -> None:
    ended = stored("events", "--job", "99")
    assert ended.status == 2
    assert ended.err.startswith("error[job.unknown]:")


@pytest.mark.parametrize("option", [(), ("--raw",)])
def test_logs_into_a_pipe_are_the_bytes(stored: Deck, option: tuple[str, ...]) -> None:
    assert stored("logs", "2/bad", *option).out == f"{HOSTILE}\n"


@pytest.mark.parametrize(
    ("options", "written"),
    [
        (("--tail", "3B"), "ne\n"),
        (("--tail", "1"), "line\n"),
        (("--head", "2B"), "li"),
        (("--head", "7"), "line\n"),
    ],
)
def test_parts_of_a_log_are_counted_in_lines_or_bytes(stored: Deck, options, written: str) -> None:
    assert stored("logs", "2/good", *options).out == written


def test_a_log_is_searched_with_the_lines_around(stored: Deck) -> None:
    assert stored("logs", "2/good", "--grep", "^li.e$").out == "line\n"
    assert stored("logs", "2/good", "--grep", "LINE", "-i", "-F", "-c").out == "1\n"
    missed = stored("logs", "2/good", "--grep", "li.e", "-F")
    assert (missed.status, missed.out, missed.err) == (1, "", "no line holds it\n")
    (match,) = stored("logs", "2/good", "--grep", "n", "-C", "1", "--json").objects
    assert match == {"attempt": 1, "offset": 0, "match": True, "text": "line"}
    assert stored("logs", "--grep", "^line", "--where", "job:2").out == "2/good: line\n"
    (match,) = stored("logs", "--grep", "^line", "--where", "job:2", "--json").objects
    assert (match["task"], match["key"], match["stream"], match["text"]) == (1, "good", "out", "line")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), "usage"),
        (("2/good", "--where", "job:2"), "usage"),
        (("--where", "job:2"), "usage"),
        (("--grep", "x", "--where", "job:2", "-c"), "usage"),
        (("2/good", "-i"), "usage"),
        (("2/good", "--grep", "x", "--tail", "3"), "usage"),
        (("2/good", "--head", "1", "--follow"), "usage"),
        (("2/good", "--grep", "("), "search.pattern"),
        (("2/good", "--grep", ""), "search.empty"),
        (("2/good", "--tail", "0"), "logs.part"),
        (("2/good", "--tail", "-3"), "logs.part"),
        (("2/good", "--head", "x"), "logs.part"),
        (("--grep", "x", "--where", "nosuch:1"), "filter.field"),
    ],
)
def test_options_of_logs_that_mean_nothing_are_refused(stored: Deck, options, code: str) -> None:
    ended = stored("logs", *options)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"error[{code}]:")


def test_logs_as_json_say_where_they_are(stored: Deck) -> None:
    (chunk,) = stored("logs", "2/good", "--json").objects
    assert chunk == {"attempt": 1, "offset": 0, "end": 5, "dropped": 0, "text": "line\n"}


def test_following_an_ended_task_ends(stored: Deck) -> None:
    assert stored("logs", "-f", "2/good").out == "line\n"


def test_a_task_that_never_ran_has_an_empty_log(stored: Deck) -> None:
    ended = stored("logs", "2/late")
    assert (ended.status, ended.out) == (0, "")


@pytest.mark.parametrize("ref", ["2/nothing", "99/good", "4711"])
def test_an_unknown_task_is_refused(stored: Deck, ref: str) -> None:
    ended = stored("logs", ref)
    assert ended.status == 2
    assert ended.err.startswith("error[")


def test_queues_count_their_tasks(stored: Deck) -> None:
    found = {queue["name"]: queue for queue in stored("queues", "--json").objects}
    assert found["default"]["tasks"]["failed"] == 1
    assert found["default"]["paused_at"] is None
    assert stored("queues").out.startswith("QUEUE")


def test_a_wrong_filter_shows_a_caret_below_the_word(stored: Deck) -> None:
    ended = stored("jobs", "--where", "id:2 statsu:failed")
    lines = ended.err.splitlines()
    assert ended.status == 2
    assert lines[1].index("statsu") == lines[2].index("^")
    assert "did you mean `status`" in lines[0]


def test_reading_where_there_is_no_store_is_store_trouble(home: Path, deck: Deck) -> None:
    ended = deck("jobs")
    assert ended.status == 4
    assert ended.err.startswith("error[store.missing]:")
    assert "hint: " in ended.err
    assert not home.exists()


def test_errors_with_json_are_one_object_on_standard_error(stored: Deck) -> None:
    ended = stored("show", "99", "--json")
    assert (ended.status, ended.out) == (2, "")
    error = json.loads(ended.err)["error"]
    assert error["code"] == "job.unknown"
    assert set(error) == {"code", "message", "hint", "facts"}


def test_why_says_every_reason_without_an_engine_too(home: Path, deck: Deck) -> None:
    deck("exec", "--detach", "--", "true")
    deck("wait", "--task", "1")
    deck("pause", "--queue", "default", "--reason", "server is down")
    deck("exec", "--detach", "--", "sleep", "60")
    (told,) = deck("why", "--task", "2", "--json").objects
    assert [reason["code"] for reason in told["reasons"]] == ["queue_paused"]
    deck("stop")
    ended = deck("why", "1", "--task", "2")
    lines = ended.out.splitlines()
    assert (ended.status, lines[0]) == (0, "job 1 inbox: running")
    assert lines[1] == "1 task: 1 waits for paused queue, 1 waits for an engine; 0 run"
    assert "it waits for all of these, in this order:" in lines
    assert "2. no engine is running" in lines
    assert any(line.startswith("1. queue default is paused by ") for line in lines)
    assert "   ends by  'taskdeck resume --queue default', or p in the console on the queue" in lines
    (found,) = deck("tasks", "--json", "--where", "wait:queue_paused").objects
    assert (found["wait_reason"], found["waits_for"]) == ("queue_paused", "paused queue +1")


def test_why_wants_something_that_is_there(stored: Deck) -> None:
    assert stored("why").status == 2
    assert "name a job or a task" in stored("why").err
    assert "task.unknown" in stored("why", "--task", "99999").err
    assert "job.unknown" in stored("why", "99999").err
    assert stored("why", "2/bad").out.splitlines()[1].startswith("it failed after 1 attempt: ")


def test_a_timeline_draws_the_tasks_of_a_job_and_says_them_as_json(
    stored: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = stored("timeline", "2").out.splitlines()
    assert VISIBLE in lines[0]
    assert [line.split()[1] for line in lines if line.startswith("* ")] == ["good", "bad", "took"]
    assert any(line.startswith("  slots used") for line in lines)
    assert max(map(len, lines[1:-1])) <= 80
    *tasks, job = stored("timeline", "2", "--json").objects
    assert [(task["key"], task["status"], task["critical"]) for task in tasks[:2]] == [
        ("good", "succeeded", True),
        ("bad", "failed", True),
    ]
    assert tasks[0]["segments"][-1]["attempt"] == 1
    assert (job["id"], job["searched"]) == (2, None)
    assert "job.unknown" in stored("timeline", "999").err


def test_a_grid_has_a_column_for_each_run_and_its_end_on_top(stored: Deck) -> None:
    name = STORED["name"]
    ended = stored("grid", name)
    assert "job 2 on the right" in ended.out
    assert [line.split()[-1] for line in ended.out.splitlines()[2:7]] == ["X", "+", "X", "-", "c"]
    (run,) = stored("grid", name, "--json", "--runs", "1").objects
    assert run["tasks"]["bad"] | {"took_ms": 0} == {
        "task": 2,
        "status": "failed",
        "took_ms": 0,
        "tolerated": False,
    }
    assert stored("grid", "nothing").status == 2


def test_runs_are_a_grid_of_signs_and_objects(stored: Deck) -> None:
    name = STORED["name"]
    assert isinstance(name, str)
    ended = stored("runs", name)
    assert ended.status == 0
    assert [line.split()[1] for line in ended.out.splitlines()[2:6]] == ["+", "X", "-", "c"]
    (run,) = stored("runs", name, "--json").objects
    assert {key: task["status"] for key, task in run["tasks"].items()} == {
        "good": "succeeded",
        "bad": "failed",
        "after": "skipped",
        "late": "cancelled",
    }
    assert stored("runs", "nothing").status == 2
    assert "workflow.unknown" in stored("runs", "nothing").err


def test_show_says_what_is_usual_for_what_runs(home: Path, deck: Deck, tmp_path: Path) -> None:
    for number, script in enumerate(["true"] * 3 + ["sleep 60"]):
        task = {"key": "fetch", "uses": "shell", "with": {"script": script}}
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps({"name": "nightly", "tasks": [task]}))
        assert deck("run", str(path), *(["--detach"] if script != "true" else [])).status == 0
    until_now(lambda: "running" in deck("tasks", "--where", "job:5").out, "it runs")
    assert re.search(
        r"^  runs fetch: \S+, usually \d+ms, 95% within \d+ms$", deck("show", "5").out, re.MULTILINE
    )
    (found,) = deck("tasks", "--json", "--where", "job:5").objects
    assert found["usual"]["attempts"] == 3
    assert deck("tasks", "--json", "--where", "job:2 took<1h").objects[0]["usual"] is None


def test_jobs_and_tasks_are_listed_as_of_an_earlier_time(stored: Deck) -> None:
    events = stored("events", "--job", "2", "--json").objects
    ended = next(event["at"] for event in events if event["kind"] == "job.failed")
    began = events[0]["at"]
    now = stored("jobs", "--at", ended, "--json", "--where", "id:2").objects
    assert [(job["id"], job["status"], job["as_of"]) for job in now] == [(2, "failed", ended)]
    assert now[0]["tasks"] == {"succeeded": 1, "failed": 1, "skipped": 1, "cancelled": 1}
    then = stored("tasks", "--at", began, "--json", "--where", "job:2 sort:id")
    assert [task["key"] for task in then.objects] == ["good", "bad", "after", "late"]
    assert {task["status"] for task in then.objects} <= {"queued", "running", "blocked"}
    assert ISO.fullmatch(then.objects[0]["since"])
    assert then.err.startswith(f"as of {began} (event ")
    shown = stored("jobs", "--at", ended)
    assert VISIBLE in shown.out
    assert "\x1b" not in shown.out
    assert shown.out.splitlines()[0].split()[:4] == ["JOB", "NAME", "STATUS", "TASKS"]
    assert stored("tasks", "--at", ended, "--where", "key:nothing").err.endswith("nothing matches\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--at", "2001-01-01"), "history.too_early"),
        (("--at", "2999-01-01"), "history.future"),
        (("--at", "tea time"), "moment.invalid"),
        (("--at", ""), "moment.invalid"),
        (("--at", "-1ms", "--where", "err:x"), "filter.past"),
    ],
)
def test_a_time_that_cannot_be_listed_is_refused(stored: Deck, words: tuple[str, ...], code: str) -> None:
    ended = stored("tasks", *words)
    assert (ended.status, ended.out) == (2, "")
    assert f"error[{code}]" in ended.err


def test_show_has_the_variables_of_a_job_and_their_values_in_full_alone(deck: Deck, tmp_path: Path) -> None:
    path = tmp_path / "counting.yaml"
    path.write_text(
        "name: counting\nvariables: {n: 0, text: {type: string, value: ''}}\n"
        "tasks: [{key: a, uses: shell, with: {script: 'yes é | head -c 300'},"
        ' set: {n: 5, text: "${{ output.text }}"}}]\n'
    )
    assert deck("run", str(path)).status == 0
    shown = deck("show", "2").out
    assert "variable  n     5  (by a, " in shown
    assert '..."' not in shown
    assert "...  (by a, " in shown
    (whole,) = deck("show", "2", "--json").objects
    assert [one["value"] for one in whole["variables"]] == [5, ("é\n" * 100).rstrip()]
    number, text = deck("show", "2", "--variables", "--json").objects
    assert (number["name"], number["key"], text["type"]) == ("n", "a", "string")
    assert len(deck("show", "2", "--variables").out.splitlines()[1]) > 300
    assert deck("show", "1", "--variables").err == "job 1 has no variables\n"
