"""Fixtures of executor tests: an executor, calls, and a wait."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path

import pytest

from core import host
from core.executors.child import ChildExecutor
from core.executors.family import MARK
from core.executors.outputs import Outputs
from core.model.ports import AttemptRef, ProcessCall
from tests.support import waiting

_numbers = count(1)


@pytest.fixture(scope="session")
def store() -> str:
    """Return the name of a store that no other process of the tests has."""
    return f"test-{os.getpid()}-{time.time_ns()}"


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path / "output")


@pytest.fixture
def ref() -> AttemptRef:
    """Return an attempt whose mark no other test of this machine bears."""
    return AttemptRef(task_id=next(_numbers), epoch=1)


@pytest.fixture
def mark(ref: AttemptRef, store: str) -> str:
    return f"{MARK}={store}:{ref.task_id}:{ref.epoch}"


@pytest.fixture
async def executor(outputs: Outputs, mark: str, store: str) -> AsyncIterator[ChildExecutor]:
    executor = ChildExecutor(outputs, store=store)
    yield executor
    executor.close()
    host.kill_family(None, mark)


@pytest.fixture
def sh() -> Callable[[str], ProcessCall]:
    """Return a maker of calls that run a script."""
    path = os.environ["PATH"]
    return lambda script: ProcessCall(argv=("/bin/sh", "-c", script), cwd="/", env={"PATH": path})


@pytest.fixture
def until() -> Callable[..., object]:
    """Return a wait for a condition that fails with the last thing seen."""

    async def wait(condition: Callable[[], object]) -> object:
        return await waiting.until(condition, "what the test waits for")

    return wait
