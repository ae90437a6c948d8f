"""``auditwatch webhook-config``: what is printed can be used as it stands, and what cannot be used is said."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from auditwatch.cli.webhook_config import PlatformName, webhook_config
from auditwatch.sources.webhook.apiserver import flags
from auditwatch.sources.webhook.plan import SERVER_NAME, Limits, own_hosts
from auditwatch.sources.webhook.platforms import PLATFORMS
from tests.cluster.certificates import new_key, private_pem

from .conftest import TOKEN

ROOT = Path(__file__).parents[3]
ALL = sorted(PLATFORMS)


def run(*arguments: str | Path) -> Result:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(webhook_config)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def printed(files: Path, platform: str, *more: str | Path, server: str = "https://10.0.0.7:8443") -> str:
    proof = more or ("--token-file", files / "token")
    result = run("--server", server, "--ca-file", files / "ca.crt", "--platform", platform, *proof)
    assert result.exit_code == 0, result.output
    return result.output


def documents(text: str) -> list[Any]:
    return [each for each in yaml.safe_load_all(text) if each is not None]


def arguments(document: dict[str, Any]) -> dict[str, str]:
    """The flags in what is printed for a platform."""
    if "kube-apiserver-arg+" in document:
        listed = document["kube-apiserver-arg+"]
    else:
        listed = document["spec"]["containers"][0]["command"]
    return dict(each.removeprefix("--").split("=", 1) for each in listed)


@pytest.mark.parametrize("platform", ALL)
def test_everything_printed_is_yaml_and_starts_with_the_kubeconfig(files: Path, platform: str) -> None:
    config = documents(printed(files, platform))[0]

    assert config["kind"] == "Config"
    cluster = config["clusters"][0]["cluster"]
    assert cluster["server"] == "https://10.0.0.7:8443/ingest/v1/audit-webhook/kube-apiserver"
    assert base64.b64decode(cluster["certificate-authority-data"]) == (files / "ca.crt").read_bytes()
    assert config["users"][0]["user"] == {"token": TOKEN}
    assert config["current-context"] == config["contexts"][0]["name"]
    assert config["contexts"][0]["context"] == {"cluster": "k10-auditwatch", "user": "kube-apiserver"}


def test_a_client_certificate_goes_into_the_kubeconfig_whole(files: Path) -> None:
    pair = ("--client-cert", files / "client.crt", "--client-key", files / "client.key")
    config = documents(printed(files, "kubeadm", *pair, "--tls-server-name", "k10-auditwatch"))[0]

    user = config["users"][0]["user"]
    assert base64.b64decode(user["client-certificate-data"]) == (files / "client.crt").read_bytes()
    assert base64.b64decode(user["client-key-data"]) == (files / "client.key").read_bytes()
    assert config["clusters"][0]["cluster"]["tls-server-name"] == "k10-auditwatch"


@pytest.mark.parametrize("platform", ["kubeadm", "k3s", "rke2"])
def test_the_flags_are_those_of_the_api_server_each_under_its_reason(files: Path, platform: str) -> None:
    text = printed(files, platform)
    wanted = flags(PLATFORMS[platform].config_path)

    assert arguments(documents(text)[1]) == {flag.name: flag.value for flag in wanted}
    lines = text.splitlines()
    for flag in wanted:
        (at,) = [index for index, line in enumerate(lines) if line.strip(" -").startswith(f"{flag.name}=")]
        assert lines[at - 1].strip().startswith("#"), flag.name


def test_the_manifest_mounts_the_directory_of_the_kubeconfig(files: Path) -> None:
    (_, manifest, kept) = documents(printed(files, "kubeadm"))

    directory = PLATFORMS["kubeadm"].directory
    (mount,) = manifest["spec"]["containers"][0]["volumeMounts"]
    (volume,) = manifest["spec"]["volumes"]
    assert (mount["name"], mount["mountPath"], mount["readOnly"]) == (volume["name"], directory, True)
    assert volume["hostPath"]["path"] == directory
    assert {each["name"] for each in kept["apiServer"]["extraArgs"]} == {flag.name for flag in flags("")}


def test_kind_gets_a_patch_for_each_version_of_kubeadm(files: Path) -> None:
    kind = documents(printed(files, "kind"))[1]

    old, new = (yaml.safe_load(patch) for patch in kind["kubeadmConfigPatches"])
    assert old["apiServer"]["extraArgs"] == {each["name"]: each["value"] for each in new["apiServer"]["extraArgs"]}
    assert old["apiServer"]["extraArgs"]["audit-webhook-config-file"].startswith(
        kind["nodes"][0]["extraMounts"][0]["containerPath"]
    )


def test_every_platform_there_are_words_for_can_be_asked_for() -> None:
    assert sorted(PlatformName) == ALL


def test_rke2_mounts_what_its_static_pod_reads(files: Path) -> None:
    document = documents(printed(files, "rke2"))[1]

    assert document["kube-apiserver-extra-mount+"] == ["/etc/rancher/rke2/auditwatch:/etc/rancher/rke2/auditwatch:ro"]


@pytest.mark.parametrize("platform", ALL)
def test_it_says_how_to_see_that_it_works_and_that_a_policy_is_needed(files: Path, platform: str) -> None:
    text = printed(files, platform)

    assert 'apiserver_audit_error_total{plugin="webhook"}' in text
    assert "audit policy" in text.lower()
    assert "0600" in text
    assert max(map(len, text.splitlines()[:4])) < 120


def test_the_values_hide_nothing_and_fit_what_is_taken() -> None:
    values = {flag.name.removeprefix("audit-webhook-"): flag.value for flag in flags("/x")}

    assert values["mode"] == "batch"
    assert values["truncate-enabled"] == "true"
    # What API servers accept of a request, heads and one body, written in the longest way JSON has for it.
    assert int(values["truncate-max-event-size"]) > 6 * (1 << 20) + 6 * 3 * (1 << 20)
    assert int(values["truncate-max-batch-size"]) >= int(values["truncate-max-event-size"])
    assert int(values["truncate-max-batch-size"]) < Limits().flight_bytes


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("https://aw.example:8443/", "https://aw.example:8443/ingest/v1/audit-webhook/kube-apiserver"),
        ("https://[fd00::1]:8443", "https://[fd00::1]:8443/ingest/v1/audit-webhook/kube-apiserver"),
        ("https://aw.example:443", "https://aw.example:443/ingest/v1/audit-webhook/kube-apiserver"),
        ("https://AW.example:1", "https://aw.example:1/ingest/v1/audit-webhook/kube-apiserver"),
    ],
)
def test_addresses_of_every_kind(files: Path, server: str, url: str) -> None:
    config = documents(printed(files, "k3s", server=server))[0]

    assert config["clusters"][0]["cluster"]["server"] == url


@pytest.mark.parametrize(
    "server",
    [
        "http://a:1",
        "a:8443",
        "https://",
        "https://a/path",
        "https://a?x=1",
        "https://a:99999",
        "https://u:p@a",
        "https://[x",
        "https://a b:1",
        "https://a_b:1",
        "https://10.0.0.256:1",
        "https://10.0.0.1",
        "https://[fd00::1]",
        "https://aw.example",
    ],
)
def test_an_address_that_cannot_be_posted_to_is_refused(files: Path, server: str) -> None:
    result = run(
        "--server", server, "--ca-file", files / "ca.crt", "--platform", "k3s", "--token-file", files / "token"
    )

    assert result.exit_code == 2
    assert result.output.startswith("error: --server")


def test_an_address_without_a_port_is_told_the_two_that_may_be_meant(files: Path) -> None:
    for server, host in (("https://10.0.0.1", "10.0.0.1"), ("https://[fd00::1]/", "[fd00::1]")):
        result = run(
            "--server", server, "--ca-file", files / "ca.crt", "--platform", "k3s", "--token-file", files / "token"
        )
        said = f"error: --server {server}: names no port; write https://{host}:8443, or :443 where that is meant"
        assert result.stderr.strip() == said


@pytest.mark.parametrize("host", ["aw.ns.svc", "aw.ns.svc.cluster.local", "x.cluster.local"])
def test_a_name_that_only_pods_resolve_is_warned_of_and_all_is_printed(files: Path, host: str) -> None:
    arguments = ("--ca-file", files / "ca.crt", "--platform", "k3s", "--token-file", files / "token")
    result = run("--server", f"https://{host}:8443", *arguments)
    assert (result.exit_code, documents(result.stdout)[0]["kind"]) == (0, "Config")
    assert result.stderr.startswith(f"warning: --server https://{host}:8443: API servers resolve no cluster names")
    assert run("--server", "https://svc.example:8443", *arguments).stderr == ""


def test_names_that_are_no_names_are_refused(files: Path) -> None:
    for more in (
        ("--instance", "A b"),
        ("--source", "x/y"),
        ("--source", "x y"),
        ("--instance", "*"),
        ("--source", ""),
    ):
        result = run(
            *("--server", "https://a:1", "--ca-file", files / "ca.crt", "--platform", "k3s"),
            *("--token-file", files / "token", *more),
        )
        assert result.exit_code == 2, more
        assert "installer's configuration" in result.output


@pytest.mark.parametrize("name", ["a b", "A.example", "a_b", "-a", "10.0.0.256", "https://a"])
def test_a_name_that_no_certificate_has_is_refused(files: Path, name: str) -> None:
    result = run(
        *("--server", "https://a:1", "--ca-file", files / "ca.crt", "--platform", "k3s"),
        *("--token-file", files / "token", "--tls-server-name", name),
    )
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: --tls-server-name: {name!r} is no name")


@pytest.mark.parametrize(
    ("proof", "words"),
    [
        ([], "give --client-cert and --client-key together, or --token-file"),
        (["--client-cert", "client.crt"], "together"),
        (["--client-cert", "client.crt", "--client-key", "client.key", "--token-file", "token"], "one way"),
        (["--token-file", "absent"], "absent: cannot be read: No such file"),
        (["--token-file", "empty"], "must hold one token"),
        (["--client-cert", "client.crt", "--client-key", "other.key"], "is not the key of"),
        (["--client-cert", "token", "--client-key", "client.key"], "not unencrypted PEM"),
    ],
)
def test_what_proves_nothing_is_refused(files: Path, proof: list[str], words: str) -> None:
    (files / "empty").write_text("\n", encoding="ascii")
    (files / "other.key").write_bytes(private_pem(new_key()))
    named = [each if each.startswith("--") else files / each for each in proof]

    result = run("--server", "https://a:1", "--ca-file", files / "ca.crt", "--platform", "rke2", *named)

    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output


def test_a_ca_file_without_certificates_is_refused(files: Path) -> None:
    result = run(
        *("--server", "https://a:1", "--ca-file", files / "token", "--platform", "kind"),
        *("--token-file", files / "token"),
    )

    assert (result.exit_code, "holds no certificate" in result.output) == (2, True)


def test_a_key_beside_the_ca_is_not_given_away(files: Path) -> None:
    bundle = files / "ca.crt"
    bundle.write_bytes(bundle.read_bytes() + (files / "client.key").read_bytes())

    config = documents(printed(files, "kubeadm"))[0]

    assert b"PRIVATE" not in base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"])


DOCUMENTED = [
    *(ROOT / "docs").rglob("*.md"),
    ROOT / "charts" / "k10-auditwatch" / "templates" / "NOTES.txt",
]


def test_the_server_name_that_is_written_down_is_in_every_certificate_we_make() -> None:
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTED]
    named = [name for text in texts for name in re.findall(r"--tls-server-name (\S+)", text)]

    assert len(named) >= 3
    assert {name.strip("`:") for name in named} == {SERVER_NAME}
    assert SERVER_NAME in own_hosts("anywhere")
