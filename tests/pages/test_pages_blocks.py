"""Pages are read as a reader sees them."""

from __future__ import annotations

from tests.pages.blocks import Block, Step, anchors, blocks, is_written, links, steps

PAGE = """# A `b` c!

[one](x.md#y) and ![p](p.svg)

```sh
# no heading [no](link)
```

```console
$ a
b
$ c
```
"""


def test_blocks_links_and_headings_are_found() -> None:
    assert [(block.language, block.line) for block in blocks(PAGE)] == [("sh", 5), ("console", 9)]
    assert links(PAGE) == ["x.md#y", "p.svg"]
    assert anchors(PAGE) == {"a-b-c"}


def test_a_console_block_is_commands_and_outputs() -> None:
    (block,) = blocks(PAGE, "console")
    assert list(steps(block)) == [Step(command="a", output="b\n"), Step(command="c", output="")]
    assert list(steps(Block(language="console", text="no prompt\n", line=1))) == []


def test_dots_stand_for_any_text_of_a_line() -> None:
    assert is_written("took ... ms\n", "took 12 ms\n")
    assert not is_written("took ... ms\n", "took 12\n ms\n")
    assert is_written("map-12ab12ab in 7ms  <1m", "map-99990000 in 2m3.5s  73m")
    assert not is_written("in 7ms", "in vain")
    assert not is_written("a", "ab")
    assert is_written("a  b c", "a     b c")
    assert not is_written("a  b c", "a  b  c")
