"""What jobs give out, worked out when it is asked for.

Used by `ReadingControl`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.engine.expression_scopes import ExpressionScopes
from core.model.errors import Invalid
from core.model.views import JobOutputs

if TYPE_CHECKING:
    from pathlib import Path

    from core.store.reports import Reports


async def outputs_of(reports: Reports, folder: Path, job_id: int) -> JobOutputs:
    """Return what a job gives out; `folder` has the outputs of tasks. Raises `NotFound` (`job.unknown`)."""
    job = await reports.jobs.view(job_id)
    asked = await reports.child_inputs.outputs_of(job_id)
    if asked is None:
        return JobOutputs(job_id=job_id, status=job.status)
    try:
        scopes = ExpressionScopes(reports.expressions, reports.instances, folder)
        scope = await scopes.scope(job_id, asked.outputs, {})
        found = await scope.resolve(asked.outputs, "outputs")
    except Invalid as error:
        return JobOutputs(job_id=job_id, status=job.status, error=error.message)
    outputs = found if isinstance(found, dict) else {}
    return JobOutputs(job_id=job_id, status=job.status, outputs=outputs)
