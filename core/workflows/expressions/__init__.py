"""Read and judge `${{ ... }}`: plain paths by our own lines, everything else by CEL."""

from __future__ import annotations

from core.workflows.expressions.checking import ROOTS, Reference, check_source, references
from core.workflows.expressions.embedded import Embedded, bare_source, has_expression, split
from core.workflows.expressions.resolving import Scope, judge, resolve

__all__ = [
    "ROOTS",
    "Embedded",
    "Reference",
    "Scope",
    "bare_source",
    "check_source",
    "has_expression",
    "judge",
    "references",
    "resolve",
    "split",
]
