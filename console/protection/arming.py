"""Arming: ask before changes are let through on a protected engine, and take that back."""

from __future__ import annotations

from console.protection.gate import Gate
from console.verbs.questions import Asker
from core.model.text import SafeText, safe_line
from core.model.views import EngineInfo

_OVER = SafeText("read-only again")
_OPEN = SafeText("nothing to arm: this home is not protected, changes are always possible")
_NOBODY = SafeText("nothing to arm: no engine answers")


async def arm_or_disarm(gate: Gate, engine: EngineInfo | None, *, host: str, asker: Asker) -> None:
    """Disarm what is armed; else ask, and arm what is protected, unless the console is read-only."""
    if gate.never:
        asker.tell(gate.never, bad=True)
    elif gate.seconds:
        gate.disarm()
        asker.tell(_OVER)
    elif engine is None:
        asker.tell(_NOBODY, bad=True)
    elif not engine.protected:
        asker.tell(_OPEN)
    else:
        where = f"{engine.home} on {host}" if host else engine.home
        question = safe_line(f"{where} is protected: arm changes for 5 minutes? [y/N]")
        if await asker.choose(question, {"y": "y"}):
            gate.arm()
