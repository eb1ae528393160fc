"""What a fake control answers of health."""

from __future__ import annotations

from core.control.nouns import health
from core.model.backend_checks import (
    Check,
    CheckChange,
    CheckStatus,
    CheckView,
    HttpTarget,
    LastLook,
    Look,
    Target,
    TcpTarget,
)
from core.model.health import (
    DEFAULT_LINES,
    EngineHealth,
    HealthState,
    HealthView,
    LoopBlock,
    Measure,
    MeasureView,
)
from core.model.waits import EngineFacts
from tests.console.support_fake_rows import NOW
from tests.console.support_fake_schedules import FakeSchedules

MINUTE = 60_000
STACK = (
    "base_events.py:1922 in _run_once: handle._run()",
    "acme/connector.py:41 in call: self.client.wait_for_ever()",
)


def _measure(measure: Measure, value: float, *, state: HealthState = HealthState.OK, swing: float = 0.2):
    trend = tuple(value * (1 + swing * ((minute * 7) % 5 - 2) / 2) for minute in range(60))
    return MeasureView(
        measure=measure,
        value=value,
        state=state,
        since=NOW - 40 * MINUTE,
        lines=DEFAULT_LINES[measure],
        trend=trend,
    )


def _check(name: str, target: Target, *changes: CheckChange, took_ms: int = 12, text: str = "200 OK"):
    down = changes[0].status is CheckStatus.DOWN
    look = Look(answered=not down, took_ms=took_ms, text=changes[0].reason if down else text)
    check = Check(target=target, slow_ms=500)
    return CheckView(backend=name, check=check, changes=changes, last=LastLook(at=NOW - 9_000, look=look))


def _change(minutes: int, status: CheckStatus, reason: str) -> CheckChange:
    return CheckChange(at=NOW - minutes * MINUTE, status=status, reason=reason, took_ms=3)


def stock_health(control: FakeHealth) -> None:
    """Give a control an engine with something of everything."""
    up, slow, down = CheckStatus.UP, CheckStatus.SLOW, CheckStatus.DOWN
    control.health_view = HealthView(
        at=NOW,
        engine=EngineFacts(state="serving", slots=6, running=2),
        known=EngineHealth(
            started_at=NOW - 26 * 60 * MINUTE,
            sampled_at=NOW - 4_000,
            measures=(
                _measure(Measure.LOAD, 1.4),
                _measure(Measure.MEMORY, 0.38),
                _measure(Measure.DISK, 0.8e9, state=HealthState.WARNING, swing=0.02),
                _measure(Measure.INODES, 0.91, swing=0.01),
                _measure(Measure.STORE, 182e6, swing=0.01),
                _measure(Measure.WAL, 4.1e6),
                _measure(Measure.LOOP, 21, swing=0.9),
                _measure(Measure.READER, 0, swing=0),
                _measure(Measure.CLOCK, 0, swing=0),
            ),
            block=LoopBlock(at=NOW - 3 * MINUTE, ms=2_300, stack=STACK),
            blocks=1,
            rss=91_000_000,
        ),
        checks=(
            _check(
                "model-api",
                HttpTarget(url="https://api.example.com/health"),
                _change(4, down, "connection refused"),
                _change(190, up, "200 OK"),
                _change(204, down, "no answer within 5s"),
                _change(1500, up, "200 OK"),
            ),
            _check("smtp", TcpTarget(host="mail.example.org", port=25), _change(90, slow, "connected")),
        ),
        tasks={"queued": 21, "running": 6},
        spent_budgets=1,
        schedules=4,
    )


class FakeHealth(FakeSchedules):
    """Answers what reads health; `looked_at` = the backends that were looked at by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.health_view = HealthView(at=NOW, engine=EngineFacts(state="serving", slots=4))
        self.looked_at: list[str] = []

    async def answer_health(self, _: health.ReadHealth) -> HealthView:
        return self.health_view

    async def answer_look_at_backend(self, r: health.LookAtBackend) -> LastLook:
        self.looked_at.append(r.name)
        return LastLook(at=NOW, look=Look(answered=True, took_ms=12, text="200 OK"))
