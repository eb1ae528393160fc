"""Tests of tables of cases: each that fails is named."""

from __future__ import annotations

import inspect

import pytest

from tests.support.tables import each


def test_every_case_is_tried_and_all_that_fail_are_named() -> None:
    tried = []

    @each(("number", "word"), [(1, "a"), (2, "b"), (3, "c")])
    def check(number: int, word: str, tmp_path: str) -> None:
        tried.append((number, word, tmp_path))
        assert number == 2, f"{word} is wrong"

    assert [*inspect.signature(check).parameters] == ["tmp_path"]
    with pytest.raises(pytest.fail.Exception) as failed:
        check(tmp_path="here")
    assert tried == [(1, "a", "here"), (2, "b", "here"), (3, "c", "here")]
    story = str(failed.value)
    assert story.startswith("2 of 3 cases fail\n")
    for told in ("[1-a]", "a is wrong", "[3-c]", "c is wrong"):
        assert told in story
    assert "[2-b]" not in story


def test_tables_stand_above_each_other_and_have_ids() -> None:
    tried = []

    @each("letter", "ab", ids=lambda letter: f"letter {letter}")
    @each("number", [1, 2], ids=["one", "two"])
    def check(letter: str, number: int) -> None:
        tried.append(f"{letter}{number}")
        if number == 2 and letter == "b":
            pytest.fail("not this one")

    with pytest.raises(pytest.fail.Exception) as failed:
        check()
    assert tried == ["a1", "a2", "b1", "b2"]
    story = str(failed.value)
    assert "[letter b]" in story
    assert "[two]" in story
    assert "[letter a]" not in story


@each("number", [1, 2])
async def test_a_check_that_awaits_is_one_that_pytest_finds(number: int) -> None:
    assert number


async def test_a_check_that_awaits_fails_as_any() -> None:
    @each("number", [1, 2])
    async def check(number: int) -> None:
        assert number == 1

    with pytest.raises(pytest.fail.Exception, match="1 of 2 cases fail"):
        await check()


def test_many_failures_are_all_named() -> None:
    @each("number", range(50))
    def check(number: int) -> None:
        raise ValueError(number)

    with pytest.raises(pytest.fail.Exception) as failed:
        check()
    assert [number for number in range(50) if f"[{number}]" not in str(failed.value)] == []


def test_a_table_without_cases_proves_nothing() -> None:
    @each("number", [])
    def check(number: int) -> None:
        """Check nothing."""

    with pytest.raises(AssertionError, match="no cases"):
        check()
