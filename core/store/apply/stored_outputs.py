"""Outputs as rows and events keep them.

Called by the ends of attempts and the answers of tasks that wait.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.values import JsonObject, JsonValue
from core.store.batch import Batch
from core.store.sql import INLINE_LIMIT, KEEP_PAYLOAD, digest, pack


class StoredOutput(NamedTuple):
    """An output as its column and its event hold it."""

    column: str
    note: JsonValue


def store_output(batch: Batch, output: JsonValue) -> StoredOutput:
    """Return an output as it is stored; a large one goes to `payload` under its hash."""
    body = pack(output)
    if len(body) <= INLINE_LIMIT:
        return StoredOutput(body, output)
    key = digest(body)
    batch.run(KEEP_PAYLOAD, key, body, batch.now)
    reference: JsonObject = {"$payload": key}
    return StoredOutput(pack(reference), reference)
