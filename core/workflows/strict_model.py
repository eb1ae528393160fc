"""The configuration of all parts of a document."""

from __future__ import annotations

from pydantic import ConfigDict

# Nothing is converted silently: "3" is not a number, 1 is not a boolean.
STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False)
