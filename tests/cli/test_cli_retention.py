"""retention and disk, without an engine."""

from __future__ import annotations

from tests.cli.cli_stage import Deck, one
from tests.cli.test_cli_processes import Processes, processes
from tests.cli.test_cli_verbs import failed, failed_home

__all__ = ["failed", "failed_home", "processes"]


def test_what_is_kept_and_what_takes_the_room_is_shown(failed: Deck) -> None:
    shown = failed("retention")
    assert shown.status == 0
    assert "succeeded: outputs 30d; rows 90d" in shown.out
    told = one(failed, "retention")
    assert told["policy"]["failed"] == {"outputs": "365d", "rows": "365d"}
    assert failed("retention", "apply").out == "recorded: the next engine takes it\n"
    told = one(failed, "disk")
    assert (told["folders"], told["partial"]) == (2, False)
    assert {(share["of"], share["name"]) for share in told["shares"]} >= {("workflow", "flow"), ("job", "2")}
    shown = failed("disk").out
    assert "outputs: " in shown
    pages = told["unused_pages"]
    assert (f"({pages:,} pages; an engine gives them back)" in shown) == (pages > 0)


def test_a_store_is_rewritten_only_while_no_engine_runs(deck: Deck, processes: Processes) -> None:
    missing = deck("compact")
    assert (missing.status, "store.missing" in missing.err) == (4, True)
    processes.serve()
    refused = deck("compact")
    assert (refused.status, "engine.running" in refused.err) == (4, True)
    assert "taskdeck stop" in refused.err
    assert deck("stop").status == 0
    done = one(deck, "compact")
    assert done["after"] < 2 * done["before"]
    assert "the store has" in deck("compact").out
    assert deck("exec", "--", "true").status == 0
    elsewhere = deck("compact", "--host", "box")
    assert (elsewhere.status, "ssh box taskdeck compact" in elsewhere.err) == (2, True)


def test_doctor_says_where_retention_stands_and_what_it_never_takes(failed: Deck) -> None:
    assert failed("pin", "2", "--reason", "audit").status == 0
    said = failed("doctor").out
    assert "retention" in said
    assert "it never takes 1 pinned jobs" in said
