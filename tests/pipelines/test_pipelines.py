"""Real pipelines as documents, run by an engine with stand-in commands."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.homes import Home

HERE = Path(__file__).parent
COMMANDS = (
    "borg",
    "build",
    "count_rows",
    "crawl",
    "deploy",
    "discover",
    "docker",
    "fastqc",
    "fetch",
    "ffmpeg",
    "ffprobe",
    "lint",
    "list_films",
    "load",
    "migrate",
    "notify",
    "package",
    "publish",
    "pull",
    "report",
    "restic",
    "seed",
    "star",
    "tox",
    "train",
    "trim_galore",
    "up_to_date",
    "write_answers",
)


class Site:
    """A folder with the documents, the stand-ins on PATH, and a home for the engine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.bin = folder / "bin"
        self.bin.mkdir()
        (folder / "ends").mkdir()
        self.stand_ins = folder
        self.home = Home(folder / "home")
        shutil.copytree(
            HERE, self.folder, ignore=shutil.ignore_patterns("test_*.py", "__pycache__", "commands")
        )
        for name in COMMANDS:
            (self.bin / name).symlink_to(HERE / "commands" / "stand_in")

    @property
    def environ(self) -> dict[str, str]:
        return {"PATH": f"{self.bin}:{os.environ['PATH']}", "STAND_INS": str(self.stand_ins)}

    def ends(self, command: str, script: str) -> None:
        """Let a stand-in end so, in the words of a shell."""
        (self.stand_ins / "ends" / command).write_text(script)

    def do(self, *words: str) -> str:
        """Carry out a command of taskdeck that has to go well."""
        done = self.home.run(*words, **self.environ)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *words: str) -> str:
        """Carry out a command of taskdeck that has to be refused; return what it says."""
        done = self.home.run(*words, **self.environ)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    def configure(self, text: str) -> None:
        """Write the configuration, before the engine is there."""
        self.home.path.mkdir(mode=0o700)
        (self.home.path / "config.toml").write_text(text)

    def run(self, document: str, *params: str, code: int = 0, more: tuple[str, ...] = ()) -> int:
        """Run a document to its end; return its job."""
        words = [word for param in params for word in ("-p", param)]
        path = str(self.folder / document)
        done = self.home.run("run", path, *words, "--env", "STAND_INS", "--json", *more, **self.environ)
        assert done.returncode == code, (done.stdout, done.stderr)
        return int(json.loads(done.stdout.splitlines()[-1])["job"])

    def submit(self, document: str, *params: str, more: tuple[str, ...] = ()) -> int:
        """Submit a document and return its job at once."""
        return self.run(document, *params, more=("--detach", *more))

    def states(self, job: int) -> dict[str, str]:
        rows = self.home.rows("SELECT key, status FROM task WHERE job_id = ? ORDER BY id", job)
        return {str(key): str(status) for key, status in rows}

    def calls(self) -> list[str]:
        """Return how the stand-ins were called, in order."""
        return (self.stand_ins / "calls").read_text().splitlines()

    def outputs(self, job: int, key: str) -> list[object]:
        """Return the outputs of the instances of a task, in order."""
        sql = "SELECT output FROM task WHERE job_id = ? AND key GLOB ? ORDER BY item"
        return [output and json.loads(str(output)) for (output,) in self.home.rows(sql, job, f"{key}[[]*")]

    def children(self, job: int) -> list[int]:
        """Return the jobs that tasks of a job waited for."""
        sql = "SELECT id FROM job WHERE parent_task IN (SELECT id FROM task WHERE job_id = ?) ORDER BY id"
        return [int(str(child)) for (child,) in self.home.rows(sql, job)]

    def item(self, job: int, key: str) -> str:
        """Return the number of the work item of a task, as soon as it is there."""
        self.reach(job, key, "waiting")
        ((item,),) = self.home.rows(
            "SELECT w.id FROM work_item w JOIN task t ON t.id = w.task_id WHERE t.job_id = ? AND t.key = ?",
            job,
            key,
        )
        return str(item)

    def ends_as(self, job: int, status: str) -> None:
        self.home.waits_for(f"SELECT status FROM job WHERE id = {job}", (status,))

    def reach(self, job: int, key: str, status: str) -> None:
        self.home.waits_for(f"SELECT status FROM task WHERE job_id = {job} AND key = '{key}'", (status,))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.home.end()


class Answers:
    """A server that gives its answers in turn, the last one for ever."""

    def __init__(self, *answers: dict[str, object]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(f"{self.command} {self.path}")
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                body = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


def waits_for(call: str, before: str = "", after: str = "") -> str:
    """Return the words of a stand-in that goes on when another one was called so."""
    return f'{before} until grep -q "{call}" "$STAND_INS/calls"; do sleep 0.02; done;; {after}\n'


def bad(argument: str, code: int) -> str:
    """Return the words of a stand-in that ends badly when it is called with this."""
    return f'case "$*" in "{argument}") exit {code};; esac\n'


def test_a_backup_starts_its_services_again_whatever_happened(site: Site) -> None:
    site.ends("restic", 'case "$*" in *" backup "*) exit 3;; esac')
    job = site.run("restic.yaml")
    assert set(site.states(job).values()) == {"succeeded"}
    assert site.calls()[-2:] == ["docker compose start", "notify backup succeeded: exit 3"]
    site.ends("restic", "exit 1")
    job = site.run("restic.yaml", code=1)
    assert site.states(job) == {
        "stop": "succeeded",
        "backup": "failed",
        "forget": "cancelled",
        "start": "succeeded",
        "tell": "succeeded",
    }
    assert site.calls()[-1] == "notify backup failed: exit 1"
    assert sum("restic -r /srv/backup backup" in call for call in site.calls()) == 3


def test_an_archive_with_warnings_is_one_and_the_check_waits_for_sunday(site: Site) -> None:
    site.ends("borg", 'case "$1" in create) exit 1;; esac')
    job = site.run("borg.yaml")
    assert site.states(job) == {
        "create": "succeeded",
        "prune": "succeeded",
        "compact": "succeeded",
        "verify": "skipped",
    }
    job = site.run("borg.yaml", "day=sunday")
    assert site.states(job)["verify"] == "succeeded"


def test_one_of_two_branches_runs_and_what_joins_them_runs_after_either(site: Site) -> None:
    site.ends("count_rows", 'echo "$1"')
    for rows, taken in (("10", "load delta"), ("5000", "load full")):
        job = site.run("branching.yaml", f"rows={rows}")
        assert taken in site.calls()
        assert site.states(job)["report"] == "succeeded"
    assert site.calls()[-1] == "notify full succeeded, delta skipped"


def test_a_database_is_waited_for_migrated_and_filled_once(site: Site) -> None:
    server = Answers({"status": "starting"}, {"status": "starting"}, {"status": "healthy"})
    site.ends("seed", "exit 99")
    job = site.run("compose.yaml", f"health={server.url}/health")
    assert site.states(job) == {
        "up": "succeeded",
        "healthy": "succeeded",
        "migrate": "succeeded",
        "seed": "skipped",
        "api": "succeeded",
    }
    assert len(server.asked) == 3
    assert site.calls() == [
        "docker compose up --detach db",
        "migrate up",
        "seed demo",
        "docker compose up --detach api",
    ]


def test_a_days_report_waits_for_its_extract_and_file_and_is_made_once(site: Site) -> None:
    job = site.submit("daily.yaml", "day=2026-01-31")
    site.reach(job, "extract", "waiting")
    site.run("extract.yaml", "day=2026-01-31", more=("--key", "extract-2026-01-31"))
    site.reach(job, "input", "waiting")
    (site.folder / "in").mkdir()
    (site.folder / "in" / "2026-01-31.csv").write_text("a,b\n")
    site.do("wait", str(job))
    assert site.calls()[-1] == f"report {site.folder}/in/2026-01-31.csv 4"
    site.ends("up_to_date", "exit 99")
    again = site.run("daily.yaml", "day=2026-01-31")
    assert set(site.states(again).values()) == {"skipped"}


def test_a_release_waits_for_the_word_of_two_people_who_did_not_ask_for_it(site: Site) -> None:
    job = site.submit("release.yaml", "version=1.2", more=("--as", "ann"))
    item = site.item(job, "ask")
    assert "asked for by ann" in site.refused("approve", item, "--as", "ann")
    site.do("approve", item, "--as", "bob", "--set", "share=25")
    assert "approval of Bob already" in site.refused("approve", item, "--as", "Bob", "--set", "share=25")
    assert site.states(job)["ask"] == "waiting"
    site.do("approve", item, "--as", "cat")
    site.do("wait", str(job))
    assert site.calls()[-1] == "publish 1.2 25% bob cat"
    denied = site.submit("release.yaml", "version=1.3", more=("--as", "ann"))
    site.do("deny", site.item(denied, "ask"), "--as", "bob", "--reason", "not on a Friday")
    site.ends_as(denied, "failed")
    assert "publish 1.3" not in "".join(site.calls())


def test_a_batch_of_a_model_is_asked_for_until_it_is_done_and_what_it_cost_is_booked(site: Site) -> None:
    site.configure(
        '[limits.model]\nkind = "rate"\nrate = "10/s"\n'
        '[budgets.month]\nunit = "usd"\nmax = 5\nper = "month"\n'
    )
    server = Answers(
        {"id": "b7"}, {"state": "running"}, {"state": "done", "answers": "yes", "usage": {"usd": 0.25}}
    )
    job = site.run("llm_batch.yaml", f"api={server.url}")
    assert site.states(job) == {"batch": "succeeded", "write": "succeeded"}
    assert server.asked == ["POST /batches", "GET /batches/b7", "GET /batches/b7"]
    assert site.calls() == ["write_answers yes"]
    assert site.home.rows("SELECT sum(amount) FROM entry WHERE unit = 'usd'") == [(250_000,)]


def test_samples_do_not_wait_for_each_other_and_a_bad_one_is_a_gap_of_the_counts(site: Site) -> None:
    site.configure("slots = 4\n")
    # The first sample is not judged before another one has gone all the way.
    site.ends("fastqc", waits_for("star liver", 'case "$1" in brain*)', "esac") + bad("kidney.fastq.gz", 2))
    site.ends("trim_galore", 'echo "reads of $1" >"${1%.fastq.gz}_trimmed.fq.gz"')
    site.ends("star", 'wc -c <"$2" | tee "$1.counts"')
    job = site.run("rnaseq.yaml")
    calls = [" ".join(call.split()[:2]) for call in site.calls()]
    assert calls.index("star liver") < calls.index("trim_galore brain.fastq.gz") < calls.index("star brain")
    assert site.calls()[-1] == "notify brain=24, liver=24, no kidney (skipped)"
    assert [call for call in calls if "kidney" in call] == ["fastqc kidney.fastq.gz"]
    states = site.states(job)
    assert [states[f"{key}[1]"] for key in ("quality", "trim", "align")] == ["failed", "skipped", "skipped"]
    kept = site.do("artifacts", str(job))
    assert ("brain.counts" in kept, "liver.counts" in kept, "kidney.counts" in kept) == (True, True, False)


def test_a_grid_keeps_both_cards_busy_with_one_trial_each_and_trains_the_best(site: Site) -> None:
    site.configure(
        'slots = 4\n[pools.default]\nqueues = ["default"]\n[pools.gpu]\nslots = 2\nqueues = ["gpu"]\n'
        '[limits.card]\nkind = "concurrency"\nmax = 1\n'
    )
    site.ends(
        "train",
        'case "$*" in *--full*) exit 0;; esac\n'
        'card="$STAND_INS/card$CUDA_VISIBLE_DEVICES"\n'
        'mkdir "$card" || exit 70  # Another trial has the card.\n'
        'touch "$card.used"\n'
        'until test -e "$STAND_INS/card0.used" && test -e "$STAND_INS/card1.used"; do sleep 0.02; done\n'
        'rmdir "$card"\n'
        'case "$2 $4" in "1e-3 4") exit 3;; esac\n'
        # The longer the text of the rate, and the less deep, the greater the loss.
        'echo "{\\"rate\\": \\"$2\\", \\"depth\\": $4, \\"loss\\": 0.${#2}$((9 - $4))}"',
    )
    job = site.run("grid.yaml")
    trials = site.outputs(job, "trial")
    assert [trial and trial["json"]["rate"] for trial in trials] == [
        "1e-4",
        "1e-4",
        "3e-4",
        "3e-4",
        "1e-3",
        None,
    ]
    assert site.states(job)["trial[5]"] == "failed"
    assert site.calls()[-1] == "train --full --rate 1e-4 --depth 4"


def test_each_film_becomes_a_ladder_and_one_that_fails_is_made_again_alone(site: Site) -> None:
    site.configure("slots = 8\n")
    site.ends("list_films", """echo '["a.mkv", "b.mkv", "c.mkv"]'""")
    site.ends("ffmpeg", 'case "$2 $4 $6" in "b.mkv av1 scale=-2:2160") exit 1;; esac\n')
    site.ends("package", 'echo "${1%.mkv}.m3u8"')
    job = site.run("ladder.yaml", code=1)
    encoded = [call for call in site.calls() if call.startswith("ffmpeg")]
    assert len(encoded) == len(set(encoded))
    assert "ffmpeg -i a.mkv -c:v av1 -vf scale=-2:2160" in encoded
    assert not any("h264 -vf scale=-2:2160" in call for call in encoded)
    states = site.states(job)
    assert [states[f"film[{n}]"] for n in range(3)] == ["succeeded", "failed", "succeeded"]
    assert [output and output["renditions"] for output in site.outputs(job, "film")] == [5, None, 5]
    site.ends("ffmpeg", "")
    before = len(site.calls())
    site.do("retry", str(job))
    site.do("wait", str(job))
    again = site.calls()[before:]
    assert again[-1] == "publish 3 films a.m3u8"
    assert {call.split()[2] for call in again if call.startswith("ffmpeg")} == {"b.mkv"}
    assert len(site.children(job)) == 3


def test_a_change_is_tested_on_a_matrix_whose_optional_leg_may_fail(site: Site) -> None:
    site.ends("tox", 'case "$*" in "alpine py3.15-dev") exit 1;; esac')
    job = site.run("ci.yaml")
    tested = {call.removeprefix("tox ") for call in site.calls() if call.startswith("tox")}
    versions = {"debian py3.9", "debian py3.10", "debian py3.11", "alpine py3.10", "alpine py3.11"}
    assert tested == versions | {"debian py3.15-dev", "alpine py3.15-dev"}
    assert site.calls()[-2:] == ["deploy next version: failed", "notify succeeded, tested 5"]
    assert site.states(job)["next[1]"] == "failed"
    site.ends("tox", 'case "$*" in "alpine py3.10") exit 1;; esac')
    site.run("ci.yaml", code=1)
    assert site.calls()[-1] == "notify failed, tested 4"


def test_pages_of_hosts_that_were_discovered_are_fetched_as_soon_as_each_is_known(site: Site) -> None:
    site.configure('slots = 4\n[limits.asks]\nkind = "rate"\nrate = "20/s"\n')
    site.ends("discover", """echo '["slow.x", "down.x", "a.x"]'""")
    pages = """echo '["1", "2"]'"""
    site.ends(
        "crawl",
        'if test "$1" = a.x -a ! -e "$STAND_INS/again"; then touch "$STAND_INS/again"; exit 75; fi\n'
        + bad("down.x", 1)
        + waits_for("fetch a.x/2", 'case "$1" in slow.x)', "esac")
        + pages,
    )
    job = site.run("recon.yaml", "domain=x")
    calls = site.calls()
    assert calls.index("fetch a.x/1") < calls.index("fetch slow.x/1")
    assert sorted(call for call in calls if call.startswith("fetch")) == [
        f"fetch {host}/{page}" for host in ("a.x", "slow.x") for page in (1, 2)
    ]
    assert calls.count("crawl a.x") == 2
    assert calls.count("crawl down.x") == 1
    assert calls[-1] == "notify 2 of 3 hosts, first gap: host[1] shell.exit"
    assert site.outputs(job, "pages") == [{"fetched": 2}, None, {"fetched": 2}]
