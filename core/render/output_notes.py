"""Sentences about the parts of a task's output that are missing.

Used by the page of a task and by the readers of outputs.
"""

from __future__ import annotations

from core.model.values import JsonValue

LOST_OUTPUT = "some output is missing: it could not be written to the data directory, or was removed from it"


def output_notes(output: JsonValue) -> tuple[str, ...]:
    """Return what an output says of itself: dropped, lost, or more in its file than in `text`."""
    if not isinstance(output, dict):
        return ()
    notes = []
    dropped, omitted = output.get("dropped"), output.get("omitted")
    if isinstance(dropped, int) and dropped:
        notes.append(f"{dropped:,} bytes are missing in the middle of `path`: it went over its limit")
    if output.get("lost"):
        notes.append(LOST_OUTPUT)
    if isinstance(omitted, int) and omitted:
        notes.append(f"`text` is a part of the output; {omitted:,} bytes more are in `path`")
    return tuple(notes)
