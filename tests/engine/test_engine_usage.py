"""What attempts report that they spent, by a whole engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.connectors.base import CallFailed, Plain
from core.connectors.delay import Delay
from core.connectors.registry import Registry
from core.connectors.shell import Shell
from core.model.limits.limits import Capacity, Limit, LimitKind, Price
from core.model.limits.usage import FILE_BYTES, LINES_MAX
from core.model.outcomes import Failed, TaskError
from core.model.ports import AttemptRef, CallContext, InlineCall
from tests.support.house import House, script

TEAM = Limit(name="team", kind=LimitKind.BUDGET, unit="usd", max=10**9, default_cost=70_000, on={})
PRICE = Price(model="gpt-x", input=2_500_000, output=10_000_000)


class Costly(Plain):
    """Reports what its input says, then returns or fails."""

    name = "costly"

    def call(self, with_: dict, context: CallContext) -> InlineCall:
        async def run() -> None:
            for said in with_["says"]:
                context.spend(said)
            if with_.get("fails"):
                raise CallFailed(Failed(error=TaskError(code="x", message="x"), permanent=True))

        return InlineCall(run=run)


@pytest.fixture
async def house(empty_house: House) -> House:
    empty_house.capacity = Capacity(limits=(TEAM,), prices=(PRICE,))
    empty_house.registry = lambda: Registry([Delay(), Shell(), empty_house.steer, Costly()])
    await empty_house.open()
    return empty_house


def ledger(house: House) -> list[tuple]:
    return house.rows("SELECT unit, amount, kind, model FROM entry ORDER BY id")


def ignored(house: House) -> list[str]:
    rows = house.rows("SELECT data->>'reason' FROM event WHERE kind = 'usage.ignored' ORDER BY id")
    return [reason for (reason,) in rows]


def costly(*says: object, **more: object) -> dict[str, object]:
    return {"key": "a", "uses": "costly", "with": {"says": list(says), **more}}


async def test_lines_in_the_usage_file_are_booked_at_the_end(house: House) -> None:
    lines = 'echo \'{"usd": 0.003}\' >>"$TASKDECK_USAGE"; printf \'%s\' \'{"tokens": 7}\' >>"$TASKDECK_USAGE"'
    await house.finish(script("a", lines))
    assert ledger(house) == [("usd", 3_000, "settled", None), ("tokens", 7_000_000, "settled", None)]
    assert house.rows("SELECT used, reserved FROM gauge") == [(3_000, 0)]


async def test_tokens_of_a_model_are_priced_also_of_a_task_that_fails(house: House) -> None:
    line = '{"model": "gpt-x", "input": 1000, "output": 200}'
    await house.finish(script("a", f"echo '{line}' >\"$TASKDECK_USAGE\"; exit 3"))
    assert ledger(house) == [
        ("tokens", 1_200_000_000, "settled", "gpt-x"),
        ("usd", 4_500, "settled", "gpt-x"),
    ]
    assert house.rows("SELECT price FROM entry WHERE unit = 'usd'") == [("2.5/10 usd per 1000000",)]


async def test_a_task_that_reports_nothing_is_booked_as_estimated(house: House) -> None:
    await house.finish(script("a", "true"))
    assert ledger(house) == [("usd", 70_000, "estimated", None)]
    assert ignored(house) == []


async def test_what_cannot_be_booked_is_ignored_and_said(house: House) -> None:
    await house.finish(
        script("a", """printf '{"usd": 1}\\n{"usd": -1}\\n\\377\\n' >"$TASKDECK_USAGE" """),
        script("b", 'ln -s /etc/passwd "$TASKDECK_USAGE"'),
        script("c", 'mkfifo "$TASKDECK_USAGE"'),
        script("d", 'mkdir "$TASKDECK_USAGE"'),
        script("e", f'yes \'{{"usd": 0}}\' | head -c {FILE_BYTES * 2} >"$TASKDECK_USAGE"'),
    )
    assert sorted(ledger(house)) == [
        ("usd", 0, "settled", None),
        ("usd", 70_000, "estimated", None),
        ("usd", 70_000, "estimated", None),
        ("usd", 70_000, "estimated", None),
        ("usd", 1_000_000, "settled", None),
    ]
    told = sorted(ignored(house))
    assert len(told) == 5
    assert any(
        text.startswith("of the usage file 2 lines are ignored: line 2: `usd`: -1 is") for text in told
    )
    assert any("the file has more than 262,144 bytes" in text for text in told)


async def test_a_child_that_outlives_its_engine_is_booked_by_the_next(house: House, tmp_path: Path) -> None:
    go = tmp_path / "go"
    wait = f'until [ -e {go} ]; do sleep 0.02; done; echo \'{{"usd": 2}}\' >>"$TASKDECK_USAGE"'
    job = await house.submit(
        script("a", f'echo \'{{"usd": 1}}\' >"$TASKDECK_USAGE"; touch {go}.begun; {wait}')
    )
    await house.until(lambda: Path(f"{go}.begun").exists(), "the task begins")
    await house.stop()
    await house.open()
    go.touch()
    await house.ended(job)
    assert ledger(house) == [("usd", 3_000_000, "settled", None)]


async def test_a_child_that_ended_without_an_engine_is_booked_by_the_next(
    house: House, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    wait = f'until [ -e {go} ]; do sleep 0.02; done; echo \'{{"usd": 2}}\' >>"$TASKDECK_USAGE"'
    job = await house.submit(script("a", f"touch {go}.begun; {wait}"))
    await house.until(lambda: Path(f"{go}.begun").exists(), "the task begins")
    await house.stop()
    go.touch()
    ref = AttemptRef(task_id=house.task_id(job, "a"), epoch=1)
    outputs = house.engine.children.outputs
    await house.until(lambda: outputs.read_status(ref) == 0, "it ends")
    await house.open()
    await house.ended(job)
    assert ledger(house) == [("usd", 2_000_000, "settled", None)]


async def test_an_inline_call_reports_what_it_spends_also_when_it_fails(house: House) -> None:
    await house.finish(costly({"usd": 0.25}, {"model": "gpt-x", "input": 4, "output": 0}))
    await house.finish(costly({"usd": 0.5}, fails=True))
    assert ledger(house) == [
        ("usd", 250_000, "settled", None),
        ("tokens", 4_000_000, "settled", "gpt-x"),
        ("usd", 10, "settled", "gpt-x"),
        ("usd", 500_000, "settled", None),
    ]


async def test_a_report_of_an_inline_call_that_cannot_be_booked_never_fails_it(house: House) -> None:
    many = [{"calls": 1}] * LINES_MAX
    result = await house.finish(costly({"usd": 0.25}, {"usd": -1}, {}, *many))
    assert result.status == "succeeded"
    assert ledger(house) == [
        ("usd", 250_000, "settled", None),
        ("calls", (LINES_MAX - 1) * 1_000_000, "settled", None),
    ]
    assert ignored(house) == [
        "3 reports of the call are ignored: `usd`: -1 is not a number from 0 to 1,000,000,000"
    ]


async def test_a_charge_while_a_task_runs_is_priced_and_not_booked_again_from_its_file(
    house: House, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    line = '{"usd": 3, "id": "one"}'
    text = f"touch {go}.begun; until [ -e {go} ]; do sleep 0.02; done; echo '{line}' >>\"$TASKDECK_USAGE\""
    job = await house.submit(script("a", text))
    await house.until(lambda: Path(f"{go}.begun").exists(), "the task begins")
    ref = AttemptRef(task_id=house.task_id(job, "a"), epoch=1)
    said = {"model": "gpt-x", "input": 1_000, "output": 200}
    answer = await house.engine.charge(ref, said, charge="tokens")
    assert [(one.unit, one.amount) for one in answer.spent] == [("tokens", 1_200_000_000), ("usd", 4_500)]
    assert (await house.engine.charge(ref, {"usd": 3}, charge="one")).landed
    go.touch()
    await house.ended(job)
    assert ledger(house) == [
        ("tokens", 1_200_000_000, "charged", "gpt-x"),
        ("usd", 4_500, "charged", "gpt-x"),
        ("usd", 3_000_000, "charged", None),
    ]
