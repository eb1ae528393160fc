"""Variables come from files that a document names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.connectors.registry import Registry
from core.connectors.shell import Shell
from core.engine.admissions.admission import plan_job
from core.model.commands.work import SubmitOptions
from core.model.errors import Invalid, InvalidDocument, NotFound, TaskdeckError

TASK = {"key": "a", "uses": "shell", "with": {"argv": ["true"]}}


def variables(document: Any, **options: Any) -> dict[str, str]:
    """Return the variables of the first task of a document as it is admitted."""
    plan = plan_job(document, {}, checks=Registry([Shell()]), options=SubmitOptions(**options))
    env = plan.stages[0].tasks[0].context["env"]
    assert isinstance(env, dict)
    return env  # type: ignore[return-value]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "flows"
    made.mkdir()
    return made


def written(folder: Path, env: str, head: str = "env_file: .env") -> str:
    """Write a document beside its file of variables; return its path."""
    (folder / ".env").write_text(env)
    (folder / "flow.yaml").write_text(
        f"name: flow\n{head}\ntasks: [{{key: a, uses: shell, with: {{argv: ['true']}}}}]\n"
    )
    return str(folder / "flow.yaml")


def test_a_file_is_looked_for_in_the_folder_of_the_document(folder: Path) -> None:
    text = "# names\n\nA=1\nexport B='x # y'\nC=\"a\\nb\"\nD=plain # a remark\nE=\nF=${A}\n"
    found = {"A": "1", "B": "x # y", "C": "a\nb", "D": "plain", "E": "", "F": "${A}"}
    assert variables(written(folder, text)) == found


def test_env_wins_over_files_and_what_is_nearer_over_what_is_farther(folder: Path) -> None:
    for name in ("one", "two", "three", "four"):
        (folder / name).write_text(f"{name}={name}\nsame={name}\nkept={name}\n")
    document = {
        "name": "flow",
        "env_file": ["one", "two"],
        "env": {"same": "document"},
        "defaults": {"env_file": "three", "env": {"three": "defaults"}},
        "tasks": [{**TASK, "env_file": "four", "env": {"same": "task"}}],
    }
    assert variables(document, cwd=str(folder), env={"four": "asked"}) == {
        "one": "one",
        "two": "two",
        "three": "defaults",
        "four": "asked",
        "same": "task",
        "kept": "four",
    }


def test_faulty_lines_are_named_all_at_once(folder: Path) -> None:
    document = written(folder, "A=1\n\nno equals here\n1B=2\n\n\nC\n")
    with pytest.raises(InvalidDocument) as caught:
        variables(document)
    assert caught.value.source == str(folder / ".env")
    assert [(fault.code, fault.line) for fault in caught.value.faults] == [
        ("env_file.syntax", 3),
        ("env_file.syntax", 4),
        ("env_file.syntax", 7),
    ]
    assert "`C` has no value" in caught.value.faults[2].message


@pytest.mark.parametrize(
    ("env", "code"),
    [
        (lambda path: path.unlink(), "env_file.not_found"),
        (lambda path: (path.unlink(), path.mkdir()), "env_file.unreadable"),
        (lambda path: path.write_bytes(b"A=\xff\n"), "document.encoding"),
        (lambda path: path.write_bytes(b"A=" + b"x" * 70_000), "document.size"),
    ],
    ids=["missing", "folder", "not UTF-8", "too large"],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(folder: Path, env: Any, code: str) -> None:
    document = written(folder, "A=1\n")
    env(folder / ".env")
    with pytest.raises(TaskdeckError) as caught:
        variables(document)
    assert caught.value.code == code
    assert str(folder / ".env") in caught.value.message


def test_a_relative_name_needs_a_folder(folder: Path) -> None:
    document = {"name": "flow", "env_file": "x.env", "tasks": [TASK]}
    with pytest.raises(Invalid) as caught:
        variables(document)
    assert caught.value.code == "env_file.folder"
    with pytest.raises(NotFound):
        variables({**document, "env_file": str(folder / "absent.env")})


@pytest.mark.parametrize("head", ["env_file: 3", "env_file: ['']", "env_file: {a: b}"])
def test_what_names_no_file_is_a_fault_of_the_document(folder: Path, head: str) -> None:
    with pytest.raises(InvalidDocument):
        variables(written(folder, "", head))
