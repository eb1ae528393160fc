"""All requests in one table, and the routes of the server.

Used by `routes`: it is the server that must know every verb.
"""

from __future__ import annotations

from importlib import import_module

from core.control import nouns
from core.control.api import StopEngine
from core.control.requests import LOADED

for noun in nouns.__all__:
    import_module(f"{nouns.__name__}.{noun}")

VERBS = LOADED
"""Every request with its row."""
ROUTES = {verb.name: request for request, verb in VERBS.items() if request is not StopEngine}
"""The requests below `wire.PATH` by name; `stop_engine` has a path that all protocols share (`wire.STOP`)."""
