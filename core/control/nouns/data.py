"""What tasks pass on: its requests, and verbs that ask them.

The part `data` of the ControlAPI.
"""

from __future__ import annotations

from core.control.requests import Kind, Request, Verbs, verb
from core.model.views import VariableView


@verb("variables", Kind.READ)
class Variables(Request[tuple[VariableView, ...]], frozen=True, kw_only=True):
    job_id: int


class Data(Verbs):
    """What tasks of a job pass on."""

    async def variables(self, job_id: int) -> tuple[VariableView, ...]:
        """Return the variables of a job in the order of its document; raise `NotFound` (`job.unknown`)."""
        return await self._control.ask(Variables(job_id=job_id))
