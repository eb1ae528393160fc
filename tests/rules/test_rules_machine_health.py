"""How a measure does by its lines."""

from __future__ import annotations

import pytest

from core.model.health import HealthState, Lines, Measure
from core.rules.machine_health import is_worse, state_of

OK, WARNING, CRITICAL = HealthState
LINES = Lines(soft=100, hard=200)
ROOM = Lines(soft=200, hard=100)


@pytest.mark.parametrize(
    ("measure", "lines", "before", "value", "state"),
    [
        (Measure.LOOP, LINES, OK, 100, OK),
        (Measure.LOOP, LINES, OK, 101, WARNING),
        (Measure.LOOP, LINES, OK, 201, CRITICAL),
        (Measure.LOOP, LINES, WARNING, 91, WARNING),
        (Measure.LOOP, LINES, WARNING, 90, OK),
        (Measure.LOOP, LINES, CRITICAL, 181, CRITICAL),
        (Measure.LOOP, LINES, CRITICAL, 180, WARNING),
        (Measure.LOOP, Lines(soft=100), OK, 10**9, WARNING),
        (Measure.LOOP, Lines(), OK, 10**9, OK),
        (Measure.DISK, ROOM, OK, 200, OK),
        (Measure.DISK, ROOM, OK, 199, WARNING),
        (Measure.DISK, ROOM, OK, 99, CRITICAL),
        (Measure.DISK, ROOM, WARNING, 219, WARNING),
        (Measure.DISK, ROOM, WARNING, 220, OK),
        (Measure.DISK, ROOM, CRITICAL, 109, CRITICAL),
    ],
)
def test_a_measure_is_judged_by_its_lines_and_eases_a_little_past_them(
    measure: Measure, lines: Lines, before: HealthState, value: float, state: HealthState
) -> None:
    assert state_of(measure, value, lines, before=before) is state


def test_less_room_is_worse_and_less_load_is_better() -> None:
    assert (is_worse(Measure.DISK, 1, 2), is_worse(Measure.LOAD, 1, 2)) == (True, False)
