"""Stages with an engine in memory, and the doors to a deck."""

from __future__ import annotations

import pytest
import pytest_asyncio

from core.control.api import ControlAPI
from tests.control.control_stage import local_stage, remote_stage
from tests.support.deck_doors import DOORS, Door, far_door, local_door, served


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


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def home(request, tmp_path_factory):
    """The home of one `taskdeck serve` process for all tests of a file, as its `configured` makes it."""
    async with served(request.module.configured(tmp_path_factory.mktemp("served") / "home")) as place:
        yield place.path


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def local(request, tmp_path_factory):
    async with local_door(request.module.configured(tmp_path_factory.mktemp("local") / "home")) as door:
        yield door


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=DOORS)
async def door(request, home, local):
    if request.param == "local":
        yield local
        return
    async with far_door(request.param, home) as far:
        yield far


@pytest.fixture
def control(door: Door) -> ControlAPI:
    return door.control
