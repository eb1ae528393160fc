"""Targets name what a row can be."""

from __future__ import annotations

import pytest

from core.control.api import Target
from core.model.errors import NotFound
from core.model.values import ID_MAX


@pytest.mark.parametrize("number", [ID_MAX + 1, 2**64, -(2**63) - 1])
def test_an_id_that_no_row_can_have_is_not_found(number: int) -> None:
    with pytest.raises(NotFound) as job:
        Target(job_id=number)
    with pytest.raises(NotFound) as task:
        Target(task_ids=(1, number))
    assert (job.value.code, task.value.code) == ("job.unknown", "task.unknown")
    assert task.value.facts == {"task": str(number)}
    assert Target(job_id=ID_MAX).job_id == ID_MAX
