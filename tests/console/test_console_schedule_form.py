"""The form of a schedule: fields, fires to come, faults."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from textual.widgets import Static

from console.newjob.schedule_fields import ScheduleReader, field_of_fault, fields_of
from console.newjob.schedule_work import Place, work_of
from console.widgets.form import Form
from core.control.nouns.schedules import AddSchedule, EditSchedule
from core.model.errors import Conflict, Invalid
from core.model.records import replace
from core.model.text import cells
from core.model.timing.schedules import CatchUp, FirePolicy, Overlap, Schedule, Timing, Work
from tests.console.support_console import HOSTILE, Operator, console
from tests.console.support_fake_control import INFO, NOW, FakeControl
from tests.console.support_stocked_schedules import HOUR, stock_schedules

SMALL = (80, 24)
BEFORE = Schedule(
    name="old",
    timing=Timing(
        cron="0 3\t* * *",
        zone="Europe/Berlin",
        starts=NOW - 1,
        ends=NOW + 1_000 * HOUR,
        exclude=("2026-12-25",),
    ),
    policy=FirePolicy(jitter_ms=60_000, expect_ms=25 * HOUR, overlap=Overlap.QUEUE, window_ms=HOUR),
    work=Work(text="name: x", source="/srv/x.yaml", params={"n": 3, "who": "a b"}, env={"A": "1"}, retry=2),
)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.rows.listing.present_ms", lambda: NOW)
    monkeypatch.setattr("console.dialogs.schedule_form.present_ms", lambda: NOW)


def stocked() -> FakeControl:
    control = FakeControl()
    stock_schedules(control)
    return control


async def replaced(operator: Operator, text: str) -> None:
    """Put a text in the place of that of the present line."""
    await operator.press("end", "ctrl+u")
    if text:
        await operator.type(text)


def reader(before: Schedule | None = BEFORE) -> tuple[ScheduleReader, dict[str, str]]:
    fields = fields_of(before, zone="Europe/Berlin")
    return ScheduleReader(before, fields, now=NOW), {one.name: one.text for one in fields}


async def test_a_letter_that_changes_no_fault_writes_no_line_of_the_form_again(monkeypatch) -> None:
    async with console(stocked(), size=SMALL) as operator:
        await operator.press("5")
        await operator.sees("month-end")
        await operator.press("a")
        await operator.sees("Add a schedule")
        await operator.type("tid")
        await operator.sees("tid")
        written: list[Static] = []
        write = Static.update

        def noted(text: Static, *content: object, **how: object) -> None:
            written.append(text)
            write(text, *content, **how)

        monkeypatch.setattr(Static, "update", noted)
        await operator.type("y")
        await operator.sees("tidy")
        form = operator.app.screen.query_one(Form)
        assert [text for text in written if form in text.ancestors] == []
        await operator.press("enter", "enter")
        await operator.type("99 3 * * *")
        await operator.sees("! the minute field `99`")
        assert len([text for text in written if form in text.ancestors]) == 1


async def test_a_schedule_is_added_with_its_fires_shown_while_its_rule_is_typed(tmp_path: Path) -> None:
    control = stocked()
    flow = tmp_path / "flow.yaml"
    flow.write_text("name: flow\n")
    async with console(control, size=SMALL) as operator:
        await operator.press("5")
        await operator.sees("month-end")
        await operator.press("a")
        await operator.sees("Add a schedule", "name", "fires by", "rule")
        await operator.type("tidy")
        await operator.press("enter", "enter")
        await operator.type("99 3 * * *")
        screen = await operator.sees("! the minute field `99`")
        assert "2023-11" not in screen
        await replaced(operator, "0 3 * * *")
        await operator.sees("next        Wed 2023-11-15 03:00 +01:00, Thu 2023-11-16 03:00")
        await replaced(operator, "last working day at 18:00")
        await operator.sees("! ")
        # The same text is right for another kind, and its fires take the place of the fault.
        await operator.press("up", "right", "right", "down")
        screen = await operator.sees("next        Thu 2023-11-30 18:00 +01:00")
        assert all(cells(line) == SMALL[0] for line in screen.splitlines())
        await operator.press("enter")
        await replaced(operator, "Europe/Berln")
        await operator.sees("! `Europe/Berln` is not a time zone; did you mean `Europe/Berlin`?")
        await replaced(operator, "UTC")
        await operator.sees("next        Thu 2023-11-30 18:00 +00:00")
        await operator.press("enter")
        await operator.type(str(tmp_path / "flaw.yaml"))
        await operator.press(*["down"] * 11, "down", "enter")
        # What was refused stands beside its field, and nothing else that was typed is lost.
        await operator.sees("1 field to fix", "! no such file")
        assert control.schedule_changes == []
        await replaced(operator, str(flow))
        await operator.press("enter", "enter")
        await operator.type("who=ana night='${{ fire.at }}'")
        await operator.press(*["down"] * 10, "enter")
        await operator.until(lambda: control.schedule_changes, "nothing was added")
    (added,) = cast("list[AddSchedule]", control.schedule_changes)
    assert added.schedule == Schedule(
        name="tidy",
        timing=Timing(calendar="last working day at 18:00", zone="UTC"),
        work=Work(
            text="name: flow\n",
            source=str(flow),
            cwd=str(tmp_path),
            params={"who": "ana", "night": "${{ fire.at }}"},
        ),
    )


async def test_the_fires_to_come_are_wrapped_for_each_width_of_the_terminal() -> None:
    async with console(stocked(), size=(40, 30)) as operator:
        await operator.press("5")
        await operator.sees("backup")
        await operator.press("a")
        await operator.type("tidy")
        await operator.press("enter", "enter")
        await operator.type("0 3 * * *")
        screen = await operator.sees("next        Wed 2023-11-15")
        assert "2023-11-15 03:00 +01:00, Thu 2023-11-16 03:00" not in screen
        await operator.resize(120, 30)
        await operator.sees(
            "next        Wed 2023-11-15 03:00 +01:00, Thu 2023-11-16 03:00, Fri 2023-11-17 03:00"
        )
        await operator.resize(40, 30)
        screen = await operator.sees("next        Wed 2023-11-15")
        assert "2023-11-15 03:00 +01:00, Thu 2023-11-16 03:00" not in screen


async def test_an_edit_keeps_what_is_not_touched_takes_away_what_is_emptied_and_yields_to_a_change() -> None:
    control = stocked()
    at = next(n for n, view in enumerate(control.schedule_views) if view.schedule.name == "month-end")
    old = control.schedule_views[at]
    control.engine = replace(INFO, is_lasting=False)
    async with console(control, size=SMALL) as operator:
        await operator.press("5")
        await operator.sees("month-end")
        await operator.press("j", "j", "e")
        await operator.sees("Edit schedule month-end", "< calendar >", "next        Thu 2023-11-30 18:00")
        await operator.press(*["down"] * 10)
        await replaced(operator, "soon")
        await operator.press(*["down"] * 5, "enter")
        await operator.sees("1 field to fix")
        assert control.schedule_changes == []
        await replaced(operator, "")
        await operator.press("escape")
        await operator.sees("Esc again leaves without saving", "Edit schedule")
        # Another operator was faster: that is said, and one more Enter decides.
        other = replace(old.schedule, policy=replace(old.schedule.policy, overlap=Overlap.ALLOW))
        control.schedule_views[at] = replace(old, schedule=other)
        await operator.press(*["down"] * 5, "enter")
        await operator.sees("changed meanwhile by another")
        assert control.schedule_changes == []
        await operator.press("enter")
        await operator.hears("schedule month-end: edited, next")
        await operator.hears("`taskdeck serve --install` has one that lasts")
        await operator.press("e", "down", "x", "escape")
        await operator.sees("Esc again leaves")
        await operator.press("escape")
        await operator.misses("Edit schedule")
    (edited,) = cast("list[EditSchedule]", control.schedule_changes)
    assert edited.schedule == replace(old.schedule, policy=replace(old.schedule.policy, expect_ms=None))


async def test_a_refusal_of_the_engine_stands_beside_its_field_or_below_the_form() -> None:
    control = stocked()
    refusals: list[Exception] = [
        Conflict("schedule.taken", "`tidy` is a schedule already"),
        Invalid("params.invalid", "`who` is not a parameter"),
        Invalid("engine.other", "the engine says no", hint="ask again"),
    ]

    async def refuse(_: AddSchedule) -> None:
        raise refusals[0]

    control.answer_add_schedule = refuse
    async with console(control, size=(60, 15)) as operator:
        await operator.press("5")
        await operator.sees("month-end")
        await operator.press("a", *"tidy", "enter", "enter", *"@daily", "enter", "enter", *"true")
        await operator.press(*["down"] * 12, "enter")
        await operator.sees("! `tidy` is a schedule already", "1 field to fix")
        refusals.pop(0)
        await operator.press("x", "shift+tab", "enter")
        await operator.sees("! `who` is not a parameter")
        refusals.pop(0)
        await operator.press("ctrl+u", *["down"] * 10, "enter")
        screen = await operator.sees("the engine says no (ask again)")
        assert len(screen.splitlines()) == 15


def test_what_is_not_touched_stays_exactly_as_it_was() -> None:
    read_by, texts = reader()
    read = read_by.read(texts)
    assert read.faults == {}
    assert (read.timing, read.policy, read.params) == (BEFORE.timing, BEFORE.policy, BEFORE.work.params)
    work = work_of(texts, BEFORE.work, read.params, place=Place(folder=Path("/")))
    assert work == BEFORE.work
    # A number of a configuration stays a number while it reads the same.
    assert read_by.read({**texts, "params": "n=3 who=c"}).params == {"n": 3, "who": "c"}
    for at in (Timing(at=NOW + 7, zone="Asia/Kolkata"), Timing(every_ms=5_000, anchor=9)):
        again, texts = reader(replace(BEFORE, timing=at))
        assert again.read(texts).timing == at
        assert again.read({**texts, "zone": "UTC"}).timing == replace(at, zone="UTC")


def test_what_is_emptied_is_taken_away_and_other_rules_take_the_place_of_the_old_one() -> None:
    read_by, texts = reader()
    empty = dict.fromkeys(("starts", "ends", "exclude", "jitter", "expect", "params", "window"), "")
    read = read_by.read({**texts, **empty, "kind": "every", "rule": "6h", "catch_up": "all", "most": "7"})
    assert read.faults == {}
    assert read.timing == Timing(every_ms=6 * HOUR, anchor=NOW, zone="Europe/Berlin")
    assert read.policy == FirePolicy(overlap=Overlap.QUEUE, catch_up=CatchUp.ALL, most=7)
    assert read.params == {}
    assert read_by.read({**texts, "kind": "at", "rule": "+2h"}).timing == replace(
        BEFORE.timing, cron=None, at=NOW + 2 * HOUR
    )


@pytest.mark.parametrize(
    ("field", "typed", "told"),
    [
        ("name", " ", "required"),
        ("rule", "", "required, such as"),
        ("rule", "x" * 201, "at most 200 characters"),
        ("zone", "", "is not a time zone"),
        ("zone", "../etc/passwd", "is not a time zone"),
        ("work", " ", "required"),
        ("work", "echo 'x", ""),
        ("params", "who", "is not NAME=VALUE"),
        ("params", "a=1 a=2", "given twice"),
        ("params", "a='1", "a quote has no end"),
        ("window", "3 parsecs", "is not a length of time"),
        ("expect", "1ms", "expect"),
        ("jitter", "200000d", "century"),
        ("most", "0", "max"),
        ("most", "٣", "write a number"),
        ("starts", "soon", "is not a moment"),
        ("ends", "2026-99-01", "is not a moment"),
        ("exclude", "2026-12-25 " * 1_001, "at most 1000 dates"),
    ],
)
def test_each_field_has_its_own_fault(field: str, typed: str, told: str) -> None:
    read_by, texts = reader(None)
    fine = {**texts, "name": "n", "rule": "@daily", "work": "true"}
    assert read_by.read(fine).faults == {}
    faults = read_by.read({**fine, field: typed}).faults
    if told:
        assert set(faults) == {field}
        assert told in faults[field]
    else:
        with pytest.raises(Invalid, match="a quote has no end"):
            work_of({**fine, field: typed}, Work(), {}, place=Place(folder=Path("/")))


def test_work_is_read_here_or_named_there_and_a_command_is_never_followed(tmp_path: Path) -> None:
    _, texts = reader(None)
    texts |= {"name": "n"}
    here, there = Place(folder=tmp_path), Place(folder=tmp_path, host="box")
    (tmp_path / "flow.yml").write_text("name: x\n")
    each = {"follows": "read again at each fire"}
    followed = work_of({**texts, **each, "work": "flow.yml"}, Work(), {}, place=here)
    path = str(tmp_path / "flow.yml")
    assert followed == Work(path=path, source=path, cwd=str(tmp_path))
    assert work_of({**texts, "work": "flow.yml"}, Work(), {}, place=there).cwd is None
    assert work_of({**texts, **each, "work": "/srv/f.yaml"}, Work(), {}, place=there).cwd == "/srv"
    command = work_of({**texts, "work": "echo 'a b'"}, Work(retry=3), {}, place=here)
    assert '["echo", "a b"]' in (command.text or "")
    assert (command.retry, command.cwd) == (3, str(tmp_path))
    for changed, place in (({"work": "f.yaml"}, there), ({"work": "echo f"}, here)):
        with pytest.raises(Invalid) as caught:
            work_of({**texts, **each, **changed}, Work(), {}, place=place)
        assert field_of_fault(caught.value) in ("work", "follows")
    with pytest.raises(Invalid):
        work_of({**texts, "work": "~nobody-of-that-name/f.yaml"}, Work(), {}, place=here)


async def test_hostile_texts_of_a_schedule_are_glyphs_in_its_form() -> None:
    control = stocked()
    first = control.schedule_views[0]
    work = Work(source=HOSTILE, params={HOSTILE: HOSTILE})
    timing = replace(first.schedule.timing, exclude=(HOSTILE,))
    control.schedule_views = [replace(first, schedule=Schedule(name=HOSTILE, timing=timing, work=work))]
    async with console(control, size=SMALL) as operator:
        await operator.press("5", "e")
        screen = await operator.sees("Edit schedule ␛[31m")
        assert all(line.isprintable() and cells(line) == SMALL[0] for line in screen.splitlines())
