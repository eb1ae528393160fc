"""A claim of door and label is signed with the user."""

from __future__ import annotations

import pytest

from core.model.actors import LABEL_MAX, Door, claim, signed
from core.model.errors import Invalid


@pytest.mark.parametrize(
    ("claimed", "actor"),
    [
        (claim(Door.CLI), "ana (cli)"),
        (claim(Door.CONSOLE, "night shift"), "ana as night shift (console)"),
        (claim(Door.API, "cli"), "ana as cli (api)"),
        ("deploy", "ana as deploy (api)"),
        ("a:b", "ana as a:b (api)"),
        # Whoever claims to be the engine is a program with that label.
        ("engine", "ana as engine (api)"),
        ("root (cli)", "ana as root (cli) (api)"),
    ],
)
def test_a_claim_is_signed_with_the_user(claimed: str, actor: str) -> None:
    assert signed(claimed, "ana") == actor


@pytest.mark.parametrize("label", ["", " ", "a\nb", "\x1b[31m", "x" * (LABEL_MAX + 1)])
@pytest.mark.parametrize("door", Door)
def test_a_label_that_would_spoil_a_line_is_refused(door: Door, label: str) -> None:
    with pytest.raises(Invalid) as caught:
        signed(claim(door, label), "ana")
    assert caught.value.code == "actor.label"
