"""Notices in the console: toasts, bell, desktop, and their list."""

from __future__ import annotations

import re

import pytest

from console.terminal.signals import ring, show_on_desktop
from core.model.notices import NoticeStatus
from core.model.text import SafeText, cells
from tests.console.support_console import HOSTILE, VISIBLE, Operator, console
from tests.console.support_fake_control import FakeControl
from tests.console.support_stocked_notices import notice


class Written:
    """A driver that keeps what is written."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, data: str) -> None:
        self.text += data


def heard(operator: Operator, written: list[str]) -> None:
    """Keep what is written to the terminal beside the frames."""
    write = operator.app._driver.write

    def noted(data: str) -> None:
        written.append(data)
        write(data)

    operator.app._driver.write = noted


async def test_notices_are_told_while_the_console_is_open_as_loudly_as_their_sink_says() -> None:
    control = FakeControl()
    written: list[str] = []
    async with console(control, size=(80, 24)) as operator:
        heard(operator, written)
        # What the first look finds was there before.
        control.note("notice.sent", data={"sink": "a", "subject": "taskdeck: before", "signals": ["toast"]})
        await operator.beat()
        control.note("notice.sent", data={"sink": "hook", "notices": 1})
        control.note("notice.sent", data={"sink": "a", "subject": "taskdeck: soft", "signals": ["toast"]})
        await operator.beat()
        await operator.hears("soft")
        assert not any("\x07" in data for data in written)
        assert [words for words in operator.told if words in ("", "before")] == []
        control.note("notice.failed", data={"sink": "team", "error": "example.com answered 500"})
        loud = {"sink": "b", "subject": f"taskdeck: {HOSTILE}", "signals": ["toast", "bell", "desktop"]}
        control.note("notice.sent", data=loud)
        await operator.beat()
        await operator.hears("notices to team failed: example.com answered 500 (:notices)")
        await operator.hears(VISIBLE)
        await operator.until(lambda: any("\x1b]9;" in data for data in written), "no desktop notification")
        (shown,) = [data for data in written if "\x1b]9;" in data]
        assert re.fullmatch(r"\x1b\]9;taskdeck: [^\x00-\x1f\x7f-\x9f]*\x07", shown)
        assert written.count("\x07") == 1
        assert not any("before" in words for words in operator.told)
        # A storm does not hide the screen: three are shown, the rest is counted.
        for number in range(9):
            text = f"taskdeck: storm {number}"
            control.note("notice.sent", data={"sink": "a", "subject": text, "signals": ["toast"]})
        await operator.beat()
        await operator.hears("6 more notices: :notices lists them")
        assert sum("storm" in words for words in operator.told) == 3


def test_no_terminal_gets_a_sequence_that_it_would_write_out() -> None:
    sentence = SafeText("job 1 failed")
    plain = "\x1b]9;taskdeck: job 1 failed\x07"
    for environ, wanted in (
        ({"TERM": "xterm-256color"}, plain),
        ({"TERM": "xterm-256color", "SSH_CONNECTION": "1"}, plain),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/tmux-0/default,1,0"}, f"\x1bPtmux;\x1b{plain}\x1b\\"),
        ({"TERM": "linux"}, ""),
        ({"TERM": "dumb"}, ""),
    ):
        driver = Written()
        show_on_desktop(driver, sentence, environ=environ)
        assert driver.text == wanted
    ring(None)
    show_on_desktop(None, sentence, environ={})


@pytest.mark.parametrize("size", [(80, 24), (160, 40)])
async def test_the_list_of_notices_tells_what_became_of_each_and_how_to_try_their_sink(
    size: tuple[int, int],
) -> None:
    control = FakeControl()
    job = control.add_job("nightly")
    control.add_task(job, "load")
    control.notice_views = [
        notice(1, text=HOSTILE, sink=HOSTILE, error=HOSTILE, status=NoticeStatus.FAILED, tries=5),
        notice(2, NoticeStatus.DROPPED, job_id=None),
        notice(3, NoticeStatus.WAITING),
        notice(4, job_id=job),
    ]
    async with console(control, size=size) as operator:
        await operator.press("colon", *"notices", "enter")
        screen = await operator.sees("Notices  ", "✓ sent", "✗ failed", "dropped", "job 4 nightly failed")
        assert all(line.isprintable() and cells(line) == size[0] for line in screen.splitlines())
        await operator.press("T")
        await operator.hears("`taskdeck notify test team --home /home` sends a test at once")
        await operator.press("s", "s", "s")
        await operator.sees("Notices  failed")
        await operator.misses("job 4 nightly failed")
        await operator.press("s", "s")
        await operator.sees("job 4 nightly failed")
        await operator.press("g", "j", "j", "enter")
        await operator.hears("dropped to team: job 2 nightly failed")
        await operator.press("g", "enter")
        await operator.sees("Job 2")
        await operator.press("escape")
        await operator.sees("✓ sent")
        control.notice_views = []
        control.note("notice.sent")
        await operator.beat()
        await operator.sees("no notices yet: [notify.NAME] of config.toml makes them")
