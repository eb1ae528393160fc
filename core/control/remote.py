"""RemoteControl: the ControlAPI from another process, over the engine's socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import httpx

from core.control import answers, requests, wire
from core.control.api import OPERATOR, Document, SubmitOptions, Target
from core.control.local import located
from core.control.offline import no_engine
from core.control.reading import ReadingControl
from core.control.transport import UnixTransport
from core.model.errors import Invalid, Unavailable
from core.store.reports import Reports

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from core.model.commands import Operated, Submitted
    from core.model.plans import TaskSpec
    from core.model.values import JsonObject, JsonValue
    from core.model.views import EngineInfo, JobResult
    from core.store.readers import Readers

T = TypeVar("T")

# Made once: reading a URL costs more than the whole request on the wire.
_URLS = {verb: httpx.URL(f"http://engine{wire.PATH}{verb}") for verb in wire.VERB_NAMES}


class RemoteControl(ReadingControl):
    """Change and wait through the socket, read from the store file; see `ControlAPI` for the promises.

    `patience` = seconds for which a missing engine is waited for, each time a connection is made.
    Without an engine `Unavailable` (`engine.none`) is raised; if it goes while it is asked,
    `engine.lost`: then the verb may have been carried out or not.
    """

    def __init__(
        self, readers: Readers, output_dir: Path, *, socket_path: Path, patience: float = 0.0
    ) -> None:
        super().__init__(Reports(readers), output_dir, readers=readers)
        self._client = httpx.AsyncClient(
            transport=UnixTransport(socket_path, patience=patience),
            trust_env=False,
            timeout=None,  # noqa: S113 - a wait lasts as long as the work
        )

    async def submit(
        self,
        document: Document,
        params: Mapping[str, JsonValue] | None = None,
        *,
        options: SubmitOptions | None = None,
    ) -> Submitted:
        """Admit a job."""
        place = located(document)
        body: JsonObject = {
            "document": place if isinstance(place, str) else dict(place),
            "params": dict(params or {}),
            "options": requests.options_to_json(options or SubmitOptions(actor=OPERATOR)),
        }
        return await self._ask("submit", body, read=answers.submitted_from_json)

    async def enqueue(
        self, specs: Sequence[TaskSpec], *, group: str | None = None, actor: str = OPERATOR
    ) -> tuple[int, ...]:
        """Admit loose tasks."""
        if not specs:
            return ()
        body: JsonObject = {"specs": requests.specs_to_json(specs), "group": group, "actor": actor}
        return await self._ask("enqueue", body, read=answers.ids_from_json)

    async def cancel(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Ask a job or tasks to end."""
        return await self._operate("cancel", target, {"reason": reason, "actor": actor})

    async def retry(self, target: Target, *, downstream: bool = False, actor: str = OPERATOR) -> Operated:
        """Run a job's or single tasks again."""
        return await self._operate("retry", target, {"downstream": downstream, "actor": actor})

    async def pause(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Claim no more from a job or a queue."""
        return await self._operate("pause", target, {"reason": reason, "actor": actor})

    async def resume(self, target: Target, *, actor: str = OPERATOR) -> Operated:
        """Claim again from a job or a queue."""
        return await self._operate("resume", target, {"actor": actor})

    async def hold(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Keep tasks from being claimed."""
        return await self._operate("hold", target, {"reason": reason, "actor": actor})

    async def unhold(self, target: Target, *, actor: str = OPERATOR) -> Operated:
        """Let held tasks go on."""
        return await self._operate("unhold", target, {"actor": actor})

    async def wait_job(self, job_id: int) -> JobResult:
        """Return when the job is final."""
        return await self._ask("wait_job", {"job_id": job_id}, read=answers.result_from_json)

    async def wait_tasks(self, task_ids: Sequence[int]) -> Mapping[str, int]:
        """Return when all tasks are final."""
        return await self._ask("wait_tasks", {"task_ids": list(task_ids)}, read=answers.counts_from_json)

    async def stop_engine(self, *, kill: bool = False) -> None:
        """Ask the engine to stop."""
        await self._ask("stop", {"kill": kill}, read=lambda _: None)

    async def status(self) -> EngineInfo:
        """Return who answers."""
        return await self._ask("status", {}, read=answers.info_from_json)

    async def close(self) -> None:
        """Close the connections and the readers."""
        await self._client.aclose()
        await super().close()

    async def _operate(self, verb: str, target: Target, body: JsonObject) -> Operated:
        sent: JsonObject = {"target": requests.target_to_json(target), **body}
        return await self._ask(verb, sent, read=answers.operated_from_json)

    async def _ask(self, verb: str, body: JsonObject, *, read: Callable[[JsonObject], T]) -> T:
        content = wire.encode(body)
        wire.check_size(len(content), wire.BODY_BYTES)
        try:
            response = await self._client.send(httpx.Request("POST", _URLS[verb], content=content))
        except httpx.ConnectError as error:
            raise no_engine(f"no engine answers: {error}") from error
        except httpx.TransportError as error:
            raise engine_lost() from error
        if response.status_code != httpx.codes.OK:
            raise wire.error_from_answer(response.content, response.status_code)
        try:
            return read(wire.decode_object(response.content))
        except Invalid as error:
            raise wire.garbled() from error


def engine_lost() -> Unavailable:
    """Say that the engine went while it was asked."""
    return Unavailable(
        "engine.lost",
        "the engine went away before it answered",
        hint="it may have done what was asked or not: look with 'taskdeck jobs' before asking again",
    )
