"""Check the store in a bundle.

Called by the command `doctor`.
"""

from __future__ import annotations

from core.app.bundles.control import title
from core.app.bundles.opening import OpenBundle
from core.app.doctor import Check, DoctorReport, judge_store
from core.model.paths import Paths

# A bundle has how long the tasks of a workflow took in other jobs, too: their attempts are not in it.
_WITHOUT = frozenset({"run_time.wrong"})


def report_on(opened: OpenBundle) -> DoctorReport:
    """Return what is wrong with a bundle; its checksums were right, or it would not be open."""
    whole = Check(name="bundle", ok=True, message=f"{title(opened)}: checksums are right")
    return DoctorReport(checks=(whole, *judge_store(Paths(home=opened.home), without=_WITHOUT)))
