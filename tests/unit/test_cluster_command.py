"""What `python -m tests.cluster` says and does with its options, before anything starts."""

from pathlib import Path

import pytest

from tests.cluster import __main__ as command
from tests.cluster.audit import EVERYTHING, METADATA, Audit, Webhook
from tests.cluster.background import Background, Running

RUNNING = Running(
    pid=1,
    directory="/tmp/cluster",  # noqa: S108 - shown, not used
    url="https://127.0.0.1:20000",
    binaries="/some where/bin",
    audit_log="",
    kubeconfigs={"admin": "/pki/admin.kubeconfig", "intruder": "/pki/intruder.kubeconfig"},
)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "k10-auditwatch"


def test_the_summary_can_be_given_to_a_shell() -> None:
    lines = command.summary(RUNNING, name="default").splitlines()

    assert lines[:2] == [
        "export KUBECONFIG=/pki/admin.kubeconfig",
        "export PATH='/some where/bin':\"$PATH\"  # kubectl, helm",
    ]
    assert all(line.startswith("#") for line in lines[2:])


def test_the_summary_names_every_identity_and_the_way_to_stop() -> None:
    text = command.summary(RUNNING, name="default")

    assert "# as intruder: kubectl --kubeconfig /pki/intruder.kubeconfig …\n" in text
    assert text.endswith("# stop it with: make cluster-down\n")
    assert "audit log" not in text
    assert command.summary(RUNNING, name="node").endswith("# stop it with: make node-down\n")
    assert command.summary(RUNNING, name="second").endswith("python -m tests.cluster down --name second\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], None),
        (["--audit=everything"], Audit(policy=EVERYTHING)),
        (["--audit-webhook=http://127.0.0.1:9"], Audit(policy=METADATA, webhook=Webhook(url="http://127.0.0.1:9"))),
    ],
)
def test_options_choose_the_audit_settings(arguments: list[str], expected: Audit | None) -> None:
    assert command.audit(command._parser().parse_args(["up", *arguments])) == expected


def test_a_policy_can_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("kind: Policy\n")

    options = command._parser().parse_args(["up", f"--audit={tmp_path}/policy.yaml"])

    assert command.audit(options) == Audit(policy="kind: Policy\n")


def test_the_holder_gets_the_same_options_with_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = command._parser().parse_args(["up", "--audit=policy.yaml", "--k10", "--name=second"])

    assert command.hold_arguments(options) == ["--name=second", f"--audit={tmp_path}/policy.yaml", "--k10"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["up", "--audit=nowhere.yaml"], "--audit nowhere.yaml: No such file or directory; give a file or everything"),
        (["down", "--name=../other"], "--name ../other: use lower-case letters, digits and dashes only"),
    ],
)
def test_a_mistake_is_one_message(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(arguments) == 1

    assert capsys.readouterr().err.startswith(f"error: {complaint}")


def test_stopping_what_does_not_run_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["down"]) == 0
    assert capsys.readouterr().out == "nothing is running\n"


def test_what_a_killed_holder_left_behind_does_not_count_as_running(state: Path) -> None:
    background = Background("default")
    (state / "cluster" / "default" / "running.json").write_text("{}")

    assert background.running() is None
