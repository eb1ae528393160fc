"""The config.toml that `config init` writes: every section, commented out.

Called by the command.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from core.config.meanings import meanings
from core.config.sections import ENGINE, SECTIONS
from core.config.settings import Settings, read_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from core.model.values import JsonValue

_WIDTH = 110
_HEAD = """\
The configuration of a taskdeck data directory. Nothing here holds yet: take the `# ` off a line to set it.
`taskdeck config check` names every fault; `taskdeck config show` prints what holds, and where it comes from.
Editors complete the keys after `taskdeck config schema > config.schema.json`, with this as the first line:
`#:schema ./config.schema.json`
"""
_SHOWN: Final[Mapping[str, str]] = {
    "slots": "4",
    "default_timeout": '"none"',
    "metrics": '"127.0.0.1:9464"',
    "http_proxy": '"http://proxy.example.com:3128"',
}
"""Values of the example where the default is of the machine, or none."""


def example() -> str:
    """Return the text of the file; what is behind `# ` is correct, what is behind `## ` are remarks."""
    return "\n".join([*_remark(_HEAD), "", *_settings(), *_sections()]) + "\n"


def _settings() -> Iterator[str]:
    yield f"# [{ENGINE}]"
    texts = meanings(Settings)
    for name, field in Settings.model_fields.items():
        yield from _remark(f"{texts[name]} Read at: {read_at(name)}.")
        yield f"# {name} = {_SHOWN.get(name) or _toml(field.get_default(call_default_factory=True))}"


def _sections() -> Iterator[str]:
    for section in SECTIONS:
        yield ""
        yield from (f"# {line}".rstrip() for line in section.example.splitlines())


def _remark(text: str) -> Iterator[str]:
    for paragraph in text.splitlines():
        yield from (f"## {line}" for line in textwrap.wrap(paragraph, _WIDTH))


def _toml(value: JsonValue | tuple[str, ...]) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case list() | tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            return str(value)
