"""SQL fragments and codecs that the statements of the store share.

Used by the journal's apply functions and by the reports.
"""

from __future__ import annotations

import hashlib
import json
from codecs import lookup_error, register_error
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from enum import StrEnum
from operator import methodcaller

from core.model.status import Move, S
from core.model.stored_text import json_or_note
from core.model.values import JsonValue

# Made once: `json.dumps` with separators makes an encoder for every call. It keeps no list of what it is
# inside of: a circle ends in a RecursionError, which refuses the command as well.
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
INLINE_LIMIT = 4096
"""Bytes of JSON that a row or event carries itself; more goes to `payload`."""


KEEP_TEXT = "INSERT OR IGNORE INTO workflow_text (hash, body) VALUES (?, CAST(? AS TEXT))"
KEEP_PAYLOAD = (
    "INSERT INTO payload (hash, body, used_at) VALUES (?, ?, ?) ON CONFLICT (hash)"
    " DO UPDATE SET used_at = excluded.used_at WHERE used_at < excluded.used_at - 60000"
)
"""Keep a text under its hash, or note that a row names it once more; the last = engine time."""
SORT_KEY = "?1 - priority * ?2"
"""`rules.lanes.sort_key` of a task that is queued now; ?1 = engine time, ?2 = the aging step."""
WALL = "?1 - (SELECT time_offset FROM engine)"
"""The wall clock, as the transaction noted it; ?1 = engine time."""


def guard(move: Move[S], column: str = "status", *, sources: AbstractSet[S] | None = None) -> str:
    """Return the SQL condition that a row may make this move, from all its sources or only from these.

    Statuses are literal text: the planner uses a partial index only then.
    """
    if sources is not None and not sources <= move.sources:
        raise ValueError(f"{move.name} is not legal from all of {sorted(sources)}")
    listed = sorted(f"'{source}'" for source in (move.sources if sources is None else sources))
    return f"{column} = {listed[0]}" if len(listed) == 1 else f"{column} IN ({', '.join(listed)})"


def among(values: Iterable[StrEnum], column: str = "status") -> str:
    """Return the SQL condition that a status is one of these."""
    return f"{column} IN ({', '.join(sorted(f'{value!r}' for value in map(str, values)))})"


def member(column: str, path: str) -> str:
    """Return the SQL of a member of stored JSON; NULL where the column holds none: one row stops no query."""
    return f"CASE WHEN json_valid({column}) THEN {column}->>'{path}' END"


def pack(value: JsonValue) -> str:
    """Write JSON as ASCII text, so that NUL and lone surrogates pass through `json_each` unharmed."""
    return _encode(value)


def unpack(text: str | None) -> JsonValue:
    """Read JSON text of a column; NULL is None."""
    return None if text is None else json.loads(text)


def unpack_all(texts: Sequence[str | None]) -> list[JsonValue]:
    """Read many JSON texts at once: faster, and the keys of objects are kept once for all of them."""
    try:
        found: list[JsonValue] = json.loads("[" + ",".join(text or "null" for text in texts) + "]")
    except (RecursionError, ValueError):
        return list(map(json_or_note, texts))
    # A text may end the list, or add to it: then one at a time tells which.
    return found if len(found) == len(texts) else list(map(json_or_note, texts))


def ids(numbers: Iterable[int]) -> str:
    """Write ids as a JSON array for `json_each(?)`."""
    return "[" + ",".join(map(str, numbers)) + "]"


def raw(text: str | None) -> str | bytes | None:
    """Return text as sqlite3 can bind it; pair with `CAST(? AS TEXT)` where lone surrogates may come."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "surrogatepass")


decode_strictly: Callable[[bytes], str] = methodcaller("decode", "utf-8", "surrogatepass")
"""Read a TEXT value as `raw` writes it; raise `UnicodeDecodeError` for other bytes."""


def _pass_over(error: UnicodeError) -> tuple[str | bytes, int]:
    """Read lone surrogates; write bytes that are not UTF-8 as escapes: a damaged row stays readable."""
    try:
        return lookup_error("surrogatepass")(error)
    except UnicodeError:
        return lookup_error("backslashreplace")(error)


register_error("taskdeck.stored", _pass_over)
decode: Callable[[bytes], str] = methodcaller("decode", "utf-8", "taskdeck.stored")
"""Read a TEXT value, whatever its bytes are (set as `text_factory`). No function: it is called for each."""


def digest(body: str) -> str:
    """Return the content hash of JSON text."""
    return hashlib.sha256(body.encode()).hexdigest()
