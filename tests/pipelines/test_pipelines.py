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
    "docker",
    "load",
    "migrate",
    "notify",
    "publish",
    "pull",
    "report",
    "restic",
    "seed",
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
        shutil.copytree(HERE, self.folder, ignore=shutil.ignore_patterns("*.py", "__pycache__", "commands"))
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


def test_a_release_waits_for_the_word_of_two_teams(site: Site) -> None:
    job = site.submit("release.yaml", "version=1.2")
    site.reach(job, "ops", "waiting")
    site.do("signal", "approved", "--key", "qa-1.2", "--data", '{"by": "ann"}', "--id", "qa")
    site.do("signal", "approved", "--key", "ops-1.2", "--data", '{"by": "bob"}')
    site.do("wait", str(job))
    assert site.calls()[-1] == "publish 1.2 ann bob"


def test_a_batch_of_a_model_is_asked_for_until_it_is_done_and_what_it_cost_is_booked(site: Site) -> None:
    site.home.path.mkdir(mode=0o700)
    config = (
        '[limits.model]\nkind = "rate"\nrate = "10/s"\n'
        '[budgets.month]\nunit = "usd"\nmax = 5\nper = "month"\n'
    )
    (site.home.path / "config.toml").write_text(config)
    server = Answers(
        {"id": "b7"}, {"state": "running"}, {"state": "done", "answers": "yes", "usage": {"usd": 0.25}}
    )
    job = site.run("llm_batch.yaml", f"api={server.url}")
    assert site.states(job) == {"batch": "succeeded", "write": "succeeded"}
    assert server.asked == ["POST /batches", "GET /batches/b7", "GET /batches/b7"]
    assert site.calls() == ["write_answers yes"]
    assert site.home.rows("SELECT sum(amount) FROM entry WHERE unit = 'usd'") == [(250_000,)]
