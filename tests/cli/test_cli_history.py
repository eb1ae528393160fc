"""taskdeck history: the story of one job."""

from __future__ import annotations

import itertools

import pytest

from core.model.noise import Noise
from tests.cli.cli_stage import HOSTILE, VISIBLE, Deck


def ids(deck: Deck, *words: str) -> list[int]:
    return [line["id"] for line in deck("history", "2", "--json", *words).objects]


def test_a_story_is_told_in_order_with_who_and_why(stored: Deck) -> None:
    lines = stored("history", "2", "--noise", "0").out.splitlines()
    assert "job 2: " in lines[0]
    assert f"stored {VISIBLE} is submitted" in lines[0]
    assert lines[0].endswith("(cli))")
    assert lines[-1].endswith("job 2: ending -> failed (stage first failed)")
    assert any("bad: attempt 1 failed, exit 7" in line for line in lines)
    assert not any("good" in line for line in lines)
    assert "\x1b" not in "".join(lines)


def test_each_level_of_noise_tells_all_of_the_one_before(stored: Deck) -> None:
    levels = [ids(stored, "--noise", str(level.value)) for level in Noise]
    for less, more in itertools.pairwise(levels):
        assert set(less) < set(more)
        assert more == sorted(more)
    events = stored("events", "--job", "2", "--json").objects
    assert levels[-1] == [event["id"] for event in events]


def test_as_json_a_line_is_its_event_and_what_it_says(stored: Deck) -> None:
    lines = stored("history", "2", "--noise", "3", "--json").objects
    event = stored("events", "--job", "2", "--json").objects[3]
    assert {**lines[3], **event} == lines[3]
    claimed = next(line for line in lines if line["kind"] == "task.claimed" and line["key"] == "bad")
    assert (claimed["before"], claimed["after"], claimed["noise"]) == ("queued", "running", 2)
    assert (claimed["subject"], claimed["text"]) == ("bad", "bad: queued -> running, attempt 1 begins")


def test_a_filter_narrows_the_story_and_may_name_the_noise(stored: Deck) -> None:
    of_bad = stored("history", "2", "--where", "key:bad", "--json").objects
    assert {line["key"] for line in of_bad} == {"bad"}
    moves = stored("history", "2", "--where", "noise:2 key:bad", "--json").objects
    assert {line["noise"] for line in moves} == {2}


def test_a_story_goes_beyond_one_page_and_begins_behind_an_event(
    stored: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ids(stored, "--noise", "3")
    monkeypatch.setattr("core.cli.event_pages.PAGE_ROWS", 3)
    assert ids(stored, "--noise", "3") == whole
    assert ids(stored, "--noise", "3", "--after", str(whole[4])) == whole[5:]


def test_following_an_ended_job_ends(stored: Deck) -> None:
    assert stored("history", "2", "--follow").out == stored("history", "2").out


def test_the_next_level_is_named_until_there_is_none(stored: Deck) -> None:
    assert "history 2 --noise 2" in stored("history", "2").err
    assert stored("history", "2", "--noise", "3").err == ""


@pytest.mark.parametrize(
    ("words", "code"),
    [(("history", "99"), "job.unknown"), (("history", "2", "--where", "moon:1"), "filter.field")],
)
def test_what_does_not_exist_is_refused(stored: Deck, words: tuple[str, ...], code: str) -> None:
    ended = stored(*words)
    assert ended.status == 2
    assert ended.err.startswith(f"error[{code}]:")


def test_a_bundle_has_the_story(stored: Deck, tmp_path) -> None:
    path = tmp_path / f"b{HOSTILE[:3]}.zip"
    assert stored("bundle", "2", "-o", str(path)).status == 0
    assert stored("history", "2", "--bundle", str(path)).out == stored("history", "2").out


def test_a_job_is_shown_as_it_stood_after_an_event(stored: Deck) -> None:
    lines = stored("history", "2", "--noise", "3", "--json").objects
    begun = next(line["id"] for line in lines if line["kind"] == "task.claimed" and line["key"] == "bad")
    head, *tasks = stored("history", "2", "--at", str(begun), "--json").objects
    assert (head["as_of"]["event"], head["as_of"]["later"]) == (
        begun,
        len(lines) - 1 - ids_before(lines, begun),
    )
    assert (head["job"]["status"], head["job"]["tasks"]) == (
        "running",
        {"blocked": 2, "running": 1, "succeeded": 1},
    )
    assert [stage["status"] for stage in head["stages"]] == ["open", "pending"]
    assert {task["key"]: task["status"] for task in tasks} == {
        "good": "succeeded",
        "bad": "running",
        "after": "blocked",
        "late": "blocked",
    }
    out = stored("history", "2", "--at", str(begun)).out
    assert out.startswith(f"as of event {begun} (")
    assert f"job 2 stored {VISIBLE}: running\n" in out


def ids_before(lines: list, event: int) -> int:
    return sum(line["id"] < event for line in lines)


def test_the_newest_event_is_the_present(stored: Deck) -> None:
    shown = stored("show", "2", "--json").objects[0]
    head, *tasks = stored("history", "2", "--at", "9" * 30, "--json").objects
    assert head["job"] == shown["job"]
    assert head["stages"] == shown["stages"]
    assert tasks == shown["tasks"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--at", "1"), "history.too_early"),
        (("--at", "2020-01-01"), "history.too_early"),
        (("--at", "yesteryear"), "moment.invalid"),
        (("--at", "9", "--follow"), "usage"),
    ],
)
def test_a_moment_that_cannot_be_shown_is_refused(stored: Deck, words: tuple[str, ...], code: str) -> None:
    ended = stored("history", "2", *words)
    assert ended.status == 2
    assert ended.err.startswith(f"error[{code}]:")
    assert ended.out == ""


def test_the_inbox_is_not_replayed(stored: Deck) -> None:
    ended = stored("history", "1", "--at", "9")
    assert (ended.status, ended.err.splitlines()[0].split(":")[0]) == (2, "error[history.inbox]")


def test_two_jobs_are_compared_for_people_and_as_json(stored: Deck) -> None:
    out = stored("diff", "2", "2").out
    assert out.startswith(f"job 2 stored {VISIBLE} (failed")
    assert "definition  the same" in out
    assert "4 same" in out
    (told,) = stored("diff", "2", "2", "--json").objects
    assert (told["before"]["id"], told["counts"]["same"], told["tasks"]) == (2, 4, [])
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("diff", "2"), "job.first"),
        (("diff", "2", "99"), "job.unknown"),
        (("history", "2", "--previous"), "job.first"),
        (("history", "2", "--previous", "--at", "9"), "usage"),
    ],
)
def test_what_cannot_be_compared_is_refused(stored: Deck, words: tuple[str, ...], code: str) -> None:
    ended = stored(*words)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(f"error[{code}]:")
