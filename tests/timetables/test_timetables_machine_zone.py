"""The time zone of this machine."""

from __future__ import annotations

import pytest

from core.model.errors import Invalid
from core.timetables import machine_zone as zones


def test_the_zone_of_the_machine_is_taken_or_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zones, "get_localzone_name", lambda: "Asia/Tokyo")
    assert zones.machine_zone() == "Asia/Tokyo"
    monkeypatch.setattr(zones, "get_localzone_name", lambda: "Local/Nowhere")
    with pytest.raises(Invalid) as caught:
        zones.machine_zone()
    assert caught.value.code == "zone.unknown"
