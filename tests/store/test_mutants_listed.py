"""Mutants: chosen by name; told where a patch no longer applies."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from core.model.records import replace
from tests.mutants import Mutant, chosen, fault, read

MUTANTS = read()


def test_no_two_mutants_share_a_name() -> None:
    assert [name for name, count in Counter(mutant.name for mutant in MUTANTS).items() if count > 1] == []


def test_a_patch_that_no_longer_applies_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\nx = 1\ny = 2\n", encoding="utf-8")
    good = Mutant(name="y", file="a.py", find="y = 2", replace="y = 3", tests=())
    assert fault(good, tmp_path) is None
    assert fault(replace(good, find="x = 1"), tmp_path) == "its text stands 2 times in a.py"
    assert fault(replace(good, find="z"), tmp_path) == "its text stands 0 times in a.py"
    assert fault(replace(good, file="b.py"), tmp_path) == "b.py does not exist"
    assert fault(replace(good, replace="y = 2"), tmp_path) == "it changes nothing"


def test_mutants_are_chosen_by_words_of_their_names() -> None:
    name = "a settlement wakes nothing that waits for its gauge"
    assert [mutant.name for mutant in chosen(MUTANTS, [name])] == [name]
    assert chosen(MUTANTS, []) == MUTANTS
    told = f"no mutant has 'a settlement wakes nothing for its gauge' in its name; the nearest is '{name}'"
    with pytest.raises(LookupError) as raised:
        chosen(MUTANTS, ["gauge", "a settlement wakes nothing for its gauge"])
    assert str(raised.value) == told
