"""Seeds of random histories: some in every run, more when asked for."""

from __future__ import annotations

from typing import Any

import pytest

_soaks = [True]
"""Whether this run may have the seeds of a soak; said before the tests are collected."""


def leave_out_soaks() -> None:
    """Make no tests that the run leaves out: of thousands, each worker would make all of them first."""
    _soaks[:] = [False]


def seeds(often: int, *, soak: int) -> list[Any]:
    """Return so many seeds for each run of the tests, and so many in all for one with `-m soak`."""
    more = range(often, soak) if _soaks[0] else ()
    return [*range(often), *(pytest.param(seed, marks=pytest.mark.soak) for seed in more)]
