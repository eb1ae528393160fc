"""Each overlap with each catch-up, written by two engines by turns."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.model.timing.schedules import CatchUp, Overlap
from tests.support.overlap_years import DAY, POLICIES, OverlapRun


# All twelve are in `tests/bench/overlaps.py`.
@pytest.mark.parametrize(("overlap", "catch_up"), POLICIES[::4] + POLICIES[10:11])
def test_twenty_days_of_fires_are_decided_once_each_as_their_overlap_says(
    tmp_path: Path, overlap: Overlap, catch_up: CatchUp
) -> None:
    run = OverlapRun(tmp_path / "deck.db", overlap, catch_up, seed=7)
    run.run(20 * DAY)
    assert run.faults == {}
    assert run.told.total() > 10
    run.close()
