"""Tests of records: copies with changes, and their fields."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from msgspec import Struct

from core.model.errors import Invalid
from core.model.records import as_dict, leaves_out, names_of, replace
from core.model.task_specs import TaskSpec


class Inner(Struct, frozen=True, kw_only=True):
    number: int = 1


@dataclass(frozen=True, kw_only=True)
class Outer:
    inner: Inner
    many: tuple[Inner, ...] = ()
    named: dict[str, Inner]


OUTER = Outer(inner=Inner(), many=(Inner(number=2),), named={"a": Inner(number=3)})


def test_a_copy_has_other_values_and_the_record_its_own() -> None:
    assert (replace(Inner(), number=5), replace(OUTER, many=()).many) == (Inner(number=5), ())
    assert OUTER.many == (Inner(number=2),)


def test_a_copy_is_checked_like_what_it_is_made_of() -> None:
    with pytest.raises(Invalid, match="priority"):
        replace(TaskSpec(uses="shell"), priority=1000)


def test_records_within_records_are_dicts_too() -> None:
    assert as_dict(OUTER) == {"inner": {"number": 1}, "many": [{"number": 2}], "named": {"a": {"number": 3}}}
    assert (names_of(Outer), names_of(Inner()), names_of(7)) == (("inner", "many", "named"), ("number",), ())


def test_what_is_left_out_is_told_by_the_defaults_of_the_class() -> None:
    leaves_both = leaves_out(TaskSpec, "limits", "once")
    assert leaves_both(TaskSpec(uses="shell", priority=5))
    assert not leaves_both(TaskSpec(uses="shell", once="a"))  # type: ignore[arg-type]
    assert not leaves_both(TaskSpec(uses="shell", limits=("db",)))  # type: ignore[arg-type]
