"""The command line itself: words, help, usage errors, failures nobody foresaw."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from core.cli import main as cli
from core.cli.commands import Command
from core.cli.refusals import usage
from tests.cli.cli_stage import Deck, command, environment
from tests.support.tables import each

NAMES = [name for names in cli.ROOMS.values() for name in names]


def test_every_family_holds_the_commands_it_is_listed_with() -> None:
    for name in NAMES:
        assert name in {found.name.partition(" ")[0] for found in cli.load([name])}
    assert {found.name.partition(" ")[0] for found in cli.load([])} == set(NAMES)


@each("found", cli.load([]), ids=lambda found: found.name)
def test_every_command_has_help_with_examples_and_the_common_options(deck: Deck, found: Command[Any]) -> None:
    ended = deck(*found.name.split(), "--help")
    assert ended.status == 0
    assert found.examples[0] in ended.out
    assert "--json" in ended.out
    assert "--home DIR" in ended.out


@each("found", cli.load([]), ids=lambda found: found.name)
def test_every_example_can_be_read(found: Command[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import shlex

    for example in found.examples:
        words = shlex.split(
            example.split(" | ")[0] if example.startswith("taskdeck") else example.split(" | ")[1]
        )
        words = words[: words.index(">")] if ">" in words else words
        assert callable(cli._read(words[1:]))


@pytest.mark.parametrize(
    "words",
    [
        ["deny", "7", "--reason", "-1 from me"],
        ["schedule", "backfill", "nightly", "--since", "-3h"],
        ["schedule", "backfill", "nightly", "--since=-3h"],
        ["exec", "--tag", "-x", "--", "true"],
    ],
)
def test_the_value_of_an_option_may_begin_as_an_option_does(words: list[str]) -> None:
    assert callable(cli._read(words))


def test_help_names_all_commands(deck: Deck) -> None:
    out = deck("--help").out
    assert all(f"\n  {name} " in out for name in NAMES)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch"], "no such command 'nosuch'"),
        (["jobs", "--nosuch"], "no such option '--nosuch'"),
        (["show", "twelve"], "invalid value for 'JOB'"),
        (["show"], "missing argument 'JOB'"),
        (["run", "w.yaml", "-p"], "option '-p' requires an argument"),
        (["deny", "7", "--reason"], "option '--reason' requires an argument"),
        (["jobs", "--limit", "-1"], "-1 is not in the range x>=0"),
        (["import"], "a command is missing"),
        (["run", "x.yaml", "-p", "novalue"], "this is not K=V"),
        (["run", "x.yaml", "-p", "a=1", "-p", "a=2"], "given twice"),
        (["cancel"], "name what to act on"),
        (["cancel", "1", "--where", "id:1"], "--where does not go with"),
        (["graph"], "name a workflow, or a job"),
        (["exec", "--env", "NO_SUCH_VARIABLE", "--", "true"], "this environment variable is not set"),
        (["exec", "--timeout", "10", "--", "true"], "not a length of time"),
        (["exec", "--name", "n" * 201, "--", "true"], "`name` must be a text of 1 to 200 characters"),
        (["exec", "--name", "", "--", "true"], "`name` must be a text of 1 to 200 characters"),
    ],
)
def test_usage_errors_are_one_sentence_and_a_hint(
    home: Path, deck: Deck, words: list[str], said: str
) -> None:
    ended = deck(*words)
    assert ended.status == 2
    assert said in ended.err
    assert ended.err.startswith("error[")
    assert "Traceback" not in ended.err


def test_usage_errors_with_json_are_an_object(home: Path, deck: Deck) -> None:
    ended = deck("jobs", "--json", "--nosuch")
    assert json.loads(ended.err)["error"]["code"] == "usage"


def test_the_home_may_stand_before_the_command(stored_home: Path, home: Path, deck: Deck) -> None:
    assert deck("--home", str(stored_home), "--json", "jobs").objects[0]["id"] == 2
    assert deck(f"--home={stored_home}", "jobs").status == 0
    assert deck("--json", "config", "check").objects[0]["home"] == str(home)


def test_json_behind_two_dashes_belongs_to_the_command_that_runs() -> None:
    assert not cli._wants_json(["exec", "--", "prog", "--json"])
    assert cli._wants_json(["exec", "--json", "--", "prog"])


def test_a_failure_nobody_foresaw_is_logged_and_raised(
    stored_home: Path, deck: Deck, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def burst(_: object, **__: object) -> object:
        raise ZeroDivisionError("an inner detail")

    monkeypatch.setattr("core.cli.config_commands.find_home", burst)
    with pytest.raises(ZeroDivisionError):
        deck("config", "check", "--home", str(stored_home))
    said = capfd.readouterr().err
    log = stored_home / "logs" / "engine.log"
    assert said == f"log: {str(log)!r}\n"
    assert "an inner detail" in log.read_text()


def test_words_of_the_command_line_are_shown_safely(home: Path, deck: Deck) -> None:
    ended = deck("run", "no\x1b[31mfile")
    assert "\x1b" not in ended.err
    assert ended.status == 2


def test_a_refusal_of_usage_has_the_code_usage() -> None:
    assert (usage("no").code, usage("no").exit_code) == ("usage", 2)


def test_shell_completion_knows_the_commands(home: Path) -> None:
    shell = {"_TASKDECK_COMPLETE": "complete_bash", "COMP_WORDS": "taskdeck ca", "COMP_CWORD": "1"}
    result = subprocess.run(
        command("ca"),
        env={**environment(home), **shell, "_TYPER_COMPLETE_ARGS": "taskdeck ca"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "cancel" in result.stdout


def test_a_closed_pipe_ends_quietly(stored_home: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        command("events", "--json"),
        env=environment(stored_home),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert result.stderr == ""
    assert result.returncode == 130


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stop", "--drain", "--kill"], "choose one"),
        (["jobs", "--remote-command", "x"], "needs a --host"),
        (["jobs", "--host", "-oProxyCommand=x"], "is not a host"),
        (["serve", "--unit", "--until-idle"], "does not go with"),
        (["serve", "--host", "u@b"], "no such option '--host'"),
        (["--embedded", "jobs"], "no such option '--embedded'"),
    ],
)
def test_words_that_do_not_go_together_are_usage_errors(
    home: Path, deck: Deck, words: list[str], said: str
) -> None:
    ended = deck(*words)
    assert ended.status == 2
    assert said in ended.err
    assert not home.exists()


def test_a_host_named_before_the_command_belongs_to_it() -> None:
    assert cli._options_last(["--host", "u@b", "--home=/x", "jobs", "--limit", "1"]) == [
        "jobs",
        "--host",
        "u@b",
        "--home=/x",
        "--limit",
        "1",
    ]
