"""Secrets reach tasks, and nothing that is kept or shown has them."""

from __future__ import annotations

import base64
import json
import sqlite3
from pathlib import Path
from urllib.parse import quote

import pytest

from core.config import load
from core.connectors.http import Http
from core.connectors.python import Python
from core.connectors.registry import Registry
from core.connectors.shell import Shell
from core.control.api import DocumentText
from core.model.errors import InvalidDocument
from core.model.redaction import REDACTED
from tests.connectors.http_servers import reply, serving
from tests.support.house import House
from tests.support.waiting import within

FILE, ENV, COMMAND = 'canary-file+c0ffee/"q', "canary-env $x 'y' \\z ü", "canary-command\nof two lines"
CANARIES = {"file": FILE, "env": ENV, "command": COMMAND}
SECRETS = """
synchronous = "NORMAL"
slots = 4
[secrets.file]
file = "secret"
[secrets.env]
env = "CANARY"
[secrets.command]
command = ["cat", "other"]
"""
MORE = 12
ERRORS = "SELECT error->>'code', error FROM attempt ORDER BY task_id, epoch"


def forms_of(value: str) -> list[bytes]:
    whole = value.encode()
    return [
        *whole.splitlines(),
        quote(value, safe="").encode(),
        json.dumps(value)[1:-1].encode(),
        *(base64.b64encode(b"x" * number + whole)[4:-4] for number in range(3)),
    ]


def leaks(home: Path, *values: str) -> list[str]:
    """Return the files below a home, the rows and the processes that have a secret in any form."""
    db = sqlite3.connect(f"file:{home}/taskdeck.db?mode=ro", uri=True)
    places = {"rows": "\n".join(db.iterdump()).encode()}
    db.close()
    for path in home.rglob("*"):
        if path.is_file() and path.name not in ("secret", "other") and not path.name.startswith("s-"):
            places[str(path)] = path.read_bytes()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            places[str(entry)] = entry.read_bytes()
        except OSError:
            continue
    forms = [form for value in values or CANARIES.values() for form in forms_of(value)]
    return [place for place, data in places.items() if any(form in data for form in forms)]


def keep(path: Path, value: str, mode: int = 0o600) -> None:
    path.write_text(value)
    path.chmod(mode)


@pytest.fixture
async def secret(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house whose engine has secrets of each kind."""
    home = house.paths.home
    keep(home / "secret", f"{FILE}\n")
    keep(home / "other", COMMAND)
    monkeypatch.setenv("CANARY", ENV)
    await house.stop()
    house.registry = lambda: Registry([Shell(), Python(), Http(load(home))])
    await house.open()
    await configure(house, SECRETS)
    return house


async def configure(house: House, text: str) -> None:
    (house.paths.home / "config.toml").write_text(text)
    await within(house.control.configuration.reload(actor="ana"), "secrets are configured")


def shell(script: str, **more) -> dict:
    env = {name.upper(): f"${{{{ secrets.{name} }}}}" for name in CANARIES}
    return {"key": "a", "uses": "shell", "with": {"script": script, "env": env, **more}}


def output_files(house: House, name: str) -> list[str]:
    return [path.read_text() for path in sorted(house.paths.output.rglob(name))]


async def test_a_command_has_its_secrets_and_nothing_that_is_kept_has_them(secret: House) -> None:
    script = """
    for one in "$FILE" "$ENV" "$COMMAND"; do echo "plain $one"; printf '%s' "x$one" | base64; done
    printf '%s' "$FILE" | head -c 9; printf '%s' "$FILE" | tail -c +10; echo " in pieces"
    printf '%s' "$ENV" | wc -c
    echo "to the error $ENV" >&2
    cat
    echo "why: $FILE" >&2
    printf ' canary-f'
    exit 3
    """
    result = await secret.finish(shell(script, stdin="in ${{ secrets.file }} out", stderr="separate"))
    assert result.status == "failed"
    (out,) = output_files(secret, "out")
    assert out.count(f"plain {REDACTED}") == 3
    assert f"{REDACTED} in pieces\n{len(ENV.encode())}\n" in out
    assert out.endswith(f"in {REDACTED} out canary-f")
    assert output_files(secret, "err") == [f"to the error {REDACTED}\nwhy: {REDACTED}\n"]
    ((code, error),) = secret.rows(ERRORS)
    assert (code, REDACTED in error) == ("shell.exit", True)
    assert output_files(secret, "stdin") == []
    assert leaks(secret.paths.home) == []


async def test_what_is_looked_for_would_be_found(secret: House) -> None:
    (secret.paths.home / "note").write_text(f"a {json.dumps(FILE)}")
    (secret.paths.home / "coded").write_bytes(base64.b64encode(f"ana:{ENV} ".encode()))
    assert {Path(place).name for place in leaks(secret.paths.home)} == {"note", "coded"}


async def test_a_function_has_its_secrets_in_its_environment(secret: House, tmp_path: Path) -> None:
    (tmp_path / "leaky.py").write_text(
        "import os\n"
        "def give(): return {'a': [os.environ['FILE']], os.environ['ENV']: 1}\n"
        "def fail(): raise ValueError('no ' + os.environ['COMMAND'])\n"
    )
    env = shell("")["with"]["env"]
    tasks = [
        {"key": name, "uses": "python", "with": {"call": f"leaky:{name}", "env": env, "cwd": str(tmp_path)}}
        for name in ("give", "fail")
    ]
    await secret.finish(*tasks, on_task_failure="continue")
    (output,) = secret.rows("SELECT output FROM task WHERE output IS NOT NULL")
    assert json.loads(output[0]) == {"a": [REDACTED], REDACTED: 1}
    assert f"no {REDACTED}" in str(secret.rows(ERRORS))
    assert leaks(secret.paths.home) == []


async def test_what_a_server_sends_back_is_masked(secret: House) -> None:
    body = json.dumps({"you said": FILE, "pad": "x" * 70_000, "and": COMMAND}).encode()
    answers = [
        reply(status, body, "Content-Type: application/json", f"X-Echo: {FILE}") for status in (200, 500)
    ]
    async with serving(*answers) as server:
        with_ = {
            "method": "PUT",
            "url": server.url("/"),
            "headers": {"Authorization": "Bearer ${{ secrets.file }}"},
            "json": {"deep": ["${{ secrets.command }}"]},
        }
        for _ in range(2):
            await secret.finish({"key": "ask", "uses": "http", "with": with_})
        first, second = server.requests
    assert first.headers["authorization"] == f"Bearer {FILE}"
    assert json.loads(second.body) == {"deep": [COMMAND]}
    ((task_id,),) = secret.rows("SELECT id FROM task WHERE output IS NOT NULL")
    output = (await secret.control.task(task_id)).output
    assert output["headers"]["x-echo"] == REDACTED
    assert [text.count(REDACTED) for text in output_files(secret, "body")] == [2, 2]
    assert leaks(secret.paths.home) == []


@pytest.mark.parametrize(
    ("task", "field"),
    [
        ('uses: shell, with: {argv: [curl, "-u", "a:${{ secrets.file }}"]}', "argv[2]"),
        ('uses: shell, with: {argv: [ls], cwd: "${{ secrets.file }}"}', "cwd"),
        ('uses: http, with: {url: "http://a/${{ secrets.file }}"}', "url"),
        ('uses: http, with: {url: "http://a/", query: {key: "${{ secrets.file }}"}}', "query.key"),
        ('uses: python, with: {call: "a:b", args: {x: {y: "${{ secrets.file }}"}}}', "args.x.y"),
        ('uses: shell, with: {argv: [ls]}, when: "${{ secrets.file == job.name }}"', "when"),
        ('uses: shell, with: {argv: [ls]}, cost: {usd: "${{ secrets.file }}"}', "cost"),
    ],
)
async def test_a_secret_that_would_be_seen_is_refused_with_its_place(
    secret: House, task: str, field: str
) -> None:
    text = f"name: w\ntasks:\n  - {{key: a, {task}}}\n"
    with pytest.raises(InvalidDocument) as caught:
        await secret.control.submit(DocumentText(name="w.yaml", text=text))
    (fault,) = caught.value.faults
    assert (fault.code, fault.line) == ("secret.exposed", 3)
    assert f"`secrets.file` may not stand in `{field}`" in fault.message
    assert field in ("when", "cost") or "env" in fault.message


async def test_a_secret_that_cannot_be_had_fails_its_task_by_name_and_is_read_again(secret: House) -> None:
    async def code_of(name: str) -> tuple[str, str]:
        with_ = {"script": "true", "env": {"A": f"${{{{ secrets.{name} }}}}"}}
        await secret.finish({"key": "a", "uses": "shell", "with": with_})
        code, error = secret.rows(ERRORS)[-1]
        return str(code), str(error)

    code, error = await code_of("fiel")
    assert code == "secret.unknown"
    assert "did you mean `file`" in error
    keep(secret.paths.home / "secret", FILE, 0o644)
    code, error = await code_of("file")
    assert code == "secret.unreadable"
    assert "has the mode 0644" in error
    task = shell('test "$FILE" = rotated-secret && echo "$FILE"')
    job = await secret.submit({**task, "retry": {"max_attempts": 2}})
    await secret.until(lambda: secret.states(job)["a"] not in ("queued", "running"), "it failed once")
    keep(secret.paths.home / "secret", "rotated-secret\n")
    while secret.states(job)["a"] not in ("succeeded", "failed"):
        secret.clock.advance(seconds=60)
        await secret.settle()
    assert secret.states(job)["a"] == "succeeded"
    assert output_files(secret, "out")[-1] == f"{REDACTED}\n"


async def test_an_attempt_that_goes_on_is_masked_and_judged_though_its_secret_is_gone(
    secret: House, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    job = await secret.submit(shell(f'echo "$FILE"; until test -e {gate}; do sleep 0.05; done; echo "$FILE"'))
    await secret.until(lambda: output_files(secret, "out") == [f"{REDACTED}\n"], "it writes")
    await secret.stop()
    (secret.paths.home / "secret").unlink()
    await secret.open()
    await configure(secret, SECRETS)
    gate.touch()
    assert (await secret.ended(job)).status == "succeeded"
    assert output_files(secret, "out") == [f"{REDACTED}\n{REDACTED}\n"]
    assert leaks(secret.paths.home) == []


async def test_a_dozen_secrets_of_any_characters_leave_no_trace(secret: House) -> None:
    home, values = secret.paths.home, {}
    for number in range(MORE):
        values[f"s-{number}"] = "".join(
            chr(33 + (number * 31 + at * at * 7) % 94) for at in range(8 + number * 13)
        )
        keep(home / f"s-{number}", values[f"s-{number}"])
    tables = "".join(f'[secrets.{name}]\nfile = "{name}"\n' for name in values)
    await configure(secret, f"{SECRETS}{tables}")
    script = """
import base64, json, os, sys, urllib.parse
v = os.environ["V"]
sys.stdin.read() == v or sys.exit(9)
print(v, json.dumps(v), base64.b64encode(v.encode()).decode(), urllib.parse.quote(v), repr(v), flush=True)
for letter in v:
    print(letter, end="", flush=True)
print(" and", v, file=sys.stderr)
"""
    tasks = [
        {
            "key": f"t{number}",
            "uses": "shell",
            "with": {
                "script": script,
                "shell": "python",
                "env": {"V": f"${{{{ secrets['{name}'] }}}}"},
                "stdin": f"${{{{ secrets['{name}'] }}}}",
            },
        }
        for number, name in enumerate(values)
    ]
    await secret.finish(*tasks)
    assert [text.count(REDACTED) for text in output_files(secret, "out")] == [7] * MORE
    assert leaks(home, *values.values()) == []
