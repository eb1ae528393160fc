"""What a fake control answers of health."""

from __future__ import annotations

from core.control.nouns import health
from core.model.backend_checks import LastLook, Look
from core.model.health import HealthView
from core.model.waits import EngineFacts
from tests.console.support_fake_rows import NOW
from tests.console.support_fake_schedules import FakeSchedules


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
