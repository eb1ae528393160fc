"""Packages of others that have the names of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.cli_stage import environment
from tests.support.homes import ROOT, Home

_SCRIPT = "import sys\nfrom _taskdeck import main\nsys.exit(main())\n"
"""What an installer writes for the entry point."""
_NAMES = ("core", "console", "themes", "click", "httpx", "structlog", "pydantic", "sqlalchemy")


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Return a folder of packages that say that they were loaded; `core.tasks` is meant to be."""
    folder = tmp_path / "project"
    for name in _NAMES:
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f"print('FOREIGN {name}', flush=True)\n")
    (folder / "core" / "tasks.py").write_text("def who() -> str:\n    return __file__\n")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a data directory whose processes end with the test."""
    one = Home(tmp_path / "home")
    yield one
    one.end()


def _run(argv: list[str], home: Home, *, path: list[Path], cwd: Path) -> str:
    environ = {**environment(home.path), "PYTHONPATH": os.pathsep.join(map(str, path))}
    result = subprocess.run(argv, env=environ, cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "FOREIGN" not in result.stdout + result.stderr
    return result.stdout


def _doors(tmp_path: Path) -> dict[str, list[str]]:
    script = tmp_path / "taskdeck"
    script.write_text(_SCRIPT)
    return {
        "script": [sys.executable, str(script)],
        "path": [sys.executable, "-P", str(ROOT / "_taskdeck.py")],
        "path without -P": [sys.executable, str(ROOT / "_taskdeck.py")],
    }


@pytest.mark.parametrize("door", ["script", "path", "path without -P"])
def test_packages_on_pythonpath_do_not_take_over(tmp_path, foreign, home, door) -> None:
    for words in (["version"], ["doctor"]):
        _run([*_doors(tmp_path)[door], *words], home, path=[foreign, ROOT], cwd=foreign)


def test_a_working_directory_that_was_removed_is_none(tmp_path, home) -> None:
    (tmp_path / "gone").mkdir()
    script = [sys.executable, str(ROOT / "_taskdeck.py"), "version"]
    result = subprocess.run(
        ["/bin/sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh", *script],
        env={**environment(home.path), "PYTHONPATH": ""},
        cwd=tmp_path / "gone",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_a_package_core_where_one_is_does_not_take_over_a_module_run_by_name(foreign, home) -> None:
    # A package `console` there would be what Python was asked to run.
    (foreign / "console" / "__init__.py").unlink()
    (foreign / "console").rmdir()
    _run([sys.executable, "-m", "console.launch", "doctor"], home, path=[ROOT], cwd=foreign)


def test_an_engine_that_is_started_finds_its_own_packages_and_a_python_task_those_of_the_user(
    tmp_path, foreign, home
) -> None:
    deck = _doors(tmp_path)["script"]
    (foreign / "job.json").write_text(
        json.dumps(
            {"name": "who", "tasks": [{"key": "a", "uses": "python", "with": {"call": "core.tasks:who"}}]}
        )
    )
    _run([*deck, "run", "job.json", "--detach"], home, path=[foreign, ROOT], cwd=foreign)
    home.waits_for("SELECT status FROM task", ("succeeded",))
    assert home.rows("SELECT output FROM task") == [(json.dumps(str(foreign / "core" / "tasks.py")),)]
    assert "FOREIGN" not in "".join(path.read_text() for path in (home.path / "logs").iterdir())


def test_a_connector_of_the_user_is_still_found_on_pythonpath(tmp_path, foreign, home) -> None:
    (foreign / "mine.py").write_text(
        "from core.connectors.base import Plain\n"
        "class Mine(Plain):\n    name = 'mine'\n    def call(self, with_, context): ...\n"
    )
    (foreign / "job.json").write_text(
        json.dumps({"name": "c", "tasks": [{"key": "a", "uses": "shell", "with": {"argv": ["true"]}}]})
    )
    argv = [*_doors(tmp_path)["script"], "run", str(foreign / "job.json"), "--connector", "mine:Mine"]
    out = _run(argv, home, path=[foreign, ROOT], cwd=tmp_path)
    assert "succeeded" in out


def test_a_package_that_another_installed_project_puts_first_does_not_take_over(foreign) -> None:
    code = f"""import sys
sys.path.insert(0, {str(ROOT)!r})
import _taskdeck
sys.path.insert(1, {str(foreign)!r})
sys.path.insert(0, sys.path.pop(1))
import core
_taskdeck.own_packages_first()
import core, core.model
print(core.__file__)"""
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout.splitlines() == ["FOREIGN core", str(ROOT / "core" / "__init__.py")], result.stderr
