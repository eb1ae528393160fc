from __future__ import annotations

import pytest

from tests.control.control_stage import local_stage, remote_stage


@pytest.fixture(params=["local", "remote"])
async def stage(request, tmp_path):
    """The same suite for both: beside the engine, and over a real socket."""
    opened = local_stage if request.param == "local" else remote_stage
    async with opened(tmp_path) as stage:
        yield stage


@pytest.fixture
async def remote(tmp_path):
    async with remote_stage(tmp_path) as stage:
        yield stage
