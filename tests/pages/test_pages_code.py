"""Tests that commands, documents, settings and Python on the pages work."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from core.cli.commands import build
from core.cli.main import load
from core.config.checks import check
from tests.pages.blocks import Block, Step, blocks, is_written, steps
from tests.pages.generated import ROOT, pages
from tests.support.homes import Home, without_waiting

TOLD = [page.relative_to(ROOT).as_posix() for page in pages()]
_FILE = re.compile(r"# (?P<name>[\w.]+\.yaml)\n")
_NAMED = re.compile(r"name: (?P<name>\w+)$", re.MULTILINE)
_CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("TASKDECK_", "PYTHON"))}
_BIN = Path(sys.executable).parent


def all_blocks(*languages: str) -> list[tuple[str, Block]]:
    found = [(name, block) for name in TOLD for block in blocks((ROOT / name).read_text(), *languages)]
    return [pytest.param(name, block, id=f"{name}:{block.line}") for name, block in found]


class Reader:
    """Somebody at a shell with the page open: an empty folder, a data directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            **_CLEAN,
            "TASKDECK_HOME": str(folder / "home"),
            "PATH": f"{_BIN}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "120",
        }

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.env,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def follow(self, step: Step) -> str | None:
        """Run a command as the page says; return what it wrote when that is something else."""
        done = self.run(["sh", "-c", step.command])
        written = "\n".join(line.rstrip() for line in without_waiting(done.stdout).splitlines())
        expected = "\n".join(line.rstrip() for line in step.output.splitlines())
        return None if is_written(expected, written) else f"$ {step.command}\n{done.stdout}"


@pytest.fixture
def reader(tmp_path: Path):
    person = Reader(tmp_path)
    yield person
    person.run(["taskdeck", "stop", "--kill"])


def test_the_readme_can_be_followed_from_top_to_bottom(reader: Reader) -> None:
    for block in blocks((ROOT / "README.md").read_text(encoding="utf-8"), "console", "yaml", "python"):
        if block.language == "console":
            assert [other for step in steps(block) if (other := reader.follow(step)) is not None] == []
        elif block.language == "yaml":
            match = _FILE.match(block.text)
            assert match is not None, "a document of the README begins with the name of its file"
            (reader.folder / match["name"]).write_text(block.text)
        else:
            done = reader.run([sys.executable, "-c", block.text])
            assert done.returncode == 0, done.stdout
            assert done.stdout.splitlines()[-1] == "succeeded"


@pytest.mark.parametrize(("page", "block"), all_blocks("yaml"))
def test_documents_on_the_pages_pass_the_check(tmp_path: Path, page: str, block: Block) -> None:
    # Children that a document names are on its page as well.
    for beside in blocks((ROOT / page).read_text(encoding="utf-8"), "yaml"):
        if (named := _NAMED.match(beside.text)) is not None:
            (tmp_path / f"{named['name']}.yaml").write_text(beside.text)
    (tmp_path / "page.yaml").write_text(block.text)
    done = Home(tmp_path / "home").run("check", "page.yaml")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("page", "block"), all_blocks("toml"))
def test_configurations_on_the_pages_have_no_faults(page: str, block: Block, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(block.text)
    assert check(tmp_path).warnings == ()


@pytest.mark.parametrize(("page", "block"), all_blocks("sh", "console"))
def test_commands_on_the_pages_have_these_options(page: str, block: Block) -> None:
    texts = (
        [step.command for step in steps(block)] if block.language == "console" else block.text.splitlines()
    )
    refused = [text for text in texts if (words := _words_of(text)) and not _can_be_read(words)]
    assert refused == []


def _words_of(line: str) -> list[str]:
    """Return the words of the `taskdeck` command of a line."""
    words = shlex.split(line, comments=True)
    while words and "=" in words[0]:
        words = words[1:]
    for end in ("|", ">", ";"):
        words = words[: words.index(end)] if end in words and words[0] == "taskdeck" else words
    return words[1:] if words[:1] == ["taskdeck"] else []


def _can_be_read(words: list[str]) -> bool:
    app = build(load([]))
    assert isinstance(app, click.Group)
    if words[0].startswith("-"):
        return True
    try:
        name, command, rest = app.resolve_command(
            app.make_context("taskdeck", [], resilient_parsing=True), words
        )
        if command is None:
            return False
        command.make_context(name, rest)
    except click.ClickException:
        return False
    return True


def test_the_check_sees_an_option_that_is_not_there() -> None:
    assert _can_be_read(_words_of("A=1 taskdeck stop --drain | cat"))
    assert not _can_be_read(_words_of("taskdeck stop --drian"))
    assert not _can_be_read(_words_of("taskdeck stpo"))
