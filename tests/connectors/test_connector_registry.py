"""Connectors by name: found, refused, started and stopped together."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from textwrap import dedent

import pytest

from core.config import load as load_settings
from core.connectors import registry as room
from core.connectors.base import Plain
from core.connectors.registry import Registry, build, load
from core.model.errors import Invalid, NotFound
from core.model.ports import InlineCall


class Named(Plain):
    def __init__(self, name="mail", story=None, fails=""):
        self.name = name
        self.story = story if story is not None else []
        self.fails = fails

    async def start(self):
        if self.fails == "start":
            raise OSError("no route")
        self.story.append(f"+{self.name}")

    async def stop(self):
        self.story.append(f"-{self.name}")
        if self.fails == "stop":
            raise OSError("stuck")

    def call(self, with_, context):
        async def run():
            return with_

        return InlineCall(run=run)


def refused(make) -> Invalid:
    with pytest.raises(Invalid) as caught:
        make()
    return caught.value


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module into the working directory; it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)

    def write(text, name="plugmod"):
        (tmp_path / f"{name}.py").write_text(dedent(text))

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


GOOD = """
    from core.connectors.base import Plain
    class Mail(Plain):
        name = "mail"
        def call(self, with_, context): ...
    made = Mail()
"""


def test_taskdecks_own_connectors_are_there(tmp_path):
    registry = build(load_settings(tmp_path))
    assert list(registry.names()) == [
        "delay",
        "file",
        "http",
        "human",
        "job",
        "python",
        "shell",
        "signal",
        "wait",
        "workflow",
    ]
    assert registry.check("delay", {"seconds": 1}) == ()
    assert len(registry.check("http", {"urll": "x"})) == 2


def test_an_unknown_name_has_a_near_miss():
    with pytest.raises(NotFound, match="did you mean `mail`") as caught:
        Registry([Named()]).get("mial")
    assert caught.value.code == "connector.not_found"


def test_two_connectors_of_one_name_are_refused():
    assert refused(lambda: Registry([Named(), Named()])).code == "connector.duplicate"


def test_an_object_handed_in_may_not_replace_a_builtin(tmp_path):
    error = refused(lambda: build(load_settings(tmp_path), connectors=[Named("http")]))
    assert error.code == "connector.duplicate"


@pytest.mark.parametrize("name", ["", "Mail", "a b", "x\n", "1x", "m" * 65, None, 7])
def test_a_name_that_no_document_could_use_is_refused(name):
    assert refused(lambda: Registry([Named(name)])).code == "connector.invalid"


def test_an_object_without_the_members_is_refused_by_their_names():
    class Half:
        name = "half"

        def call(self, with_, context): ...

    error = refused(lambda: Registry([Half()]))
    assert error.code == "connector.invalid"
    assert error.facts["members"] == ["check", "start", "stop", "classify"]


@pytest.mark.parametrize("reference", ["plugmod:made", "plugmod:Mail", "plugmod:Mail.made"])
def test_a_reference_is_imported_from_the_working_directory(module, reference, tmp_path):
    module(GOOD + "\n    Mail.made = made")
    assert load(reference).name == "mail"
    assert str(tmp_path) not in sys.path
    assert "mail" in build(load_settings(tmp_path), references=[reference]).names()


def test_the_working_directory_leaves_the_path_when_the_import_fails(module, tmp_path):
    module("raise OSError('boom')")
    error = refused(lambda: load("plugmod:made"))
    assert error.code == "connector.not_found"
    assert "OSError: boom" in error.message
    assert str(tmp_path) not in sys.path


@pytest.mark.parametrize(
    "text", ["x = ", "import nowhere_at_all", "1 / 0", "class made:\n  def __init__(self, x): ..."]
)
def test_a_module_that_cannot_be_loaded_is_named(module, text):
    module(text)
    assert "plugmod" in refused(lambda: load("plugmod:made")).message


@pytest.mark.parametrize("reference", ["", "x", ":x", "x:", "plugmod:absent", "no_such_module:x", "..:x"])
def test_a_reference_to_nothing_is_refused(module, reference):
    module(GOOD)
    assert refused(lambda: load(reference)).code == "connector.not_found"


def test_a_reference_to_something_else_is_refused(module):
    module("made = 7")
    assert refused(lambda: load("plugmod:made")).code == "connector.invalid"


def test_entry_points_of_installed_packages_are_loaded_by_name(module, monkeypatch):
    module(GOOD)
    points = [EntryPoint("post", "plugmod:Mail", room.GROUP)]
    monkeypatch.setattr(room, "entry_points", lambda group: points if group == room.GROUP else [])
    monkeypatch.syspath_prepend(".")
    (found,) = room.installed()
    assert found.name == "mail"
    points.append(EntryPoint("broken", "plugmod:Absent", room.GROUP))
    assert "broken = plugmod:Absent" in refused(room.installed).message


async def test_all_are_started_in_order_and_stopped_in_reverse():
    story: list[str] = []
    registry = Registry([Named("a", story), Named("b", story)])
    await registry.start()
    await registry.stop()
    await registry.stop()
    assert story == ["+a", "+b", "-b", "-a"]


async def test_those_started_are_stopped_when_a_later_start_fails():
    story: list[str] = []
    registry = Registry([Named("a", story), Named("b", story), Named("c", story, "start"), Named("d", story)])
    with pytest.raises(OSError, match="no route") as caught:
        await registry.start()
    assert story == ["+a", "+b", "-b", "-a"]
    assert caught.value.__notes__ == ["while the connector `c` was started"]
    await registry.stop()
    assert story == ["+a", "+b", "-b", "-a"]


async def test_a_stop_that_fails_spares_nobody():
    story: list[str] = []
    registry = Registry([Named("a", story), Named("b", story, "stop"), Named("c", story)])
    await registry.start()
    with pytest.raises(OSError, match="stuck"):
        await registry.stop()
    assert story[3:] == ["-c", "-b", "-a"]


async def test_a_registry_that_was_never_started_stops_in_peace():
    await Registry([Named()]).stop()
