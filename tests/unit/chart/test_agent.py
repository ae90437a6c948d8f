"""The agent: root, because the log is root's; and nothing else that a privileged namespace would allow."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from auditwatch.runtime.agentsettings import AgentSettings, load_agent_settings
from auditwatch.runtime.settings import Settings, parse_settings
from auditwatch.runtime.webhooksection import WebhookSection
from tests.unit.chart.rendering import Object, objects, the

AGENT = "agent: {enabled: true}"
NAME = "k10-auditwatch-agent"


def pod(values: str = AGENT) -> Object:
    return dict(the(values, "DaemonSet", NAME)["spec"]["template"]["spec"])


def volume(name: str, values: str = AGENT) -> Object:
    return next(each for each in pod(values)["volumes"] if each["name"] == name)


def mount(name: str, values: str = AGENT) -> Object:
    return next(each for each in pod(values)["containers"][0]["volumeMounts"] if each["name"] == name)


def settings(tmp_path: Path, values: str = AGENT) -> AgentSettings:
    path = tmp_path / "agent.yaml"
    path.write_text(the(values, "ConfigMap", NAME)["data"]["agent.yaml"])
    return load_agent_settings(path, {"instance": "cp-1"})


def operator(values: str = AGENT) -> Settings:
    return parse_settings(the(values, "ConfigMap")["data"]["auditwatch.yaml"], origin="chart")


def test_nothing_of_it_is_rendered_unless_asked_for() -> None:
    assert objects("", "DaemonSet", "Namespace") == []


def test_it_lives_in_a_namespace_of_its_own_that_says_what_it_allows() -> None:
    [namespace] = objects(AGENT, "Namespace")

    assert namespace["metadata"]["name"] == NAME
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    assert the(AGENT, "DaemonSet", NAME)["metadata"]["namespace"] == NAME
    assert objects("agent: {enabled: true, createNamespace: false}", "Namespace") == []


def test_it_is_root_without_a_single_capability() -> None:
    [container] = pod()["containers"]

    assert pod()["securityContext"]["runAsUser"] == 0
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod().keys()


def test_a_log_that_root_does_not_own_takes_one_capability_more() -> None:
    values = "agent: {enabled: true, capabilities: [DAC_READ_SEARCH]}"

    assert pod(values)["containers"][0]["securityContext"]["capabilities"] == {
        "drop": ["ALL"],
        "add": ["DAC_READ_SEARCH"],
    }


def test_of_the_node_it_reads_the_logs_directory_and_writes_its_position() -> None:
    values = "agent: {enabled: true, auditLog: {path: /var/log/kube/audit.log}}"
    hosts = [each["hostPath"] for each in pod(values)["volumes"] if "hostPath" in each]

    assert hosts == [
        {"path": "/var/log/kube", "type": "Directory"},
        {"path": "/var/lib/k10-auditwatch-agent", "type": "DirectoryOrCreate"},
    ]
    assert mount("audit-log", values) == {"name": "audit-log", "mountPath": "/var/log/kube", "readOnly": True}


def test_its_only_token_is_for_the_operator_and_for_an_hour() -> None:
    assert pod()["automountServiceAccountToken"] is False
    assert the(AGENT, "ServiceAccount", NAME)["automountServiceAccountToken"] is False
    assert volume("token")["projected"]["sources"] == [
        {"serviceAccountToken": {"audience": "k10-auditwatch", "expirationSeconds": 3600, "path": "token"}}
    ]


def test_nothing_is_granted_to_its_account() -> None:
    bindings = objects(AGENT, "RoleBinding", "ClusterRoleBinding")

    assert all(subject["name"] == "k10-auditwatch" for each in bindings for subject in each["subjects"])


def test_its_configuration_is_one_it_takes_and_names_files_that_are_mounted(tmp_path: Path) -> None:
    given = settings(tmp_path)

    assert given.url == "https://k10-auditwatch-webhook.k10-auditwatch.svc:8443"
    assert given.token_file == Path(mount("token")["mountPath"]) / "token"
    assert given.tls.server_ca_file == Path(mount("ca")["mountPath"]) / "ca.crt"
    assert given.state_file.parent == Path(mount("position")["mountPath"])
    assert given.path.parent == Path(mount("audit-log")["mountPath"])


def test_it_is_told_the_nodes_name_as_its_instance() -> None:
    environment = pod()["containers"][0]["env"]

    assert {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}} in environment


def test_the_operator_listens_for_it_and_for_nobody_else_and_knows_it_by_its_account(tmp_path: Path) -> None:
    [webhook] = [each for each in operator().sources if isinstance(each, WebhookSection)]
    account = the(AGENT, "ServiceAccount", NAME)["metadata"]

    assert webhook.name == settings(tmp_path).source
    assert [(each.name, each.service_account) for each in webhook.instances] == [
        ("*", f"{account['namespace']}/{account['name']}")
    ]


def test_the_operators_certificate_is_for_the_name_it_posts_to(tmp_path: Path) -> None:
    [webhook] = [each for each in operator().sources if isinstance(each, WebhookSection)]

    assert settings(tmp_path).url.removeprefix("https://").removesuffix(":8443") in webhook.tls.hosts


def test_the_ca_it_mounts_is_the_one_the_operator_publishes_there() -> None:
    [webhook] = [each for each in operator().sources if isinstance(each, WebhookSection)]

    assert f"{NAME}/{volume('ca')['configMap']['name']}" in webhook.tls.ca_config_maps


@pytest.mark.parametrize(
    "given",
    [
        "serverCA: {configMapName: company}",
        "serverCA: {pem: '-----BEGIN CERTIFICATE-----\\nMII\\n-----END CERTIFICATE-----'}",
    ],
)
def test_the_ca_of_a_certificate_somebody_else_made_is_mounted_from_where_it_is_given(given: str) -> None:
    values = f"agent: {{enabled: true, {given}}}\nwebhook: {{tls: {{mode: existingSecret, secretName: serving}}}}"
    mounted = volume("ca", values)["configMap"]["name"]
    made = [each["metadata"]["name"] for each in objects(values, "ConfigMap") if "ca.crt" in each["data"]]

    assert mounted == "company" or made == [mounted]
    assert "caConfigMaps" not in yaml.safe_dump(operator(values).model_dump(mode="json"))


def test_it_runs_where_control_planes_are_whatever_their_taints() -> None:
    assert pod()["nodeSelector"] == {"node-role.kubernetes.io/control-plane": ""}
    assert {each["key"] for each in pod()["tolerations"]} == {
        "node-role.kubernetes.io/control-plane",
        "node-role.kubernetes.io/etcd",
    }
