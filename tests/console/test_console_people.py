"""People: the list, the form, two consoles on one item."""

from __future__ import annotations

import pytest

from core.control.nouns.work_items import ApproveItem, ClaimItem, CommentItem, DelegateItem, DenyItem
from core.model.patterns.workflow_views import ParamView
from tests.console.support_console import HOSTILE, console
from tests.console.support_fake_control import NOW, FakeControl
from tests.console.support_fake_items import item

LIMIT = ParamView(name="limit", type="integer", required=True, max=10)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.rows.listing.present_ms", lambda: NOW)


def stocked() -> FakeControl:
    control = FakeControl()
    control.add_item(item(1, title="Release?", due_at=NOW - 60_000, quorum=2), LIMIT)
    control.add_item(item(2, title="Pay?", assignee="eve"))
    control.add_item(item(3, title="Hire?", submitter="root", four_eyes=True))
    return control


@pytest.mark.parametrize("size", [(80, 24), (60, 15), (140, 40)])
async def test_what_waits_is_listed_with_whom_it_waits_for(size: tuple[int, int]) -> None:
    async with console(stocked(), size=size) as operator:
        await operator.press("9")
        screen = await operator.sees("People: open  3 open  1 overdue  1 for root")
        assert "overdue" in screen
        assert "Release?" in screen
        await operator.press("v")
        screen = await operator.sees("People: mine")
        assert "Pay?" not in screen
        await operator.press("v")
        await operator.sees("People: overdue")


async def test_the_form_is_filled_checked_and_approved() -> None:
    control = stocked()
    async with console(control, size=(80, 24)) as operator:
        await operator.press("9")
        await operator.sees("Release?")
        await operator.press("a")
        await operator.sees("Work item 1: Release?")
        await operator.press("1", "1")
        await operator.sees("must be at most 10")
        await operator.press("backspace", "enter", "enter", "enter")
        await operator.hears("1 more to approve")
    (asked,) = control.on_items
    assert isinstance(asked, ApproveItem)
    assert asked.values == {"limit": 1}


async def test_deny_delegate_and_remark_ask_for_a_line_and_claim_does_not() -> None:
    control = stocked()
    async with console(control, size=(120, 40)) as operator:
        await operator.press("9")
        await operator.sees("Release?")
        await operator.press("c")
        await operator.hears("claim work item 1: done")
        await operator.press("m")
        await operator.sees("Write to the history of work item 1")
        await operator.press("h", "i", "enter")
        await operator.hears("comment work item 1: done")
        await operator.press("D")
        await operator.press("b", "o", "b", "enter")
        await operator.hears("delegate work item 1: done")
        await operator.press("d", "escape", "d", "n", "o", "enter")
        await operator.hears("is for bob")
    kinds = [type(one) for one in control.on_items]
    assert kinds == [ClaimItem, CommentItem, DelegateItem]


async def test_of_two_consoles_on_one_item_one_has_it_and_the_other_sees_who() -> None:
    control = stocked()
    async with console(control, size=(120, 40)) as ann:
        ann.app.desk.items.actor = "console:ann"
        await ann.press("9")
        await ann.sees("Release?")
        # The other console claims it, and answers the next one.
        await control.ask(ClaimItem(item_id=1, actor="console:bob"))
        await ann.press("c")
        await ann.hears("claim work item 1: work item 1 is claimed by bob since")
        await ann.sees("Release?  bob")
        await control.ask(DenyItem(item_id=1, reason="no", actor="console:bob"))
        await ann.beat()
        await ann.sees("People: open  2 open")


async def test_hostile_texts_of_items_stay_text() -> None:
    control = FakeControl()
    control.add_item(item(1, title=HOSTILE, text=f"{HOSTILE}\n[red]x[/]", assignee=HOSTILE), LIMIT)
    async with console(control, size=(120, 40)) as operator:
        await operator.press("9", "i")
        screen = await operator.sees("People: open")
        assert "\x1b" not in screen
        await operator.press("a")
        screen = await operator.sees("[red]x[/]")
        assert "\x1b" not in screen


async def test_every_screen_counts_the_open_items_and_leads_to_them() -> None:
    control = stocked()
    job = control.add_job()
    held = control.add_task(job, "ask", status="waiting")
    async with console(control) as operator:
        await operator.sees("people 1/3 !1 overdue", "9 People ✗1")
        control.add_item(item(4, due_at=NOW + 60_000))
        control.note("variable.set")
        await operator.beat()
        await operator.quiet()
        asked = control.reads["work_items"]
        await operator.sees("people 1/3 !1 overdue")
        control.note("item.claimed")
        await operator.beat()
        await operator.sees("people 2/4 !1 overdue")
        assert control.reads["work_items"] == asked + 1, "what opens no item is no reason to count"
        del control.item_details[1]
        control.note("item.approved")
        await operator.beat()
        await operator.sees("people 1/3  ", "9 People ◔1")
        # No item is open where no task waits or is held: nothing is asked.
        control.set_task(held, status="succeeded")
        control.note("task.answered")
        asked = control.reads["work_items"]
        await operator.beat()
        await operator.misses("people 1/3", "◔1")
        assert control.reads["work_items"] == asked
