"""Tests of near misses: close names only, and one wording."""

from __future__ import annotations

from core.model.near_misses import did_you_mean, near_misses, one_of, suggestion

MANY = [f"task{number}" for number in range(1_000)]


def test_a_near_miss_is_named_in_its_own_case_first() -> None:
    assert did_you_mean("neeeds", ["needs", "name"]) == "; did you mean `needs`?"
    assert near_misses("Taks", ["task", "Tasks"]) == ["Tasks"]
    assert near_misses("TASK", ["task"]) == ["task"]


def test_several_near_misses_stand_closest_first() -> None:
    near = near_misses("stauts", ["state", "name", "status"], limit=2)
    assert near == ["status", "state"]
    assert suggestion(near) == "; did you mean `status` or `state`?"


def test_strangers_and_long_names_get_no_suggestion() -> None:
    assert did_you_mean("zzz", ["seconds"]) == ""
    assert did_you_mean("s" * 1_000_000, ["seconds"]) == ""


def test_of_many_names_only_those_of_like_length_and_first_letter_are_compared() -> None:
    assert near_misses("task99", [*MANY, "xtask99"])[0].startswith("task")
    assert near_misses("xask99", MANY) == []


def test_few_known_names_are_listed_where_none_is_near() -> None:
    assert one_of("zzz", ["b", "a"]) == "; known: a, b"
    assert one_of("zzz", MANY) == one_of("zzz", []) == ""
    assert one_of("nmae", ["name"]) == "; did you mean `name`?"


def test_names_that_are_listed_stay_on_one_line_whatever_is_in_them() -> None:
    assert one_of("zzz", ["a\nb"]) == "; known: a␊b"
    assert one_of("ab\nce", ["ab\ncd"]) == "; did you mean `ab␊cd`?"
