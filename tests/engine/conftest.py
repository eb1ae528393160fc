"""Fixture of engine tests: a home whose store is verified afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.certificates import certificates_read_once
from tests.support.house import House


@pytest.fixture(scope="session", autouse=True)
def _certificates() -> Iterator[None]:
    with certificates_read_once():
        yield


@pytest.fixture
async def empty_house(tmp_path: Path) -> AsyncIterator[House]:
    """Give a home without an engine; whatever the test starts is stopped, recounted and folded."""
    house = House(tmp_path / "home")
    yield house
    await house.close()


@pytest.fixture
async def house(empty_house: House) -> House:
    """Give a home with an engine of four slots on it that has done what follows its start."""
    await empty_house.open()
    await empty_house.settle()
    return empty_house
