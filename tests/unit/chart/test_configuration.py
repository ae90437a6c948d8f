"""The installer's configuration out of values: the operator takes it, and it says what the values said."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditwatch.runtime.defaultwatch import MARK, manifest
from auditwatch.runtime.settings import DefaultWatchSection, Settings, parse_settings
from auditwatch.runtime.webhooksection import WebhookSection
from auditwatch.sources.webhook.plan import SERVER_NAME, own_hosts
from tests.unit.chart.rendering import CASES, NAMESPACE, Object, objects, the

SERVED = "k10auditwatch.io/v1alpha1/AuditWatch"

WEBHOOK = """
webhook:
  enabled: true
  clusterIP: 10.96.0.77
  tokensSecretName: tokens
  clientCA: {secretName: senders, key: authority.pem}
  maxBytesInFlight: 268435456
  instances:
  - {name: cp-1, tokenKey: cp-1.token}
  - {name: cp-2, clientCertificateName: kube-apiserver-cp-2}
  - {name: cp-3, serviceAccount: a/b}
"""


def settings(values: str) -> Settings:
    [configuration] = [each for each in objects(values, "ConfigMap") if "auditwatch.yaml" in each["data"]]
    return parse_settings(configuration["data"]["auditwatch.yaml"], origin="chart")


def webhook(values: str = WEBHOOK) -> WebhookSection:
    [found] = [each for each in settings(values).sources if isinstance(each, WebhookSection)]
    return found


def mounts(values: str = WEBHOOK) -> dict[str, Path]:
    [container] = the(values, "Deployment")["spec"]["template"]["spec"]["containers"]
    return {each["name"]: Path(each["mountPath"]) for each in container["volumeMounts"]}


def volume(name: str, values: str = WEBHOOK) -> Object:
    volumes = the(values, "Deployment")["spec"]["template"]["spec"]["volumes"]
    return next(each for each in volumes if each["name"] == name)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_the_operator_takes_the_configuration_of_every_case(case: Path) -> None:
    values = case.read_text()

    assert settings(values).journal.path.parent == mounts_of(values)["journal"]


def mounts_of(values: str) -> dict[str, Path]:
    [deployment] = objects(values, "Deployment")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    return {each["name"]: Path(each["mountPath"]) for each in container["volumeMounts"]}


def test_by_default_it_says_what_an_empty_file_says_but_for_the_journal_that_outlives_the_pod_and_a_watch() -> None:
    given = settings("")

    assert given.journal.durable
    assert given.default_watch is not None, "an empty file makes none"
    assert given.model_copy(update={"journal": Settings().journal, "default_watch": None}) == Settings()
    assert given.journal.model_copy(update={"durable": False}) == Settings().journal


def test_a_journal_that_ends_with_the_pod_is_not_called_durable() -> None:
    assert not settings("persistence: {enabled: false}").journal.durable
    assert settings("persistence: {existingClaim: mine}").journal.durable


def test_k10_is_found_unless_its_place_is_to_be_believed() -> None:
    found = "k10s: [{namespace: backup, multicluster: true}]"
    believed = "k10Discovery: false\nk10s: [{namespace: backup, multicluster: true, serviceAccount: b-k10}]"

    assert settings(found).k10s == ()
    assert [(each.namespace, each.service_account) for each in settings(believed).k10s] == [("backup", "b-k10")]


def test_what_is_said_of_the_cluster_and_of_trust_arrives() -> None:
    given = settings(
        "clusterName: production\ntrustedProxies: [10.0.0.0/8]\ntenancy: {namespaces: [team-*]}\n"
        "runbooks: {url: 'https://r.example.com/{name}'}\nlease: {name: other, durationSeconds: 30}\n"
        "journal: {limitBytes: 5368709120, retentionDays: 14}\nsources: {state: {pollSeconds: 30}}"
    )

    assert given.cluster_name == "production"
    assert given.trusted_proxies == ("10.0.0.0/8",)
    assert given.tenancy.namespaces == ("team-*",)
    assert given.runbooks.url == "https://r.example.com/{name}"
    assert (given.lease.name, given.lease.duration_seconds) == ("other", 30)
    assert (given.journal.limit_bytes, given.journal.retention_days) == (5 * 1024**3, 14)
    assert given.state.poll_seconds == 30


def test_each_sender_is_known_by_what_the_values_say_and_its_files_are_mounted() -> None:
    token, certificate, account = webhook().instances

    assert token.token_file == mounts()["tokens"] / "cp-1.token"
    assert certificate.client_certificate_name == "kube-apiserver-cp-2"
    assert account.service_account == "a/b"
    assert webhook().tls.client_ca_file == mounts()["senders"] / "ca.crt"
    assert volume("senders")["secret"] == {
        "secretName": "senders",
        "items": [{"key": "authority.pem", "path": "ca.crt"}],
    }
    assert webhook().max_bytes_in_flight == 256 * 1024**2


def test_a_self_made_certificate_is_for_the_service_by_name_and_address_and_its_ca_is_published() -> None:
    tls = webhook().tls

    assert {SERVER_NAME, "k10-auditwatch-webhook.k10-auditwatch.svc", "10.96.0.77"} <= set(tls.hosts)
    assert "k10-auditwatch-webhook.k10-auditwatch.svc" in own_hosts("k10-auditwatch")
    assert tls.ca_config_maps == ("k10-auditwatch/k10-auditwatch-webhook-ca",)
    assert "serving" not in mounts()


def test_a_certificate_of_cert_manager_is_for_the_same_names_and_mounted_where_the_operator_reads_it() -> None:
    values = (
        f"{WEBHOOK}  tls: {{mode: certManager, hosts: [a.example.com], certManager: {{issuerRef: {{name: company}}}}}}"
    )
    [certificate] = objects(values, "Certificate")

    assert certificate["spec"]["secretName"] == volume("serving", values)["secret"]["secretName"]
    names = set(certificate["spec"]["dnsNames"])
    assert {SERVER_NAME, "a.example.com", "k10-auditwatch-webhook.k10-auditwatch.svc"} <= names
    assert certificate["spec"]["ipAddresses"] == ["10.96.0.77"]
    assert certificate["spec"]["issuerRef"]["kind"] == "Issuer"
    assert webhook(values).tls.cert_file == mounts(values)["serving"] / "tls.crt"
    assert webhook(values).tls.key_file == mounts(values)["serving"] / "tls.key"


def test_the_listener_has_a_service_of_its_own_at_the_address_given() -> None:
    service = the(WEBHOOK, "Service", "k10-auditwatch-webhook")["spec"]

    assert service["clusterIP"] == "10.96.0.77"
    assert service["ports"] == [{"name": "https", "port": 8443, "targetPort": "webhook"}]
    assert service["selector"] == the(WEBHOOK, "Deployment")["spec"]["selector"]["matchLabels"]
    assert [each["metadata"]["name"] for each in objects("", "Service")] == ["k10-auditwatch"]


def wanted_of_the_operator(values: str) -> DefaultWatchSection:
    wanted = settings(values).default_watch
    assert wanted is not None
    return wanted


@pytest.mark.parametrize("values", ["", "auditWatch: {name: other, spec: {timeZone: UTC}}\ncommonLabels: {team: a}"])
def test_what_the_operator_makes_is_what_the_next_upgrade_takes_over(values: str) -> None:
    """All but the labels that say a version, which come with that upgrade, and the mark, which goes with it."""
    [taken_over] = objects(values, "AuditWatch", apis=(SERVED,))
    labels = taken_over["metadata"]["labels"]
    versions = {name: labels.pop(name) for name in ("helm.sh/chart", "app.kubernetes.io/version")}

    wanted = wanted_of_the_operator(values)
    made = manifest(wanted, namespace=NAMESPACE)
    assert made["metadata"]["annotations"].pop(MARK)
    assert made == taken_over
    assert not versions.items() & made["metadata"]["labels"].items()
    assert taken_over["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert wanted.field_manager == "helm"


def test_where_the_kind_is_not_served_yet_nothing_of_it_is_rendered_and_nothing_is_a_hook() -> None:
    assert objects("", "AuditWatch") == objects("", "AuditWatch", apis=("k10auditwatch.io/v1alpha1",)) == []
    hooks = [
        each["metadata"]["name"] for each in objects("") if "helm.sh/hook" in each["metadata"].get("annotations", {})
    ]
    assert hooks == ["k10-auditwatch-test"]


def test_a_watch_that_nobody_wants_is_neither_rendered_nor_made() -> None:
    assert objects("auditWatch: {create: false}", "AuditWatch", apis=(SERVED,)) == []
    assert settings("auditWatch: {create: false}").default_watch is None


def test_the_operator_is_started_anew_for_another_watch_as_only_a_start_applies_it() -> None:
    def checksum(values: str) -> str:
        template = the(values, "Deployment")["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/configuration"])

    others = ("{create: false}", "{name: other}", "{spec: {paused: true}}")
    assert len({checksum(""), *(checksum(f"auditWatch: {each}") for each in others)}) == 4
    assert checksum("lease: {durationSeconds: 30}") != checksum("")


def test_definitions_are_those_of_the_repository_and_stay_when_the_release_goes() -> None:
    definitions = objects("", "CustomResourceDefinition")
    dropped = objects("crds: {keep: false}", "CustomResourceDefinition")

    assert {each["metadata"]["annotations"]["helm.sh/resource-policy"] for each in definitions} == {"keep"}
    assert len(dropped) == 2
    assert not any("annotations" in each["metadata"] for each in dropped)
    assert objects("crds: {enabled: false}", "CustomResourceDefinition") == []
