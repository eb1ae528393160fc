"""Tests that the style sheet which remembers styles as Textual's own does."""

from __future__ import annotations

import pytest
from textual.app import App
from textual.color import Color
from textual.containers import Vertical
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.theme import Theme
from textual.widget import Widget
from textual.widgets import Static

from tests.console import support_stylesheet
from tests.console.support_console import Operator, console
from tests.console.support_fake_control import FakeControl
from tests.console.support_stylesheet import RememberingStylesheet

RED = Color.parse("red")


class Choice(Widget, can_focus=True):
    """What takes the keys."""


class Choices(App[None]):
    """Shows its first text, and the choice that has the keys, in styles of their own."""

    CSS = "Static { text-style: none; } Static:first-child { text-style: bold; } Choice:focus { color: red; }"

    def __init__(self) -> None:
        super().__init__()
        self.stylesheet = RememberingStylesheet(variables=self.get_css_variables())

    def compose(self):
        with Vertical():
            yield Static("one")
            yield Static("two")
            yield Choice()
            yield Choice()


def stocked() -> FakeControl:
    control = FakeControl()
    job = control.add_job("nightly")
    for key in ("parse", "load"):
        control.add_task(job, key, status="failed")
    return control


def styled(node: DOMNode) -> tuple[object, ...]:
    """Return the rules of a node and of its parts, and what it says of them."""
    parts = {name: styles.base.get_rules() for name, styles in node._component_styles.items()}
    told = (node._has_hover_style, node._has_focus_within, node._has_order_style, node._has_odd_or_even)
    return node.styles.base.get_rules(), parts, told


def compare(operator: Operator, where: str) -> None:
    """Style each node of the screen with Textual's own sheet of the same rules: it stays as it is."""
    plain = Stylesheet(variables=operator.app.stylesheet._variables)
    plain._rules = operator.app.stylesheet.rules
    for node in (operator.app, *operator.app.screen.walk_children(with_self=True)):
        before = styled(node)
        plain.apply(node)
        assert styled(node) == before, f"{node} {where}"


def restyle(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> int:
    """Style the screen; return how many rules were looked at for that."""
    looks: list[object] = []
    check = Stylesheet._check_rule

    def counted(rule, path):
        looks.append(rule)
        return check(rule, path)

    with monkeypatch.context() as patch:
        patch.setattr(Stylesheet, "_check_rule", staticmethod(counted))
        operator.app.stylesheet.update(operator.app.screen)
    return len(looks)


async def test_each_node_has_the_rules_that_textual_finds_for_it() -> None:
    async with console(stocked()) as operator:
        for keys in ("1", "5", "3", "i", "slash", "escape", "question_mark", "escape", "2", "o", "enter"):
            await operator.press(keys)
            await operator.quiet()
            compare(operator, f"after {keys}")
        await operator.press("tab")
        compare(operator, "with another focus")
        await operator.press("escape", "escape")
        for theme in ("light", "high-contrast", "dark"):
            operator.app.action_use_theme(theme)
            await operator.pilot.pause()
            compare(operator, f"in {theme}")


async def test_rules_are_looked_through_once_for_nodes_of_a_kind(monkeypatch) -> None:
    async with console(stocked()) as operator:
        sheet = operator.app.stylesheet
        sheet._pseudo_classes, sheet._fitting = {}, {}
        assert restyle(operator, monkeypatch)
        assert restyle(operator, monkeypatch) == 0


async def test_the_same_colours_are_not_set_again(monkeypatch) -> None:
    async with console(stocked()) as operator:
        told: list[object] = []
        monkeypatch.setattr(Stylesheet, "set_variables", lambda _, variables: told.append(variables))
        rules = [*operator.app.stylesheet.rules]
        operator.app.refresh_css()
        assert told == []
        assert all(one is other for one, other in zip(operator.app.stylesheet.rules, rules, strict=True))
        assert restyle(operator, monkeypatch) == 0


async def test_the_colours_of_a_theme_are_mixed_once(monkeypatch) -> None:
    mixed: list[str] = []
    mix = Theme.to_color_system

    def counted(theme: Theme):
        mixed.append(theme.name)
        return mix(theme)

    monkeypatch.setattr(Theme, "to_color_system", counted)
    async with console(stocked()) as operator:
        assert mixed.count("dark") == 1
        operator.app.action_use_theme("light")
        await operator.pilot.pause()
        assert mixed.count("light") == 1
        assert operator.app.theme_variables["background"] == operator.app.stylesheet._variables["background"]


async def test_no_more_is_remembered_than_a_console_needs(monkeypatch) -> None:
    monkeypatch.setattr(support_stylesheet, "_MOST_PLACES", 3)
    async with console(stocked()) as operator:
        sheet = operator.app.stylesheet
        monkeypatch.setattr(RememberingStylesheet, "_forget", lambda one: one._pseudo_classes.clear())
        sheet._pseudo_classes, sheet._fitting = {}, {}
        sheet.update(operator.app.screen)
        assert len(sheet._pseudo_classes) <= 3


async def test_what_depends_on_the_neighbours_is_found_again() -> None:
    app = Choices()
    async with app.run_test() as pilot:
        await app.query_one(Vertical).mount(Static("zero"), before=0)
        await pilot.pause()
        assert [text.styles.text_style.bold for text in app.query(Static)] == [True, None, None]


async def test_what_depends_on_the_keys_goes_with_them() -> None:
    app = Choices()
    async with app.run_test() as pilot:
        for focused in (0, 1, 0):
            is_red = [choice.styles.color == RED for choice in app.query(Choice)]
            assert is_red == [number == focused for number in range(2)]
            await pilot.press("tab")


async def test_other_rules_count_at_once() -> None:
    app = Choices()
    async with app.run_test():
        app.stylesheet.add_source("Choice { text-style: italic; }", tie_breaker=1)
        app.stylesheet.update(app)
        assert all(choice.styles.text_style.italic for choice in app.query(Choice))
