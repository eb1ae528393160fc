"""Lazy names: what a module offers of others, loaded when used.

Called by modules that offer more than most programs need.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType


def lazy_names(module: str, places: Mapping[str, str]) -> Callable[[str], object]:
    """Return the `__getattr__` of a module; `places` has the module that defines each name.

    What was found is an attribute of the module from then on. A place that ends with the name (`name` in
    `package.name`) is itself what the name stands for. The type checker sees the same names by imports below
    `if TYPE_CHECKING`; a test compares them.
    """

    def find(name: str) -> object:
        place = places.get(name)
        if place is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        loaded = _load(place)
        found = loaded if place.rpartition(".")[2] == name else getattr(loaded, name)
        setattr(sys.modules[module], name, found)
        return found

    return find


def _load(place: str) -> ModuleType:
    # What is imported stays: looking for garbage in it takes a tenth of the time to load an engine.
    if not gc.isenabled():
        # Off for a start, or by a load in another thread: who turned it off turns it on.
        return import_module(place)
    gc.disable()
    try:
        return import_module(place)
    finally:
        gc.enable()
