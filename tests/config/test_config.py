"""Where settings come from, and what faults are called."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.app.options import Options
from core.config import Read, Settings, load, origins, read_at
from core.model.errors import Forbidden, Invalid, Unavailable
from core.model.paths import Paths, ensure_home, find_home, named_home


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in list(os.environ):
        if name.upper().startswith("TASKDECK_"):
            monkeypatch.delenv(name)


def write(home: Path, text: str | bytes) -> Path:
    file = home / "config.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def refused(home: Path, **overrides) -> Invalid:
    with pytest.raises(Invalid) as caught:
        load(home, **overrides)
    return caught.value


def test_without_a_file_the_defaults_hold(tmp_path):
    settings = load(tmp_path)
    assert settings.slots == os.cpu_count()
    assert (settings.default_timeout, settings.stop_grace, settings.cancel_grace) == (None, 10, 5)
    assert (settings.synchronous, settings.batch_cap, settings.aging_step) == ("FULL", 500, 60_000)
    assert (settings.max_losses, settings.max_bounces, settings.lock_wait) == (3, 5, 5)
    assert (settings.output_cap, settings.output_policy) == (64 * 2**20, "drop_middle")
    assert (settings.http_timeout, settings.http_connect_timeout) == (300, 10)


def test_file_then_environment_then_argument_win(tmp_path, monkeypatch):
    write(tmp_path, 'slots = 2\nlock_wait = 1.5\nenv_allow = ["PATH", "X_1"]')
    assert load(tmp_path).slots == 2
    assert load(tmp_path).env_allow == ("PATH", "X_1")
    monkeypatch.setenv("TASKDECK_SLOTS", "3")
    assert load(tmp_path).slots == 3
    assert load(tmp_path, slots=4).slots == 4
    assert load(tmp_path, slots=None).slots == 3
    assert load(tmp_path).lock_wait == 1.5


def test_an_empty_variable_is_absent_and_lists_are_split_at_commas(tmp_path, monkeypatch):
    write(tmp_path, "slots = 2")
    monkeypatch.setenv("TASKDECK_SLOTS", "")
    monkeypatch.setenv("TASKDECK_ENV_ALLOW", "PATH, LANG,")
    monkeypatch.setenv("TASKDECK_HOME", str(tmp_path))
    assert load(tmp_path).slots == 2
    assert load(tmp_path).env_allow == ("PATH", "LANG")


def test_a_home_is_marked_protected_by_its_file_or_a_variable(tmp_path, monkeypatch):
    assert not load(tmp_path).protected
    write(tmp_path, "protected = true")
    assert load(tmp_path).protected
    monkeypatch.setenv("TASKDECK_PROTECTED", "false")
    assert not load(tmp_path).protected
    monkeypatch.setenv("TASKDECK_PROTECTED", "perhaps")
    assert refused(tmp_path).code == "config.value"


def test_no_dotenv_file_is_read(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("TASKDECK_SLOTS=77\n")
    monkeypatch.chdir(tmp_path)
    assert load(tmp_path).slots != 77


def test_settings_do_not_change(tmp_path):
    settings = load(tmp_path)
    with pytest.raises(ValidationError):
        settings.slots = 9


def test_an_unknown_key_names_file_and_near_miss(tmp_path):
    file = write(tmp_path, "slot = 2")
    error = refused(tmp_path)
    assert error.code == "config.unknown"
    assert error.message == f"{file}: `slot`: unknown setting; did you mean `slots`?"


def test_every_fault_is_told_with_its_origin(tmp_path, monkeypatch):
    file = write(tmp_path, 'slots = 0\nsynchronous = "OFF"')
    monkeypatch.setenv("TASKDECK_LOCK_WAIT", "soon")
    error = refused(tmp_path, batch_cap=0)
    assert "(and 3 more)" in error.message
    messages = {fault["message"].rpartition("`: ")[0] for fault in error.facts["faults"]}
    assert messages == {
        f"{file}: `slots",
        f"{file}: `synchronous",
        "TASKDECK_LOCK_WAIT: `lock_wait",
        "argument: `batch_cap",
    }


@pytest.mark.parametrize(
    "line",
    [
        "slots = true",
        "slots = 1.5",
        "stop_grace = nan",
        "stop_grace = inf",
        "stop_grace = -1",
        'env_allow = ["A=B"]',
        'env_allow = ["A\\n"]',
        "env_allow = 3",
        "[slots]\nx = 1",
        'log_level = "loud"',
        "slots = 10001",
    ],
)
def test_values_out_of_bounds_are_refused(tmp_path, line):
    write(tmp_path, line)
    assert refused(tmp_path).code == "config.value"


@pytest.mark.parametrize("raw", ["slots = ", b"\xff\xfe", "a = 1\na = 2", "x = " + "[" * 100_000])
def test_a_file_that_is_not_toml_is_named(tmp_path, raw):
    file = write(tmp_path, raw)
    error = refused(tmp_path)
    assert error.code == "config.syntax"
    assert str(file) in error.message


def test_a_huge_or_unreadable_file_is_refused(tmp_path):
    write(tmp_path, b"#" * (2**20 + 1))
    assert refused(tmp_path).code == "config.unreadable"
    (tmp_path / "config.toml").unlink()
    (tmp_path / "config.toml").mkdir()
    assert refused(tmp_path).code == "config.unreadable"
    (tmp_path / "config.toml").rmdir()
    # Opened as a file it would wait for who writes it, for ever.
    os.mkfifo(tmp_path / "config.toml")
    assert "it is a pipe" in refused(tmp_path).message


def test_a_byte_order_mark_of_an_editor_is_left_out(tmp_path):
    write(tmp_path, b"\xef\xbb\xbfslots = 3\r\n")
    assert load(tmp_path).slots == 3


def test_control_characters_of_a_key_do_not_reach_the_terminal(tmp_path):
    write(tmp_path, '"\\u001b[31m" = 1')
    assert "\x1b" not in refused(tmp_path).message


def test_every_setting_has_bounds_or_choices_and_no_secret_in_its_errors(tmp_path, monkeypatch):
    monkeypatch.setenv("TASKDECK_SLOTS", "hunter2")
    assert "hunter2" not in str(refused(tmp_path).to_json())
    assert set(Settings.model_fields) >= {"output_quota", "http_body_cap", "http_proxy", "log_level"}


def test_the_home_is_the_one_given_then_the_variable_then_the_default(tmp_path, monkeypatch):
    default = tmp_path / "default"
    assert find_home(None, default=lambda: default) == default
    monkeypatch.setenv("TASKDECK_HOME", str(tmp_path / "named"))
    assert find_home(None, default=lambda: default) == tmp_path / "named"
    assert find_home(tmp_path / "given", default=lambda: default) == tmp_path / "given"
    monkeypatch.chdir(tmp_path)
    assert find_home(Path("here"), default=lambda: default) == tmp_path / "here"
    assert find_home(Path("~/x"), default=lambda: default) == Path.home() / "x"


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_the_home_is_made_for_its_owner_alone_whatever_the_umask(tmp_path, umask):
    (tmp_path / "deep").mkdir()
    home = tmp_path / "deep" / "deck"
    before = os.umask(umask)
    try:
        paths = ensure_home(home)
    finally:
        os.umask(before)
    for directory in (paths.home, paths.output, paths.logs):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o500])
def test_a_directory_that_exists_keeps_its_mode(tmp_path, mode):
    home = tmp_path / "deck"
    home.mkdir()
    (home / "config.toml").write_text("slots = 1\n")
    home.chmod(0o755)
    ensure_home(home)
    for directory in (home, home / "output", home / "logs"):
        directory.chmod(mode)
    paths = ensure_home(home)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (home, paths.output, paths.logs)] == [mode] * 3
    assert paths.db == tmp_path / "deck" / "taskdeck.db"
    assert {paths.socket.name, paths.lock.name} == {"engine.sock", "engine.lock"}
    home.chmod(0o700)


@pytest.mark.parametrize("found", ["notes.txt", "output", "logs", ".git", "engine.sock"])
def test_a_directory_of_something_else_is_refused_and_left_alone(tmp_path, found):
    home = tmp_path / "project"
    (home / found).mkdir(parents=True)
    home.chmod(0o755)
    with pytest.raises(Invalid, match=found) as refusal:
        ensure_home(home)
    assert (refusal.value.code, refusal.value.hint != "") == ("config.home_taken", True)
    assert [entry.name for entry in home.iterdir()] == [found]
    assert stat.S_IMODE(home.stat().st_mode) == 0o755


@pytest.mark.parametrize("name", ["engine.lock", "taskdeck.db"])
def test_a_home_is_known_by_its_lock_or_its_store(tmp_path, name):
    (tmp_path / "deck" / "more").mkdir(parents=True)
    (tmp_path / "deck" / name).touch()
    assert ensure_home(tmp_path / "deck").logs.is_dir()


@pytest.mark.parametrize("directory", ["", "output", "logs"])
def test_a_directory_in_which_others_may_write_is_refused_with_the_way(tmp_path, directory):
    ensure_home(tmp_path / "deck")
    (tmp_path / "deck" / directory).chmod(0o775)
    with pytest.raises(Forbidden, match="775") as refusal:
        ensure_home(tmp_path / "deck")
    assert "chmod go-w" in refusal.value.hint
    assert stat.S_IMODE((tmp_path / "deck" / directory).stat().st_mode) == 0o775


def test_two_that_begin_a_home_at_once_both_have_it(tmp_path):
    for number in range(20):
        with ThreadPoolExecutor(4) as pool:
            homes = list(pool.map(ensure_home, [tmp_path / f"deck{number}"] * 4))
        assert len({paths.home for paths in homes}) == 1


def test_an_empty_name_is_not_the_working_directory(monkeypatch):
    with pytest.raises(Invalid, match="--home is empty"):
        named_home("", by="--home")
    monkeypatch.setenv("TASKDECK_HOME", "")
    with pytest.raises(Invalid, match="TASKDECK_HOME is empty"):
        find_home(None, default=Path)
    with pytest.raises(Invalid, match="home is empty"):
        Options.of_program("")
    with pytest.raises(Invalid, match="NUL"):
        named_home("a\0b", by="--home")


@pytest.mark.parametrize("name", ["~no-such-user", "~no-such-user/deck"])
def test_the_home_of_an_unknown_user_is_a_usage_error(name):
    with pytest.raises(Invalid, match="no home directory"):
        find_home(Path(name), default=Path)


def test_a_user_without_a_home_directory_has_to_name_one():
    def nowhere() -> Path:
        raise RuntimeError("no entry in passwd, no HOME")

    with pytest.raises(Invalid, match="no data directory is named"):
        find_home(None, default=nowhere)


def test_a_relative_home_in_a_directory_that_is_gone_is_a_usage_error(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(Invalid, match="working directory"):
        find_home(Path("deck"), default=Path)


@pytest.mark.parametrize("name", ["output", "logs"])
def test_a_file_in_the_place_of_a_directory_is_named(tmp_path, name):
    ensure_home(tmp_path / "deck")
    (tmp_path / "deck" / name).rmdir()
    (tmp_path / "deck" / name).touch()
    with pytest.raises(Unavailable, match=name):
        ensure_home(tmp_path / "deck")


def test_links_to_directories_are_followed_and_links_to_nothing_refused(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "deck").symlink_to(tmp_path / "disk")
    assert ensure_home(tmp_path / "deck").lock.exists()
    (tmp_path / "void").symlink_to(tmp_path / "nothing")
    with pytest.raises(Unavailable, match="void"):
        ensure_home(tmp_path / "void")


def test_a_directory_of_everybody_is_not_taken(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(Forbidden):
        ensure_home(shared)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777


def test_a_home_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "deck").write_text("x")
    with pytest.raises(Unavailable, match="deck"):
        ensure_home(tmp_path / "deck")
    assert Paths(home=tmp_path).config == tmp_path / "config.toml"


@pytest.mark.parametrize("name", ["default_timeout", "http_timeout"])
@pytest.mark.parametrize(
    ("text", "value"), [("none", None), ("0", None), ("NONE", None), ("0.0", None), ("7", 7)]
)
def test_no_time_limit_can_be_written_in_every_place(tmp_path, monkeypatch, name, text, value):
    monkeypatch.setenv(f"TASKDECK_{name.upper()}", text)
    assert getattr(load(tmp_path), name) == value
    monkeypatch.delenv(f"TASKDECK_{name.upper()}")
    written = text if text[0].isdigit() else f'"{text}"'
    write(tmp_path, f"{name} = {written}")
    assert getattr(load(tmp_path), name) == value
    assert getattr(load(tmp_path, **{name: text}), name) == value


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "soon", "true"])
def test_a_time_limit_that_is_none_of_them_is_refused(tmp_path, text):
    assert refused(tmp_path, default_timeout=text).code == "config.value"


def test_the_source_of_each_setting_is_named_as_it_won(tmp_path, monkeypatch):
    file = write(tmp_path, "slots = 2\nmax_losses = 4\nlock_wait = 1.5")
    monkeypatch.setenv("TASKDECK_SLOTS", "3")
    monkeypatch.setenv("TASKDECK_MAX_LOSSES", "5")
    found = origins(tmp_path, slots=4)
    assert set(found) == set(Settings.model_fields)
    assert (found["slots"], found["max_losses"]) == ("--slots", "TASKDECK_MAX_LOSSES")
    assert (found["lock_wait"], found["log_level"]) == (str(file), "default")


def test_what_no_engine_reads_is_read_by_each_command():
    assert {name for name in Settings.model_fields if read_at(name) is Read.COMMAND} == {
        "lock_wait",
        "ssh",
        "remote_command",
    }
