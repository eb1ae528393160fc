"""Seeds of random histories: some in every run, more when asked for."""

from __future__ import annotations

from typing import Any

import pytest


def seeds(often: int, *, soak: int) -> list[Any]:
    """Return so many seeds for each run of the tests, and so many in all for one with `-m soak`."""
    more = [pytest.param(seed, marks=pytest.mark.soak) for seed in range(often, soak)]
    return [*range(often), *more]
