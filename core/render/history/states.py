"""How a job stood after an event, in one line.

Used by the console.
"""

from __future__ import annotations

from core.model.replay import JobAt
from core.model.text import SafeText, safe_line


def state_text(then: JobAt) -> SafeText:
    """Write the status of the job, how many tasks stood where, and the stage that was open."""
    counts = ", ".join(f"{number:,} {status}" for status, number in then.job.tasks.items()) or "no tasks"
    parts = [f"{then.job.status}, {counts}"]
    opened = [stage for stage in then.stages if stage.status == "open"]
    if opened and len(then.stages) > 1:
        parts.append(f"stage {opened[-1].position + 1} {opened[-1].name} open")
    if then.is_trimmed or then.unknown:
        parts.append("events are gone: what they told is unknown")
    return safe_line("; ".join(parts))
