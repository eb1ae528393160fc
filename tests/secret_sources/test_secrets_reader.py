"""Where secrets are read, and which are refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.config.checks import check
from core.config.secrets_section import SECRETS
from core.model.errors import InvalidDocument, TaskdeckError
from core.secret_sources.reader import MOST, SecretReader
from tests.support.waiting import until_now


def reader(home: Path, text: str) -> SecretReader:
    (home / "config.toml").write_text(text)
    tables = check(home).tables.named(SECRETS)
    return SecretReader(home, lambda: tables)


async def value(home: Path, table: str) -> str:
    return (await reader(home, f"[secrets.one]\n{table}\n").read(["one"]))["one"]


async def refusal(home: Path, table: str) -> TaskdeckError:
    with pytest.raises(TaskdeckError) as caught:
        await value(home, table)
    return caught.value


def keep(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


async def test_each_source_gives_its_text_without_the_end_of_its_last_line(tmp_path, monkeypatch):
    keep(tmp_path / "kept", "näive\nlines\r\n".encode())
    (tmp_path / "link").symlink_to("kept")
    monkeypatch.setenv("GIVEN", " as it is\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "given"))
    (tmp_path / "given").mkdir()
    keep(tmp_path / "given" / "mail", b"of systemd", 0o444)
    assert await value(tmp_path, 'file = "kept"') == "näive\nlines"
    assert await value(tmp_path, f'file = "{tmp_path}/link"') == "näive\nlines"
    assert await value(tmp_path, 'env = "GIVEN"') == " as it is"
    assert await value(tmp_path, 'credential = "mail"') == "of systemd"
    assert (
        await value(tmp_path, """command = ["sh", "-c", "printf 'a b\\n\\n'; echo not this >&2"]""")
        == "a b\n"
    )


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"abc\n", "secret.unusable", "shorter than 4 bytes"),
        (b"", "secret.unusable", "shorter than 4 bytes"),
        (b"x" * (MOST + 1), "secret.unusable", "longer than 65,536 bytes"),
        (b"x" * 1_048_576, "secret.unusable", "longer than"),
        (b"\xff\xfe\x00\x01abc", "secret.unusable", "is not UTF-8"),
    ],
)
async def test_what_cannot_be_masked_is_not_a_secret(tmp_path, data, code, words):
    keep(tmp_path / "kept", data)
    error = await refusal(tmp_path, 'file = "kept"')
    assert (error.code, words in error.message, "`secrets.one`" in error.message) == (code, True, True)


async def test_what_has_quotes_nul_and_newlines_comes_as_it_is(tmp_path):
    text = "'\" \0\n\t\\n ${x} \u202e 🜁"
    keep(tmp_path / "kept", text.encode())
    assert await value(tmp_path, 'file = "kept"') == text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o601, 0o777])
async def test_a_file_that_others_may_use_is_refused_by_name(tmp_path, mode):
    keep(tmp_path / "kept", b"the value", mode)
    error = await refusal(tmp_path, 'file = "kept"')
    assert error.code == "secret.unreadable"
    assert f"{tmp_path}/kept has the mode {mode:04o}" in error.message
    assert error.hint == f"chmod 600 {tmp_path}/kept"


async def test_what_is_not_there_is_named_and_a_pipe_or_folder_is_not_a_file(tmp_path, monkeypatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "folder").mkdir()
    for table, words in (
        ('file = "none"', "No such file"),
        ('file = "pipe"', "is not a file"),
        ('file = "folder"', "is not a file"),
        ('env = "NOT_THERE"', "no variable NOT_THERE"),
        ('credential = "mail"', "CREDENTIALS_DIRECTORY"),
        ('command = ["/none"]', "No such file"),
        ('command = ["sh", "-c", "echo the value; exit 3"]', "sh ended with 3"),
        ('command = ["sleep", "60"]\ntimeout = 0.2', "did not end within 0.2 s"),
        ("command = ['sh', '-c', 'echo value; exec >&-; sleep 60']\ntimeout = 0.2", "did not end within"),
    ):
        error = await refusal(tmp_path, table)
        assert (error.code, words in error.message) == ("secret.unreadable", True), error.message
        assert "the value" not in f"{error.message} {error.facts}"


async def test_the_command_of_a_secret_that_says_too_much_is_not_said_to_be_slow(tmp_path):
    error = await refusal(tmp_path, 'command = ["yes"]\ntimeout = 20')
    assert (error.code, "longer than 65,536 bytes" in error.message) == ("secret.unusable", True)


async def test_what_a_command_left_running_is_ended_with_it(tmp_path):
    table = """command = ["sh", "-c", "sleep 300 >/dev/null & echo $! >left; echo value"]\ntimeout = 5"""
    assert await value(tmp_path, table) == "value"
    pid = (tmp_path / "left").read_text().strip()
    state = Path(f"/proc/{pid}/stat")
    until_now(lambda: not state.exists() or state.read_text().split()[2] in "ZX", "it is ended")


async def test_a_secret_that_changed_is_read_again_and_an_unknown_one_told_with_the_near_one(tmp_path):
    keep(tmp_path / "kept", b"first")
    secrets = reader(tmp_path, '[secrets.one]\nfile = "kept"\n')
    assert await secrets.read(["one"]) == {"one": "first"}
    keep(tmp_path / "kept", b"second")
    assert await secrets.read(["one", "one"]) == {"one": "second"}
    with pytest.raises(TaskdeckError, match="did you mean `one`") as caught:
        await secrets.read(["onee"])
    assert (caught.value.code, "[secrets.onee]" in caught.value.hint) == ("secret.unknown", True)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "must have one of file, env, command, credential"),
        ('env = "A"\nfile = "b"', "must have one of file, env, command, credential"),
        ('env = "A"\ntimeout = "1s"', "`timeout` is of a `command`"),
        ('value = "hunter2"', "unknown key"),
        ('credential = "../x"', "must be the name of a credential"),
        ("command = []", "at least 1 item"),
    ],
)
def test_a_faulty_table_is_told_with_its_line(tmp_path, table, words):
    (tmp_path / "config.toml").write_text(f"[secrets.one]\n{table}\n")
    with pytest.raises(InvalidDocument) as caught:
        check(tmp_path)
    assert any(words in fault.message and fault.line for fault in caught.value.faults), caught.value.faults
