"""Tests in processes that are forked once all tests are collected.

A plugin of pytest: `-p tests.support.forked_tests --processes 5`. Workers of pytest-xdist would each import
and collect eleven thousand tests for themselves, and encode every report in Python.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, TextIO

import pytest
from _pytest.config import create_terminal_writer

from tests.support.order import Shares
from tests.support.surroundings import settle_in

Report = dict[str, Any]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--processes", type=int, default=0, help="how many run the tests; 0 = this one alone")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run the tests in processes of their own, and report as if they had run here."""
    processes: int = session.config.option.processes
    if session.testsfailed or session.config.option.collectonly or not processes or not session.items:
        return None
    _Pool(session, processes).run()
    return True


@dataclass(kw_only=True)
class _Process:
    """One that runs tests, seen from the one that reports."""

    pid: int
    line: Connection
    begun: deque[pytest.Item] = field(default_factory=deque)
    """Given to it and not reported yet, in order."""


class _Pool:
    """The processes, and what is left for them."""

    def __init__(self, session: pytest.Session, processes: int) -> None:
        self._session = session
        self._shares = Shares(session.items, processes)
        self._numbers = {item: number for number, item in enumerate(session.items)}
        self._processes: list[_Process] = []
        for number in range(processes):
            self._processes.append(self._fork(number))

    def run(self) -> None:
        """Give out tests and report them until all have run."""
        running = dict(enumerate(self._processes))
        while running:
            ready = wait([process.line for process in running.values()])
            for number, process in [*running.items()]:
                if process.line not in ready:
                    continue
                try:
                    self._answer(number, process.line.recv())
                except (EOFError, ConnectionResetError):
                    del running[number]
                    self._ended(process)
        if self._session.shouldfail:
            raise self._session.Failed(self._session.shouldfail)
        if self._shares.next(0) is not None:
            raise RuntimeError("tests are left over, and no process to run them")

    def _fork(self, number: int) -> _Process:
        ours, theirs = Pipe()
        sys.stdout.flush()
        if (pid := os.fork()) == 0:
            for before in [*(process.line for process in self._processes), ours]:
                before.close()
            _become(self._session, theirs, number)
        theirs.close()
        return _Process(pid=pid, line=ours)

    def _answer(self, number: int, message: list[Report] | str | None) -> None:
        """Report the next test of a process, or, where it asks for one (None), give it one."""
        process = self._processes[number]
        if message is None:
            item = None if self._session.shouldfail else self._shares.next(number)
            if item is not None:
                process.begun.append(item)
            # One that died is told of by the end of its line.
            with suppress(BrokenPipeError):
                process.line.send(None if item is None else self._numbers[item])
            return
        if isinstance(message, str):
            raise RuntimeError(message)
        process.begun.popleft()
        hook = self._session.config.hook
        for report in message:
            hook.pytest_runtest_logreport(
                report=hook.pytest_report_from_serializable(config=self._session.config, data=report)
            )

    def _ended(self, process: _Process) -> None:
        """Fail the test in which a process died."""
        _, status = os.waitpid(process.pid, 0)
        for item in process.begun:
            report = pytest.TestReport(
                nodeid=item.nodeid,
                location=item.location,
                keywords={},
                outcome="failed",
                longrepr=f"its process ended with status {status}, in this test or one before it",
                when="call",
            )
            item.config.hook.pytest_runtest_logreport(report=report)


def _become(session: pytest.Session, line: Connection, number: int) -> NoReturn:
    """Run what is given out on a line, as one of the processes."""
    try:
        with settle_in(), Path(os.devnull).open("w") as nowhere:
            _part_from_the_others(session.config, number, nowhere)
            _run(session, line)
    except BaseException:
        with suppress(OSError):
            line.send(traceback.format_exc())
    finally:
        os._exit(0)


def _part_from_the_others(config: pytest.Config, number: int, nowhere: TextIO) -> None:
    """Give this process what it must not share: captured output, folders, and a voice that is not heard."""
    plugins = config.pluginmanager
    capturing = plugins.getplugin("capturemanager")
    capturing.stop_global_capturing()
    capturing.start_global_capturing()
    capturing.suspend_global_capture()
    folders = config._tmp_path_factory  # type: ignore[attr-defined]
    folders._given_basetemp = folders.getbasetemp() / f"process{number}"
    folders._basetemp = None
    plugins.unregister(name="terminalreporter")
    silent = SimpleNamespace(_tw=create_terminal_writer(config, nowhere))
    plugins.register(silent, "terminalreporter")


class _Reports:
    """What a test says, in the form in which it is sent."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._told: list[Report] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._told.append(self._config.hook.pytest_report_to_serializable(config=self._config, report=report))

    def take(self) -> list[Report]:
        told, self._told = self._told, []
        return told


def _run(session: pytest.Session, line: Connection) -> None:
    """Run tests; ask for the one after the next before each, so that the answer is there when it ends."""
    reports = _Reports(session.config)
    session.config.pluginmanager.register(reports)
    for _ in range(2):
        line.send(None)
    current = line.recv()
    while current is not None:
        following = line.recv()
        line.send(None)
        session.config.hook.pytest_runtest_protocol(
            item=session.items[current], nextitem=None if following is None else session.items[following]
        )
        line.send(reports.take())
        current = following
