"""The commands on work items: list, show, claim, delegate, approve, deny."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.model.paths import Paths
from core.model.patterns.form_values import read_form
from core.model.patterns.judgements import Await, Decide
from core.model.patterns.work_items import NewItem
from core.model.values import JsonObject
from tests.support.deck import Deck as Store
from tests.support.factories import CONTINUE, flat, task

FORM: JsonObject = {
    "limit": {"type": "integer", "max": 10, "description": "of what is left"},
    "mode": {"enum": ["slow", "fast"], "default": "slow"},
}
Ask = Callable[..., int]


@pytest.fixture
def ask(home: Path, deck) -> Ask:
    """Let tasks of a store without an engine wait for people; return the id of each one's item."""
    assert deck("signal", "nothing").status == 0

    def asked(of: str, **what: object) -> int:
        store = Store(Paths(home=home).db)
        job = flat(task(of, uses="human", waits=True), task("after", of), on_task_failure=CONTINUE)
        store.submit(job, actor="ann (cli)")
        item = NewItem(**{"title": "May it?", "form": read_form(FORM), **what})  # type: ignore[arg-type]
        store.do(Decide(task_id=store.id(of), verdict=Await(item=item)))
        number = int(str(store.value("SELECT max(id) FROM work_item")))
        store.db.close()
        return number

    return asked


def test_what_waits_is_listed_shown_filled_and_approved_by_two(deck, ask: Ask) -> None:
    item = str(ask("pay", title="Pay \x1b[2J?", text="first\nsecond \u202eline", quorum=2, due_ms=9_000))
    listed = deck("workitems")
    assert ("Pay ^[[2J?" in listed.out or "␛" in listed.out, "\x1b" in listed.out) == (True, False)
    assert "1 open, 1 overdue" in listed.err
    shown = deck("workitems", "show", item)
    assert "limit: integer, required, at most 10; of what is left" in shown.out
    assert "names of people are not verified" in shown.out
    assert "\u202e" not in shown.out
    missing = deck("approve", item, "--as", "bob")
    assert (missing.status, "error[item.form]: the field `limit` (integer) is missing" in missing.err) == (
        2,
        True,
    )
    bad = deck("approve", item, "--as", "bob", "--set", "limit=11", "--set", "modes=slow")
    assert "did you mean `mode`?" in bad.err
    assert "11 is more than 10" in bad.err
    once = deck("approve", item, "--as", "bob", "--set", "limit=7")
    assert once.out == f"work item {item}: approved; 1 more to approve\n"
    again = deck("approve", item, "--as", "Bob")
    assert (again.status, "error[item.approved]" in again.err) == (2, True)
    (done,) = deck("approve", item, "--as", "cat", "--comment", "fine", "--json").objects
    assert (done["outcome"], done["approvals"], done["engine_runs"]) == ("approved", 2, False)
    late = deck("deny", item, "--reason", "no", "--as", "dan")
    assert (late.status, "is approved already, by" in late.err, "as cat (cli) at 20" in late.err) == (
        2,
        True,
        True,
    )
    (told,) = deck("workitems", "show", item, "--json").objects
    assert [entry["kind"] for entry in told["history"]] == ["opened", "approved", "approved"]
    assert told["values"] == {"limit": 7, "mode": "slow"}
    assert "nothing waits here" in deck("workitems").err
    assert [one["state"] for one in deck("workitems", "--all", "--json").objects] == ["approved"]


def test_items_are_claimed_released_delegated_commented_and_denied(deck, ask: Ask) -> None:
    first, second = ask("a", assignee="eve"), ask("b", four_eyes=True)
    mine = [one["item"] for one in deck("workitems", "--mine", "--as", "bob", "--json").objects]
    assert mine == [second]
    assert deck("workitems", "--mine", "--as", "ann", "--json").objects == []
    assert deck("workitems", "claim", str(second), "--as", "bob").out == f"work item {second}: claimed\n"
    other = deck("workitems", "claim", str(second), "--as", "cat")
    assert (other.status, "is claimed by bob since" in other.err, "delegate" in other.err) == (2, True, True)
    assert deck("workitems", "release", str(second), "--as", "bob").status == 0
    assert deck("workitems", "delegate", str(first), "--to", "cat", "--as", "bob").status == 0
    assert deck("workitems", "comment", str(first), "call", "them", "--as", "bob").status == 0
    assert "call them" in deck("workitems", "show", str(first)).out
    assert deck("deny", str(first), "--as", "cat").status == 2
    denied = deck("deny", str(first), "--reason", "too dear", "--as", "cat")
    assert denied.status == 0
    assert "no engine is running" in denied.err
    (failed,) = deck("tasks", "--json", "--where", "status:failed").objects
    assert failed["error"]["code"] == "human.denied"
    assert "too dear" in deck("why", "--task", str(failed["id"])).out


def test_an_item_is_named_by_the_task_that_waits_for_it(deck, ask: Ask) -> None:
    first, second = ask("a"), ask("b")
    tasks = {one["key"]: one["job"] for one in deck("tasks", "--json").objects}
    place = f"{tasks['b']}/b"
    assert deck("workitems", "claim", place, "--as", "bob").out == f"work item {second}: claimed\n"
    assert deck("workitems", "release", place, "--as", "bob").status == 0
    assert deck("workitems", "delegate", "b", "--to", "cat").status == 0
    assert deck("workitems", "comment", place, "call", "them").status == 0
    (shown,) = deck("workitems", "show", place, "--json").objects
    assert (shown["item"], len(shown["history"])) == (second, 5)
    assert deck("approve", place, "--set", "limit=7", "--as", "cat").status == 0
    assert deck("deny", f"{tasks['a']}/a", "--reason", "no").out == f"work item {first}: denied\n"
    none = deck("approve", f"{tasks['b']}/after")
    assert (none.status, "error[item.none]" in none.err, "has no work item" in none.err) == (2, True, True)
    assert "error[task.unknown]" in deck("approve", "9/z").err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["approve", "77"], "error[item.unknown]: work item 77 does not exist"),
        (["approve", "0"], "0 is not the number of a work item"),
        (["approve", "9" * 30], "is not the number of a work item"),
        (["approve", "1", "--set", "x"], "this is not NAME=VALUE"),
        (["approve", "1", "--set", "x=1", "--set", "x=2"], "is given twice"),
        (["workitems", "--mine", "--all"], "exclude each other"),
        (["workitems", "--where", "stat:open"], "state"),
        (["workitems", "delegate", "1", "--to", " "], "error[actor.label]"),
        (["workitems", "comment", "1", " "], "error[task.text]"),
        (["deny", "1", "--reason", " "], "error[task.reason]"),
    ],
)
def test_bad_command_lines_are_refused_with_what_to_do(deck, ask: Ask, words: list[str], said: str) -> None:
    ask("a")
    refused = deck(*words)
    assert refused.status == 2
    assert said in refused.err
