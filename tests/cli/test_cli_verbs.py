"""cancel, retry, pause, resume, hold, unhold without an engine: applied, counted, refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.model.actors import Door
from tests.cli.cli_stage import Deck
from tests.support.actors import by
from tests.support.homes import Home

FLOW = """
name: flow
on_task_failure: finish
tasks:
  - {key: a, uses: shell, with: {argv: ['false']}}
  - {key: b, needs: [a], uses: delay, with: {seconds: 0}}
"""


@pytest.fixture(scope="module")
def failed_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory without an engine: what is retried there stays queued. Nobody changes it."""
    home = Home(tmp_path_factory.mktemp("failed") / "home")
    flow = home.path.parent / "flow.yaml"
    flow.write_text(FLOW)
    assert home.run("run", str(flow)).returncode == 1
    assert home.run("exec", "--", "false").returncode == 1
    assert home.run("stop").returncode == 0
    home.end()
    return home.path


@pytest.fixture
def failed(home: Path, deck: Deck, failed_home: Path) -> Deck:
    """Return command lines on a store where task 1 of job 2 failed and task 2 was skipped; task 3 failed."""
    shutil.copytree(failed_home, home)
    return deck


def _statuses(deck: Deck) -> list[str]:
    return [task["status"] for task in deck("tasks", "--json", "--where", "job:2 sort:id").objects]


def test_a_job_is_retried_paused_resumed_and_cancelled(failed: Deck) -> None:
    assert failed("retry", "2").out == "retried 2\n"
    assert _statuses(failed) == ["queued", "blocked"]
    assert failed("pause", "2", "--reason", "wait").status == 0
    assert failed("jobs", "--json", "--where", "id:2").objects[0]["status"] == "paused"
    assert failed("resume", "2").status == 0
    ended = failed("cancel", "2", "--json", "--reason", "enough")
    assert ended.status == 0
    assert _statuses(failed) == ["cancelled", "cancelled"]
    assert failed("jobs", "--json", "--where", "id:2").objects[0]["status"] == "cancelled"


@pytest.mark.parametrize("reason", [[], ["--reason", "  "]])
def test_a_cancel_now_needs_a_reason(failed: Deck, reason: list[str]) -> None:
    failed("retry", "2")
    ended = failed("cancel", "2", "--now", *reason)
    assert ended.status == 2
    assert "--now needs a --reason" in ended.err
    assert _statuses(failed) == ["queued", "blocked"]
    assert failed("cancel", "2", "--now", "--reason", "stuck").out == "cancelled 2\n"
    assert _statuses(failed) == ["cancelled", "cancelled"]


def test_a_task_is_retried_held_and_released(failed: Deck) -> None:
    assert failed("retry", "2/a").out == "retried 1\n"
    assert _statuses(failed) == ["queued", "skipped"]
    assert failed("hold", "--task", "1").out == "held 1\n"
    assert _statuses(failed)[0] == "held"
    assert failed("unhold", "--where", "status:held").out == "released 1\n"
    assert _statuses(failed)[0] == "queued"


def test_what_is_refused_says_code_ids_and_what_to_do_next(failed: Deck) -> None:
    assert failed("hold", "--task", "1", "--json").objects[0]["refused"] == [
        {
            "id": 1,
            "reason": "it is failed; only queued, retrying and waiting tasks can be held",
            "code": "task.ended",
            "hint": "'taskdeck retry --task 1' runs it again",
            "facts": {"task": 1, "status": "failed"},
        }
    ]
    assert failed("hold", "--task", "1").err == (
        "  1: it is failed; only queued, retrying and waiting tasks can be held"
        " ('taskdeck retry --task 1' runs it again)\n"
    )


def test_downstream_takes_the_dependants_along(failed: Deck) -> None:
    failed("retry", "2/a", "--downstream")
    assert _statuses(failed) == ["queued", "blocked"]


def test_what_refuses_is_listed_and_a_verb_without_effect_ends_with_2(failed: Deck) -> None:
    (report,) = failed("cancel", "--task", "1", "--json").objects
    assert (report["changed"], [refusal["id"] for refusal in report["refused"]]) == (0, [1])
    ended = failed("cancel", "--task", "1")
    assert ended.status == 2
    assert ended.out == "cancelled 0, refused 1\n"
    assert ended.err.startswith("  1: ")


def test_a_priority_is_changed_and_a_final_task_refuses_it(failed: Deck) -> None:
    failed("retry", "2", "--json")
    assert failed("priority", "--to", "90", "--where", "job:2 status:queued").out == "prioritised 1\n"
    assert failed("tasks", "--json", "--where", "job:2 sort:id").objects[0]["priority"] == 90
    failed("cancel", "2")
    ended = failed("priority", "--to", "5", "2/a")
    assert (ended.status, ended.out) == (2, "prioritised 0, refused 1\n")
    assert failed("priority", "--to", "101", "2/a").status == 2
    assert failed("priority", "2/a").status == 2


def test_a_queue_is_paused_and_resumed(failed: Deck) -> None:
    assert failed("pause", "--queue", "default", "--reason", "no power").status == 0
    (queue,) = failed("queues", "--json").objects
    assert (queue["pause_reason"], queue["paused_by"]) == ("no power", by(door=Door.CLI))
    assert failed("resume", "--queue", "default").status == 0
    assert failed("queues", "--json").objects[0]["paused_at"] is None


def test_a_filter_that_nothing_matches_changes_nothing(failed: Deck) -> None:
    ended = failed("cancel", "--where", "status:running")
    assert (ended.status, ended.out) == (0, "cancelled 0\n")


@pytest.mark.parametrize("words", [["cancel", "99"], ["cancel", "2/zzz"], ["hold", "2"], ["cancel", "1"]])
def test_unknown_and_unfit_targets_are_refused(failed: Deck, words: list[str]) -> None:
    ended = failed(*words)
    assert ended.status == 2
    assert ended.err.startswith("error[")


def test_who_and_why_of_a_cancel_of_what_does_not_run_are_shown_everywhere(
    failed: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed("retry", "2", "--reason", "once more")
    assert failed("cancel", "2/a", "2/b", "--reason", "wrong date", "--as", "night shift").status == 0
    who = by("night shift", Door.CLI)
    tasks = failed("tasks", "--json", "--where", "job:2").objects
    assert {(task["status_by"], task["status_reason"]) for task in tasks} == {(who, "wrong date")}
    events = failed("events", "--json", "--job", "2").objects
    told = {(event["actor"], event["data"].get("reason")) for event in events if "cancelled" in event["kind"]}
    assert (who, "wrong date") in told
    assert (by(door=Door.CLI), "once more") in {(e["actor"], e["data"].get("reason")) for e in events}
    assert f"  cancelled by {who}: wrong date: a, b" in failed("show", "2").out


def test_a_verdict_says_how_many_tasks_it_ended_and_by_whom(failed: Deck) -> None:
    failed("retry", "2")
    failed("cancel", "2", "--reason", "enough")
    assert f"reason    enough, by {by(door=Door.CLI)}; tasks it ended: 2" in failed("show", "2").out
    (job,) = failed("jobs", "--json", "--where", "id:2").objects
    assert (job["verdict_by"], job["verdict_ends"]) == (by(door=Door.CLI), 2)


def test_a_paused_job_shows_who_paused_it_and_why(failed: Deck) -> None:
    failed("retry", "2")
    failed("pause", "2", "--reason", "ask Ana")
    assert f"paused    by {by(door=Door.CLI)}: ask Ana" in failed("show", "2").out


def test_a_label_comes_from_the_environment_too_and_a_bad_one_is_refused(
    failed: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASKDECK_AS", "deploy")
    failed("retry", "2")
    assert failed("cancel", "2").status == 0
    (job,) = failed("jobs", "--json", "--where", "id:2").objects
    assert job["verdict_by"] == by("deploy", Door.CLI)
    refused = failed("retry", "2", "--as", "a\nb")
    assert refused.status == 2
    assert "error[actor.label]" in refused.err


def test_a_change_without_an_engine_says_that_nothing_runs_it_and_what_does(failed: Deck, home: Path) -> None:
    for words in (("retry", "2/a"), ("hold", "2/a"), ("unhold", "2/a"), ("priority", "--to", "3", "2/a")):
        said = failed(*words).err
        assert "recorded, but no engine is running, so nothing is started: run 'taskdeck serve" in said, words
    answer = failed("pause", "2", "--json").objects[0]
    assert (answer["changed"], answer["engine_runs"]) == (1, False)
    assert "no engine" not in failed("unhold", "2/b").err, "nothing was recorded"


def test_a_retried_task_of_an_ended_job_says_how_the_job_will_end(failed: Deck) -> None:
    (answer,) = failed("retry", "2/a", "--dry-run", "--json").objects
    assert answer["jobs"] == [{"job": 2, "status_at_best": "succeeded", "reason": ""}]
    assert (answer["dry_run"], answer["changed"]) == (True, 1)
    assert _statuses(failed) == ["failed", "skipped"]
    failed("retry", "2")
    failed("cancel", "2")
    ended = failed("retry", "2/a")
    assert "job 2 goes on and ends as cancelled at best: stage" in ended.err
    assert "'taskdeck retry 2' runs the rest again too" in ended.err


@pytest.mark.parametrize("verb", ["cancel", "retry", "pause", "hold", "unhold"])
def test_a_dry_run_of_any_verb_changes_nothing(failed: Deck, verb: str) -> None:
    failed("retry", "2")
    before = failed("events", "--json", "--job", "2").out
    target = "2" if verb in ("cancel", "retry", "pause") else "2/a"
    assert "not done: would have" in failed(verb, target, "--dry-run").out
    assert failed("events", "--json", "--job", "2").out == before


@pytest.mark.parametrize(
    "words",
    [
        ("retry", "1"),
        ("cancel", "1"),
        ("cancel", "1", "--now", "--reason", "x"),
        ("hold", "1"),
        ("unhold", "1"),
        ("priority", "1", "--to", "3"),
    ],
)
def test_a_verb_on_the_whole_inbox_is_refused_with_the_right_spelling(
    failed: Deck, words: tuple[str, ...]
) -> None:
    before = failed("events", "--json", "--where", "kind:task.rerun").out
    refused = failed(*words)
    assert refused.status == 2
    assert "1/KEY" in refused.err
    assert failed("events", "--json", "--where", "kind:task.rerun").out == before


def test_a_sixth_retry_by_hand_needs_force_and_says_so(failed: Deck) -> None:
    for _ in range(5):
        assert failed("retry", "2/a").out == "retried 1\n"
        assert failed("cancel", "2/a").status == 0
    ended = failed("retry", "2/a")
    assert (ended.status, ended.out) == (2, "retried 0, refused 1\n")
    assert "maximum retry limit reached" in ended.err
    assert "--force retries it once more" in ended.err
    for words in (("2/a",), ("--where", "job:2 key:a"), ("2",)):
        (answer,) = failed("retry", *words, "--dry-run", "--json").objects
        assert [refusal["code"] for refusal in answer["refused"]] == ["retry.limit"], words
    assert failed("retry", "--where", "job:2 key:a", "--force").out == "retried 1\n"
