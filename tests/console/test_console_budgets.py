"""The budgets screen: bars, amounts, pace, and the verbs on money."""

from __future__ import annotations

import pytest

from console.rows.amounts import amount_text, shares
from console.rows.budget_rows import BudgetRow, BudgetState, bar_text
from core.model.commands.capacity import Freeze, Reconcile, SetLimit, Span, Unfreeze
from core.model.limits.entry_views import RESERVED, EntryView
from core.model.limits.limits import Window
from core.model.records import replace
from core.model.text import cells
from core.model.waits import OF_LIMITS
from tests.console.support_console import HOSTILE, VISIBLE, Operator, console, shown, strips_of
from tests.console.support_fake_control import NOW
from tests.console.support_fake_money import HOUR, MINUTE, MoneyControl, budget, gauge, usd

SIZES = [(60, 15), (80, 24), (120, 40), (220, 60)]


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.rows.listing.present_ms", lambda: NOW)


async def at_budgets(operator: Operator, *texts: str) -> str:
    await operator.press("6")
    return await operator.sees("Budgets", *texts)


async def planned(operator: Operator, reason: str) -> None:
    """Give the reason that a plan asks for, and apply it."""
    await operator.sees("Plan:", "nothing is done yet")
    await operator.type(reason)
    await operator.press("enter")
    await operator.sees("y applies it")
    await operator.press("y")


def row_of(*, max: int = 20, read_at: int = NOW, **held: int) -> BudgetRow:  # noqa: A002 - as in the view
    one = gauge("team", max=usd(max), **{name: usd(amount) for name, amount in held.items()})
    return BudgetRow(limit=budget("team", one), gauge=one, frozen=None, read_at=read_at)


async def test_a_budget_tells_exact_amounts_its_window_pace_and_end() -> None:
    async with console(MoneyControl(), size=(160, 40)) as operator:
        screen = await at_budgets(operator, "2 budgets", "1 spent", "team: 2 of 12 keys")
        team = next(line for line in screen.splitlines() if "team" in line and "12.5" in line)
        for word in ("✓ open", "12.5", "2", "0.5", "5", "20 usd", "18h", "2.08", "2h24m", "3"):
            assert word in team.split() or word in team
        research = next(line for line in screen.splitlines() if line[1:].startswith("research"))
        assert "✗ over" in research
        assert "-0.25" in research
        assert "!" in research


async def test_the_foot_tells_of_the_budget_under_the_cursor_in_words() -> None:
    async with console(MoneyControl(), size=(120, 40)) as operator:
        await at_budgets(operator, "over by 0.25 usd", "7 tasks in 1 lane wait for it")
        await operator.press("j")
        await operator.sees("█ settled 12.5", "▒ reserved 2", "? unknown 0.5", "· left 5", "of 20 usd")
        await operator.sees("2.08 usd an hour since its window began: at this rate it is spent in 2h24m")


def test_a_bar_shows_every_part_however_small_and_says_over() -> None:
    assert bar_text(row_of(used=12, reserved=4, unknown=0.001), width=10) == "██████▒▒?·"
    assert bar_text(row_of(used=25), width=5) == "████!"
    assert bar_text(row_of(), width=5) == "·····"
    assert shares((1, 1, 1), width=2) == [1, 1, 1]


def test_amounts_are_exact_and_grouped() -> None:
    assert amount_text(1_234_567_000_001, "usd") == "1,234,567.000001 usd"
    assert amount_text(-250_000, "usd") == "-0.25 usd"


def test_a_pace_is_told_only_where_it_says_something() -> None:
    assert row_of(used=12).per_hour == pytest.approx(2.0)
    assert row_of(used=12).spent_at == NOW + 4 * HOUR
    assert row_of(used=1).spent_at is None, "it lasts beyond its window"
    young = row_of(used=12, read_at=NOW - 6 * HOUR + MINUTE // 2)
    assert young.per_hour is None
    assert row_of(used=20).state is BudgetState.SPENT


async def test_raising_a_budget_is_planned_with_a_reason_and_sets_the_sum() -> None:
    control = MoneyControl()
    async with console(control) as operator:
        await at_budgets(operator, "research")
        await operator.press("B")
        await operator.sees("New maximum of research, now 5 usd")
        await operator.type("+5")
        await operator.press("enter")
        await operator.sees("for this window only")
        await operator.press("w")
        await operator.sees("now       5 usd", "then      10 usd, for this window only")
        await planned(operator, "the invoice is paid")
        await operator.hears("set research to 10 usd")
        await operator.sees("changed")
        (asked,) = control.capacity_changes
        assert asked.change == SetLimit(name="research", to="10", span=Span.WINDOW)
        assert asked.reason == "the invoice is paid"


async def test_a_budget_that_was_changed_meanwhile_is_not_raised() -> None:
    control = MoneyControl()
    async with console(control) as operator:
        await at_budgets(operator, "research")
        await operator.press("B")
        await operator.type("+5")
        await operator.press("enter", "g")
        await operator.sees("Plan:")
        control.put(replace(control.limit("research"), max=usd(7)))
        await planned(operator, "late")
        await operator.hears("it was changed meanwhile")
        assert control.capacity_changes == []


@pytest.mark.parametrize("typed", ["much", "-7", "1e99"])
async def test_a_maximum_that_does_not_fit_is_refused_before_any_plan(typed: str) -> None:
    control = MoneyControl()
    async with console(control) as operator:
        await at_budgets(operator, "research")
        await operator.press("B")
        await operator.type(typed)
        await operator.press("enter", "g")
        await operator.hears("does not fit")
        assert control.capacity_changes == []


async def test_all_spending_is_stopped_and_goes_on_by_plan_and_every_screen_says_so() -> None:
    control = MoneyControl()
    async with console(control) as operator:
        await at_budgets(operator, "research")
        await operator.press("F")
        await operator.sees("no task that is under one of them starts")
        await planned(operator, "runaway loop")
        await operator.hears("stop all spending")
        await operator.beat()
        await operator.sees("SPENDING STOPPED", "■ frozen", "all spending is stopped")
        await operator.press("2")
        await operator.sees("Jobs", "SPENDING STOPPED", "6 Budgets ■1")
        await operator.press("6", "F")
        await planned(operator, "fixed")
        await operator.beat()
        await operator.misses("SPENDING STOPPED")
        assert [type(asked.change) for asked in control.capacity_changes] == [Freeze, Unfreeze]
        assert [asked.reason for asked in control.capacity_changes] == ["runaway loop", "fixed"]


async def test_a_plan_that_is_left_changes_nothing() -> None:
    control = MoneyControl()
    async with console(control) as operator:
        await at_budgets(operator, "research")
        await operator.press("F")
        await operator.sees("Plan:")
        await operator.press("enter")
        await operator.sees("a reason is required")
        await operator.press("escape")
        await operator.misses("Plan:")
        assert control.capacity_changes == []


@pytest.mark.parametrize(
    ("keys", "change"),
    [
        (("a",), Reconcile(older_ms=0, unit="usd")),
        (("d",), Reconcile(older_ms=24 * HOUR, unit="usd")),
        (("t", "0", "full_stop", "5", "enter"), Reconcile(older_ms=0, unit="usd", amount="0.5")),
    ],
)
async def test_unknown_amounts_are_booked_as_estimated_or_as_typed(keys, change) -> None:
    control = MoneyControl()
    async with console(control) as operator:
        await at_budgets(operator, "research")
        await operator.press("u")
        await operator.hears("no amount is unknown")
        await operator.press("j", "u")
        await operator.sees("Unknown amounts of usd")
        await operator.press(*keys)
        await planned(operator, "checked with the vendor")
        await operator.hears("book unknown amounts: 1 booked")
        assert control.capacity_changes[0].change == change


async def test_enter_lists_the_gauges_by_key_and_then_what_waits() -> None:
    async with console(MoneyControl()) as operator:
        await at_budgets(operator, "research")
        await operator.press("j", "v")
        await operator.sees("Budget team", "per day (UTC)", "for every task", "team · acme", "↻ soft")
        await operator.press("w")
        await operator.sees("/ wait:", *(code.value for code in OF_LIMITS))
        await operator.press("escape", "escape")
        await operator.sees("2 budgets")


def entry(number: int, kind: str = "settled", **more: object) -> EntryView:
    facts = {"unit": "usd", "amount": usd(0.5), "at": NOW - number, "counted_at": NOW, "job_id": 2, **more}
    task = {} if kind == "correction" else {"task_id": number + 1, "epoch": 1, "key": f"t{number}"}
    return EntryView(id=number, kind=kind, **{**task, **facts})


async def test_enter_lists_the_entries_of_a_budget_newest_first_page_by_page() -> None:
    control = MoneyControl()
    control.entries = [
        entry(0, RESERVED, key="runs"),
        entry(451, "correction", amount=usd(-1.25), job_id=None, actor="ana (cli)", reason="refunded"),
        *(entry(number) for number in range(450, 0, -1)),
    ]
    control.add_task(2, "clean", status="succeeded")
    async with console(control) as operator:
        await at_budgets(operator, "research")
        await operator.press("j", "enter")
        screen = await operator.sees("Entries of team", "1 reserved", "refunded", "row 1/401+")
        lines = [line.split() for line in screen.splitlines()]
        (held,) = [line for line in lines if "reserved" in line and "runs" in line]
        assert held[-5:] == ["0.5", "2", "1", "1", "runs"]
        (corrected,) = [line for line in lines if "correction" in line]
        assert corrected[-4:] == ["-1.25", "ana", "(cli)", "refunded"]
        await operator.press("G")
        await operator.sees("row 452/452", "t1")
        control.entries.insert(1, entry(452, key="newest"))
        control.note("attempt.succeeded")
        await operator.press("g")
        await operator.beat()
        await operator.sees("newest", "row 1/401+")
        await operator.press("G")
        await operator.sees("row 453/453")
        await operator.press("escape")
        await operator.sees("2 budgets")


async def test_entries_of_hostile_names_are_shown_as_glyphs() -> None:
    control = MoneyControl()
    control.entries = [entry(1, key=HOSTILE, actor=HOSTILE, reason=HOSTILE, model=HOSTILE)]
    async with console(control, size=(220, 40)) as operator:
        await at_budgets(operator, "research")
        await operator.press("enter")
        await operator.sees("Entries of research", VISIBLE)
        assert all(line.isprintable() for line in strips_of(operator.app.screen))


async def test_a_window_that_turns_is_read_again_though_nothing_happened(monkeypatch) -> None:
    control = MoneyControl()
    async with console(control) as operator:
        await at_budgets(operator, "research")
        await operator.quiet()
        before = control.reads["capacity"]
        operator.app.updates.age()
        await operator.quiet()
        assert control.reads["capacity"] == before
        monkeypatch.setattr("console.rows.listing.present_ms", lambda: NOW + 19 * HOUR)
        monkeypatch.setattr(operator.app.updates, "_aged_at", 0.0)
        operator.app.updates.age()
        await operator.until(lambda: control.reads["capacity"] > before, "nothing was read")


async def test_time_alone_changes_no_cell_of_an_idle_screen_within_a_minute(monkeypatch) -> None:
    monkeypatch.setattr("console.rows.listing.present_ms", lambda: NOW - MINUTE // 2)
    async with console(MoneyControl(), size=(160, 40)) as operator:
        await at_budgets(operator, "research")
        await operator.quiet()
        before = shown(operator.app)
        monkeypatch.setattr("console.rows.listing.present_ms", lambda: NOW - MINUTE // 2 + 1_000)
        operator.app.screen.refresh_ages()  # type: ignore[attr-defined]
        await operator.quiet()
        assert shown(operator.app) == before


@pytest.mark.parametrize("size", SIZES)
async def test_budgets_have_room_at_every_size(size: tuple[int, int]) -> None:
    async with console(MoneyControl()) as operator:
        await operator.resize(*size)
        screen = await at_budgets(operator, "✗ over", "team", "██", "20 usd")
        assert len(screen.splitlines()) == size[1]
        assert all(cells(line) == size[0] for line in screen.splitlines())


async def test_names_keys_units_and_reasons_are_shown_as_glyphs() -> None:
    control = MoneyControl()
    one = gauge(HOSTILE, key=HOSTILE, max=usd(1), used=usd(1))
    control.capacity_view = replace(
        control.capacity_view,
        limits=(replace(budget(HOSTILE, one), unit=HOSTILE, window=Window(zone=HOSTILE)),),
    )
    async with console(control, size=(220, 40)) as operator:
        await at_budgets(operator, VISIBLE)
        assert all(line.isprintable() for line in strips_of(operator.app.screen))
        for keys in (("B",), ("escape", "F"), ("escape", "enter")):
            await operator.press(*keys)
            await operator.sees(VISIBLE)
            assert all(line.isprintable() for line in strips_of(operator.app.screen))


@pytest.mark.parametrize("typed", ["budgets", "money", "budget team"])
async def test_places_lead_to_budgets(typed: str) -> None:
    async with console(MoneyControl()) as operator:
        await operator.app.place_prompt.go(typed)
        await operator.sees("Budget", "team")


async def test_without_budgets_the_screen_says_how_one_is_made() -> None:
    control = MoneyControl()
    control.capacity_view = replace(control.capacity_view, limits=())
    async with console(control) as operator:
        await at_budgets(operator, "[budgets.NAME] in config.toml makes one")
