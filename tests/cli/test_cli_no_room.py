"""Outputs at their quota: every door says so, until it ends."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.cli.cli_stage import Deck, command
from tests.cli.test_cli_processes import Processes, processes
from tests.support.commands import kind_of, run
from tests.support.waiting import DEADLINE, first_line, until_now

__all__ = ["processes"]
QUOTA = 1_048_576


def sample(home: Path) -> Path:
    file = home.parent / "sample.yaml"
    file.write_text("name: sample\ntasks:\n- {key: a, uses: shell, with: {argv: ['true']}}\n")
    return file


def test_every_door_says_that_the_quota_is_reached_and_work_continues_when_it_is_not(
    home: Path, deck: Deck, processes: Processes
) -> None:
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text(f"output_quota = {QUOTA}\n")
    assert deck("exec", "--", "true").status == 0
    # The engine that this started goes on for a moment, and may have ended already.
    deck("stop")
    fill = home / "output" / "99" / "1" / "out"
    fill.parent.mkdir(parents=True)
    fill.write_bytes(bytes(2 * QUOTA))
    engine = processes.serve()
    # It measures in the background when it starts.
    until_now(lambda: "BAD output.quota" in deck("doctor").out, "the engine says nothing")
    waiting = processes.start("exec", "--", "echo", "ran")
    assert waiting.stderr
    told = first_line(waiting.stderr, "exec says why it waits")
    assert told.startswith("nothing is claimed: ")
    why = "outputs take 2 MiB, and output_quota is 1 MiB (see 'taskdeck disk'; remove some with"
    assert why in told
    for words in (["jobs"], ["tasks"], ["queues"], ["show", "1"], ["groups"], ["tasks", "--json"]):
        ended = deck(*words)
        assert (ended.status, "nothing is claimed since 20" in ended.err, why in ended.err) == (0, True, True)
    for words in (["logs", "--follow", "2"], ["events", "--follow"]):
        following = processes.start(*words)
        assert following.stderr
        assert why in first_line(following.stderr, f"{words} says why nothing comes")
    for words in (["run", str(sample(home))], ["map", "echo"]):
        argv, environ = command(*words), {**os.environ}
        begun = kind_of(argv, environ)(
            argv,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert begun.stdin
        assert begun.stderr
        begun.stdin.write("1\n")
        begun.stdin.close()
        said = first_line(begun.stderr, f"{words} says something")
        if why not in said:
            said = first_line(begun.stderr, f"{words} says why nothing is claimed")
        assert why in said, said
        begun.terminate()
        begun.wait(DEADLINE)
    for words in (["why", "2"], ["why", "2", "--json"], ["health"], ["health", "--json"], ["doctor"]):
        ended = deck(*words)
        assert "outputs take 2 MiB" in ended.out + ended.err, (words, ended)
    plain = run(command("--plain")).stdout.decode()
    assert "nothing is claimed: outputs take 2 MiB" in plain
    left = deck("wait", "--json", "--patience", "0s", "--task", "2")
    refusal = json.loads(left.err.splitlines()[-1])["error"]
    assert left.status == 4
    assert (refusal["code"], refusal["facts"]) == ("patience.over", {"reason": "output.quota"})
    fill.unlink()
    out, err = waiting.communicate(timeout=DEADLINE)
    assert (waiting.returncode, out) == (0, "ran\n")
    # The task may be through before the command asks again.
    assert err in ("", "tasks are claimed again\n")
    assert "claimed" not in deck("tasks").err
    assert "output.quota" not in deck("doctor").out
    assert deck("stop").status == 0
    assert engine.wait(DEADLINE) == 0
