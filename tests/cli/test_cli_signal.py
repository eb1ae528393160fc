"""The command that answers tasks that wait."""

from __future__ import annotations

import json


def test_a_signal_is_kept_taken_once_and_refused_where_its_data_is_not_json(deck):
    kept = deck("signal", "pay", "--key", "7", "--data", '{"sum": 12}', "--id", "x", "--keep", "1h")
    assert (kept.status, kept.out) == (0, "kept: no task waits for pay with this key\n")
    again = deck("signal", "pay", "--id", "x", "--json")
    assert json.loads(again.out) == {"signal": 1, "task": None, "duplicate": True}
    assert "has come before" in deck("signal", "pay", "--id", "x").out
    refused = deck("signal", "pay", "--data", "{x")
    assert (refused.status, "error[signal.data]" in refused.err) == (2, True)
