"""Tests of `exec --once` and `map --once`."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.store.verify import verify_path
from tests.cli.cli_stage import Deck
from tests.support.homes import Home
from tests.support.waiting import until_now


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Return a data directory with an engine for all tests."""
    one = Home(tmp_path_factory.mktemp("once") / "home")
    one.start("serve", "--slots", "4")
    one.has_engine()
    yield one
    one.end()


@pytest.fixture
def home(served: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return the data directory of all tests, named by TASKDECK_HOME."""
    monkeypatch.setenv("TASKDECK_HOME", str(served.path))
    return served


def lines(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_a_second_exec_follows_the_first(home: Home, deck: Deck) -> None:
    first = deck(
        "exec", "--once", "follow", "--once-for", "1h", "--json", "--", "sh", "-c", "echo one; exit 3"
    )
    assert (first.status, first.objects[0]["duplicates"]) == (1, 0)
    task = first.objects[0]["task"]
    second = deck("exec", "--once", "follow", "--", "echo", "two")
    assert (second.status, second.out) == (1, "one\n")
    assert second.err.startswith(f"task {task} has this key already: following it\n")
    third = deck("exec", "--once", "follow", "--json", "--", "echo", "two").objects[0]
    assert (third["task"], third["duplicates"]) == (task, 1)
    (shown,) = [one for one in deck("show", "1", "--json").objects[0]["tasks"] if one["id"] == task]
    assert shown["once"] == {"key": "follow", "for": "1h"}
    assert "once follow for 1h" in deck("show", "1").out


def test_a_key_is_free_again_when_its_task_has_ended(home: Home, deck: Deck) -> None:
    first, second = (deck("exec", "--once", "again", "--json", "--", "true").objects[0] for _ in range(2))
    assert (first["duplicates"], second["duplicates"], first["task"] != second["task"]) == (0, 0, True)


def test_detached_commands_name_the_first(home: Home, deck: Deck) -> None:
    words = ("exec", "--once", "detached", "--once-for", "ever", "--detach")
    first = deck(*words, "--json", "--", "true").objects[0]
    assert deck(*words, "--json", "--", "true").objects[0] == {**first, "duplicates": 1}
    assert deck(*words, "--", "true").out.startswith(f"task {first['task']} has this key already\n")


def test_map_creates_a_task_for_each_line_once(
    home: Home, deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("map", "--once", "line-{}", "--once-for", "ever", "--", "echo")
    lines(monkeypatch, "a\nb\na\n")
    first = deck(*words)
    assert (first.status, "2 tasks (1 more have a task with their key already)" in first.err) == (0, True)
    assert ": 2 succeeded" in first.out
    lines(monkeypatch, "a\nb\nc\n")
    assert deck(*words[:-2], "--json", "--", "echo").objects[-1]["duplicates"] == 2
    lines(monkeypatch, "a\nb\nc\n")
    third = deck(*words[:-2], "--json", "--detach", "--", "echo").objects[0]
    assert (third["duplicates"], len(set(third["tasks"]))) == (3, 3)
    lines(monkeypatch, "a\nb\nc\n")
    last = deck(*words)
    assert (last.status, ": 3 succeeded" in last.out) == (0, True)


def test_a_key_without_the_line_is_refused_for_many(
    home: Home, deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines(monkeypatch, "a\nb\n")
    ended = deck("map", "--once", "all", "--", "echo")
    assert (ended.status, "write {} in it" in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--once-for", "1h"), "name the key with --once KEY"),
        (("--once", "k", "--once-for", "always"), "unfinished, ever, or a length of time"),
        (("--once", ""), "once.key"),
    ],
)
def test_what_makes_no_key_is_refused(home: Home, deck: Deck, words: tuple[str, ...], says: str) -> None:
    ended = deck("exec", *words, "--", "true")
    assert (ended.status, says in ended.err) == (2, True)


def test_an_interrupted_follower_leaves_the_first_alone(home: Home, tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = f"echo begun; while ! test -e {go}; do sleep 0.02; done"
    words = ("exec", "--once", "left", "--", "sh", "-c", script)
    first = home.start(*words)
    key = "SELECT status FROM task WHERE spec->>'$.once.key' = 'left'"
    until_now(lambda: home.rows(key) == [("running",)], "the first runs")
    second = home.start(*words)
    refused = "SELECT 1 FROM event WHERE kind = 'once.refused' AND data->>'key' = 'left'"
    until_now(lambda: len(home.rows(refused)) == 1, "the second follows it")
    assert second.stdout is not None
    assert os.read(second.stdout.fileno(), 6) == b"begun\n"
    second.send_signal(signal.SIGINT)
    _, err = second.communicate()
    assert (second.returncode, b"another command submitted it" in err) == (130, True)
    assert home.rows(key) == [("running",)]
    go.touch()
    assert (first.communicate()[0], first.returncode) == (b"begun\n", 0)


def test_a_follower_whose_reader_goes_leaves_the_first_alone(home: Home, tmp_path: Path) -> None:
    go = tmp_path / "go"
    script = f"while ! test -e {go}; do echo more; sleep 0.02; done"
    words = ("exec", "--once", "piped", "--", "sh", "-c", script)
    first = home.start(*words)
    key = "SELECT status FROM task WHERE spec->>'$.once.key' = 'piped'"
    until_now(lambda: home.rows(key) == [("running",)], "the first runs")
    second = home.start(*words)
    assert second.stdout is not None
    assert os.read(second.stdout.fileno(), 5) == b"more\n"
    second.stdout.close()
    second.wait()
    assert home.rows(key) == [("running",)]
    assert home.rows("SELECT stop_at FROM task WHERE spec->>'$.once.key' = 'piped'") == [(None,)]
    go.touch()
    first.communicate()
    assert first.returncode == 0


def test_of_jobs_with_one_key_one_does_the_work(home: Home, deck: Deck, tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    task = "{key: a, uses: shell, with: {argv: ['true']}, once: {key: 'day-${{ params.day }}', for: ever}}"
    flow.write_text(f"name: flow\nparams: {{day: {{}}}}\ntasks:\n  - {task}\n")
    ran = [deck("run", str(flow), "-p", "day=x", "--json").objects[-1] for _ in range(2)]
    assert [one["tasks"] for one in ran] == [{"succeeded": 1}, {"skipped": 1}]
    (skipped,) = deck("show", str(ran[1]["job"]), "--json").objects[0]["tasks"]
    assert "has its key, by `once`" in skipped["status_reason"]
    assert "has its key, by `once`" in deck("why", f"{ran[1]['job']}/a").out
    refused = deck("retry", "--task", str(skipped["id"]))
    assert "has its key, by `once`" in refused.out + refused.err
    assert verify_path(home.path / "taskdeck.db") == ()
