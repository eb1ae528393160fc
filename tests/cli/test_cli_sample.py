"""run sample: the budget that it brings, and what jobs spent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from core.workflows.registry import configuration_of
from tests.cli.cli_stage import Deck

Write = Callable[[str, object], str]
_BROUGHT = "a new data directory: wrote"
_SPENDS = {
    "uses": "shell",
    "with": {"script": 'echo \'{"usd": 0.25, "pages": 3}\' >> "$TASKDECK_USAGE"'},
}


def test_in_a_new_data_directory_the_sample_brings_a_budget_says_so_and_tells_what_is_left(
    home: Path, deck: Deck
) -> None:
    ended = deck("run", "sample")
    assert ended.status == 0
    said = f"{_BROUGHT} {home / 'config.toml'}, with a budget for sample"
    assert ended.err.splitlines()[0] == said
    assert ended.out.splitlines()[1:] == [
        "  spent 0.01 usd",
        "  budget sample: 0.01 of 1 usd used, 0.99 left",
    ]
    assert (home / "config.toml").read_bytes() == configuration_of("sample")
    again = deck("run", "sample", "--json")
    assert _BROUGHT not in again.err
    told = again.objects[-1]
    assert [(one["unit"], one["total"]) for one in told["spent"]] == [("usd", "0.01")]
    assert told["budgets"] == [
        {"name": "sample", "key": "", "unit": "usd", "max": "1", "used": "0.02", "left": "0.98"}
    ]
    assert [one["name"] for one in deck("budgets", "--json").objects] == ["sample"]


def test_a_configuration_that_was_prepared_stays_and_gets_no_budget(home: Path, deck: Deck) -> None:
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text("slots = 2\n")
    ended = deck("run", "sample")
    assert (ended.status, _BROUGHT in ended.err) == (0, False)
    assert (home / "config.toml").read_text() == "slots = 2\n"
    assert ended.out.splitlines()[1:] == ["  spent 0.01 usd"]


def test_a_data_directory_that_was_used_gets_no_configuration(home: Path, deck: Deck, write: Write) -> None:
    assert deck("run", write("flow.yaml", {"name": "flow", "tasks": [{"key": "a", **_SPENDS}]})).status == 0
    assert (deck("stop").status, (home / "config.toml").exists()) == (0, False)
    assert _BROUGHT not in deck("run", "sample").err
    assert not (home / "config.toml").exists()


def test_a_dry_run_and_a_file_that_is_called_sample_bring_nothing(
    home: Path, deck: Deck, write: Write, tmp_path: Path
) -> None:
    deck("run", "sample", "--dry-run")
    assert not (home / "config.toml").exists()
    write("sample", {"name": "mine", "tasks": [{"key": "a", "uses": "delay", "with": {"seconds": 0}}]})
    ended = deck("run", str(tmp_path / "sample"))
    assert (ended.status, len(ended.out.splitlines())) == (0, 1)
    assert not (home / "config.toml").exists()


def test_a_job_tells_each_unit_and_the_budgets_that_it_counts_in_alone(
    home: Path, deck: Deck, write: Write
) -> None:
    home.mkdir(mode=0o700)
    budgets = (("ours", "usd", "red"), ("theirs", "usd", "blue"), ("paper", "pages", "red"))
    (home / "config.toml").write_text(
        "".join(
            f'[budgets.{name}]\nunit = "{unit}"\nmax = 10\non = {{ project = "{project}" }}\n'
            for name, unit, project in budgets
        )
    )
    flow = write("flow.yaml", {"name": "flow", "tasks": [{"key": "a", **_SPENDS}]})
    assert deck("run", flow, "-P", "blue").status == 0
    ended = deck("run", flow, "-P", "red")
    assert ended.out.splitlines()[1:] == [
        "  spent 0.25 usd, 3 pages",
        "  budget ours: 0.25 of 10 usd used, 9.75 left",
        "  budget paper: 3 of 10 pages used, 7 left",
    ]


def test_a_job_tells_its_budget_also_where_ten_other_keys_of_it_are_fuller(
    home: Path, deck: Deck, write: Write
) -> None:
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text('[budgets.clients]\nunit = "usd"\nmax = 10\non = {queue = "none"}\n')

    def flow(amounts: dict[str, float]) -> str:
        tasks = [
            {
                "key": key,
                "uses": "shell",
                "with": {"script": f'echo \'{{"usd": {amount}}}\' >> "$TASKDECK_USAGE"'},
                "limits": [{"limit": "clients", "key": key}],
            }
            for key, amount in amounts.items()
        ]
        return write("flow.yaml", {"name": "flow", "tasks": tasks})

    assert deck("run", flow({f"k{number}": 2 for number in range(11)})).status == 0
    ended = deck("run", flow({"small": 0.5}))
    assert ended.out.splitlines()[1:] == [
        "  spent 0.5 usd",
        "  budget clients small: 0.5 of 10 usd used, 9.5 left",
    ]
    usage = deck("usage", "--by", "key", "--job", "3", "--unit", "usd", "--json").objects
    assert [(one["key"], one["total"]) for one in usage] == [("small", "0.5")]
