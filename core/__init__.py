"""The task engine of taskdeck; public names are imported on first use.

Imported by programs that use taskdeck as a library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from core.model.version import VERSION

if TYPE_CHECKING:
    from core.app.deck import Deck, connect
    from core.app.hosting.hosts import open_engine
    from core.model.limits import LimitRef
    from core.model.once import Once
    from core.model.plans import TaskSpec

__version__ = VERSION
__all__ = ["Deck", "LimitRef", "Once", "TaskSpec", "__version__", "connect", "open_engine"]

_ROOMS = {
    "Deck": "core.app.deck",
    "LimitRef": "core.model.limits",
    "Once": "core.model.once",
    "TaskSpec": "core.model.plans",
    "connect": "core.app.deck",
    "open_engine": "core.app.hosting.hosts",
}


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that `import core` stays cheap."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    return getattr(import_module(_ROOMS[name]), name)
