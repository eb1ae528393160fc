"""NounVerbs: the base of verbs on schedules, backends, pools and limits.

Their subclasses ask, apply, report; made by the app.
"""

from __future__ import annotations

from console.verbs.operations import Operations
from console.verbs.questions import Notices, Questions
from core.control.api import ControlAPI


class NounVerbs:
    """Each verb returns after its result is shown, and whether anything was changed."""

    def __init__(
        self, control: ControlAPI, *, operations: Operations, questions: Questions, notices: Notices
    ) -> None:
        self._control = control
        self._operations = operations
        self._questions = questions
        self._notices = notices
