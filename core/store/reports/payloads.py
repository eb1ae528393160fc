"""Payloads: outputs too large for a row, found by their hash.

Used by the reports of tasks and expression inputs.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.values import JsonValue
from core.store.schema import payload
from core.store.sql import unpack


async def fetch_payloads(db: AsyncConnection, outputs: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the outputs by the same names, each `{"$payload": hash}` replaced by what it stands for."""
    hashes = {name: key for name, output in outputs.items() if (key := _payload_hash(output)) is not None}
    if not hashes:
        return dict(outputs)
    query = select(payload.c.hash, payload.c.body).where(payload.c.hash.in_(set(hashes.values())))
    bodies = {row.hash: unpack(row.body) for row in (await db.execute(query)).all()}
    fetched = {name: bodies[key] for name, key in hashes.items() if key in bodies}
    return {**outputs, **fetched}


def _payload_hash(output: JsonValue) -> str | None:
    if isinstance(output, dict) and output.keys() == {"$payload"}:
        return str(output["$payload"])
    return None
