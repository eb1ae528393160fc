"""Once: the key under which a task is created a single time.

Said by task specs and documents; the store keeps the keys that are taken.
"""

from __future__ import annotations

from msgspec import Struct

from core.model import bounds
from core.model.errors import Invalid
from core.model.expressions import OPENING
from core.model.timing.durations import parse_document_duration, write_duration
from core.model.values import JsonObject, JsonValue

UNFINISHED = "unfinished"
"""The key is taken until its task has ended."""
EVER = "ever"
"""The key is taken for good."""
WANTED = "unfinished, ever, or a length of time such as 1h"


class Once(Struct, frozen=True, kw_only=True):
    """A second task under the key is not created while the first has it.

    `for_` is `unfinished` (until the first has ended), `ever`, or a length of time from its creation on.
    """

    key: str
    for_: float | str = UNFINISHED

    @property
    def ms(self) -> int | None:
        """How long the key is taken from the creation on; None = `unfinished` or `ever`."""
        return None if self.for_ in (UNFINISHED, EVER) else parse_document_duration(self.for_)

    def to_json(self) -> JsonObject:
        """Return the stored form."""
        stored: JsonObject = {"key": self.key, "for": self.for_}
        ms = self.ms
        return stored if ms is None else {**stored, "ms": ms}


def read_once(value: object) -> Once | None:
    """Return what a loose task says, a key alone or with its `for_`; refuse what is out of bounds."""
    if value is None:
        return None
    once = Once(key=value) if isinstance(value, str) else value
    if not isinstance(once, Once):
        raise bounds.refused("once", once, "a key, or a key with how long it is taken")
    bounds.check_text("once.key", once.key)
    if OPENING in once.key:
        # Nothing is there that an expression could ask for.
        raise bounds.refused("once.key", once.key, "a text without expressions")
    return Once(key=once.key, for_=read_for(once.for_))


def read_for(value: object) -> str:
    """Return `unfinished`, `ever`, or the exact text of a length of time; refuse anything else."""
    if isinstance(value, str) and value in (UNFINISHED, EVER):
        return value
    try:
        ms = parse_document_duration(value)
    except Invalid as error:
        raise bounds.refused("once.for", value, WANTED) from error
    if ms == 0:
        raise bounds.refused("once.for", value, WANTED)
    return write_duration(ms)


def once_of(stored: JsonValue) -> Once | None:
    """Return what the stored form of a task says, if anything."""
    if not isinstance(stored, dict):
        return None
    return Once(key=str(stored["key"]), for_=str(stored.get("for", UNFINISHED)))
