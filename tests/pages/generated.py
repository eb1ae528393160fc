"""Write the generated parts of the pages: `python -m tests.pages.generated`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from tests.pages.commands_page import command_help
from tests.pages.completion_table import completion_table
from tests.pages.key_table import key_table
from tests.pages.settings_table import fixed_limits, settings_table
from tests.pages.state_diagram import Stateful, state_diagram

ROOT = Path(__file__).resolve().parents[2]
COMPLETION = ROOT / "core/cli/completion_table.json"
_MARKED = re.compile(r"<!-- generated: (?P<name>[a-z -]+) -->\n.*?<!-- /generated -->", re.DOTALL)


def _diagram(noun: Stateful) -> Callable[[], str]:
    return lambda: f"```mermaid\n{state_diagram(noun)}```"


PARTS: dict[str, Callable[[], str]] = {
    "keys": key_table,
    "commands": command_help,
    "settings": settings_table,
    "fixed limits": fixed_limits,
    **{f"states of a {noun}": _diagram(noun) for noun in get_args(Stateful)},
}
"""What stands between `<!-- generated: NAME -->` and `<!-- /generated -->`, by name."""


def renewed(text: str) -> str:
    """Return a page with its generated parts as they are now; raise `KeyError` for an unknown part."""

    def part(marked: re.Match[str]) -> str:
        name = marked["name"]
        return f"<!-- generated: {name} -->\n{PARTS[name]().strip()}\n<!-- /generated -->"

    return _MARKED.sub(part, text)


def pages(root: Path = ROOT) -> list[Path]:
    """Return the pages for people, README first."""
    tops = [root / "README.md", root / "CONTRIBUTING.md"]
    return [*(page for page in tops if page.exists()), *sorted((root / "docs").glob("*.md"))]


def names_in(text: str) -> list[str]:
    """Return the names of the generated parts of a page."""
    return [marked["name"] for marked in _MARKED.finditer(text)]


def main() -> None:
    """Renew every page, and the table of the completion."""
    COMPLETION.write_text(completion_table(), encoding="ascii")
    for page in pages():
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
