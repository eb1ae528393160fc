"""Cron expressions in words, and moments of a zone."""

from __future__ import annotations

import pytest

from core.model.timing.schedule_views import Downtime
from core.render.cron_words import cron_words
from core.render.schedule_texts import downtime_text, moment_text


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("*/7 * * * *", "*/7 * * * *"),
        ("17 * * * *", "hourly at :17"),
        ("0,30 * * * *", "hourly at :00, :30"),
        ("5 */6 * * *", "every 6 hours at :05"),
        ("5 */5 * * *", "5 */5 * * *"),
        ("0 3 * * *", "daily at 03:00"),
        ("0 8,12,18 * * *", "daily at 08:00, 12:00, 18:00"),
        ("30 2 * * 1-5", "Mon-Fri at 02:30"),
        ("30 2 * * mon,wed,7", "Mon, Wed, Sun at 02:30"),
        ("*/15 * * * 1-5", "every 15 minutes, Mon-Fri"),
        ("0 0 1 * *", "day 1 at 00:00"),
        ("0 0 24 12 *", "Dec 24 at 00:00"),
        ("0 0 1 * 1", "0 0 1 * 1"),
        ("0 0 L * *", "0 0 L * *"),
        ("0 9 * * 5L", "0 9 * * 5L"),
        ("15 30 2 * * *", "15 30 2 * * *"),
        ("@daily", "daily at 00:00"),
        ("@Weekly", "Sun at 00:00"),
        ("0-10 3 * * *", "0-10 3 * * *"),
    ],
)
def test_short_expressions_are_words_and_others_stay(expression: str, words: str) -> None:
    assert cron_words(expression) == words


def test_moments_are_those_of_the_clock_of_a_zone() -> None:
    assert moment_text(1_761_436_800_000, "Europe/Berlin") == "Sun 2025-10-26 02:00 +02:00"
    assert moment_text(1_761_440_401_000, "Europe/Berlin") == "Sun 2025-10-26 02:00:01 +01:00"
    assert moment_text(0, "Europe/Gone") == "1970-01-01T00:00:00.000Z"


def test_what_passed_without_an_engine_is_counted() -> None:
    assert downtime_text(Downtime(since=0, fires=1, schedules=1)).endswith("000Z: 1 fire missed")
    many = Downtime(since=0, fires=10_001, schedules=2)
    assert downtime_text(many).endswith(": 10,000+ fires of 2 schedules missed")
