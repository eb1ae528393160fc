"""Marks behind the keys of tasks in graphs."""

from __future__ import annotations

import pytest

from core.model.views import TaskView
from core.render.graph.marks import WAITING_KINDS, marked_key
from tests.console.support_fake_control import FakeControl


def view(**more: object) -> TaskView:
    control = FakeControl()
    return control.task_rows[control.add_task(control.add_job("j"), "a", **more)]


@pytest.mark.parametrize("uses", sorted(WAITING_KINDS))
def test_what_waits_outside_a_slot_says_for_what(uses: str) -> None:
    assert marked_key(view(uses=uses)) == f"a:{uses}"


def test_a_tolerated_failure_is_marked_and_others_are_not() -> None:
    assert marked_key(view(uses="shell", status="failed", tolerated=True)) == "a~"
    assert marked_key(view(uses="shell", status="failed")) == "a"


def test_a_group_says_how_many_of_its_instances_ended() -> None:
    control = FakeControl()
    statuses = ["succeeded", "failed", "running"]
    group = control.task_rows[control.add_group(control.add_job("j"), "cut", statuses)]
    assert marked_key(group) == "cut[2/3 x1]"
