"""Documents of workflow patterns, each run to the end that it expects."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.connectors.delay import Delay
from core.connectors.registry import Registry
from core.connectors.shell import Shell
from core.connectors.waiting import SignalWait, Wait
from core.control.nouns.signals import SendSignal
from core.model.commands import SubmitOptions
from tests.pages.generated import ROOT
from tests.support.house import House

DOCUMENTS = sorted((ROOT / "tests/patterns").glob("*.yaml"))
PAGE = (ROOT / "docs/patterns.md").read_text(encoding="utf-8")


def said(path: Path, what: str) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [word for line in lines if line.startswith(f"# {what}: ") for word in line.split()[2:]]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
async def test_a_pattern_runs_to_the_end_that_it_expects(empty_house: House, tmp_path: Path, path: Path):
    house = empty_house
    house.registry = lambda: Registry([Delay(), Shell(), Wait(), SignalWait()])
    await house.open()
    status, *tasks = said(path, "expect")
    for name in said(path, "signal"):
        await house.control.signals.send(SendSignal(name=name, actor="ann"))
    submitted = await house.control.submit(str(path), options=SubmitOptions(cwd=str(tmp_path)))
    assert (await house.ended(submitted.job_id)).status == status
    assert house.states(submitted.job_id) == dict(task.split("=") for task in tasks)


def test_the_page_names_every_document_and_no_other() -> None:
    named = {word for word in PAGE.replace("`", " ").split() if word.endswith(".yaml")}
    assert {Path(word).name for word in named} == {path.name for path in DOCUMENTS}
