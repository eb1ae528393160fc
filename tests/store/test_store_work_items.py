"""Work items in the store: one answer, right people, in time."""

from __future__ import annotations

import pytest

from core.model.commands.purges import Purge
from core.model.commands.work import Cancel, ComeDue, Fail, Hold, Rerun, Unhold
from core.model.commands.work_items import (
    ApproveItem,
    ClaimItem,
    CommentItem,
    DelegateItem,
    DenyItem,
    ItemChanged,
    ReleaseItem,
)
from core.model.errors import Conflict, Invalid, NotFound
from core.model.patterns.form_values import read_form
from core.model.patterns.instances import ForEach
from core.model.patterns.judgements import Await, Decide, Expand
from core.model.patterns.work_items import NewItem, OnDeny, OnDue
from core.store.apply.waits import item_times
from core.store.apply.waits.work_items import Item
from core.store.batch import Batch
from core.store.verify import verify
from tests.support.deck import Deck
from tests.support.factories import CONTINUE, flat, task

ANN, BOB, CAT = "ann (cli)", "x as bob (console)", "cat (api)"
FORM = {
    "approve": "boolean",
    "limit": {"type": "integer", "max": 10, "default": 5},
    "why": {"type": "string", "required": False},
}


def human(of: str, *needs: object, **more: object):
    return task(of, *needs, uses="human", waits=True, **more)  # type: ignore[arg-type]


def ask(deck: Deck, of: str = "h", /, *, within: int | None = None, **what: object) -> int:
    """Let a task wait for people; return the id of its item."""
    item = NewItem(**{"title": "May it?", "form": read_form({}), **what})  # type: ignore[arg-type]
    deck.do(Decide(task_id=deck.id(of), verdict=Await(item=item, within_ms=within)))
    return int(str(deck.value("SELECT max(id) FROM work_item")))


@pytest.fixture
def asked(deck: Deck) -> Deck:
    deck.submit(flat(human("h"), task("b", "h"), on_task_failure=CONTINUE), actor=ANN)
    return deck


def refused(deck: Deck, command: object) -> Conflict:
    (answer,) = deck.ask(command)  # type: ignore[arg-type]
    assert isinstance(answer, Conflict), answer
    return answer


def row(deck: Deck, columns: str, item: int = 1) -> tuple:
    ((found),) = deck.rows(f"SELECT {columns} FROM work_item WHERE id = ?", item)
    return found


def kinds(deck: Deck, item: int = 1) -> list[str]:
    return [kind for (kind,) in deck.rows("SELECT kind FROM work_item_entry WHERE item_id = ?", item)]


def test_an_approval_gives_the_values_of_the_form_to_the_task_and_goes_on(asked: Deck) -> None:
    item = ask(asked, form=read_form(FORM))
    assert asked.status("h") == "waiting"
    assert row(asked, "submitter, outcome") == (ANN, None)
    (done,) = asked.do(ApproveItem(item_id=item, actor=BOB, values={"approve": "true", "limit": 7}))
    assert (done.outcome, done.missing) == ("approved", 0)
    ((output,),) = asked.rows(
        "SELECT output->>'$.limit' || (output->>'$.item.by[0]') FROM task WHERE key = 'h'"
    )
    assert output == "7bob"
    assert asked.column("h", "status_by") == BOB
    assert (asked.status("h"), asked.status("b")) == ("succeeded", "queued")
    assert asked.history(task="h")[-2:] == ["item.approved", "task.succeeded"]
    assert kinds(asked) == ["opened", "approved"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "`approve` (boolean) is missing"),
        ({"approve": True, "limit": 11}, "11 is more than 10"),
        ({"approve": True, "limit": "ten"}, '"ten" is not of type integer'),
        ({"approve": 1}, "1 is not of type boolean"),
        ({"approve": True, "limits": 2}, "did you mean `limit`"),
    ],
)
def test_a_form_that_is_filled_badly_is_refused_and_the_item_stays_open(
    asked: Deck, values: dict, said: str
) -> None:
    item = ask(asked, form=read_form(FORM))
    (answer,) = asked.ask(ApproveItem(item_id=item, actor=BOB, values=values))
    assert isinstance(answer, Invalid)
    assert said in answer.message
    assert (row(asked, "outcome"), kinds(asked)) == ((None,), ["opened"])


def test_a_denial_fails_the_task_with_who_and_why_and_a_rerun_asks_again(asked: Deck) -> None:
    item = ask(asked)
    asked.do(DenyItem(item_id=item, actor=BOB, reason="too dear"))
    (told,) = asked.told("task.failed")
    assert told["error"]["code"] == "human.denied"
    assert told["error"]["message"] == "denied by bob: too dear"
    assert (asked.status("b"), row(asked, "outcome, reason")) == ("skipped", ("denied", "too dear"))
    asked.do(Rerun(task_ids=(asked.id("h"),)))
    assert ask(asked) == 2
    assert [kinds(asked, 1)[-1], kinds(asked, 2)[-1]] == ["denied", "opened"]


def test_a_denial_may_skip_the_task_instead(asked: Deck) -> None:
    asked.do(DenyItem(item_id=ask(asked, on_deny=OnDeny.SKIP), actor=BOB, reason="no"))
    assert (asked.status("h"), asked.column("h", "status_reason")) == ("skipped", "denied by bob: no")


def test_of_two_who_claim_one_has_it_and_the_other_is_told_who_since_when(asked: Deck) -> None:
    item = ask(asked)
    first, second = asked.ask(ClaimItem(item_id=item, actor=BOB), ClaimItem(item_id=item, actor=CAT))
    assert isinstance(first, ItemChanged)
    assert second.code == "item.claimed"
    assert "is claimed by bob since 1970" in second.message
    assert refused(asked, ApproveItem(item_id=item, actor=CAT)).code == "item.claimed"
    assert refused(asked, DenyItem(item_id=item, actor=CAT, reason="no")).code == "item.claimed"
    assert refused(asked, ReleaseItem(item_id=item, actor=CAT)).code == "item.claimed"
    asked.do(ClaimItem(item_id=item, actor="BOB (cli)"))
    assert kinds(asked) == ["opened", "claimed"]
    asked.do(ReleaseItem(item_id=item, actor=BOB))
    assert refused(asked, ReleaseItem(item_id=item, actor=BOB)).code == "item.unclaimed"
    asked.do(ApproveItem(item_id=item, actor=CAT))
    assert asked.status("h") == "succeeded"


def test_of_two_who_answer_one_does_and_the_other_is_told_who_and_when(asked: Deck) -> None:
    item = ask(asked)
    first, second = asked.ask(
        ApproveItem(item_id=item, actor=BOB), DenyItem(item_id=item, actor=CAT, reason="no")
    )
    assert isinstance(first, ItemChanged)
    assert second.code == "item.closed"
    assert "approved already, by x as bob (console) at 1970" in second.message
    for verb in (ClaimItem, ReleaseItem):
        assert refused(asked, verb(item_id=item, actor=CAT)).code == "item.closed"
    assert refused(asked, DelegateItem(item_id=item, actor=CAT, to="ann")).code == "item.closed"
    asked.do(CommentItem(item_id=item, actor=CAT, text="I was too late"))
    (unknown,) = asked.ask(ApproveItem(item_id=9, actor=BOB))
    assert isinstance(unknown, NotFound)


def test_what_is_for_one_person_is_answered_by_that_one_until_it_is_given_away(asked: Deck) -> None:
    item = ask(asked, assignee="Bob")
    assert refused(asked, ClaimItem(item_id=item, actor=CAT)).code == "item.assigned"
    assert refused(asked, ApproveItem(item_id=item, actor=CAT)).code == "item.assigned"
    asked.do(ClaimItem(item_id=item, actor=BOB))
    asked.do(DelegateItem(item_id=item, actor=CAT, to="cat", comment="bob is away"))
    assert row(asked, "assignee, claimed_by") == ("cat", None)
    assert refused(asked, ApproveItem(item_id=item, actor=BOB)).code == "item.assigned"
    asked.do(ApproveItem(item_id=item, actor=CAT))
    assert kinds(asked) == ["opened", "claimed", "delegated", "approved"]


def test_four_eyes_refuse_the_submitter_under_each_way_to_write_the_name(asked: Deck) -> None:
    item = ask(asked, four_eyes=True)
    for actor in (ANN, "ANN (console)", "root as  Ann (cli)", "root as ａnn (api)"):
        assert refused(asked, ApproveItem(item_id=item, actor=actor)).code == "item.four_eyes"
    assert refused(asked, DenyItem(item_id=item, actor=ANN, reason="x")).code == "item.four_eyes"
    assert refused(asked, ClaimItem(item_id=item, actor=ANN)).code == "item.four_eyes"
    assert refused(asked, DelegateItem(item_id=item, actor=BOB, to="ann")).code == "item.four_eyes"
    asked.do(ApproveItem(item_id=item, actor=BOB))


def test_a_quorum_counts_distinct_names_who_approve_the_same_values(asked: Deck) -> None:
    item = ask(asked, quorum=2, form=read_form(FORM))
    asked.do(ClaimItem(item_id=item, actor=BOB))
    (done,) = asked.do(ApproveItem(item_id=item, actor=BOB, values={"approve": True, "limit": 3}))
    assert (done.outcome, done.missing, asked.status("h")) == (None, 1, "waiting")
    assert refused(asked, ApproveItem(item_id=item, actor="Bob (cli)")).code == "item.approved"
    assert refused(asked, ClaimItem(item_id=item, actor=BOB)).code == "item.approved"
    other = refused(asked, ApproveItem(item_id=item, actor=CAT, values={"limit": 9}))
    assert (other.code, "limit=3" in other.message) == ("item.values", True)
    asked.do(ApproveItem(item_id=item, actor=CAT, comment="fine"))
    ((by, limit),) = asked.rows("SELECT output->'$.item.by', output->>'$.limit' FROM task WHERE key = 'h'")
    assert (by, limit, asked.status("h")) == ('["bob","cat"]', 3, "succeeded")


def test_one_denial_ends_a_quorum_also_of_one_who_approved(asked: Deck) -> None:
    item = ask(asked, quorum=3)
    asked.do(ApproveItem(item_id=item, actor=BOB), ApproveItem(item_id=item, actor=CAT))
    asked.do(DenyItem(item_id=item, actor=BOB, reason="on second thoughts"))
    assert (asked.status("h"), row(asked, "outcome")) == ("failed", ("denied",))


@pytest.mark.parametrize(
    ("on_due", "status", "outcome"),
    [
        (OnDue.APPROVE, "succeeded", "approved"),
        (OnDue.REJECT, "skipped", "denied"),
        (OnDue.FAIL, "failed", "expired"),
        (OnDue.ESCALATE, "waiting", None),
    ],
)
def test_what_is_overdue_ends_as_it_says_once_and_not_before(
    asked: Deck, on_due: OnDue, status: str, outcome: str | None
) -> None:
    form = read_form({"limit": {"type": "integer", "default": 5}})
    ask(asked, due_ms=5_000, on_due=on_due, on_deny=OnDeny.SKIP, form=form, quorum=2)
    due = asked.report.next_due
    assert due == asked.now + 5_000
    asked.come_due(due - 11)
    assert asked.status("h") == "waiting"
    asked.crash()
    asked.come_due(due)
    asked.come_due(due + 9_999_999)
    assert (asked.status("h"), row(asked, "outcome"), asked.report.next_due) == (status, (outcome,), None)
    told = [kind for kind in asked.history(task="h") if kind in ("item.overdue", "item.escalated")]
    assert told == ["item.escalated" if outcome is None else "item.overdue"]


def test_an_item_whose_time_breaks_is_held_alone_and_the_others_are_answered(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    deck.submit(flat(human("h"), human("i"), on_task_failure=CONTINUE), actor=ANN)
    for key in ("h", "i"):
        ask(deck, key, due_ms=1_000, on_due=OnDue.FAIL)
    fail = item_times._fail

    def broken(batch: Batch, item: Item) -> None:
        if item.id == 1:
            raise ValueError("it broke")
        fail(batch, item)

    monkeypatch.setattr(item_times, "_fail", broken)
    deck.come_due(deck.now + 1_000)
    assert (deck.status("h"), deck.status("i")) == ("held", "failed")
    assert "cannot be given" in str(deck.column("h", "status_reason"))
    assert deck.report.next_due is None


def test_an_approval_without_the_defaults_it_needs_fails_its_task(asked: Deck) -> None:
    ask(asked, due_ms=10, on_due=OnDue.APPROVE, form=read_form({"limit": "integer"}))
    asked.come_due(asked.now + 20)
    assert asked.told("task.failed")[0]["error"]["code"] == "human.overdue"


def test_an_escalation_gives_the_item_to_another_who_may_have_it(asked: Deck) -> None:
    item = ask(asked, due_ms=10, escalate_to="boss", assignee="bob")
    asked.do(ClaimItem(item_id=item, actor=BOB))
    asked.come_due(asked.now + 20)
    assert row(asked, "assignee, claimed_by") == ("boss", None)
    asked.do(ApproveItem(item_id=item, actor="boss (cli)"))


def test_an_escalation_to_the_submitter_under_four_eyes_only_marks(asked: Deck) -> None:
    item = ask(asked, due_ms=10, escalate_to="ann", assignee="bob", four_eyes=True)
    asked.do(ClaimItem(item_id=item, actor=BOB))
    asked.come_due(asked.now + 20)
    assert row(asked, "assignee, claimed_by, escalated_at IS NULL") == ("bob", "bob", 0)


def test_reminders_come_each_time_and_those_without_an_engine_are_one(asked: Deck) -> None:
    ask(asked, remind_ms=1_000)
    first = int(str(asked.report.next_due))
    asked.come_due(first)
    assert kinds(asked) == ["opened", "reminded"]
    assert first + 1_000 - 20 <= int(str(asked.report.next_due)) <= first + 1_000
    asked.come_due(first + 50_000)
    assert kinds(asked).count("reminded") == 2
    assert int(str(asked.report.next_due)) > asked.now
    asked.do(ApproveItem(item_id=1, actor=BOB))
    assert asked.report.next_due is None


def test_a_held_task_keeps_its_item_from_its_times_and_its_answer(asked: Deck) -> None:
    item = ask(asked, due_ms=100, remind_ms=100, on_due=OnDue.FAIL)
    asked.do(Hold(task_ids=(asked.id("h"),)))
    assert asked.report.next_due is None
    asked.come_due(asked.now + 1_000)
    for verb in (ApproveItem(item_id=item, actor=BOB), DenyItem(item_id=item, actor=BOB, reason="x")):
        assert refused(asked, verb).code == "item.held"
    asked.do(ClaimItem(item_id=item, actor=BOB))
    assert asked.status("h") == "held"
    asked.do(Unhold(task_ids=(asked.id("h"),)))
    asked.do(ComeDue())
    assert (asked.status("h"), row(asked, "outcome")) == ("failed", ("expired",))


@pytest.mark.parametrize("how", ["cancel", "held", "fail", "timeout"])
def test_what_ends_the_task_ends_its_item(asked: Deck, how: str) -> None:
    ask(asked, within=100 if how == "timeout" else None)
    chosen = (asked.id("h"),)
    if how in ("held", "fail"):
        asked.do(Hold(task_ids=chosen))
    match how:
        case "cancel" | "held":
            asked.do(Cancel(task_ids=chosen, actor=CAT, reason="not needed"))
            assert row(asked, "outcome, closed_by, reason") == ("cancelled", CAT, "not needed")
        case "fail":
            asked.do(Fail(task_ids=chosen, actor=CAT))
            assert row(asked, "outcome") == ("cancelled",)
        case _:
            asked.come_due(asked.now + 200)
            assert (asked.status("h"), row(asked, "outcome")) == ("failed", ("expired",))
            assert asked.told("task.failed")[0]["error"]["code"] == "human.timeout"
    assert refused(asked, ApproveItem(item_id=1, actor=BOB)).code == "item.closed"


def test_after_a_crash_an_item_goes_on_and_a_purge_takes_it(deck: Deck) -> None:
    work = deck.submit(flat(human("h")), actor=ANN)
    ask(deck, due_ms=100)
    deck.crash()
    deck.do()
    assert deck.report.next_due is not None
    deck.do(ClaimItem(item_id=1, actor=BOB))
    deck.crash()
    deck.do(ApproveItem(item_id=1, actor=BOB, comment="\x1b[31m\u202e"))
    assert (deck.job_status(work), verify(deck.db)) == ("succeeded", ())
    deck.do(Purge(job_ids=(work,), actor="ada"))
    deck.settle()
    assert deck.rows("SELECT (SELECT count(*) FROM work_item), (SELECT count(*) FROM work_item_entry)") == [
        (0, 0)
    ]


def test_the_times_of_items_are_found_by_their_indexes(deck: Deck) -> None:
    from core.store.apply.waits import item_times

    plans = deck.rows(f"EXPLAIN QUERY PLAN {item_times._NEXT}")
    assert all("SCAN work_item" not in plan[-1] or "INDEX" in plan[-1] for plan in plans)


def test_of_a_group_each_instance_has_an_item_of_its_own(deck: Deck) -> None:
    deck.submit(flat(human("h", for_each=ForEach())))
    deck.do(Decide(task_id=deck.id("h"), verdict=Expand(items=["first", "second"])))
    items = [ask(deck, f"h[{at}]") for at in range(2)]
    assert (deck.status("h"), verify(deck.db)) == ("waiting", ())
    deck.do(*(ApproveItem(item_id=item, values={}, actor=ANN) for item in items))
    deck.settle()
    assert deck.status("h") == "succeeded"
