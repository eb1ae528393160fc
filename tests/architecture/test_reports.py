"""Tests of what a worker tells: whatever did not go well."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.reports import only_what_is_read, tell_what_is_read


def told(*messages: tuple[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    sent: list[tuple[str, dict[str, Any]]] = []
    send = only_what_is_read(lambda name, **more: sent.append((name, more)))
    for name, more in messages:
        send(name, **more)
    return sent


def report(when: str, outcome: str) -> tuple[str, dict[str, Any]]:
    return "testreport", {"data": {"when": when, "outcome": outcome}}


def test_whatever_did_not_go_well_is_told_and_that_a_test_has_ended() -> None:
    read = [
        report("setup", "failed"),
        report("setup", "skipped"),
        report("call", "passed"),
        report("call", "failed"),
        report("call", "skipped"),
        report("teardown", "failed"),
        ("runtest_protocol_complete", {"item_index": 5}),
        ("warning_recorded", {"when": "runtest"}),
        ("collectionfinish", {"ids": []}),
    ]
    assert told(*read) == read


def test_that_a_part_of_a_test_began_or_went_well_is_not_told() -> None:
    unread = [report("setup", "passed"), report("teardown", "passed"), ("logstart", {}), ("logfinish", {})]
    assert told(*unread) == []


class WorkerInteractor:
    """What has the name of a worker's side."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def sendevent(self, name: str, **_: object) -> None:
        self.names.append(name)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, []),
        ({"verbose": -1}, []),
        ({"verbose": 1}, ["logstart"]),
        ({"durations": 0}, ["logstart"]),
        ({"xmlpath": "report.xml"}, ["logstart"]),
    ],
)
def test_who_asks_for_more_is_told_all(asked: dict[str, object], names: list[str]) -> None:
    worker = WorkerInteractor()
    option = SimpleNamespace(**{"verbose": 0, "durations": None, "xmlpath": None, **asked})
    plugins = SimpleNamespace(get_plugins=lambda: [object(), worker])
    tell_what_is_read(SimpleNamespace(option=option, pluginmanager=plugins))  # type: ignore[arg-type]
    worker.sendevent("logstart")
    assert worker.names == names
