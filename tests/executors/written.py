"""The end of what a child wrote so far, as text."""

from __future__ import annotations

from core.executors.outputs import OUT, Outputs
from core.files.untrusted import tail_text
from core.model.ports import AttemptRef


def written(outputs: Outputs, ref: AttemptRef) -> str:
    try:
        return tail_text(outputs.directory(ref) / OUT, 65_536)
    except OSError:
        return ""
