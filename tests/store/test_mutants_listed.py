"""Tests that every listed mutant applies and names existing tests."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from core.model.records import replace
from tests.mutants import Mutant, fault, read

MUTANTS = read()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_patch_applies_once_and_names_tests_that_exist(mutant: Mutant, checkout: Path) -> None:
    assert fault(mutant, checkout) is None
    assert mutant.tests
    for selection in mutant.tests:
        path, _, name = selection.partition("::")
        text = (checkout / path).read_text(encoding="utf-8")
        assert not name or f"def {name.partition('[')[0]}(" in text


def test_no_two_mutants_share_a_name() -> None:
    assert [name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1] == []


def test_a_patch_that_no_longer_applies_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\nx = 1\ny = 2\n", encoding="utf-8")
    good = Mutant(name="y", file="a.py", find="y = 2", replace="y = 3", tests=())
    assert fault(good, tmp_path) is None
    assert fault(replace(good, find="x = 1"), tmp_path) == "its text stands 2 times in a.py"
    assert fault(replace(good, find="z"), tmp_path) == "its text stands 0 times in a.py"
    assert fault(replace(good, file="b.py"), tmp_path) == "there is no b.py"
    assert fault(replace(good, replace="y = 2"), tmp_path) == "it changes nothing"
