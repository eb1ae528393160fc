"""Each listed mutant applies, and names tests that are there."""

from __future__ import annotations

from pathlib import Path

from tests.mutants import fault, read


def test_every_mutant_applies_and_names_tests_that_are_there(checkout: Path) -> None:
    mutants = read()
    faults = {mutant.name: note for mutant in mutants if (note := fault(mutant, checkout))}
    absent = {test for mutant in mutants for test in mutant.tests if not _is_there(checkout, test)}
    assert (faults, absent) == ({}, set())
    assert all(mutant.tests for mutant in mutants)


def _is_there(root: Path, test: str) -> bool:
    path, *names = test.split("::")
    text = (root / path).read_text(encoding="utf-8") if (root / path).is_file() else None
    if text is None:
        return (root / path).is_dir() and not names
    return all(f"def {name.partition('[')[0]}(" in text for name in names)
