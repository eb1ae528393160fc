"""The one place that wires everything; names are resolved lazily, reading costs no engine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.app.attaching import attached, connect
    from core.app.bridge import dial_stdio, start_and_dial
    from core.app.embedded import Embedded
    from core.app.engines import open_engine, serve
    from core.app.examination import Check, DoctorReport, doctor
    from core.app.glancing import glance
    from core.app.hosted import Hosted
    from core.app.joining import changing, detach, hosting
    from core.app.knowing import checks
    from core.app.options import Options
    from core.app.places import reading
    from core.app.reaching import SILENT, far, far_running
    from core.app.signals import Interrupted, forget, giving_up, heeding, keeping
    from core.app.spawning import engine_argv

__all__ = [
    "SILENT",
    "Check",
    "DoctorReport",
    "Embedded",
    "Hosted",
    "Interrupted",
    "Options",
    "attached",
    "changing",
    "checks",
    "connect",
    "detach",
    "dial_stdio",
    "doctor",
    "engine_argv",
    "far",
    "far_running",
    "forget",
    "giving_up",
    "glance",
    "heeding",
    "hosting",
    "keeping",
    "open_engine",
    "reading",
    "serve",
    "start_and_dial",
]

_ROOMS = {
    **dict.fromkeys(("dial_stdio", "start_and_dial"), "core.app.bridge"),
    **dict.fromkeys(("SILENT", "far", "far_running"), "core.app.reaching"),
    **dict.fromkeys(("Interrupted", "forget", "giving_up", "heeding", "keeping"), "core.app.signals"),
    "glance": "core.app.glancing",
    "Embedded": "core.app.embedded",
    "engine_argv": "core.app.spawning",
    **dict.fromkeys(("attached", "connect"), "core.app.attaching"),
    "Options": "core.app.options",
    "reading": "core.app.places",
    "Hosted": "core.app.hosted",
    **dict.fromkeys(("changing", "detach", "hosting"), "core.app.joining"),
    "checks": "core.app.knowing",
    **dict.fromkeys(("Check", "DoctorReport", "doctor"), "core.app.examination"),
}


def __getattr__(name: str) -> object:
    """Import a public name on first use."""
    if name not in __all__:
        raise AttributeError(f"module 'core.app' has no attribute {name!r}")
    return getattr(import_module(_ROOMS.get(name, "core.app.engines")), name)
