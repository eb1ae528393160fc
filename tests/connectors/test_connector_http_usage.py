"""What an http answer says that it spent."""

from __future__ import annotations

import dataclasses
import json

import pytest

from core.config import load
from core.connectors.http import Http
from core.connectors.http_usage import found_at
from core.model.errors import Invalid
from tests.connectors.http_servers import reply, serving
from tests.connectors.inline_calls import make_context

BODY = {"model": "gpt-x", "usage": {"in": 3, "out": 0, "cost": 0.5}, "parts": [{"n": 1}, {"n": 2}]}
PLACES = {"model": "model", "input": "usage.in", "output": "usage.out", "pages": "parts.1.n"}


async def spent(tmp_path, body: object, *, status: int = 200, **usage: str) -> list[object]:
    """Return what a call reports whose answer has this body."""
    said: list[object] = []
    http = Http(load(tmp_path))
    context = dataclasses.replace(make_context(tmp_path), spend=said.append)
    await http.start()
    answer = reply(status, json.dumps(body).encode(), "Content-Type: application/json")
    async with serving(answer) as server:
        with_ = {"url": server.url(), "usage": usage, "expect": [200]}
        assert http.check(with_) == ()
        call = http.call(with_, context)
        try:
            await call.run()
        except Exception as error:
            assert http.classify(error).error.code.startswith("http.")  # noqa: PT017 # it may fail or not
    await http.stop()
    return said


async def test_the_places_that_an_answer_has_are_reported(tmp_path) -> None:
    assert await spent(tmp_path, BODY, **PLACES) == [
        {"model": "gpt-x", "input": 3, "output": 0, "pages": 2},
    ]
    assert await spent(tmp_path, BODY) == []


async def test_an_answer_without_them_reports_nothing_which_is_told(tmp_path) -> None:
    assert await spent(tmp_path, ["x"], usd="cost") == [{}]


async def test_an_answer_that_was_not_wanted_reports_what_it_has(tmp_path) -> None:
    assert await spent(tmp_path, BODY, status=500, usd="usage.cost") == [{"usd": 0.5}]
    assert await spent(tmp_path, {}, status=500, usd="usage.cost") == []


@pytest.mark.parametrize("body", [None, 3, "text", [], {}, {"usage": [1]}, {"usage": None}])
def test_bodies_of_any_shape_are_looked_through(body: object) -> None:
    assert found_at({"usd": "usage.cost", "pages": "9"}, body) == {}


@pytest.mark.parametrize("usage", [{"USD": "x"}, {"usd": ""}, {"usd": "a..b"}, {"usd": "a[0]"}, {"usd": 3}])
def test_places_that_lead_nowhere_are_refused(tmp_path, usage: dict[str, object]) -> None:
    http = Http(load(tmp_path))
    with_ = {"url": "http://x.example/", "usage": usage}
    assert len(http.check(with_)) == 1
    with pytest.raises(Invalid):
        http.call(with_, make_context(tmp_path))
