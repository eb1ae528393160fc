"""Tests of lazy names: the collector runs again after a load."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import pytest

from core.model import lazy


def test_a_load_beside_that_of_another_thread_leaves_the_collector_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ends_after_it_was_asked() -> bool:
        was_on = gc.isenabled()
        gc.enable()
        return was_on

    threads = SimpleNamespace(isenabled=ends_after_it_was_asked, disable=gc.disable, enable=gc.enable)
    monkeypatch.setattr(lazy, "gc", threads)
    gc.disable()
    try:
        assert lazy._load("json").__name__ == "json"
        assert gc.isenabled()
    finally:
        gc.enable()


def test_the_collector_is_off_during_a_load_and_stays_off_where_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(lazy, "import_module", lambda place: seen.append(gc.isenabled()))
    try:
        lazy._load("json")
        assert gc.isenabled()
        gc.disable()
        lazy._load("json")
        assert not gc.isenabled()
    finally:
        gc.enable()
    assert seen == [False, False]
