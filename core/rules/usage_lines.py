"""Usage lines: the file in which an attempt reports what it spent.

Called by the engine with the bytes of the file; what cannot be read is counted, never raised.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

from core.model.errors import Invalid
from core.model.limits.usage import FILE_BYTES, LINES_MAX, UsageFile, read_reported

if TYPE_CHECKING:
    from core.model.limits.usage import Reported

_NOT_JSON = "it is not JSON"


def read_usage(data: bytes) -> UsageFile:
    """Read a usage file of JSON lines; `data` holds at most a byte more than is read.

    Bad lines, a last one that is cut and what is over the bounds are ignored.
    """
    reports: list[Reported] = []
    faults: list[str] = []
    lines = data[:FILE_BYTES].split(b"\n")
    if len(data) > FILE_BYTES:
        # The last one may be cut anywhere, also where a number goes on.
        lines.pop()
        faults.append(f"the file has more than {FILE_BYTES:,} bytes")
    written = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if len(written) > LINES_MAX:
        faults.append(f"the file has more than {LINES_MAX:,} lines")
    for number, line in written[:LINES_MAX]:
        try:
            reports.append(read_reported(_parsed(line)))
        except Invalid as error:
            faults.append(f"line {number}: {error.message}")
    ignored = len(faults) + max(0, len(written) - LINES_MAX - 1)
    return UsageFile(reports=tuple(reports), ignored=ignored, fault=faults[0] if faults else "")


def _parsed(line: bytes) -> object:
    try:
        # Numbers keep the decimals that were written.
        return json.loads(line.decode("utf-8"), parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Invalid("usage.invalid", _NOT_JSON) from error


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
