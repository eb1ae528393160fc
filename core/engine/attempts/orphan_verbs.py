"""OrphanVerbs: what operators ask of processes whose attempts are over.

Made by the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model.records import replace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from core.engine.attempts.runner import Runner
    from core.model.commands.work import Operated
    from core.model.orphans import OrphanView

    Places = Callable[[Sequence[int]], Awaitable[Mapping[int, tuple[int | None, str]]]]


class OrphanVerbs:
    """List, keep and end the living orphans, and what ended attempts left behind."""

    def __init__(self, runner: Runner, places: Places) -> None:
        self._runner = runner
        self._places = places

    async def all(self) -> tuple[OrphanView, ...]:
        """Return the living orphans, and what ended attempts left behind, in order of task id."""
        left = await self._runner.leftovers.views()
        known = await self._places([view.task_id for view in left])
        named = [
            replace(view, job_id=known[view.task_id][0], key=known[view.task_id][1])
            for view in left
            if view.task_id in known
        ]
        both = [*await self._runner.orphans.views(), *named]
        return tuple(sorted(both, key=lambda view: view.task_id))

    async def keep(self, task_ids: Sequence[int], *, actor: str) -> Operated:
        """Note that living orphans are to be watched on; see `Orphans.keep`."""
        return await self._runner.orphans.keep(task_ids, actor=actor)

    async def kill(self, task_ids: Sequence[int], *, reason: str, actor: str) -> Operated:
        """End the processes of living orphans, and what ended attempts left; see `Orphans.kill`."""
        killed = await self._runner.leftovers.kill(task_ids, reason=reason, actor=actor)
        rest = [task_id for task_id in task_ids if task_id not in killed]
        done = await self._runner.orphans.kill(rest, reason=reason, actor=actor)
        return replace(done, changed=done.changed + len(killed))
