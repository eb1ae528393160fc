"""Where notices go, as config.toml says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.config import load_capacity
from core.model.errors import InvalidDocument
from core.model.notices import Email, Quiet, Signal, Sink, Topic

HOOK = 'webhook = "https://x.example.com/h"'
ON = 'on = ["lost"]'


def sinks(home: Path, text: str) -> tuple[Sink, ...]:
    (home / "config.toml").write_text(f"[notify.a]\n{text}\n")
    return load_capacity(home).sinks


def test_a_sink_says_where_what_and_when(tmp_path: Path):
    (sink,) = sinks(
        tmp_path,
        'email = { to = ["a@x"], from = "b@x", port = 587, starttls = true, user = "u", password = "p" }\n'
        'on = ["job_ended", "lost"]\nstatus = ["failed"]\nworkflow = ["w"]\nevery = "5m"\n'
        'quiet = { from = "22:00", to = "07:00", zone = "Europe/Berlin" }',
    )
    assert sink == Sink(
        name="a",
        on=(Topic.JOB_ENDED, Topic.LOST),
        email=Email(to=("a@x",), sender="b@x", port=587, starttls=True, user="u", password="p"),
        statuses=("failed",),
        workflows=("w",),
        every_ms=300_000,
        quiet=Quiet(begins_ms=79_200_000, ends_ms=25_200_000, zone="Europe/Berlin"),
    )
    (plain,) = sinks(tmp_path, f"{HOOK}\n{ON}")
    (console,) = sinks(tmp_path, f'console = ["toast", "bell"]\n{ON}')
    assert console.console == (Signal.TOAST, Signal.BELL)
    assert (plain.webhook, plain.every_ms, plain.quiet) == ("https://x.example.com/h", 60_000, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ON, "must have one of webhook, command, email"),
        (f'{HOOK}\ncommand = ["x"]\n{ON}', "must have one of"),
        (f'{HOOK}\nconsole = ["bell"]\n{ON}', "must have one of"),
        (f"console = []\n{ON}", "at least 1 item"),
        (f'console = ["horn"]\n{ON}', "should be 'toast'"),
        (HOOK, "is missing"),
        (f"{HOOK}\non = []", "at least 1 item"),
        (f'{HOOK}\non = ["lots"]', "should be 'job_ended'"),
        (f'webhook = "ftp://x"\n{ON}', "must be an http or https address"),
        (f'webhook = "http://[::1/"\n{ON}', "must be an http or https address"),
        (f'webhook = "http://x:99999/"\n{ON}', "must be an http or https address"),
        (f'webhook = "${{{{ params.x }}}}"\n{ON}', "must be an http or https address"),
        (
            f'{HOOK}\nheaders = {{ "A b" = "c" }}\n{ON}',
            '`notify.a.headers."A b"`: must be a name of a header',
        ),
        (f'command = ["a\\u0000b"]\n{ON}', "none of them NUL"),
        (f'command = ["x"]\nheaders = {{ A = "b" }}\n{ON}', "`headers` are of a webhook"),
        (f'{HOOK}\nheaders = {{ A = "b\\nC: d" }}\n{ON}', "must be one line"),
        (f'{HOOK}\nstatus = ["failed"]\n{ON}', "are for `job_ended`"),
        (f'{HOOK}\nquiet = {{ from = "22:00", to = "22:00" }}\n{ON}', "must differ"),
        (f'email = {{ to = ["a"], from = "b@x" }}\n{ON}', "must be an address of mail"),
        (f'email = {{ to = ["a@x"], from = "b@x", user = "u" }}\n{ON}', "must have both of"),
        (f'{HOOK}\nevry = "1m"\n{ON}', "every"),
        (f'{HOOK}\nquiet = {{ form = "22:00", to = "07:00" }}\n{ON}', "from"),
    ],
)
def test_what_cannot_be_is_named_with_its_place(tmp_path: Path, text: str, said: str):
    with pytest.raises(InvalidDocument) as refused:
        sinks(tmp_path, text)
    assert any(said in fault.message for fault in refused.value.faults), refused.value.faults
    assert all(fault.path.startswith("notify.a") and fault.line for fault in refused.value.faults)


@pytest.mark.parametrize(
    "address", ["${{ secrets.hook }}", "https://${{secrets.a}}/x", "http://x:${{ secrets.port }}/"]
)
def test_the_address_of_a_webhook_may_be_a_secret_whole_or_in_part(tmp_path: Path, address: str):
    (sink,) = sinks(tmp_path, f'webhook = "{address}"\n{ON}')
    assert sink.webhook == address
