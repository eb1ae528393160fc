"""Attempt directories: reading on, tails, holes, sizes, removal."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from core.executors import output_files
from core.executors.output_cap import drop_middle
from core.executors.output_files import GONE, KEPT, bytes_of
from core.executors.output_removal import remove_outputs, sizes_of
from core.executors.outputs import write_new
from core.executors.room import Room
from core.executors.task_sizes import TaskSizes
from core.files.untrusted import tail_text
from core.model.ports import AttemptRef


def _out(outputs, ref, data: bytes):
    path = outputs.prepare(ref, {}) / "out"
    path.write_bytes(data)
    return path


def test_reading_goes_on_where_it_stopped(outputs, ref):
    path = _out(outputs, ref, b"hello ")
    first = outputs.read(ref, offset=0)
    assert (first.data, first.next, first.size) == (b"hello ", 6, 6)
    assert outputs.read(ref, offset=first.next).data == b""
    with path.open("ab") as file:
        file.write(b"world")
    second = outputs.read(ref, offset=first.next)
    assert (second.offset, second.data, second.size) == (6, b"world", 11)


def test_reading_takes_no_more_than_asked_for(outputs, ref):
    _out(outputs, ref, b"abcdef")
    assert outputs.read(ref, offset=1, limit=2).data == b"bc"


def test_reading_what_is_not_there_is_empty(outputs, ref):
    assert outputs.read(ref, offset=0).data == b""
    assert outputs.size(ref) == 0


def test_a_pipe_in_place_of_the_output_blocks_no_reader(outputs, ref):
    path = _out(outputs, ref, b"")
    path.unlink()
    os.mkfifo(path)
    assert outputs.read(ref, offset=0).data == b""


def test_a_hole_keeps_head_and_tail_in_place_and_frees_blocks(outputs, ref):
    path = _out(outputs, ref, b"H" * 50_000 + b"m" * 900_000 + b"T" * 50_000)
    before = path.stat().st_blocks
    assert drop_middle(path, 100_000)
    assert path.stat().st_size == 1_000_000
    assert path.stat().st_blocks * 512 <= 100_000 + 3 * 4096 < before * 512
    data = path.read_bytes()
    assert data[:50_000] == b"H" * 50_000
    assert data[-50_000:] == b"T" * 50_000
    assert b"\0" * 800_000 in data


def test_a_hole_is_stepped_over_by_readers(outputs, ref):
    path = _out(outputs, ref, b"H" * 8192 + b"m" * 200_000 + b"T" * 8192)
    assert drop_middle(path, 16_384)
    head = outputs.read(ref, offset=0, limit=1_000_000)
    tail = outputs.read(ref, offset=head.next, limit=1_000_000)
    assert set(head.data) == {ord("H")}
    assert tail.offset > head.next
    assert tail.data.endswith(b"T" * 8192)
    assert tail.next == tail.size
    assert "\0" not in tail_text(path, 65_536)


def test_a_growing_file_is_trimmed_again_and_again(outputs, ref):
    path = _out(outputs, ref, b"")
    with path.open("ab", buffering=0) as file:
        for _ in range(20):
            file.write(b"x" * 100_000)
            assert drop_middle(path, 64_000)
            assert path.stat().st_blocks * 512 <= 64_000 + 3 * 4096
    assert path.stat().st_size == 2_000_000


def test_a_file_within_its_cap_stays_whole(outputs, ref):
    path = _out(outputs, ref, b"x" * 100_000)
    assert drop_middle(path, 100_000)
    assert path.read_bytes() == b"x" * 100_000


def test_a_link_is_not_punched(outputs, ref, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"v" * 100_000)
    path = _out(outputs, ref, b"")
    path.unlink()
    path.symlink_to(victim)
    with pytest.raises(OSError, match="out"):
        drop_middle(path, 10_000)
    assert victim.read_bytes() == b"v" * 100_000


def _walk(outputs, *living: AttemptRef) -> int | None:
    outputs.use.begin_walk(living)
    outputs.use.walk()
    outputs.use.end_walk()
    outputs.use.measure(living)
    return outputs.use.total


def test_the_used_space_counts_blocks_of_all_attempts(outputs):
    assert outputs.use.total is None
    assert _walk(outputs) == 0
    for epoch in (1, 2):
        _out(outputs, AttemptRef(task_id=1, epoch=epoch), b"x" * 8192).with_name("ready").write_bytes(b"")
    assert _walk(outputs) == 2 * 8192


def test_each_attempt_counts_once_whenever_outputs_are_walked(outputs):
    use = outputs.use
    old, ended, running = (AttemptRef(task_id=1, epoch=epoch) for epoch in (1, 2, 3))
    paths = [_out(outputs, ref, b"x" * 8192) for ref in (old, ended, running)]
    for path in paths:
        path.with_name("ready").write_bytes(b"")
    use.begun(ended)
    use.begun(running)
    use.begin_walk([ended, running])
    use.ended(ended)
    use.measure([running])
    use.walk()
    use.end_walk()
    assert use.total == 3 * 8192
    paths[2].write_bytes(b"x" * 16384)
    use.measure([running])
    assert use.total == 4 * 8192
    use.removed(1, 8192, KEPT)
    assert use.total == 3 * 8192
    use.ended(running)
    use.measure([])
    assert use.total == 3 * 8192
    paths[0].unlink()
    assert _walk(outputs) == 3 * 8192


def test_room_ends_with_the_quota_or_what_is_free(outputs, ref, monkeypatch):
    least = Room(free_bytes=1, free_files=1)
    _out(outputs, ref, b"x" * 8192).with_name("ready").write_bytes(b"")
    # Before the first walk nothing is known.
    assert outputs.shortage(least, quota=1) is None
    _walk(outputs)
    assert outputs.shortage(least, quota=8193) is None
    assert outputs.shortage(least, quota=8192).code == "output.quota"
    assert outputs.shortage(Room(free_bytes=2**62, free_files=1), quota=8193).code == "short.disk"
    monkeypatch.setattr("core.host.free_files", lambda _: 7)
    assert outputs.shortage(Room(free_bytes=1, free_files=8), quota=8193).code == "short.inodes"
    monkeypatch.setattr("core.host.free_files", lambda _: None)
    assert outputs.shortage(Room(free_bytes=1, free_files=8), quota=8193) is None


@pytest.mark.parametrize("name", ["pid", "status", "out", "ready", "../x", "a/b", "", ".", ".."])
def test_files_of_a_call_cannot_take_reserved_names(outputs, ref, name):
    with pytest.raises(ValueError, match="not a name"):
        outputs.prepare(ref, {name: b""})


def test_a_new_file_overwrites_nothing(tmp_path):
    write_new(tmp_path / "file", b"first")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first"


def test_a_call_back_does_not_land_after_the_begin(outputs, ref, monkeypatch):
    ready = outputs.prepare(ref, {}) / "ready"
    link = os.link

    def begun_meanwhile(*args: object) -> None:
        # The wrapper made its `pid` and emptied `ready`, and the command removed the `pid`.
        ready.write_bytes(b"")
        link(*args)

    monkeypatch.setattr(os, "link", begun_meanwhile)
    assert not outputs.revoke(ref)


def test_files_that_vanish_while_the_space_is_measured_count_nothing(outputs, ref, monkeypatch):
    path = _out(outputs, ref, b"x" * 8192)
    scandir = os.scandir

    def vanishing(folder: str):
        entries = MagicMock()
        with scandir(folder) as found:
            entries.__iter__.return_value = [*found]
        path.unlink(missing_ok=True)
        return entries

    monkeypatch.setattr(os, "scandir", vanishing)
    assert (bytes_of(str(outputs.root)) or 0) < 8192


def test_the_folder_of_a_task_may_go_while_an_attempt_is_prepared(outputs, monkeypatch):
    made, gone = Path.mkdir, []

    def mkdir(path: Path, *args: object, **more: object) -> None:
        if path.name == "2" and not gone:
            gone.append(path.parent.rmdir())
        made(path, *args, **more)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    outputs.prepare(AttemptRef(task_id=7, epoch=2), {})
    assert (outputs.root / "7" / "2" / "out").exists()


def test_outputs_are_removed_up_to_an_attempt(outputs):
    for epoch in (1, 2, 3):
        _out(outputs, AttemptRef(task_id=1, epoch=epoch), b"x" * 8192).with_name("ready").write_bytes(b"")
    assert (
        remove_outputs(outputs, [AttemptRef(task_id=1, epoch=2), AttemptRef(task_id=9, epoch=1)]) == 2 * 8192
    )
    assert [one.name for one in (outputs.root / "1").iterdir()] == ["3"]
    assert sizes_of(outputs, [1, 9]) == {1: 8192}
    assert remove_outputs(outputs, [AttemptRef(task_id=1, epoch=3)]) == 8192
    assert list(outputs.root.iterdir()) == []


def test_a_link_in_place_of_an_attempt_or_in_it_leads_a_removal_nowhere(outputs, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_bytes(b"k")
    for task_id in (1, 2):
        _out(outputs, AttemptRef(task_id=task_id, epoch=1), b"x")
    (outputs.root / "1" / "1" / "link").symlink_to(kept)
    (outputs.root / "2" / "2").symlink_to(kept)
    refs = [AttemptRef(task_id=task_id, epoch=2) for task_id in (1, 2)]
    assert output_files.remove_plain(str(outputs.root), 1, 2)[1] == GONE
    assert output_files.remove_plain(str(outputs.root), 2, 2)[1] == output_files.LEFT
    assert remove_outputs(outputs, refs) == 0
    assert list(outputs.root.iterdir()) == []
    assert (kept / "file").read_bytes() == b"k"


@pytest.fixture
def many(outputs):
    """Attempts of more tasks than are removed without a process."""
    refs = [AttemptRef(task_id=task_id, epoch=1) for task_id in range(1, 61)]
    for ref in refs:
        _out(outputs, ref, b"x" * 8192).with_name("ready").write_bytes(b"")
    yield refs
    outputs.process.close()


def test_many_outputs_are_walked_and_removed_by_a_process_which_is_started_again(outputs, many, monkeypatch):
    monkeypatch.setattr(output_files, "WALKED", 1)
    assert _walk(outputs) == len(many) * 8192
    assert outputs.use.known([1, 60, 61]) == {1: 8192, 60: 8192}
    process = outputs.process._process
    assert process.poll() is None
    process.kill()
    process.wait()
    (outputs.root / "7" / "1" / "folder").mkdir()
    assert remove_outputs(outputs, many) == len(many) * 8192
    assert list(outputs.root.iterdir()) == []
    assert outputs.use.total == 0
    assert outputs.process._process.poll() is None


def test_without_a_process_outputs_are_walked_and_removed_all_the_same(outputs, many, monkeypatch):
    def refused() -> None:
        raise OSError

    monkeypatch.setattr(output_files, "WALKED", 1)
    monkeypatch.setattr(outputs.process, "_start", refused)
    outputs.use.begin_walk(())
    with pytest.raises(OSError, match=r"^$"):
        outputs.use.walk()
    assert _walk(outputs) == len(many) * 8192
    assert remove_outputs(outputs, many) == len(many) * 8192
    assert outputs.use.total == 0


def test_the_sizes_of_tasks_are_kept_by_id():
    sizes = TaskSizes()
    for task_id in (3, 5, 9_000):
        sizes.add(task_id, 4_096 * task_id)
    sizes.add(4, 0)
    sizes.add(5, -4_096)
    sizes.add(3, -(2**40))
    assert [sizes.get(task_id) for task_id in (2, 3, 4, 5, 9_000)] == [None, 0, 0, 4 * 4_096, 9_000 * 4_096]
    assert sizes.total == 9_004 * 4_096
    assert (sizes.after(0, 9), sizes.after(3, 2), sizes.after(9_000, 9)) == ([3, 4, 5, 9_000], [4, 5], [])
    sizes.drop(9_000)
    assert (sizes.total, sizes.after(4, 9)) == (4 * 4_096, [5])
