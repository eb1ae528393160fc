"""Routes: one verb each, from a request's JSON through the ControlAPI to an answer's JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, TypeAlias

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from core.control import answers, requests, wire
from core.control.api import OPERATOR, ControlAPI
from core.model.errors import NotFound, TaskdeckError, Unavailable
from core.model.values import JsonObject

if TYPE_CHECKING:
    from starlette.requests import Request

Verb: TypeAlias = Callable[[ControlAPI, JsonObject], Coroutine[None, None, JsonObject]]
WAITING = frozenset({"wait_job", "wait_tasks"})
"""Verbs that last as long as the work: they end with their client, or with the server."""


def make_app(control: ControlAPI, *, closing: asyncio.Event, body_bytes: int) -> Starlette:
    """Return the application that answers for a control; setting `closing` ends all waiting."""

    async def answer(request: Request) -> Response:
        try:
            name = str(request.path_params["verb"])
            verb = VERBS.get(name)
            if verb is None:
                raise NotFound("verb.unknown", f"there is no verb '{name[:64]}'", hint="compare the versions")
            sent = wire.decode_object(await _body(request, body_bytes))
            asked = verb(control, sent)
            found = await (_while_heard(request, asked, closing) if name in WAITING else asked)
        except TaskdeckError as error:
            return _respond(wire.encode(wire.error_to_json(error)), error.status)
        return _respond(wire.encode(found), 200)

    return Starlette(routes=[Route(wire.PATH + "{verb}", answer, methods=["POST"])])


async def _body(request: Request, limit: int) -> bytes | bytearray:
    """Return the body, refused as soon as it is known to be too long; the rest is not kept."""
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit():
        wire.check_size(int(announced), limit)
    body = bytearray()
    async for piece in request.stream():
        wire.check_size(len(body) + len(piece), limit)
        body += piece
    return body


async def _while_heard(
    request: Request, asked: Coroutine[None, None, JsonObject], closing: asyncio.Event
) -> JsonObject:
    """Wait for a result as long as the client listens and the server is open."""
    waiting = asyncio.ensure_future(asked)
    gone = asyncio.ensure_future(_gone(request))
    closed = asyncio.ensure_future(closing.wait())
    try:
        await asyncio.wait((waiting, gone, closed), return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
    finally:
        for future in (waiting, gone, closed):
            future.cancel()
        await asyncio.gather(waiting, gone, closed, return_exceptions=True)
    raise Unavailable("engine.lost", "the engine stops", hint="start it again, then wait again")


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue


def _respond(content: bytes, status: int) -> Response:
    return Response(content, status_code=status, media_type="application/json")


async def _submit(control: ControlAPI, body: JsonObject) -> JsonObject:
    document = body.get("document")
    result = await control.submit(
        document if isinstance(document, str) else requests.object_of(document, "document"),
        requests.object_of(body.get("params"), "params"),
        options=requests.options_from_json(body.get("options")),
    )
    return answers.submitted_to_json(result)


async def _enqueue(control: ControlAPI, body: JsonObject) -> JsonObject:
    specs = requests.specs_from_json(body.get("specs"))
    group = requests.optional_text(body, "group")
    return answers.ids_to_json(await control.enqueue(specs, group=group, actor=_actor(body)))


async def _cancel(control: ControlAPI, body: JsonObject) -> JsonObject:
    target = requests.target_from_json(body.get("target"))
    reason = requests.text(body, "reason")
    return answers.operated_to_json(await control.cancel(target, reason=reason, actor=_actor(body)))


async def _retry(control: ControlAPI, body: JsonObject) -> JsonObject:
    target = requests.target_from_json(body.get("target"))
    downstream = requests.flag(body, "downstream")
    return answers.operated_to_json(await control.retry(target, downstream=downstream, actor=_actor(body)))


async def _pause(control: ControlAPI, body: JsonObject) -> JsonObject:
    target = requests.target_from_json(body.get("target"))
    reason = requests.text(body, "reason")
    return answers.operated_to_json(await control.pause(target, reason=reason, actor=_actor(body)))


async def _resume(control: ControlAPI, body: JsonObject) -> JsonObject:
    target = requests.target_from_json(body.get("target"))
    return answers.operated_to_json(await control.resume(target, actor=_actor(body)))


async def _hold(control: ControlAPI, body: JsonObject) -> JsonObject:
    target = requests.target_from_json(body.get("target"))
    reason = requests.text(body, "reason")
    return answers.operated_to_json(await control.hold(target, reason=reason, actor=_actor(body)))


async def _unhold(control: ControlAPI, body: JsonObject) -> JsonObject:
    target = requests.target_from_json(body.get("target"))
    return answers.operated_to_json(await control.unhold(target, actor=_actor(body)))


async def _wait_job(control: ControlAPI, body: JsonObject) -> JsonObject:
    return answers.result_to_json(await control.wait_job(requests.integer(body, "job_id")))


async def _wait_tasks(control: ControlAPI, body: JsonObject) -> JsonObject:
    return answers.counts_to_json(await control.wait_tasks(requests.integers(body, "task_ids")))


async def _stop(control: ControlAPI, body: JsonObject) -> JsonObject:
    await control.stop_engine(kill=requests.flag(body, "kill"))
    return {}


async def _status(control: ControlAPI, _body: JsonObject) -> JsonObject:
    return answers.info_to_json(await control.status())


def _actor(body: JsonObject) -> str:
    return requests.text(body, "actor") or OPERATOR


VERBS: dict[str, Verb] = {
    "submit": _submit,
    "enqueue": _enqueue,
    "cancel": _cancel,
    "retry": _retry,
    "pause": _pause,
    "resume": _resume,
    "hold": _hold,
    "unhold": _unhold,
    "wait_job": _wait_job,
    "wait_tasks": _wait_tasks,
    "stop": _stop,
    "status": _status,
}
"""The verbs of `wire.VERB_NAMES`."""
