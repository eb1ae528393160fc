"""The health screen: subjects, facts, and looks by hand."""

from __future__ import annotations

import pytest

from console.rows.health_rows import trend_of
from core.model.commands.capacity import ResetBackend
from core.model.health import HealthState, SubjectLine
from core.model.records import replace
from tests.console.support_console import console
from tests.console.support_fake_control import INFO, NOW
from tests.console.support_fake_health import stock_health
from tests.console.support_fake_money import MoneyControl


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.rows.listing.present_ms", lambda: NOW)


async def test_the_worst_is_first_with_all_that_is_known_and_a_backend_is_looked_at() -> None:
    control = MoneyControl()
    stock_health(control)
    async with console(control, size=(160, 45)) as operator:
        await operator.press("8")
        screen = await operator.sees("Health  1 critical  4 warning", "✗ critical", "model-api")
        first = screen.splitlines()[3]
        assert "backend model-api" in first
        assert "connection refused" in first
        await operator.sees(
            "do      'taskdeck backends close model-api'",
            "looks   every 30s, at most 5s; down after 2 without an answer, up after 2 with one",
            "no answer within 5s",
        )
        await operator.press("T")
        await operator.hears("model-api: 200 OK in 12ms")
        assert control.looked_at == ["model-api"]
        await operator.press("r")
        await operator.sees("Reset the breaker of model-api")
        await operator.press("y")
        await operator.until(
            lambda: ResetBackend(name="model-api") in [one.change for one in control.capacity_changes],
            "it is reset",
        )
        await operator.press("enter")
        await operator.sees("wait:down,shut,breaker")
        await operator.press("escape", "e")
        await operator.sees("Events", "kind:engine.health")


async def test_what_blocked_the_loop_stands_below_its_row_and_a_measure_is_not_looked_at() -> None:
    control = MoneyControl()
    stock_health(control)
    async with console(control, size=(120, 40)) as operator:
        await operator.press("8")
        await operator.sees("Health")
        rows = [operator.app.screen.table.rows[n].subject for n in range(operator.app.screen.table.count)]
        await operator.press(*"j" * rows.index("loop"))
        await operator.sees(
            "blocked", "for 2.3s by", "acme/connector.py:41 in call: self.client.wait_for_ever()"
        )
        await operator.press("T")
        assert operator.app.screen.why_not("look") == "this subject is not a backend with a check"
        assert control.looked_at == []
        control.engine = replace(INFO, is_lasting=False)
        await operator.press("ctrl+r")
        await operator.press("g", *"j" * rows.index("engine"))
        await operator.sees(
            "log-out it ends at log-out or with the machine: 'taskdeck serve --install' has one that lasts",
            "doctor  'taskdeck doctor --home /home' checks settings, files and the store",
        )


def test_a_trend_is_in_parts_of_its_highest() -> None:
    line = SubjectLine(subject="memory", state=HealthState.OK, text="", trend=(0.1, 0.8, 0.0))
    assert trend_of(line, 30) == "▁█·"
    assert trend_of(SubjectLine(subject="reader", state=HealthState.OK, text="", trend=(0.0, 0.0)), 30) == ""
