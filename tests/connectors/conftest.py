"""Fixture of connector tests: what their calls trust."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.certificates import certificates_read_once


@pytest.fixture(scope="session", autouse=True)
def _certificates() -> Iterator[None]:
    with certificates_read_once():
        yield
