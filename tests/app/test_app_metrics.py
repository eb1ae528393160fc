"""Metrics as a scraper reads them."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("prometheus_client")

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from core.app.metrics.endpoint import CONNECTIONS, MetricsEndpoint
from core.app.metrics.exposition import exposition
from core.app.metrics.reading import read_facts
from core.model.addresses import HostPort
from core.model.errors import Unavailable
from tests.console.support_fake_health import stock_health
from tests.console.support_fake_money import MoneyControl


class Deck(MoneyControl):
    """A control that counts how often health is read, and may have nothing to read."""

    def __init__(self) -> None:
        super().__init__()
        stock_health(self)
        self.is_gone = False

    async def answer_health(self, r):
        if self.is_gone:
            raise Unavailable("store.missing", "no store", hint="")
        return await super().answer_health(r)


@pytest.fixture
def deck() -> Deck:
    return Deck()


async def ask(port: int, line: str = "GET /metrics HTTP/1.1") -> tuple[str, str]:
    """Return the head and the body of an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{line}\r\nHost: x\r\n\r\n".encode())
    try:
        answer = await reader.read()
    except ConnectionError:
        answer = b""
    writer.close()
    head, _, body = answer.decode().partition("\r\n\r\n")
    return head, body


async def test_what_is_written_is_read_back_by_a_scraper(deck: Deck) -> None:
    text = exposition(await read_facts(deck)).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    samples = {
        (one.name, *sorted(one.labels.items())): one.value
        for family in families.values()
        for one in family.samples
    }
    assert samples["taskdeck_backend_up", ("backend", "model-api")] == 0
    assert samples["taskdeck_backend_up", ("backend", "smtp")] == 1
    assert samples["taskdeck_tasks", ("status", "queued")] == 21
    assert samples["taskdeck_pool_slots", ("pool", "default")] == 4
    assert samples["taskdeck_loop_lag_seconds",] == 0.021
    assert samples["taskdeck_loop_blocks_total",] == 1
    assert samples["taskdeck_health", ("subject", "disk")] == 1
    assert samples["taskdeck_engine_state", ("taskdeck_engine_state", "serving")] == 1
    assert {"taskdeck", "taskdeck_claims", "taskdeck_commits", "taskdeck_commit_seconds"} <= families.keys()
    assert {"taskdeck_budget_used", "taskdeck_schedules", "taskdeck_fires_missed"} <= families.keys()


async def test_the_endpoint_answers_one_path_and_reads_once_for_many(deck: Deck) -> None:
    endpoint = MetricsEndpoint(deck)
    port = await endpoint.start(HostPort("127.0.0.1", 0))
    try:
        answers = await asyncio.gather(*(ask(port) for _ in range(5)))
        assert all(head.startswith("HTTP/1.1 200 OK") and "openmetrics" in head for head, _ in answers)
        assert all(body.endswith("# EOF\n") for _, body in answers)
        assert deck.reads["health"] == 1
        assert (await ask(port, "GET / HTTP/1.1"))[0].startswith("HTTP/1.1 404")
        assert (await ask(port, "POST /metrics HTTP/1.1"))[0].startswith("HTTP/1.1 405")
        assert (await ask(port, "x" * 20_000)) == ("", "")
    finally:
        await endpoint.stop()


async def test_a_store_that_cannot_be_read_is_no_answer_and_idle_connections_are_few(deck: Deck) -> None:
    deck.is_gone = True
    endpoint = MetricsEndpoint(deck)
    port = await endpoint.start(HostPort("127.0.0.1", 0))
    try:
        head, body = await ask(port)
        assert (head[:12], body) == ("HTTP/1.1 503", "store.missing\n")
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]
        assert await ask(port) == ("", "")
        for _, writer in held:
            writer.close()
    finally:
        await endpoint.stop()
