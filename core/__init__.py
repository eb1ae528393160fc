"""taskdeck's engine: everything below the screen; names are resolved lazily."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model.about import VERSION

if TYPE_CHECKING:
    from core.app import connect, open_engine
    from core.model.plans import TaskSpec

__version__ = VERSION
__all__ = ["TaskSpec", "__version__", "connect", "open_engine"]

_HOMES = {"open_engine": "core.app", "connect": "core.app", "TaskSpec": "core.model.plans"}


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that `import core` stays cheap."""
    if name not in _HOMES:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    from importlib import import_module  # Only a first use pays for the room behind the name.

    return getattr(import_module(_HOMES[name]), name)
