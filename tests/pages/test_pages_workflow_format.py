"""Tests that the workflow format page names exactly the document's fields."""

from __future__ import annotations

import re

import pytest
from pydantic import BaseModel

from core.connectors.delay import DelayInput
from core.connectors.http_input import HttpInput
from core.connectors.python import PythonInput
from core.connectors.shell import ShellInput
from core.model.patterns.children import RESULT_FIELDS
from core.workflows.data_fields import Variable
from core.workflows.definition import Document, LimitUse, Need, Param, Retry, ScheduleUse, Stage, Task
from core.workflows.merging import INCLUDE
from core.workflows.worklets import OnFailureUse
from tests.pages.generated import ROOT

SECTIONS: dict[str, type[BaseModel]] = {
    "## Document": Document,
    "## Parameter": Param,
    "## Stage": Stage,
    "## Task": Task,
    "## Need": Need,
    "## Limit": LimitUse,
    "## Worklets": OnFailureUse,
    "## Job variables": Variable,
    "## Retry": Retry,
    "## Schedule": ScheduleUse,
    "### shell": ShellInput,
    "### http": HttpInput,
    "### python": PythonInput,
    "### delay": DelayInput,
}
RESULTS = "### What a worklet decides"
PAGE = (ROOT / "docs" / "workflow-format.md").read_text(encoding="utf-8")


def named_below(heading: str) -> set[str]:
    section = re.split(r"^#+ ", PAGE.partition(f"\n{heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    rows = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_the_page_names_every_part_of_the_result_of_a_worklet() -> None:
    assert named_below(RESULTS) == {*RESULT_FIELDS}


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_page_names_every_field_and_no_other(heading: str) -> None:
    fields = {field.alias or name for name, field in SECTIONS[heading].model_fields.items()}
    # What is included is a part of the document before it is checked.
    assert named_below(heading) == fields | ({INCLUDE} if SECTIONS[heading] is Document else set())
