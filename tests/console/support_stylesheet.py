"""A style sheet that remembers which rules fit which node.

Textual looks through all rules for each node, and parses all of them again at each new screen: a fifth of the
work of these tests. The product has Textual's own, for this one knows much that is private to it.
"""

from __future__ import annotations

from operator import is_
from typing import cast

from textual.cache import LRUCache
from textual.css.model import RuleSet
from textual.css.styles import RulesMap
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode

Place = tuple[tuple[type[DOMNode], str | None, frozenset[str]], ...]
"""Type, id and classes of each node from the app to the one that is styled."""

_ORDERED = Stylesheet._EXCLUDE_PSEUDO_CLASSES_FROM_CACHE
"""Pseudo classes that depend on the neighbours of a node."""
_MOST_PLACES = 4_000
"""So many are remembered; a console has some hundreds."""


class RememberingStylesheet(Stylesheet):
    """Textual's style sheet, with what it found out for nodes like one."""

    def __init__(self, *, variables: dict[str, str]) -> None:
        super().__init__(variables=variables)
        # Textual keeps 64, which is less than there are types of widgets.
        self._parse_cache: LRUCache[tuple[object, ...], list[RuleSet]] = LRUCache(512)
        self._pseudo_classes: dict[Place, tuple[str, ...] | None] = {}
        self._fitting: dict[tuple[Place, tuple[bool, ...]], RulesMap | None] = {}

    def set_variables(self, variables: dict[str, str]) -> None:
        """Take the colours of a theme; what was parsed stays if they are as before."""
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """Parse what is not parsed with the present variables."""
        self.parse()

    def parse(self) -> None:
        """Parse all sources; forget what was found out if that makes other rules."""
        before = self._rules
        super().parse()
        if len(before) != len(self._rules) or not all(map(is_, before, self._rules)):
            self._forget()

    def _forget(self) -> None:
        """Begin again with other rules."""
        self._pseudo_classes = {}
        self._fitting = {}

    def apply(
        self, node: DOMNode, *, animate: bool = False, cache: dict[tuple[object, ...], RulesMap] | None = None
    ) -> None:
        """Style a node by the rules that fit it."""
        if self._require_parse:
            self.parse()
        path = node.css_path_nodes
        place = tuple([(one.__class__, one._id, frozenset(one._classes)) for one in path])
        if place not in self._pseudo_classes:
            self._note_pseudo_classes(place, node)
        names = self._pseudo_classes[place]
        if names is None:
            super().apply(node, animate=animate, cache=cache)
            return
        key = (place, tuple([one.has_pseudo_class(name) for one in path for name in names]))
        if key not in self._fitting:
            found: dict[tuple[object, ...], RulesMap] = {}
            super().apply(node, animate=animate, cache=found)
            self._fitting[key] = _settled(node, next(iter(found.values()), None))
            return
        node._has_hover_style = "hover" in names
        node._has_focus_within = node._has_order_style = node._has_odd_or_even = False
        rules = self._fitting[key]
        if rules is not None and node.__class__ is DOMNode:
            _replace_all(node, rules)
        elif rules is not None:
            self.replace_rules(node, rules, animate=animate)
        self._process_component_classes(node)

    def _note_pseudo_classes(self, place: Place, node: DOMNode) -> None:
        """Find what decides, beside its place, which rules fit a node; None = its neighbours, too."""
        if len(self._pseudo_classes) >= _MOST_PLACES:
            self._forget()
        rules = self.rules_map
        names = {
            name
            for selector in rules.keys() & node._selector_names
            for rule in rules[selector]
            for name in rule.pseudo_classes
        }
        self._pseudo_classes[place] = None if names & _ORDERED else tuple(names)

    def _process_component_classes(self, node: DOMNode) -> None:
        """Style the parts of a node; those that it has stay."""
        must_draw = False
        for name in sorted(node._get_component_classes()):
            styles = node._component_styles.get(name)
            part = None if styles is None else styles.node
            if part is None:
                part = DOMNode(classes=name)
                part._attach(node)
                node._component_styles[name] = part.styles
                must_draw = True
            before = part.styles.base._updates
            self.apply(part)
            must_draw = must_draw or part.styles.base._updates != before
        if must_draw:
            node.refresh()

    @classmethod
    def replace_rules(cls, node: DOMNode, rules: RulesMap, animate: bool = False) -> None:
        """Set the rules of a node that changed."""
        base = node.styles.base
        if animate and "transitions" in rules:
            super().replace_rules(node, rules, animate=True)
            return
        before = base._rules
        changed = [key for key in before.keys() | rules.keys() if before.get(key) != rules.get(key)]
        for key in changed:
            setattr(base, key, rules.get(key))
        if changed or not animate:
            node.notify_style_update()


def _settled(node: DOMNode, rules: RulesMap | None) -> RulesMap | None:
    """Return the rules that a node was given, with the values that came of them."""
    if rules is None or "transitions" in rules:
        return rules
    return node.styles.base.get_rules()


def _replace_all(part: DOMNode, rules: RulesMap) -> None:
    """Give a part of a widget its rules at once: it is not mounted, nothing else is to be done for it."""
    base = part.styles.base
    if base._rules != rules:
        # In place: the styles hold its methods.
        known = cast("dict[str, object]", base._rules)
        known.clear()
        known.update(rules)
        base._updates += 1
