"""Incident bundles: their form, and the pages in which rows travel.

Used by the store, the control, and by `core.app.bundles`.
"""

from __future__ import annotations

from msgspec import Struct, ValidationError, convert

from core.model.errors import Invalid
from core.model.values import JsonObject
from core.model.waits import EngineFacts

FORMAT = "taskdeck-bundle"
"""What the manifest of a bundle says it is."""
VERSION = 1
"""The version of the form; a reader refuses a higher one."""
STATE = "bundle"
"""The state that stands for that of an engine where a bundle is shown."""
MANIFEST, ROWS, CONFIG = "manifest.json", "rows.jsonl", "config.json"
"""The files of a bundle, besides `output/TASK/EPOCH/STREAM` with its `.times` and `lost`."""
LEFT_OUT = (
    "environment of tasks",
    "http headers",
    "stored standard input",
    "parameters that go there",
    "what is named like a secret",
    "credentials in URLs",
    "other jobs",
    "log of the engine",
)
"""What a bundle does not hold, said in its manifest and where it is made."""
KEPT = "command lines, scripts and what tasks wrote stay as they are: look before you pass it on"


class BundlePage(Struct, frozen=True, kw_only=True):
    """A piece of the rows of jobs, packed by zlib; ask again from `end` until it is `whole`."""

    snapshot: str
    """Names the rows as they were at one moment: give it with the next request."""
    data: bytes
    end: int
    rows: int
    """Rows read from the store so far."""
    whole: bool
    """Nothing follows behind `end`."""
    facts: JsonObject | None = None
    """With the first piece: `taskdeck`, `schema`, `at` (ms UTC), `platform`, `engine`, `config`."""


def engine_of(facts: JsonObject) -> EngineFacts:
    """Return how the engine did when a bundle was made; as if none was running where that is not told."""
    try:
        return convert(facts.get("engine"), EngineFacts)
    except ValidationError:
        return EngineFacts()


def broken(reason: str) -> Invalid:
    """Return the refusal of a bundle whose contents are not what they have to be."""
    return Invalid(
        "bundle.broken",
        f"the bundle is damaged, or was not made by taskdeck: {reason}",
        hint="get the file again, or make it again with 'taskdeck bundle'",
        facts={"reason": reason},
    )
