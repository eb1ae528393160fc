"""The task engine of taskdeck; public names are imported on first use.

Imported by programs that use taskdeck as a library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model.lazy import lazy_names
from core.model.version import VERSION

if TYPE_CHECKING:
    from core.app.deck import Deck, connect
    from core.app.hosting.hosts import open_engine
    from core.model.limits.limits import LimitRef
    from core.model.limits.once import Once
    from core.model.task_specs import TaskSpec

__version__ = VERSION
__all__ = ["Deck", "LimitRef", "Once", "TaskSpec", "__version__", "connect", "open_engine"]

if not TYPE_CHECKING:
    # So that `import core` stays cheap.
    __getattr__ = lazy_names(
        __name__,
        {
            "Deck": "core.app.deck",
            "LimitRef": "core.model.limits.limits",
            "Once": "core.model.limits.once",
            "TaskSpec": "core.model.task_specs",
            "connect": "core.app.deck",
            "open_engine": "core.app.hosting.hosts",
        },
    )
