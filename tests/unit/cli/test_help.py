"""Help and the page about the commands: each option, each default and each exit code stands in both, or in neither."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from auditwatch import __version__
from auditwatch.api.crd import render
from auditwatch.cli import agent, doctor, lazily, policy, rule_tests, run, scan, webhook_config
from auditwatch.cli.main import app
from auditwatch.cli.webhook_config import PlatformName
from auditwatch.runtime.operating import EXIT_FAILED, EXIT_LOST_LEASE

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
ENVIRONMENT = (Path(__file__).parents[3] / "docs" / "reference" / "environment.md").read_text(encoding="utf-8")
SECTIONS = {
    part.partition("\n")[0].strip(): part for part in re.split(r"^## auditwatch ", PAGE, flags=re.MULTILINE)[1:]
}
GROUP: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = {name: GROUP.get_command(None, name) for name in GROUP.list_commands(None)}
OF_POLICY: dict[str, Any] = COMMANDS["policy"].commands
LEAVES: dict[tuple[str, ...], Any] = {(name,): one for name, one in COMMANDS.items() if name != "policy"}
LEAVES |= {("policy", name): one for name, one in OF_POLICY.items()}
FROM_OUTSIDE = {"policy": (*OF_POLICY.values(),)}
EXIT_CODES = {
    "scan": {scan.CLEAN, scan.FOUND, scan.UNUSABLE},
    "policy": {policy.NOTHING_BLINDED, policy.BLINDED, policy.UNUSABLE},
    "test": {rule_tests.PASSED, rule_tests.FAILED, rule_tests.UNUSABLE},
    "crds": {0, 1, 2},
    "doctor": {0, 1, doctor.EXIT_USAGE},
    "webhook-config": {0, webhook_config.EXIT_USAGE},
    "run": {0, EXIT_FAILED, run.EXIT_USAGE, EXIT_LOST_LEASE},
    "agent": {0, EXIT_FAILED, agent.EXIT_USAGE},
}


def invoked(*arguments: str) -> Any:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "TERM": "dumb", "NO_COLOR": "1"})


def options(command: Any) -> list[Any]:
    return [each for each in command.params if each.name != "help" and each.opts[0].startswith("-")]


def spelt(command: Any) -> set[str]:
    return {name for each in options(command) for name in (*each.opts, *each.secondary_opts)}


def on_page(section: str) -> set[str]:
    """Options in backticks; what belongs to another program is not told this way there."""
    text = re.sub(r"`auditwatch [^`]*`|`AUDITWATCH[^`]*`", "", SECTIONS[section])
    return set(re.findall(r"(?<![-\w])--?[a-z][-a-z0-9]*", " ".join(re.findall(r"`(-[^`]*)`", text))))


def codes(text: str) -> set[int]:
    """Numbers that begin a part of a sentence about exit codes."""
    told = " ".join(re.findall(r"[Ee]xit codes[^:\n]*:((?:.|\n)*?)\.(?:\s|$)", text))
    return {int(number) for number in re.findall(r"(?:^|,|;|code)\s*([0-3])\s", f",{told}")}


def test_each_command_has_its_part_of_the_page_and_no_other_has_one() -> None:
    assert set(SECTIONS) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_and_the_command_know_the_same_options(name: str) -> None:
    known = {option for command in FROM_OUTSIDE.get(name, (COMMANDS[name],)) for option in spelt(command)}
    if name == "policy":
        known -= spelt(COMMANDS["scan"]) - on_page("policy")
    assert on_page(name) == known


def test_policy_takes_what_its_part_of_the_page_says_it_takes_of_scan() -> None:
    shared = {"--rules", "--pack", "--k10-namespace", "--k10-account", "--api-domain"}
    for name, command in OF_POLICY.items():
        assert spelt(command) == shared | ({"--output", "-o"} if name == "check" else set())
        assert spelt(command) <= spelt(COMMANDS["scan"])


@pytest.mark.parametrize("name", EXIT_CODES)
def test_the_page_knows_the_exit_codes_of_the_command(name: str) -> None:
    assert codes(SECTIONS[name]) == EXIT_CODES[name]


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_help_names_every_option_and_says_what_it_is_for(words: tuple[str, ...]) -> None:
    for flag in ("--help", "-h"):
        result = invoked(*words, flag)
        assert result.exit_code == 0
        text = " ".join(result.stdout.split())
        for each in options(LEAVES[words]):
            assert all(name in text for name in (*each.opts, *each.secondary_opts)), each.name
            assert each.help.endswith("."), each.name


@pytest.mark.parametrize("words", [(), ("policy",), *LEAVES], ids=" ".join)
def test_help_shows_no_type_of_pythons(words: tuple[str, ...]) -> None:
    text = invoked(*words, "--help").stdout
    assert re.findall(r"<(?![a-z0-9]+(?:\|[a-z0-9]+)+>)[^>]*>|\[[^]]*<=?[^]]*\]|list\[", text) == []


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("scan",), ["--rules FILE", "--pack NAME", "--jobs -j N", "--progress --no-progress A", "FILE Audit logs"]),
        (("test",), ["--verbose -v One", "FILE Packs, AuditWatches"]),
        (("policy", "check"), ["--rules FILE", "FILE The policy", "--k10-account NAME"]),
        (("run",), ["--config FILE", "--watch-namespaces NAMES", "--verbose -v Log"]),
        (("doctor",), ["--timeout N", "--capture FILE", "--help -h Show"]),
        (("agent",), ["--url URL", "--path FILE", "--source NAME"]),
        (("webhook-config",), ["--server URL", "--ca-file FILE", "--tls-server-name NAME"]),
        (("crds",), ["--output-dir DIR", "--check Write"]),
        ((), ["--version Print"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_help_has_a_word_for_what_is_to_be_written_and_none_behind_a_switch(
    words: tuple[str, ...], shown: list[str]
) -> None:
    text = " ".join(invoked(*words, "--help").stdout.replace("│", " ").split())
    assert [each for each in shown if each not in text] == []


@pytest.mark.parametrize("name", ["scan", "run", "agent"])
def test_help_tells_the_exit_codes(name: str) -> None:
    text = " ".join(invoked(name, "--help").stdout.split())
    assert codes(text) == EXIT_CODES[name]


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_nothing_of_a_help_text_is_lost_as_markup(words: tuple[str, ...]) -> None:
    """What stands in brackets is a style to who prints it, and is not seen."""
    command = LEAVES[words]
    texts = [command.help or "", *(each.help or "" for each in command.params)]
    assert [text for text in texts if re.search(r"\[[a-z]", text)] == []


@pytest.mark.parametrize(
    ("option", "default"),
    [("--pack", "k10-baseline"), ("--output", "table"), ("--min-severity", "Low"), ("--fail-on", "Medium")],
)
def test_defaults_of_a_scan_are_told_by_help_and_page(option: str, default: str) -> None:
    (row,) = [line for line in SECTIONS["scan"].splitlines() if line.startswith(f"| `{option}")]
    assert f"`{default}`" in row
    assert default in " ".join(invoked("scan", "--help").stdout.split())


@pytest.mark.parametrize("name", ["scan", "webhook-config"])
def test_defaults_on_the_page_are_those_of_the_command(name: str) -> None:
    given = [each for each in options(COMMANDS[name]) if isinstance(each.default, str) and each.default]
    assert given
    for each in given:
        (row,) = [
            line
            for line in SECTIONS[name].splitlines()
            if line.startswith("| ") and f"`{each.opts[0]}`" in line.partition(" | ")[0]
        ]
        assert f"`{getattr(each.default, 'value', each.default)}`" in row, each.name


def test_every_platform_is_on_the_page() -> None:
    assert [name.value for name in PlatformName if f"`{name.value}`" not in SECTIONS["webhook-config"]] == []


def test_commands_come_in_their_order_with_a_sentence_each() -> None:
    names = list(COMMANDS)
    assert names[: len(lazily.LATE)] == list(lazily.LATE)
    assert len(set(names)) == len(names) == 8
    assert all((command.help or "").strip().partition("\n")[0].endswith((".", ").")) for command in COMMANDS.values())


def test_without_a_command_the_commands_are_told() -> None:
    result = invoked()
    assert result.exit_code == 2
    assert all(name in result.output for name in COMMANDS)


def test_the_version_is_told_and_nothing_else() -> None:
    result = invoked("--version")
    assert (result.exit_code, result.stdout) == (0, f"auditwatch {__version__}\n")


def test_the_first_lines_of_the_page_know_all_codes_there_are() -> None:
    head = PAGE.partition("## ")[0]
    assert {0, 1, 2, 3} == set.union(*EXIT_CODES.values())
    assert all(f"{code} " in head for code in range(4))


def test_written_crds_are_checked_where_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    missing = invoked("crds", "--check")
    assert missing.exit_code == 1
    assert all(f"crds/{name}: not current" in missing.stderr for name in render())
    assert invoked("crds", "--output-dir", "crds").exit_code == 0
    assert invoked("crds", "--check").exit_code == 0


def test_who_reads_a_variable_is_told_on_its_page() -> None:
    read: dict[str, set[str]] = {"KUBECONFIG": set(), "KUBERNETES_SERVICE_HOST": set()}
    for name, command in COMMANDS.items():
        for each in options(command):
            if each.envvar:
                read.setdefault(each.envvar, set()).add(name)
            if each.name == "kubeconfig":
                for variable in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
                    read[variable].add(name)
    rows = [line.split(" | ") for line in ENVIRONMENT.splitlines() if line.startswith("| `")]
    told = {row[0].strip("| `"): set(re.findall(r"`([^`]+)`", row[1])) for row in rows}
    assert {name: told[name] for name in read} == read
