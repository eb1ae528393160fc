"""Children: jobs that a task of another job waits for.

Used by the workflows, the engine and the store.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from core.model.bounds import NAME_MAX
from core.model.values import JsonObject, JsonValue

USES = "workflow"
"""The word after `uses:` of a task that waits for a job."""
GIVEN = "given"
"""In the context of such a task: the variables that its submission names, which its child gets."""
GIVEN_RETRY = "given_retry"
"""There, too: how often a task of its child that failed is run again, as its submission says."""
DEPTH_MAX = 8
"""How many jobs may be above a job."""
ROUNDS = 3
"""How often a worklet repairs one task, unless it says another `max`."""
ROUNDS_MAX = 100
"""How often it may at the most."""
TOO_DEEP = f"a child may have at most {DEPTH_MAX} jobs above it"
"""Why a child that lies too deep does not begin."""


class OnChildFailure(StrEnum):
    """What becomes of a task whose child failed or was cancelled."""

    FAIL = "fail"
    SKIP = "skip"
    SUCCEED = "succeed"
    """Its output tells how the child ended."""


class Result(StrEnum):
    """What a worklet decides about the task that failed."""

    RETRY = "retry"
    SKIP = "skip"
    SUCCEED = "succeed"
    FAIL = "fail"


RESULT_FIELDS = ("result", "message", "output", "next", "set", "cancel", "end")
"""What a worklet may have in its outputs."""


class EndJob(StrEnum):
    """How a worklet ends the job of the task."""

    FAILED = "failed"
    CANCELLED = "cancelled"


class OnFailure(Struct, frozen=True, kw_only=True):
    """The worklet of a task that failed: a workflow, its parameters, and when it begins."""

    workflow: str = ""
    """A registered name, or that of a built-in; '' = `file` names it."""
    file: str | None = None
    """The path of a document; a whole one in a plan that is admitted."""
    params: JsonObject = {}
    when: str | None = None
    """Source of an expression without `${{ }}`, or None."""
    max: int = ROUNDS
    timeout_ms: int | None = None

    @property
    def reference(self) -> str:
        """How its document is pinned."""
        return reference_of({"file": self.file, "name": self.workflow})

    def to_json(self) -> JsonObject:
        said: JsonObject = {"max": self.max}
        said |= {"workflow": self.workflow} if self.file is None else {"file": self.file}
        if self.params:
            said["params"] = self.params
        if self.when is not None:
            said["when"] = self.when
        if self.timeout_ms:
            said["timeout"] = self.timeout_ms
        return said


def on_failure_of(stored: JsonValue) -> OnFailure | None:
    """Return what the spec of a task says of its worklet."""
    if not isinstance(stored, dict):
        return None
    params, when, most, timeout = (stored.get(name) for name in ("params", "when", "max", "timeout"))
    file = stored.get("file")
    return OnFailure(
        workflow=str(stored.get("workflow", ""))[:NAME_MAX],
        file=file if isinstance(file, str) else None,
        params=params if isinstance(params, dict) else {},
        when=when if isinstance(when, str) else None,
        max=most if isinstance(most, int) else ROUNDS,
        timeout_ms=timeout if isinstance(timeout, int) else None,
    )


class PinnedDocument(Struct, frozen=True, kw_only=True):
    """A document that a job names, as it was when the job was submitted."""

    reference: str
    """`name:NAME` or `file:/PATH`, as `reference_of` makes it."""
    hash: str
    source: str
    text: str
    folder: str | None = None

    def to_json(self) -> JsonObject:
        return {"hash": self.hash, "source": self.source, "folder": self.folder}


def is_path(text: str) -> bool:
    """Return whether a text names a file, not a registered workflow."""
    return "/" in text or text.endswith((".yaml", ".yml", ".json"))


def reference_of(with_: JsonObject) -> str:
    """Return what a task names: `file` (a whole path) or `name`; '' = neither."""
    file, name = with_.get("file"), with_.get("name")
    if isinstance(file, str) and file:
        return f"file:{file}"
    return f"name:{name}" if isinstance(name, str) and name else ""
