"""Worklets that did not help: what their tasks fail with.

Called by the ends of children, the judgements and the results of worklets.
"""

from __future__ import annotations

from core.model.outcomes import TaskError
from core.model.records import replace
from core.model.values import JsonObject
from core.store.apply.moves import waiting
from core.store.batch import Batch
from core.store.rows import TaskPlace
from core.store.sql import unpack

MESSAGE_MAX = 2_000
"""Characters of the message of such an error."""
NOT_BEGUN = "worklet.not_begun"
"""The code where a worklet was wanted and could not begin."""
NONSENSE = "worklet.result"
"""The code where a worklet succeeded, and what it decided cannot be carried out."""


def fail_by_worklet(batch: Batch, place: TaskPlace, error: TaskError) -> bool:
    """Fail a task whose worklet did not help; False = it does not wait.

    Its own error is the `cause` among the facts, and stays that of its attempt.
    """
    ((stored,),) = batch.rows("SELECT error FROM task WHERE id = ?", place.task_id)
    own = unpack(stored)
    cause: JsonObject = {name: own.get(name) for name in ("code", "message")} if isinstance(own, dict) else {}
    message = f"its worklet did not help: {error.message}"
    if cause:
        message = f"{message}; it was to repair: {cause['message'] or cause['code']}"
    facts: JsonObject = {**error.facts, "cause": cause}
    return waiting.fail(batch, place, replace(error, message=message[:MESSAGE_MAX], facts=facts))
