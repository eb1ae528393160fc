"""Payloads: outputs too large for a row, found by their hash.

Used by the reports of tasks and expression inputs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.stored_text import json_or_note
from core.model.values import JsonValue
from core.store.tables.schema import payload


async def fetch_payloads(db: AsyncConnection, outputs: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the outputs by the same names, each `{"$payload": hash}` replaced by what it stands for."""
    hashes = {name: key for name, output in outputs.items() if (key := payload_hash(output)) is not None}
    if not hashes:
        return dict(outputs)
    bodies = {key: json_or_note(body) for key, body in (await fetch_bodies(db, set(hashes.values()))).items()}
    fetched = {name: bodies[key] for name, key in hashes.items() if key in bodies}
    return {**outputs, **fetched}


async def fetch_bodies(db: AsyncConnection, hashes: Collection[str]) -> dict[str, str]:
    """Return the JSON text of payloads by their hash."""
    query = select(payload.c.hash, payload.c.body).where(payload.c.hash.in_(hashes))
    return {row.hash: row.body for row in (await db.execute(query)).all()}


def payload_hash(output: JsonValue) -> str | None:
    """Return the hash of the payload that stands for an output; None where the output is in its row."""
    if isinstance(output, dict) and output.keys() == {"$payload"}:
        return str(output["$payload"])
    return None
