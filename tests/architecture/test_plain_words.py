"""Words that the glossary replaced appear in no name, text or page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.architecture.trees import write_tree

# fmt: off
REFUSED_NAMES = frozenset({
    "bite", "bites", "briefing", "drafting", "edition", "editions", "far", "glancing", "guests", "helper",
    "helpers", "knowing", "landlord", "located", "manager", "manner", "mend", "mentions", "placing",
    "pouring", "prey", "reaching", "roll", "sheet", "utils", "victim", "victims", "zombie",
})
# fmt: on
"""Words that no name has as a part: `EngineLifecycle` rather than `Landlord`."""
REFUSED_PREFIXES = ("handle_", "do_")
FOREIGN = {
    "AbstractAsyncContextManager",
    "AbstractContextManager",
    "_handle_exception",
    "handle_async_request",
    "utils",
}
"""Names that libraries gave."""
REFUSED_TEXT = re.compile(
    r"\b(?:mend(?:s|ed|ing)?|anew|nobody|somebody|whoever|whomever|in force|what goes on|goes on with"
    r"|be told|everybody|anybody|someone|(?:is|are|was|were|be) no(?! longer| more| less| later| earlier)"
    r"|landlord|prey|zombie)\b",
    re.IGNORECASE,
)
"""Phrases that a reader whose third language is English stops at."""
REFUSED_HINT = re.compile(r"^[a-z]*[\"'](?:look|be told|mend)\b")
ROOMS = ("core", "console", "themes")
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**/*.md")
EXCEPTIONS = ("docs/glossary.md",)
"""The page that says which word replaced which."""

_TOKEN = re.compile(
    r"""(?P<text>\#[^\n]*"""
    r"""|(?i:[bfru]{0,2})(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}"""
    r"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))"""
    r"""|(?P<name>[^\W\d]\w*)|\d[\w.]*|[^\s\w]""",
    re.DOTALL,
)
"""A comment or a text, a name, a number or a sign: `tokenize` takes three times as long."""
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def refused_words(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root).as_posix()}:{line} {word}"
        for path, found in (*_in_code(root), *_in_pages(root))
        for line, word in found
    ]


def _in_code(root: Path) -> Iterator[tuple[Path, list[tuple[int, str]]]]:
    for path in sorted(file for room in ROOMS for file in (root / room).rglob("*.py")):
        found = [(0, f"file name {part}") for part in _parts(path.stem) if part in REFUSED_NAMES]
        yield path, [*found, *_in_tokens(path.read_text(encoding="utf-8"))]


def _in_tokens(text: str) -> Iterator[tuple[int, str]]:
    before = ("", "")
    for token in _TOKEN.finditer(text):
        word = token.group()
        if token["name"]:
            if _is_refused(word):
                yield _line(text, token), word
        elif token["text"]:
            yield from ((_line(text, token) + below, phrase) for below, phrase in _in_text(word, 0))
            if before == ("hint", "=") and REFUSED_HINT.match(word):
                yield _line(text, token), f"hint={word}"
        before = (before[1], word)


def _line(text: str, token: re.Match[str]) -> int:
    return text.count("\n", 0, token.start()) + 1


@cache
def _is_refused(name: str) -> bool:
    if name in FOREIGN:
        return False
    return name.lstrip("_").startswith(REFUSED_PREFIXES) or not REFUSED_NAMES.isdisjoint(_parts(name))


def _in_pages(root: Path) -> Iterator[tuple[Path, list[tuple[int, str]]]]:
    for path in sorted(page for pattern in PAGES for page in root.glob(pattern)):
        if path.relative_to(root).as_posix() not in EXCEPTIONS:
            yield path, list(_in_text(path.read_text(encoding="utf-8"), 1))


def _in_text(text: str, first: int) -> Iterator[tuple[int, str]]:
    # A phrase may be broken over two lines.
    for match in REFUSED_TEXT.finditer(text.replace("\n", " ")):
        yield first + text.count("\n", 0, match.start()), match.group()


def _parts(name: str) -> list[str]:
    return [part.lower() for part in _PARTS.findall(name)]


def test_names_texts_and_pages_use_the_words_of_the_field(checkout: Path) -> None:
    assert refused_words(checkout) == []


def test_the_check_sees_refused_words(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "core/reaching.py": "class Landlord:\n    def handle_it(self): ...\n",
            "core/words.py": "# It is no page.\nx = 'mended'\ny = error(hint='look there')\nrollback = 1\n"
            "z = f'there is no parameter {y}'\n# There were no rows for everybody.\n",
            "core/fine.py": "# It is no longer here. There is nothing.\nrolled = unfold = sheets = 1\n",
        },
    )
    (tmp_path / "README.md").write_text("Somebody\nwaits.\n")
    assert refused_words(tmp_path) == [
        "core/reaching.py:0 file name reaching",
        "core/reaching.py:1 Landlord",
        "core/reaching.py:2 handle_it",
        "core/words.py:1 is no",
        "core/words.py:2 mended",
        "core/words.py:3 hint='look there'",
        "core/words.py:5 is no",
        "core/words.py:6 were no",
        "core/words.py:6 everybody",
        "README.md:1 Somebody",
    ]
