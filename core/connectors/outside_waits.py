"""The connectors `file` and `job`.

Built by the registry; the engine's conditions ask them what a task waits for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from core.connectors.base import Input, WrittenText, parse_input
from core.connectors.waiting import Length, NoCall, unread
from core.model.bounds import NAME_MAX
from core.model.codes import ErrorCodes
from core.model.patterns.awaits import AwaitedFile, AwaitedJob, JobEnd
from core.model.patterns.judgements import Await
from core.model.ports import InputFault
from core.model.timing.durations import parse_document_duration, parse_timeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.model.values import JsonObject

PATH_MAX = 4_096
_WHICH = ("id", "key", "name")


class FileInput(Input):
    """The `with:` of a wait for a file."""

    path: Annotated[WrittenText, Field(min_length=1, max_length=PATH_MAX)]
    stable_for: Length | None = None
    timeout: Length | None = None

    @classmethod
    def rules(cls, with_: JsonObject) -> Iterator[InputFault]:
        """Ask for lengths that can be read."""
        yield from unread("stable_for", with_, parse_document_duration)
        yield from unread("timeout", with_, parse_timeout)
        path = with_.get("path")
        if isinstance(path, str) and "\0" in path:
            yield InputFault(code="with.value", message="a path has no NUL", path=("path",))


class JobInput(Input):
    """The `with:` of a wait for another job: one of `id`, `key` and `name`."""

    id: Annotated[int, Field(ge=2)] | Annotated[str, Field(pattern=r"^[0-9]{1,18}$")] | None = None
    key: Annotated[WrittenText, Field(min_length=1, max_length=NAME_MAX)] | None = None
    name: Annotated[WrittenText, Field(min_length=1, max_length=NAME_MAX)] | None = None
    status: Literal["succeeded", "failed", "cancelled", "ended"] = "succeeded"
    timeout: Length | None = None

    @classmethod
    def rules(cls, with_: JsonObject) -> Iterator[InputFault]:
        """Ask for exactly one job."""
        if sum(with_.get(name) is not None for name in _WHICH) != 1:
            yield InputFault(code="wait.choice", message="give one of `id`, `key` and `name`")
        yield from unread("timeout", with_, parse_timeout)


class FileWait(NoCall):
    """Wait until a file is there; its output is `{path, size, modified}`."""

    name = "file"
    schema = FileInput
    codes = ErrorCodes(codes=frozenset({"file.timeout", "file.outside", "file.unreadable"}))
    texts = (("path",),)

    def await_answer(self, with_: JsonObject) -> Await:
        """Return which file a task waits for; the engine knows from where it is named."""
        parsed = parse_input(FileInput, with_)
        stable = 0 if parsed.stable_for is None else parse_document_duration(parsed.stable_for)
        return Await(file=AwaitedFile(path=parsed.path, stable_ms=stable), within_ms=_within(parsed.timeout))


class JobWait(NoCall):
    """Wait for another job to end; its output is `{id, name, status}`, and its `key` if it has one."""

    name = "job"
    schema = JobInput
    codes = ErrorCodes(
        codes=frozenset({*(f"job.{end}" for end in JobEnd), "job.timeout", "job.unknown", "job.own"})
    )
    texts = (("key",), ("name",))

    def await_answer(self, with_: JsonObject) -> Await:
        """Return which job a task waits for, and how that has to end."""
        parsed = parse_input(JobInput, with_)
        job = AwaitedJob(
            id=None if parsed.id is None else int(parsed.id),
            key=parsed.key,
            name=parsed.name,
            wanted=JobEnd(parsed.status),
        )
        return Await(job=job, within_ms=_within(parsed.timeout))


def _within(timeout: Length | None) -> int | None:
    return None if timeout is None else parse_timeout(timeout) or None
