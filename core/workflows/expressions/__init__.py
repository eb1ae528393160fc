"""Read and judge `${{ ... }}`: plain paths by our own lines, everything else by CEL."""

from __future__ import annotations

from core.workflows.expressions.checking import ROOTS, Reference, check_source, references
from core.workflows.expressions.fences import Fence, has_fence, split, unfence
from core.workflows.expressions.resolving import Scope, judge, resolve

__all__ = [
    "ROOTS",
    "Fence",
    "Reference",
    "Scope",
    "check_source",
    "has_fence",
    "judge",
    "references",
    "resolve",
    "split",
    "unfence",
]
