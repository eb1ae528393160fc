"""What every test of the console may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet


@pytest.fixture(scope="session", autouse=True)
def _style_sheets_are_parsed_once() -> Iterator[None]:
    """Let the hundreds of apps in one process share what Textual made of the same sheet and colours.

    Textual itself keeps parsed rules for as long as an app lives; parsing is a third of its start.
    """
    parsed: dict[tuple[object, ...], list[RuleSet]] = {}
    parse_rules = Stylesheet._parse_rules

    def parse_once(sheet: Stylesheet, *source: object, **more: object) -> list[RuleSet]:
        key = (frozenset(sheet._variables.items()), source, *more.items())
        if key not in parsed:
            parsed[key] = parse_rules(sheet, *source, **more)  # type: ignore[arg-type]
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        yield
