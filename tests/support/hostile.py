"""Texts that would drive a terminal, a markup parser or a formatter."""

from __future__ import annotations

_SEQUENCES = (
    "\x1b[31m",
    "\x1b[2J",
    "\x1b[H",
    "\x1b[9999;9999H",
    "\x1b[?1049l",
    "\x1b[?25l",
    "\x1b[?1003h",
    "\x1b[?2004l",
    "\x1b[201~",
    "\x1b[6n",
    "\x1b[c",
    "\x1b[>c",
    "\x1b[21t",
    "\x1b[8;1;1t",
    "\x1b[4;1H\x1b[K",
    "\x1b[38;2;1;2;3m",
    "\x1b[5;7;8m",
    "\x1b[1;1r",
    "\x1b[20h",
    "\x1b[!p",
    "\x1bc",
    "\x1b7\x1b8",
    "\x1b(0",
    "\x1b#8",
    "\x1b=",
    "\x1bM",
    "\x1bZ",
    "\x1b]0;title\x07",
    "\x1b]2;title\x1b\\",
    "\x1b]52;c;aGk=\x07",
    "\x1b]8;;file:///etc/passwd\x1b\\x\x1b]8;;\x1b\\",
    "\x1b]4;1;?\x07",
    "\x1b]10;#000\x07",
    "\x1b]22;wait\x1b\\",
    "\x1b]1337;File=:AA\x07",
    "\x1b]777;notify;a;b\x07",
    "\x1bP$q m\x1b\\",
    "\x1bP+q544e\x1b\\",
    "\x1b_Ga=T\x1b\\",
    "\x1b^x\x1b\\",
    "\x1bXx\x1b\\",
    "\x1b",
    "\x1b[",
    "\x1b]",
    "\x9b31m",
    "\x9d52;c;aGk=\x9c",
    "\x90q\x9c",
    "\x9f\x9c",
    "\r\nOK",
    "a\rb",
    "a\x08\x08b",
    "a\tb",
    "\x0e\x0f",
    "\x07\x07",
)
_WORDS = (
    "[bold]b[/bold]",
    "[/]",
    "[red]",
    "[@click=app.quit]q[/]",
    "[link=file:///]l[/link]",
    "[[x]]",
    "\\[x]",
    ":bomb:",
    "{0}{self}",
    "{{x}}",
    "%s%n%d",
    "$(id)`id`",
    "${x}#{x}",
    "';--",
    "<b>&amp;",
    "../../etc",
    "\u202eevil",
    "\u2066a\u2069",
    "\u200bz\u200d",
    "\ufeffbom",
    "\u00adshy",
    "\u2028ls\u2029",
    "\U000e0041tag",
    "e\u0301\u0301\u0301",
    "\u0600n",
    "\ufff9a\ufffb",
    "\u3164f",
    "\U0001f468\u200d\U0001f469",
    "漢字",
    "\udc80\udfff",
    "\ud800",
    "\uffff",
    "\U0010ffff",
)


def hostile(number: int = 400) -> list[str]:
    """Return so many different texts, the same each time; each begins with its number and `~`."""
    kinds = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
    kinds += [*_SEQUENCES, *_WORDS]
    texts = [f"{index:03}~{_dressed(kinds, index)}" for index in range(number)]
    assert len(set(texts)) == number
    return texts


def _dressed(kinds: list[str], index: int) -> str:
    """Return a kind alone, then in the middle, then two together, ..."""
    kind, turn = kinds[index % len(kinds)], index // len(kinds)
    other = kinds[(index * 7 + turn) % len(kinds)]
    return (kind, f"a{kind}b", f"{kind}{other}", f"{other}x{kind}")[turn % 4]
