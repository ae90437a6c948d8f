"""Commands called wrongly: exit code 2, the sentence that helps, and never a traceback."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner, Result

from auditwatch.cli import main, run
from auditwatch.cli.logs import configure_logging
from auditwatch.cli.main import app
from auditwatch.runtime.settings import InvalidSettings, Settings, TenancySection
from tests.unit.scan.making import event, log

PLAIN = {"COLUMNS": "300", "TERM": "dumb", "NO_COLOR": "1", "NODE_NAME": "", "POD_NAMESPACE": ""}
AGENT = ("agent", "--url", "https://h:1", "--instance", "n", "--path", "/a.log", "--token-file", "/t")


def invoked(*arguments: object, stdin: str = "") -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], input=stdin, env=PLAIN)


def told(result: Result) -> str:
    return " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scna"], "No such command 'scna'. Did you mean 'scan'?"),
        (["polcy", "check"], "No such command 'polcy'. Did you mean 'policy'?"),
        (["policy", "chek"], "No such command 'chek'. Did you mean 'check'?"),
        (["scan"], "Missing argument 'FILE'"),
        (["test"], "Missing argument 'FILE'"),
        (["policy", "check"], "Missing argument 'FILE'"),
        (["policy", "render", "x"], "Got unexpected extra argument"),
        (["run", "x"], "Got unexpected extra argument"),
        (["agent", "x"], "Got unexpected extra argument"),
        (["crds", "x"], "Got unexpected extra argument"),
        (["crds", "--chekc"], "No such option: --chekc"),
        (["scan", "-", "--job", "1"], "No such option: --job"),
        (["scan", "-", "--jobs", "-1"], "greater than or equal to 0"),
        (["scan", "-", "--jobs", "many"], "valid integer"),
        (["scan", "-", "-o", "xml"], "'table', 'json', 'matches'"),
        (["scan", "-", "--fail-on", "Hgh"], "'Hgh' is not one of"),
        (["scan", "-", "--min-severity", "0"], "'0' is not one of"),
        (["scan", "-", "--rules"], "'--rules' requires an argument"),
        (["run", "--namespace"], "'--namespace' requires an argument"),
        (["webhook-config"], "Missing option '--server'"),
        (["webhook-config", "--server", "https://h:1", "--ca-file", "x"], "Missing option '--platform'"),
        (
            ["webhook-config", "--server", "s", "--ca-file", "x", "--platform", "aks"],
            "'kubeadm', 'k3s', 'rke2', 'kind'",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_usage_is_told_with_what_was_wrong_and_where_help_is(arguments: list[str], words: str) -> None:
    result = invoked(*arguments)
    assert result.exit_code == 2
    assert words in told(result)
    assert "requires an argument" in words or "Try 'auditwatch" in told(result)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["scan", "-", "-o", "yaml"], "Invalid value for '--output' / '-o': 'yaml' is not one of 'table'"),
        (["doctor", "-o", "yaml"], "Invalid value for '--output' / '-o': 'yaml' is not one of 'text', 'json'"),
        (["webhook-config", "--platform", "aks"], "Invalid value for '--platform': 'aks' is not one of"),
    ],
)
def test_a_word_that_is_not_known_is_told_without_whose_error_it_was(arguments: list[str], said: str) -> None:
    assert said in told(invoked(*arguments))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scan", "/nowhere.log"], "error: /nowhere.log: cannot be read: No such file or directory"),
        (["scan", "-", "-"], "error: -: standard input can be read only once"),
        (["scan", "-", "--api-domain", "KIO"], "error: --api-domain: 'KIO' is no name: lower-case letters"),
        (["scan", "-", "--pack", "k10-basline"], "'k10-basline'; did you mean k10-baseline? There is: k10-baseline@1"),
        (["policy", "render", "--pack", "nope"], "error: there is no pack 'nope'; there is: k10-baseline@1"),
        (["policy", "render", "--pack", "k10-baseline@7"], "no pack 'k10-baseline@7'; there is: k10-baseline@1"),
        (["policy", "check", "-", "--pack", "k10-baseline@x"], "no pack 'k10-baseline@x'; there is: k10-baseline@1"),
        (["policy", "render", "--k10-namespace", "-x"], "error: --k10-namespace: '-x' is no name"),
        (["policy", "render", "--rules", "/nowhere.yaml"], "error: /nowhere.yaml: cannot be read: No such file"),
        (["policy", "check", "/nowhere.yaml"], "error: /nowhere.yaml: cannot be read: No such file"),
        (["run", "--config", "/nowhere.yaml"], "error: /nowhere.yaml: (whole file): cannot be read"),
        (["agent", "--config", "/nowhere.yaml"], "error: /nowhere.yaml: (whole file): cannot be read"),
        (["agent"], "error: command line: url: required: add it"),
        (["policy", "render", "--k10-namespace", "a.b"], "error: --k10-namespace: 'a.b' is no name"),
        (["policy", "render", "--k10-account", "x y"], "error: --k10-account: 'x y' is no service account"),
        (["policy", "check", "-", "--k10-account", "a:b:c"], "'a:b:c' is no service account: write NAME or"),
        (["scan", "-", "--k10-account", ":b"], "error: --k10-account: ':b' is no service account"),
        (["run", "--namespace", "A b"], "error: --namespace: 'A b' is no name: lower-case letters, digits and dashes"),
        (["run", "--watch-namespaces", "x,,A b"], "error: --watch-namespaces: 'A b' is no name"),
        (["doctor", "-n", "A B"], "error: --namespace: 'A B' is no name"),
        (["doctor", "-n", "a" * 64], "is no name: lower-case letters, digits and dashes"),
        (["run", "--kubeconfig", "/nowhere"], "error: /nowhere: no such kubeconfig; give --kubeconfig or set"),
        (["doctor", "--kubeconfig", "/nowhere"], "error: /nowhere: no such kubeconfig; give --kubeconfig or set"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_used_is_told_in_a_sentence(arguments: list[str], words: str) -> None:
    result = invoked(*arguments)
    assert result.exit_code == 2
    assert words in told(result)
    assert result.stdout == ""
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--url", "http://h:1"], 'url: must look like https://host:port, not "http://h:1"'),
        (["--url", "https://u@h:1"], "url: must look like https://host:port"),
        (["--url", "https://h:1?x=1"], "url: must look like https://host:port"),
        (["--path", "audit.log"], "path: must begin at the root (/…), not audit.log"),
        (["--state-file", "position"], "stateFile: must begin at the root (/…), not position"),
        (["--source", "Not A Name"], "source:"),
        (["--instance", "a b"], "instance:"),
        (["--key-file", "/k"], "tls: certFile: required beside keyFile: add it"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_setting_of_an_agent_is_told_with_its_name_in_the_file(flags: list[str], words: str) -> None:
    result = invoked(*AGENT, *flags)
    assert result.exit_code == 2
    assert f"command line: {words}" in told(result)


def test_an_agent_has_to_prove_who_it_is() -> None:
    result = invoked(*AGENT[:-2])
    assert result.exit_code == 2
    assert "tokenFile or tls.certFile: one is required, or the operator does not know who posts" in told(result)


def test_all_wrong_settings_are_told_at_once_the_file_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text("url: http://h\npath: log\nurll: x\nlineLimitBytes: 1\ncompress: maybe\n", encoding="utf-8")
    result = invoked("agent", "--config", file)
    assert result.exit_code == 2
    for words in (
        "url: must look like",
        "instance: required: add it",
        "path: must begin at the root",
        "urll: unknown field; did you mean url?",
        "lineLimitBytes: must be at least 65536, not 1",
        'compress: must be true or false, not "maybe"',
    ):
        assert f"{file}: {words}" in told(result)


def test_options_of_an_agent_go_before_its_file(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    file.write_text("url: https://h:1\ninstance: n\npath: /a.log\ntokenFile: /t\ntls: 7\n", encoding="utf-8")
    assert f"{file}: tls: must be an object with fields, not 7" in told(invoked("agent", "--config", file))
    result = invoked("agent", "--config", file, "--path", "relative", "--key-file", "/k")
    assert "path: must begin at the root (/…), not relative" in told(result)


def test_a_wrong_configuration_of_the_operator_is_told_with_its_path(tmp_path: Path) -> None:
    file = tmp_path / "auditwatch.yaml"
    file.write_text("journl: {}\n", encoding="utf-8")
    result = invoked("run", "--config", file)
    assert result.exit_code == 2
    assert f"error: {file}: journl: unknown field; did you mean journal?" in told(result)


@pytest.mark.parametrize("account", ["backup", "veeam:backup", "system:serviceaccount:veeam:backup", "veeam:c.d"])
def test_an_account_is_written_with_and_without_its_namespace(account: str) -> None:
    assert invoked("policy", "render", "--k10-account", account).exit_code == 0


def test_the_doctor_names_the_kubeconfig_it_was_given_in_its_commands(tmp_path: Path) -> None:
    file = tmp_path / "kc"
    file.write_text(
        "current-context: a\ncontexts: [{name: b, context: {cluster: k, user: u}}]\nusers: [{name: u, user: {}}]\n"
        "clusters: [{name: k, cluster: {server: 'https://127.0.0.1:1'}}]\n",
        encoding="utf-8",
    )
    result = invoked("doctor", "--kubeconfig", file, "--context", "b")
    assert result.exit_code == 1
    assert f"$ kubectl --kubeconfig {file} --context b cluster-info" in result.stdout


def test_the_operators_namespace_is_the_pods_else_the_default_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "NAMESPACE_FILE", tmp_path / "namespace")
    assert run.own_namespace() == "k10-auditwatch"
    (tmp_path / "namespace").write_text("  \n", encoding="utf-8")
    assert run.own_namespace() == "k10-auditwatch"
    (tmp_path / "namespace").write_text("security\n", encoding="utf-8")
    assert run.own_namespace() == "security"


def failing(*_arguments: object, **_more: object) -> Any:
    raise KeyError("surprise")


def test_an_unexpected_error_is_a_sentence_that_says_how_to_see_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, "app", failing)
    monkeypatch.delenv("AUDITWATCH_DEBUG", raising=False)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "error: KeyError: 'surprise'\n(AUDITWATCH_DEBUG=1 shows where)\n"


def test_who_asks_for_it_sees_where_an_error_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "app", failing)
    monkeypatch.setenv("AUDITWATCH_DEBUG", "1")
    with pytest.raises(KeyError, match="surprise"):
        main.main()


@pytest.mark.parametrize(("verbose", "shown"), [(True, 2), (False, 1)])
def test_logs_are_one_object_of_json_per_line_on_standard_error(
    capsys: pytest.CaptureFixture[str], *, verbose: bool, shown: int
) -> None:
    handlers = logging.getLogger().handlers[:]
    configure_logging(verbose=verbose)
    structlog.get_logger().debug("details", why="asked for")
    structlog.get_logger().warning("trouble", path="/x")
    logging.getLogger().handlers[:] = handlers
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == shown
    assert '"path": "/x", "event": "trouble", "level": "warning", "timestamp": "' in err.splitlines()[-1]


def test_a_policy_on_standard_input_that_is_none_is_told() -> None:
    for text in ("", "[]", "kind: Policy", "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: x"):
        result = invoked("policy", "check", "-", stdin=text)
        assert (result.exit_code, result.stdout) == (2, ""), text
        assert told(result).startswith("error: -: is no audit policy"), text


def test_a_policy_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_bytes(b"\xff\xfe")
    result = invoked("policy", "check", tmp_path / "policy.yaml")
    assert (result.exit_code, "it is not UTF-8" in told(result)) == (2, True)


def test_several_wrong_settings_are_one_error_with_a_line_each() -> None:
    lines = invoked("agent").stderr.splitlines()
    assert lines[0].startswith("error: command line: ")
    assert [line.removeprefix("error: ") for line in lines] == [
        "command line: url: required: add it",
        "command line: instance: required: add it",
        "command line: path: required: add it",
    ]
    assert issubclass(InvalidSettings, Exception)


def test_rules_that_only_warn_are_in_force_and_the_warning_is_told(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    past = "except: [{name: old, reason: done, expirationTime: '2020-01-01T00:00:00Z', where: [{macro: m}]}]"
    text = "macros: [{name: m, where: [{field: actor.id, operator: Exists}]}]\nname: p\nversion: '1'\nrules:\n"
    file.write_text(f"{text}- name: gone\n  match: {{verbs: [delete], users: [eve]}}\n  {past}\n", encoding="utf-8")
    result = invoked("scan", log(tmp_path / "audit.log", event(1)), "--rules", file)
    assert result.exit_code == 1
    assert told(result).startswith(f"warning: {file}:")
    assert "has passed: the exception no longer holds; remove it or renew it" in told(result)


@pytest.mark.parametrize(
    ("given", "tenants"),
    [
        ("", ("team-*",)),
        (" , ", ("team-*",)),
        ("security", ("security",)),
        ("security, team-a", ("security", "team-a")),
    ],
)
def test_namespaces_that_are_named_take_the_place_of_those_configured(given: str, tenants: tuple[str, ...]) -> None:
    configured = Settings(tenancy=TenancySection(namespaces=("team-*",)), cluster_name="prod")

    narrowed = run.narrowed(configured, given)

    assert narrowed.tenancy.namespaces == tenants
    assert narrowed.cluster_name == "prod"


@pytest.mark.parametrize("command", ["run", "agent"])
def test_a_setting_that_is_there_twice_is_told_with_its_line(tmp_path: Path, command: str) -> None:
    file = tmp_path / "auditwatch.yaml"
    file.write_text("tls: {}\ntls: {}\n", encoding="utf-8")
    result = invoked(command, "--config", file)
    assert (result.exit_code, result.stderr) == (2, f'error: {file}:2: "tls" is there twice: remove one\n')


@pytest.mark.parametrize("text", ["a: 2027-99-99", "[" * 5000, "a: [", "a: *b"])
def test_a_configuration_that_is_no_yaml_is_told_and_never_raises(tmp_path: Path, text: str) -> None:
    file = tmp_path / "auditwatch.yaml"
    file.write_text(text, encoding="utf-8")
    result = invoked("run", "--config", file)
    assert result.exit_code == 2
    assert "is not YAML" in told(result)
