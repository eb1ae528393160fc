"""Tests of groups that unfold: instances in pages, verbs on them."""

from __future__ import annotations

import pytest

from console.rows.job_rows import JobRow
from console.rows.unfolded_groups import UnfoldedGroups
from console.screens.job import JobScreen
from core.model.views import TaskView
from tests.console.support_console import console
from tests.console.support_fake_control import FakeControl


def keys_of(rows: tuple[JobRow, ...]) -> list[str]:
    return [row.view.key if isinstance(row.view, TaskView) else "stage" for row in rows]


async def every_page(groups: UnfoldedGroups, limit: int) -> list[list[str]]:
    pages, after = [], None
    while True:
        page = await groups.page(after, limit)
        pages.append(keys_of(page.rows))
        after = page.next
        if after is None:
            return pages
        assert groups.is_place(after)


async def test_pages_hold_the_instances_between_the_rows_of_the_job() -> None:
    control = FakeControl()
    job = control.add_job()
    first = control.add_group(job, "a", ["succeeded"] * 5)
    control.add_task(job, "between")
    second = control.add_group(job, "b", ["queued"] * 2)
    groups = UnfoldedGroups(control, job)
    assert await every_page(groups, 3) == [["stage", "a", "between", "b"]]
    assert groups.total == 4
    groups.toggle(first)
    groups.toggle(second)
    assert await every_page(groups, 3) == [
        ["stage", "a", "a[0]", "a[1]", "a[2]"],
        ["a[3]", "a[4]", "between", "b", "b[0]"],
        ["b[1]"],
    ]
    assert groups.total == 11
    # A page that its instances fill ends before the next group, which begins the page behind it.
    assert (await every_page(groups, 5))[:2] == [
        ["stage", "a", *(f"a[{n}]" for n in range(5)), "between", "b"],
        ["b[0]", "b[1]"],
    ]
    groups.toggle(first)
    assert await every_page(groups, 3) == [["stage", "a", "between", "b", "b[0]", "b[1]"]]


async def test_within_a_wide_group_only_its_instances_are_read() -> None:
    control = FakeControl()
    job = control.add_job()
    groups = UnfoldedGroups(control, job)
    groups.toggle(control.add_group(job, "a", ["queued"] * 30))
    first = await groups.page(None, 10)
    control.reads.clear()
    second = await groups.page(first.next, 10)
    assert keys_of(second.rows) == [f"a[{n}]" for n in range(10, 20)]
    assert [row.place for row in second.rows] == [*range(10, 20)]
    assert {row.depth for row in second.rows} == {1}
    assert control.reads == {"instances": 1}


@pytest.mark.parametrize("cursor", ["", "group x:1", "WyJ0YXNrczppZCJd", "group 1:2:3"])
def test_cursors_of_other_lists_are_not_taken_for_places_in_groups(cursor: str) -> None:
    assert not UnfoldedGroups(FakeControl(), 2).is_place(cursor)


async def test_a_group_unfolds_in_place_verbs_act_on_instances_and_it_folds_again() -> None:
    control = FakeControl()
    job = control.add_job("films")
    control.add_task(job, "list", status="succeeded")
    statuses = ["succeeded"] * 447 + ["failed"] * 2 + ["running"]
    group = control.add_group(job, "transcode", statuses, needs=("list",))
    control.add_task(job, "after", status="blocked", needs=("transcode",))
    async with console(control) as operator:
        await operator.press("2", "enter")
        await operator.sees("└ ▸ transcode 449/450 x2", "row 1/4")
        screen = operator.app.screen
        assert isinstance(screen, JobScreen)

        await operator.press("j", "f")
        await operator.hears("this is not a group")
        await operator.press("j", "f")
        await operator.sees("└ ▾ transcode 449/450 x2", "  └ transcode[0]", "row 3/454")

        await operator.press("j")
        chosen = screen.chosen()
        assert chosen is not None
        assert chosen.target.task_ids == (group + 1,)
        await operator.press("space", "space", "V")
        await operator.sees("marks 3")
        await operator.press("U", "G")
        await operator.sees("transcode[449]", "    └ after", "row 454/454")
        assert control.reads["job_detail"] < 12, "each page of instances reads the whole job"

        # From an instance in the middle the group folds, and the cursor is on its row.
        await operator.press("k", "f")
        await operator.misses("transcode[")
        await operator.sees("└ ▸ transcode 449/450 x2", "row 3/4")
        selected = screen.table.selected
        assert selected is not None
        assert selected.view.id == group

        # A filter finds instances whether they are unfolded or not.
        await operator.press("f")
        await operator.sees("transcode[0]")
        await operator.press("slash", *"status:failed", "enter")
        await operator.sees("transcode[447]", "transcode[448]", "row 1/2")
        await operator.press("f")
        await operator.hears("a filter or an order is set")
        await operator.press("*", "r", "y")
        await operator.until(lambda: control.task_rows[group + 448].status == "queued", "nothing runs again")
        assert control.task_rows[group + 449].status == "queued"
        await operator.press("escape")
        await operator.sees("▾ transcode", "transcode[0]")
        await operator.press("question_mark")
        await operator.sees_key("f", "the instances of the group, below it or as a list")

        # Among the tasks of all jobs they are listed by a filter, from which Esc comes back.
        await operator.press("escape", "3", "slash", *"key:transcode", "enter")
        await operator.sees("transcode 449/450 x2", "row 1/1")
        await operator.press("f")
        await operator.sees("/ job:2 group:transcode sort:id", "transcode[0]", "row 1/450")
        await operator.press("f")
        await operator.hears("this is not a group")


async def test_a_group_below_a_wide_one_unfolds_without_reading_that_again() -> None:
    control = FakeControl()
    job = control.add_job("films")
    control.add_group(job, "wide", ["succeeded"] * 1_000)
    control.add_group(job, "low", ["queued"] * 3)
    async with console(control) as operator:
        await operator.press("2", "enter")
        await operator.sees("▸ wide 1,000/1,000", "row 1/3")
        await operator.press("j", "f")
        await operator.sees("row 2/1,003")
        await operator.press("G")
        await operator.sees("▸ low 0/3", "row 1,003/1,003")
        control.reads.clear()
        await operator.press("f")
        await operator.sees("▾ low 0/3", "row 1,003/1,006")
        # The page of its row, and its own instances.
        assert control.reads["instances"] <= 3
        await operator.press("G")
        await operator.sees("low[2]", "row 1,006/1,006")
        control.reads.clear()
        await operator.press("f")
        await operator.sees("▸ low 0/3", "row 1,003/1,003")
        assert control.reads["instances"] <= 3
