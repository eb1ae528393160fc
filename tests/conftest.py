"""Clean surroundings for every test, and none of its processes afterwards."""

from __future__ import annotations

import gc
import os
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from core.app import engine_process
from core.connectors import registry
from core.store import database
from tests.support import commands, leftovers
from tests.support.empty_store import empty_store, renew
from tests.support.forked_workers import Collector
from tests.support.leftovers import Traces
from tests.support.order import spread
from tests.support.reports import tell_what_is_read
from tests.support.seeds import leave_out_soaks
from tests.support.surroundings import move_out, settle_in

if TYPE_CHECKING:
    from execnet.xspec import XSpec

# What is imported stays: looking for garbage in it takes longer than importing it.
gc.disable()
# Before the modules of the tests are imported: some of them look at the environment then.
settle_in()
# Examples are the same each time and may take as long as a busy machine needs.
settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    if "not soak" in config.option.markexpr:
        leave_out_soaks()
    tell_what_is_read(config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests into the order in which several workers are through soonest."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers > 1:
        items[:] = spread(items, workers)


def pytest_collection_finish() -> None:
    gc.freeze()
    # As an engine does: looking for cycles after every 700 objects took a quarter of a console's time.
    gc.set_threshold(10_000, 10, 10)
    gc.enable()


_COLLECTOR = Collector()
_LOADER = commands.Loader()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config, specs: Sequence[XSpec]) -> None:
    """Let one process collect for all workers, and one load what their commands need."""
    _LOADER.start()
    _COLLECTOR.start(config, specs)


def pytest_unconfigure() -> None:
    _COLLECTOR.close()
    _LOADER.close()
    move_out()


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Return the root of the checkout under test."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def _session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hold what is so for all tests; one fixture, because each costs every test."""
    with (
        _session_ends_its_processes(tmp_path_factory.getbasetemp()),
        _engines_of_this_process_are_forked(),
        _stores_do_not_wait_for_the_disk(),
        _new_stores_are_copies(),
        _packages_are_looked_through_once(),
    ):
        yield


@contextmanager
def _session_ends_its_processes(folder: Path) -> Iterator[None]:
    traces = Traces(mark=leftovers.mark_next("session"), folder=folder, newest=leftovers.newest_process())
    commands.SERVER.environ = {**os.environ}
    yield
    commands.SERVER.close()
    leftovers.expect_none(traces)


@contextmanager
def _engines_of_this_process_are_forked() -> Iterator[None]:
    """Let command lines in this process have engines that are loaded already."""
    forking = SimpleNamespace(**{**vars(subprocess), "Popen": commands.start_engine})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_process, "subprocess", forking)
        yield


@contextmanager
def _stores_do_not_wait_for_the_disk() -> Iterator[None]:
    """Let stores of this process leave it to the system when to write: processes die here, not machines."""
    connect = database._connect

    def connect_unsynced(path: Path, _synchronous: str) -> sqlite3.Connection:
        connection = connect(path, "NORMAL")
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_connect", connect_unsynced)
        yield


@contextmanager
def _new_stores_are_copies() -> Iterator[None]:
    """Let the hundreds of stores that one process makes be copies of one: a tenth of an engine's life.

    The tests of the store itself, and other processes, make theirs statement by statement.
    """
    bring_up = database._bring_up
    # As it is made without this.
    image = empty_store()

    def copy_or_bring_up(connection: sqlite3.Connection, path: Path, now: int) -> None:
        of_the_store = os.environ.get("PYTEST_CURRENT_TEST", "").startswith("tests/store/")
        if of_the_store or path.stat().st_size or path.with_name(f"{path.name}-wal").exists():
            bring_up(connection, path, now)
            return
        path.write_bytes(image)
        # As for any store, but for the check of its pages.
        connection.execute("PRAGMA journal_mode = WAL")
        renew(connection, now=now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_bring_up", copy_or_bring_up)
        yield


_TEST = b"PYTEST_CURRENT_TEST"


@contextmanager
def _packages_are_looked_through_once() -> Iterator[None]:
    """Let the engines of this process know what is installed: each read the names of a hundred packages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "entry_points", cache(entry_points))
        yield


@pytest.fixture(autouse=True)
def _test_ends_its_processes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Restore the environment, and fail a test whose processes go on without it."""
    environ, before = _environ(), os.environ[leftovers.MARK]
    newest = leftovers.newest_process()
    mark = leftovers.mark_next(request.node.nodeid)
    yield
    os.environ[leftovers.MARK] = before
    now = _environ()
    # There pytest says how far it is with the test.
    environ[_TEST] = now.get(_TEST, environ[_TEST])
    # Few tests change it, and all that is set again is set one by one.
    if now != environ:
        os.environ.clear()
        os.environb.update(environ)
    leftovers.expect_none(Traces(mark=mark, folder=request.node.funcargs.get("tmp_path"), newest=newest))


def _environ() -> dict[bytes, bytes]:
    """Return a copy of the environment as it is kept: to decode it for each test twice takes its time."""
    return dict(os.environb._data)  # type: ignore[attr-defined]
