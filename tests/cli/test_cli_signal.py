"""The command that answers tasks that wait."""

from __future__ import annotations

import json

from tests.support.waiting import until_now


def test_a_signal_is_kept_taken_once_and_refused_where_its_data_is_not_json(deck):
    kept = deck("signal", "pay", "--key", "7", "--data", '{"sum": 12}', "--id", "x", "--keep", "1h")
    assert (kept.status, kept.out) == (0, "kept: no task waits for pay with this key\n")
    again = deck("signal", "pay", "--id", "x", "--json")
    assert json.loads(again.out) == {"signal": 1, "task": None, "duplicate": True}
    assert "has come before" in deck("signal", "pay", "--id", "x").out
    refused = deck("signal", "pay", "--data", "{x")
    assert (refused.status, "error[signal.data]" in refused.err) == (2, True)
    for none in ("NaN", "[-Infinity]", "1" * 5_000):
        refused = deck("signal", "pay", "--data", none)
        assert (
            "error[signal.data]: --data is not JSON: it is nested too deeply, or has a number" in refused.err
        )


def test_signals_lists_what_is_kept_and_who_waits_for_what(deck, tmp_path):
    deck("signal", "order", "--key", "7", "--keep", "1h", "--as", "ann")
    with_ = {"name": "order", "key": "8", "timeout": "2d"}
    document = {"name": "shop", "tasks": [{"key": "paid", "uses": "signal", "with": with_}]}
    (tmp_path / "shop.json").write_text(json.dumps(document))
    assert deck("run", str(tmp_path / "shop.json"), "--detach").status == 0
    until_now(lambda: "wanted order --key 8  by task" in deck("signals").out, "the task waits")
    lines = deck("signals").out.splitlines()
    (kept,) = [line for line in lines if line.startswith("kept   order --key 7  since 20")]
    assert "ann" in kept
    assert "fails at 20" in lines[-1]
    rows = [json.loads(line) for line in deck("signals", "--json").out.splitlines()]
    assert {"name": "order", "key": "8", "held": False}.items() <= rows[-1].items()
