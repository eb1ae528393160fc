"""Tests that the workflow format page names exactly the document's fields."""

from __future__ import annotations

import re

import pytest
from pydantic import BaseModel

from core.connectors.delay import DelayInput
from core.connectors.http_input import HttpInput
from core.connectors.python import PythonInput
from core.connectors.shell import ShellInput
from core.workflows.data_fields import Variable
from core.workflows.definition import Document, LimitUse, Need, Param, Retry, ScheduleUse, Stage, Task
from tests.pages.generated import ROOT

SECTIONS: dict[str, type[BaseModel]] = {
    "## Document": Document,
    "## Parameter": Param,
    "## Stage": Stage,
    "## Task": Task,
    "## Need": Need,
    "## Limit": LimitUse,
    "## Job variables": Variable,
    "## Retry": Retry,
    "## Schedule": ScheduleUse,
    "### shell": ShellInput,
    "### http": HttpInput,
    "### python": PythonInput,
    "### delay": DelayInput,
}
PAGE = (ROOT / "docs" / "workflow-format.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_page_names_every_field_and_no_other(heading: str) -> None:
    section = re.split(r"^#+ ", PAGE.partition(f"\n{heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    rows = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert named == {field.alias or name for name, field in SECTIONS[heading].model_fields.items()}
