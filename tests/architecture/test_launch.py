"""Hold the launcher to its words: version, help, and never a traceback."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import core
from console import launch
from tests.architecture.trees import run_python


def test_version_says_the_version_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert launch.main(["version"]) == 0
    assert capsys.readouterr().out == f"taskdeck {core.__version__}\n"


def test_version_as_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert launch.main(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": core.__version__}


def test_version_refuses_an_argument_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert launch.main(["version", "--jsn"]) == 2
    assert "--jsn" in capsys.readouterr().err


def test_the_version_comes_from_one_place(checkout: Path) -> None:
    table = tomllib.loads((checkout / "pyproject.toml").read_text())
    assert "version" not in table["project"]
    assert table["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "core.model.version.VERSION"}


def test_help_names_the_commands(checkout: Path) -> None:
    command = [sys.executable, "-m", "console.launch", "--help"]
    result = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "version" in result.stdout


def test_garbage_is_collected_again_when_a_command_runs(tmp_path: Path, checkout: Path) -> None:
    code = (
        "import gc, sys, _taskdeck\n"
        "sys.argv[1:] = ['homes', '--json']\n"
        "status = _taskdeck.main()\n"
        "print('END', status, gc.isenabled(), gc.get_freeze_count() > 0)"
    )
    result = run_python(code, cwd=checkout)
    assert result.stdout.splitlines()[-1:] == ["END 0 True True"], result.stderr


def test_an_unknown_failure_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def burst(_: object) -> int:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(launch, "_choose", lambda _: burst)
    assert launch.main(["anything"]) == 70
    shown = capsys.readouterr().err
    assert "ZeroDivisionError" in shown
    assert "Traceback" not in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("libffi.so.8: failed to map segment from shared object"),
    ],
)
def test_a_want_of_memory_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    def burst(_: object) -> int:
        raise error

    monkeypatch.setattr(launch, "_choose", lambda _: burst)
    assert launch.main(["anything"]) == 4
    said, hint = capsys.readouterr().err.splitlines()
    assert said == "error[short.memory]: this process gets no more memory, or no more threads"
    assert "ulimit -v" in hint


def test_an_interrupt_leaves_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(launch, "_choose", lambda _: interrupted)
    assert launch.main(["anything"]) == 130


def test_a_closed_pipe_leaves_quietly(checkout: Path) -> None:
    code = "import sys; from console.launch import main; sys.stdin.read(); sys.exit(main(['version']))"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=checkout,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    process.stdin.close()
    assert process.stderr.read() == b""
    assert process.wait() == 130
    process.stderr.close()
