"""What is written of an output, and said of missing parts."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core.cli.arguments import Remote
from core.cli.output_sinks import CheckedSink, JsonSink, RawSink
from core.cli.reading import reading
from core.cli.summary import cut_among
from core.model.commands.work import Complete
from core.model.outcomes import Succeeded
from core.model.values import JsonObject
from core.model.views import LogChunk
from tests.cli.cli_stage import Deck
from tests.store.deck import Deck as StoreDeck
from tests.store.deck import task

Write = Callable[[str, object], str]
FILL = "head -c 100000 /dev/zero | tr '\\0' x; echo end"
FLOOD = FILL.replace("100000", "5000000")
"""More than is read of it before its middle is dropped."""


def _chunk(data: bytes, offset: int, **more: int | bool) -> LogChunk:
    return LogChunk(data=data, offset=offset, end=offset + len(data), final=False, epoch=1, **more)


def _pieces(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_json_is_text_or_else_base64_and_no_byte_is_taken_for_text(capsys):
    sink = JsonSink()
    sink.write(_chunk(b"\\xff", 0))
    sink.write(_chunk(b"\xff", 4))
    assert _pieces(capsys) == [
        {"attempt": 1, "offset": 0, "end": 4, "dropped": 0, "text": "\\xff"},
        {"attempt": 1, "offset": 4, "end": 5, "dropped": 0, "base64": "/w=="},
    ]


def test_json_puts_a_character_together_that_was_cut(capsys):
    sink, data = JsonSink(), "aä€\U0001f600z".encode()
    for offset, byte in enumerate(data):
        sink.write(_chunk(bytes([byte]), offset))
    pieces = _pieces(capsys)
    assert [piece["text"] for piece in pieces] == ["a", "ä", "€", "\U0001f600", "z"]
    spans = [(piece["offset"], piece["end"]) for piece in pieces]
    assert spans == [(0, 1), (1, 3), (3, 6), (6, 10), (10, 11)]


def test_json_writes_the_beginning_of_a_character_that_never_ends(capsys):
    sink = JsonSink()
    sink.write(_chunk(b"a\xe2\x82", 0))
    sink.finish()
    first, second = _pieces(capsys)
    assert (first["text"], second["base64"], second["offset"], second["end"]) == ("a", "4oI=", 1, 3)


def test_what_is_missing_is_said_where_it_is_missing_and_in_json(capsys):
    sink = CheckedSink(JsonSink())
    sink.write(_chunk(b"head", 0))
    sink.write(_chunk(b"tail", 1_004, dropped=1_000, lost=True))
    sink.finish()
    captured = capsys.readouterr()
    pieces = [json.loads(line) for line in captured.out.splitlines()]
    assert [piece["dropped"] for piece in pieces] == [0, 1_000, 0]
    assert pieces[-1] == {"attempt": 1, "offset": 1_008, "end": 1_008, "dropped": 0, "lost": True, "text": ""}
    assert captured.err.startswith("1,000 bytes of output are missing here: it went over its limit")
    assert "could not be written" in captured.err
    assert (sink.dropped, sink.is_whole) == (1_000, False)


def test_a_loss_that_only_an_empty_piece_tells_is_said(capfd):
    sink = CheckedSink(RawSink())
    sink.write(_chunk(b"a", 0))
    assert sink.is_whole
    sink.write(_chunk(b"", 1, lost=True))
    sink.finish()
    assert not sink.is_whole
    assert capfd.readouterr().err.startswith("some output is missing")


def test_an_output_that_was_removed_later_is_said(home: Path, deck: Deck):
    assert deck("exec", "--", "sh", "-c", "echo one; exit 0").out == "one\n"
    assert deck("exec", "--", "true").status == 0
    shutil.rmtree(home / "output")
    logs = deck("logs", "1")
    assert (logs.status, logs.out) == (0, "")
    assert logs.err.startswith("some output is missing: ")
    (piece,) = deck("logs", "1", "--json").objects
    assert (piece["attempt"], piece["lost"]) == (1, True)
    # Nothing was there.
    assert deck("logs", "2").err == ""


def test_what_lies_in_the_place_of_a_start_that_failed_is_not_its_output(home: Path, deck: Deck):
    # As after a store was removed and its outputs were not.
    taken = home / "output" / "1" / "1"
    taken.mkdir(parents=True, mode=0o700)
    (taken / "out").write_text("other\n")
    (taken / "status").write_text("exit 0\n")
    (home / "engine.lock").touch(mode=0o600)
    assert deck("exec", "--", "echo", "mine").status == 0
    assert [deck("logs", "1", "--attempt", number).out for number in ("1", "2")] == ["", "mine\n"]


def test_every_reader_of_an_output_over_its_limit_says_so(home: Path, deck: Deck):
    ended = deck("exec", "--output-limit", "8KiB", "--", "sh", "-c", FLOOD)
    assert ended.status == 7
    assert len(ended.out) < 5_000_000
    assert ended.out.endswith("xend\n")
    assert "bytes of output are missing here: it went over its limit" in ended.err
    assert f"{5_000_004 - len(ended.out):,} bytes" in ended.err
    logs = deck("logs", "1")
    # It wrote while the command ran: some of that may have been dropped since.
    assert (logs.status, len(logs.out) <= len(ended.out)) == (0, True)
    missing = 5_000_004 - len(logs.out)
    assert f"{missing:,} bytes of output are missing here" in logs.err
    pieces = deck("logs", "1", "--json").objects
    assert sum(piece["dropped"] for piece in pieces) == missing


@pytest.mark.parametrize("json_", [(), ("--json",)])
def test_map_names_the_tasks_whose_output_was_cut(
    home: Path, deck: Deck, monkeypatch: pytest.MonkeyPatch, json_: tuple[str, ...]
):
    # What it wrote may have been whole: it was written before the middle was dropped.
    assert deck("exec", "--output-limit", "8KiB", "--", "sh", "-c", FILL).status in (0, 7)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"0\n9\n1\n")))
    script = f"test $0 = 9 || {{ {FILL}; exit $0; }}"
    ended = deck("map", *json_, "--output-limit", "8KiB", "--", "sh", "-c", script)
    assert ended.status == 1
    said = (
        "the output of 2 tasks is not whole: it went over its limit, or could not be written; what is left:"
    )
    assert ended.err.splitlines()[-3:] == [said, "  taskdeck logs '#2'", "  taskdeck logs '#4'"]
    if json_:
        assert ended.objects[0]["cut"] == [2, 4]
    told = deck("events", "--json", "--where", "kind:output.cut").objects
    assert sorted((one["task"], one["attempt"]) for one in told) == [(1, 1), (2, 1), (4, 1)]
    assert all(one["data"]["dropped"] > 80_000 for one in told)


async def test_map_names_only_its_own_tasks_and_none_that_ran_again(tmp_path: Path):
    deck = StoreDeck(tmp_path / "taskdeck.db")
    ids = deck.loose(*(task(f"k{n}") for n in range(4)))
    cut: JsonObject = {"dropped": 4_096}
    deck.do(
        *(
            Complete(task_id=task_id, epoch=epoch, outcome=Succeeded(), cut=cut)
            for task_id, epoch in deck.claim()
        )
    )
    deck.change("UPDATE task SET epoch = 2 WHERE id = ?", ids[3])
    deck.close()
    async with reading(Remote(home=tmp_path)) as control:
        assert await cut_among(control, ids[:2]) == ids[:2]
        assert await cut_among(control, (ids[0], ids[2], ids[3])) == (ids[0], ids[2])


def test_run_names_the_tasks_whose_output_was_cut(home: Path, deck: Deck, tmp_path: Path):
    flow = tmp_path / "flow.yaml"
    flow.write_text(
        "name: flow\ndefaults: {output_limit: 8KiB}\nstages:\n  - name: one\n    tasks:\n"
        f"      - {{key: much, uses: shell, with: {{script: {json.dumps(FILL)}}}}}\n"
        "      - {key: little, uses: shell, with: {script: echo a}}\n"
    )
    ended = deck("run", str(flow))
    assert ended.status == 0, ended.err
    assert "the output of task 1 is not whole: it went over its limit" in ended.err
    assert ended.err.endswith("  taskdeck logs '#1'\n")
    again = deck("run", str(flow), "--json")
    assert (again.objects[0]["cut"], "the output of task 3 is not whole" in again.err) == ([3], True)


@pytest.mark.parametrize(
    "search", [("logs", "1", "--grep"), ("logs", "1", "-c", "--grep"), ("logs", "--where", "job:1", "--grep")]
)
@pytest.mark.parametrize("text", ["end", "nosuch"])
def test_a_search_says_what_was_missing_in_what_it_looked_through(home: Path, deck: Deck, search, text: str):
    deck("exec", "--output-limit", "8KiB", "--", "sh", "-c", FILL)
    missing = 100_004 - len(deck("logs", "1").out)
    found = deck(*search, text)
    assert found.status == (0 if text == "end" else 1)
    assert f"{missing:,} bytes of output are missing and were not searched" in found.err


@pytest.mark.parametrize("search", [("1",), ("--where", "job:1")])
def test_a_line_that_is_not_utf8_is_found_as_base64(home: Path, deck: Deck, search: tuple[str, ...]):
    deck("exec", "--", "printf", "a\\377\\nb\\n")
    bad, text = deck("logs", *search, "--grep", "a|b", "--json").objects
    assert (bad["base64"], "text" in bad, text["text"]) == ("Yf8=", False, "b")


def test_the_json_of_exec_says_what_is_missing_and_its_status_as_well(home: Path, deck: Deck):
    ended = deck("exec", "--json", "--output-limit", "8KiB", "--", "sh", "-c", FILL)
    assert ended.status == 7
    assert ended.objects[0]["output"]["dropped"] > 80_000
    whole = deck("exec", "--json", "--", "sh", "-c", FILL)
    assert whole.status == 0
    output = whole.objects[0]["output"]
    assert (output["size"], output["dropped"], len(output["text"]), output["omitted"]) == (
        100_004,
        0,
        65_536,
        34_468,
    )


def test_a_limit_that_fails_fails(home: Path, deck: Deck):
    ended = deck("exec", "--json", "--output-limit", "8KiB", "--on-overflow", "fail", "--", "sh", "-c", FILL)
    assert ended.status == 1
    error = ended.objects[0]["error"]
    assert (error["code"], error["facts"]["limit"]) == ("output.cap", 8_192)


@pytest.mark.parametrize("size", ["", "4095", "-1", "1PB", "ten", "1e5", "0", "2TiB"])
def test_a_limit_that_is_not_a_size_is_refused(home: Path, deck: Deck, size: str):
    ended = deck("exec", "--output-limit", size, "--", "true")
    assert ended.status == 2
    assert ended.err.startswith("error[size.invalid]")
    assert "hint:" in ended.err


def test_a_document_sets_the_limit_and_keeps_errors_apart(home: Path, deck: Deck, write: Write):
    fill = {"uses": "shell", "with": {"argv": ["sh", "-c", FILL]}}
    apart = {"script": "echo warning >&2; echo 7", "parse": "json", "stderr": "separate"}
    words = ["long.output.dropped", "own.output.dropped", "own.output.omitted", "apart.output.json"]
    told = [f"${{{{ tasks.{word} }}}}" for word in (*words, "apart.output.stderr")]
    tasks = [
        {"key": "long", **fill},
        {"key": "own", "output_limit": "1MB", **fill},
        {"key": "apart", "uses": "shell", "with": apart},
        {
            "key": "tell",
            "needs": ["long", "own", "apart"],
            "uses": "shell",
            "with": {"argv": ["echo", *told]},
        },
    ]
    flow = write("flow.json", {"name": "flow", "defaults": {"output_limit": "8KiB"}, "tasks": tasks})
    assert deck("run", flow).status == 0
    dropped, *rest = deck("logs", "2/tell").out.split()
    assert int(dropped) > 80_000
    assert rest == ["0", "34468", "7", "warning"]
    logs = deck("logs", "2/apart")
    assert logs.out == "7\n"
    assert "8 bytes of standard error are kept apart: taskdeck logs --stderr 2/apart" in logs.err
    assert deck("logs", "--stderr", "2/apart").out == "warning\n"


@pytest.mark.parametrize("limit", ["12", "true", "ten", "2TiB"])
def test_a_document_with_a_limit_that_is_not_a_size_has_a_fault(home, deck, write, limit):
    task = f"{{key: a, uses: delay, output_limit: {limit}, with: {{seconds: 0}}}}"
    ended = deck("check", write("flow.yaml", f"name: f\ntasks: [{task}]"))
    assert ended.status == 2
    assert "`output_limit`: " in ended.err + ended.out
