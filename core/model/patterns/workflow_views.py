"""Views of workflows that can be submitted, and of their parameters.

Returned by the verb `describe`; shown by the form of a new job.
"""

from __future__ import annotations

from msgspec import Struct, field

from core.model.values import JsonValue


class ParamView(Struct, frozen=True, kw_only=True):
    """One parameter of a workflow; `type` is string, integer, number, boolean, array, object or date."""

    name: str
    type: str
    required: bool
    default: JsonValue = None
    min: float | None = None
    max: float | None = None
    choices: tuple[JsonValue, ...] = ()
    description: str = ""


class WorkflowView(Struct, frozen=True, kw_only=True):
    """A workflow that could be submitted."""

    name: str
    stages: int
    tasks: int
    params: tuple[ParamView, ...] = ()
    warnings: tuple[str, ...] = field(default=())


class RegisteredView(Struct, frozen=True, kw_only=True):
    """The current version of a registered workflow."""

    name: str
    number: int
    hash: str
    source: str
    added_at: int
    added_by: str | None
    versions: int
    """How many versions the name has."""


class VersionView(Struct, frozen=True, kw_only=True):
    """One version of a registered workflow."""

    number: int
    hash: str
    source: str
    """The path of its file, or what it was called."""
    folder: str | None
    """Where the paths begin that it names."""
    is_current: bool
    added_at: int
    added_by: str | None


class RegisteredText(Struct, frozen=True, kw_only=True):
    """A version with its text, and all versions of its name, the newest first."""

    name: str
    version: VersionView
    text: str
    versions: tuple[VersionView, ...]
