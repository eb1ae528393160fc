"""Tests of `once`: its key and its time, as programs say them."""

from __future__ import annotations

import pytest

from core.model.bounds import NAME_MAX
from core.model.errors import Invalid
from core.model.limits.once import Once, once_of, read_once
from core.model.plans import TaskPlan
from core.model.task_specs import TaskSpec, check_task


@pytest.mark.parametrize(
    ("said", "once"),
    [
        ("k", Once(key="k", for_="unfinished")),
        (Once(key="k"), Once(key="k", for_="unfinished")),
        (Once(key="k", for_="ever"), Once(key="k", for_="ever")),
        (Once(key="k", for_="90m"), Once(key="k", for_="1h30m")),
        (Once(key="k", for_=60), Once(key="k", for_="1m")),
        (Once(key="k" * NAME_MAX, for_="1w"), Once(key="k" * NAME_MAX, for_="1w")),
        (None, None),
    ],
)
def test_a_key_is_read_with_how_long_it_is_taken(said: Once, once: Once | None) -> None:
    assert TaskSpec(uses="delay", once=said).to_plan().once == once


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (5, "once"),
        ({"key": "k"}, "once"),
        ("", "once.key"),
        (Once(key=5), "once.key"),  # type: ignore[arg-type]
        ("k" * (NAME_MAX + 1), "once.key"),
        ("${{ params.x }}", "once.key"),
        *(
            (Once(key="k", for_=bad), "once.for")
            for bad in ("", "always", "0s", 0, -1, True, "1 fortnight", "0")
        ),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_specs_and_plans(said: Once, field: str) -> None:
    for door in (
        lambda: TaskSpec(uses="delay", once=said),
        lambda: check_task(TaskPlan(key="a", uses="delay", once=said)),
    ):
        with pytest.raises(Invalid) as caught:
            door()
        assert caught.value.facts["field"] == field


@pytest.mark.parametrize("for_", ["unfinished", "1h", "ever"])
def test_what_is_stored_is_read_again(for_: str) -> None:
    once = read_once(Once(key="k", for_=for_))
    assert once is not None
    assert once_of(once.to_json()) == once
