"""Completion of command lines, asked by real shells."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.cli.completion import Line, candidates, complete
from tests.architecture.trees import run_python
from tests.cli.cli_stage import Deck, environment
from tests.pages.completion_table import completion_table
from tests.pages.generated import COMPLETION
from tests.support.commands import COMMAND, kind_of
from tests.support.homes import ROOT
from tests.support.waiting import DEADLINE, until_now

_BASH = """
source "$1"
COMP_WORDS=("${@:2}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
$(complete -p taskdeck | sed 's/.*-F \\([^ ]*\\).*/\\1/') taskdeck
printf '%s\\n' "${COMPREPLY[@]}"
"""


# The parts of its completion system that need a terminal write what they are given.
_ZSH = """
compdef() { }
_arguments() { print -r -- "$@" }
_files() { print -r -- files }
source "$1"
words=("${@:2}"); CURRENT=$#words
_taskdeck_completion
"""
_FISH = 'source "$argv[1]"; complete -C "$argv[2]"'


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a program `taskdeck`, and its completion script for each shell."""
    folder = tmp_path_factory.mktemp("completion")
    program = folder / "taskdeck"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P "{ROOT}/_taskdeck.py" "$@"\n')
    program.chmod(0o755)
    for shell in ("bash", "zsh", "fish"):
        shown = subprocess.run(
            [program],
            env={**environment(folder), "_TASKDECK_COMPLETE": f"source_{shell}"},
            capture_output=True,
        )
        (folder / f"{shell}.sh").write_bytes(shown.stdout)
    return folder


@pytest.fixture
def tab(scripts: Path, stored_home: Path, tmp_path: Path):
    """Return what bash offers for the words of a line; the last is the one at the cursor."""

    def press(*words: str) -> list[str]:
        environ = environment(stored_home)
        result = subprocess.run(
            ["bash", "--norc", "-c", _BASH, "bash", scripts / "bash.sh", "taskdeck", *words],
            env={**environ, "PATH": f"{scripts}:{environ['PATH']}"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert result.stderr == ""
        return result.stdout.split()

    return press


def test_bash_completes_verbs_options_jobs_tasks_queues_and_files(tab, tmp_path: Path) -> None:
    (tmp_path / "nightly.yaml").touch()
    (tmp_path / "sub").mkdir()
    assert tab("jo") == ["jobs"]
    assert {"check", "show"} <= {*tab("config", "")}
    assert "--detach" in tab("exec", "--d")
    assert tab("show", "") == ["2"]
    assert tab("cancel", "2/g") == ["2/good"]
    assert (tab("wait", ""), tab("wait", "2", "2/g")) == (["2"], ["2/good"])
    assert tab("pause", "--queue", "") == ["default"]
    assert tab("orphans", "--apply", "re") == ["requeue"]
    assert tab("run", "n") == ["nightly.yaml"]
    assert tab("run", "s") == ["sample", "sub/"]
    assert tab("--home", str(tmp_path), "show", "") == []


def test_where_nothing_is_known_nothing_is_written(tab, tmp_path: Path) -> None:
    assert tab("no-such-verb", "") == []
    assert tab("exec", "--", "") == []
    assert tab("show", "--home", str(tmp_path / "nothing"), "") == []
    assert tab("show", "--host", "box", "") == []
    assert tab("show", "--home", "~nosuch", "") == []


_WAITING = {
    "name": "shop",
    "tasks": [
        {
            "key": "make",
            "uses": "shell",
            "with": {"script": "echo 1 >a.pdf; echo 2 >b.pdf"},
            "artifacts": {"bills": "*.pdf"},
        },
        *(
            {"key": key, "needs": ["make"], "uses": "signal", "with": {"name": name, "key": key}}
            for key, name in (("eu", "paid"), ("us", "paid"), ("any", "sent"))
        ),
        {
            "key": "may",
            "uses": "human",
            "with": {"title": "May it?", "form": {"ok": "boolean", "limit": {"type": "integer"}}},
        },
    ],
}


def test_what_waits_is_completed_where_it_is_answered(home: Path, deck: Deck, tmp_path: Path) -> None:
    table = json.loads(completion_table())

    def offered(*words: str) -> list[tuple[str, str]]:
        return list(candidates(Line(words=words[:-1], incomplete=words[-1]), table))

    assert offered("signal", "") == offered("approve", "") == offered("artifacts", "") == []
    (tmp_path / "shop.json").write_text(json.dumps(_WAITING))
    assert deck("run", str(tmp_path / "shop.json"), "--detach").status == 0
    until_now(lambda: len(offered("signal", "")) == 2 and offered("approve", ""), "they wait")
    assert offered("signal", "") == [("paid", "2 waiting"), ("sent", "1 waiting")]
    assert offered("signal", "s") == [("sent", "1 waiting")]
    assert offered("signal", "paid", "--key", "") == [("eu", "2/eu"), ("us", "2/us")]
    assert offered("signal", "paid", "--key", "u") == [("us", "2/us")]
    assert offered("signal", "--key", "") == offered("run", "--key", "") == []
    for verb in ("approve", "deny"):
        assert offered(verb, "") == [("1", "May it?")]
    assert offered("approve", "1", "--set", "") == [("ok=", "boolean"), ("limit=", "integer")]
    assert offered("approve", "--set", "") == offered("approve", "x", "--set", "") == []
    assert offered("artifacts", "") == [("2", "shop")]
    assert deck("approve", "1", "--set", "ok=true", "--set", "limit=1").status == 0
    assert offered("approve", "") == offered("approve", "1", "--set", "") == []


@pytest.mark.parametrize("variables", [{}, {"COMP_WORDS": "x", "COMP_CWORD": "y"}, {"COMP_WORDS": "a 'b"}])
def test_a_question_that_is_not_understood_has_no_answer(variables, capsys) -> None:
    assert complete("complete_bash", variables) == 1
    assert complete("complete_perl", variables) == 1
    assert capsys.readouterr().out == ""


def test_zsh_and_fish_get_remarks_and_every_text_of_them_is_quoted(stored_home, monkeypatch, capsys) -> None:
    monkeypatch.setenv("TASKDECK_HOME", str(stored_home))
    line = {"_TYPER_COMPLETE_ARGS": "taskdeck show "}
    assert complete("complete_fish", {**line, "_TYPER_COMPLETE_FISH_ACTION": "is-args"}) == 0
    complete("complete_fish", line)
    number, _, remark = capsys.readouterr().out.rstrip("\n").partition("\t")
    assert (number, "(failed)" in remark, remark.isprintable()) == ("2", True, True)
    complete("complete_zsh", line)
    assert capsys.readouterr().out.startswith('_arguments \'*: :(("2":"')
    complete("complete_zsh", {"_TYPER_COMPLETE_ARGS": "taskdeck exec -- "})
    assert capsys.readouterr().out == "_files"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_is_understood_by_it(scripts: Path, shell: str) -> None:
    script = scripts / f"{shell}.sh"
    assert "_TASKDECK_COMPLETE=complete_" in script.read_text()
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here")
    subprocess.run([shell, "-n", script], check=True)


@pytest.fixture
def ask(scripts: Path, stored_home: Path, tmp_path: Path):
    """Return what a shell writes that carries out a text with the script of its own and these words."""

    def run(shell: str, text: str, *words: str) -> str:
        if shutil.which(shell) is None:
            pytest.skip(f"{shell} is not installed here")
        environ = environment(stored_home)
        before = ["-f", "-c", text, shell] if shell == "zsh" else ["--no-config", "-c", text]
        result = subprocess.run(
            [shell, *before, scripts / f"{shell}.sh", *words],
            env={**environ, "PATH": f"{scripts}:{environ['PATH']}", "HOME": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert result.stderr == ""
        return result.stdout

    return run


def test_zsh_is_given_verbs_jobs_and_files(ask) -> None:
    assert '"jobs"' in ask("zsh", _ZSH, "taskdeck", "jo")
    assert '"2"' in ask("zsh", _ZSH, "taskdeck", "show", "")
    assert ask("zsh", _ZSH, "taskdeck", "exec", "--", "") == "files\n"


def test_fish_is_given_verbs_options_jobs_and_files(ask, tmp_path: Path) -> None:
    (tmp_path / "nightly.yaml").touch()
    assert ask("fish", _FISH, "taskdeck jo").startswith("jobs\t")
    assert ask("fish", _FISH, "taskdeck exec --ret").split() == ["--retry"]
    assert ask("fish", _FISH, "taskdeck show ").startswith("2\t")
    assert ask("fish", _FISH, "taskdeck run n").split()[0] == "nightly.yaml"


def test_the_table_is_that_of_the_commands() -> None:
    assert COMPLETION.read_text() == completion_table()


def test_it_loads_neither_the_console_nor_the_commands(checkout: Path) -> None:
    result = run_python("import core.cli.completion\nprint(*sys.modules)", cwd=checkout)
    heavy = {"console", "click", "sqlalchemy", "pydantic", "httpx", "core.cli.commands", "core.engine"}
    assert heavy & set(result.stdout.split()) == set()


def test_a_line_of_an_option_without_its_value_offers_no_verbs() -> None:
    table = {"options": {}, "commands": {"jobs": {"help": "", "options": {}}}}
    assert list(candidates(Line(words=("--home",), incomplete=""), table)) == []
    assert [word for word, _ in candidates(Line(words=("--json",), incomplete="j"), table)] == ["jobs"]


def taskdeck(*words: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Carry out a command line."""
    argv = [*COMMAND, *words]
    process = kind_of(argv, environ)(
        argv, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = process.communicate(timeout=DEADLINE)
    return subprocess.CompletedProcess(argv, process.returncode, out.decode(), err.decode())


@pytest.mark.parametrize(
    ("shell", "script", "settings"),
    [
        ("bash", ".bash_completions/taskdeck.sh", ".bashrc"),
        ("zsh", ".zfunc/_taskdeck", ".zshrc"),
        ("fish", ".config/fish/completions/taskdeck.fish", None),
    ],
)
def test_completion_is_added_to_a_shell_once(
    tmp_path: Path, shell: str, script: str, settings: str | None
) -> None:
    if settings is not None:
        (tmp_path / settings).write_text("alias ll='ls -l'")
    for words in (["--install-completion", shell], ["--install-completion"]):
        environ = {**environment(tmp_path / "home"), "HOME": str(tmp_path), "SHELL": f"/usr/bin/{shell}"}
        done = taskdeck(*words, environ=environ)
        assert (done.returncode, f"wrote {tmp_path / script}" in done.stderr) == (0, True), done.stderr
    assert "taskdeck" in (tmp_path / script).read_text()
    if settings is not None:
        first, *added = (tmp_path / settings).read_text().splitlines()
        assert first == "alias ll='ls -l'"
        assert len(added) == 1


def test_a_shell_that_is_not_known_is_refused(tmp_path: Path) -> None:
    environ = {**environment(tmp_path / "home"), "SHELL": "/bin/tcsh"}
    done = taskdeck("--show-completion", environ=environ)
    assert done.returncode == 2
    assert "error[usage]: completion does not know the shell 'tcsh'" in done.stderr


def test_settings_that_cannot_be_written_are_said_with_another_way(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    environ = {**environment(tmp_path / "deck"), "HOME": str(tmp_path / "home")}
    done = taskdeck("--install-completion", "bash", environ=environ)
    assert done.returncode == 4
    assert (
        "error[completion.unwritable]: the settings of bash cannot be written: Not a directory" in done.stderr
    )
    assert "taskdeck --show-completion bash" in done.stderr
