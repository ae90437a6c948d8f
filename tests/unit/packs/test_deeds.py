"""The baseline pack as a whole, on single requests: what a person may do is told by these rules and by no others.

The requests are as a log of level Metadata has them. Whoever does the same as a part of K10 or of Kubernetes is silent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pytest

from auditwatch.api.ruletests import RuleTest
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.detector import Detector
from auditwatch.detection.showing import shown_rows
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.view import InstalledK10
from auditwatch.scan.rules import Asked, rules_of

ID: Final = "authentication.kubernetes.io/credential-id"
POD: Final = "authentication.kubernetes.io/pod-uid"
EVE: Final = {"username": "eve", "groups": ["developers", "system:authenticated"]}
K10: Final = {"username": K10Instance().account, "extra": {ID: ["JTI=1"], POD: ["5f0c"]}}
KIO: Final = "kio.kasten.io"

DEEDS: Final = f"""
get|list|watch passkeys.vault.{KIO} = passkey-read
create passkeys.vault.{KIO} = passkey-created
update|patch passkeys.vault.{KIO} = passkey-changed
delete|deletecollection passkeys.vault.{KIO} = passkey-deleted
get|list|watch kasten-io/secrets:k10-dr-secret = k10-key-secret-read
get|list|watch kasten-io/secrets:k10-cluster-passphrase = k10-key-secret-read
get|list|watch kasten-io-mc/secrets:k10-encryption-primary-key = k10-key-secret-read
update|patch|delete kasten-io/secrets:k10-dr-secret = k10-key-secret-changed
update|patch|delete kasten-io/secrets:k10-cluster-passphrase = k10-key-secret-changed
update|patch|delete kasten-io/secrets:k10-encryption-primary-key = k10-key-secret-changed
create kasten-io/secrets:k10-dr-secret =
get|list|watch kasten-io/secrets:k10-license = k10-secret-read
list|watch kasten-io/secrets = k10-secrets-listed
list|watch secrets = secrets-listed-everywhere
get|list|watch|create|delete shop/secrets:k10-dr-secret =
create|update|patch|delete kasten-io/secrets:other = k10-secret-changed
deletecollection kasten-io/secrets = k10-secret-changed
get|list|watch kasten-io/configmaps:k10-config =
create retireactions.actions.{KIO} = retire-action-by-hand
create shop/cancelactions.actions.{KIO} = action-cancelled
create shop/restoreactions.actions.{KIO} = restore-started
create kasten-io/batchrestoreactions.actions.{KIO} = batch-restore-started
create restoreclusteractions.actions.{KIO} = cluster-resources-restored
create kasten-io/importactions.actions.{KIO} = import-by-hand
create shop/exportactions.actions.{KIO} = export-started
create shop/backupactions.actions.{KIO} =
create kasten-io/runactions.actions.{KIO} =
get|list|watch shop/exportactions.actions.{KIO} = export-token-read
get shop/exportactions/details.actions.{KIO}:x = export-token-read
get|list|delete shop/backupactions.actions.{KIO}:x =
create shop/restorepoints.apps.{KIO} = restore-point-made-by-hand
delete shop/restorepoints.apps.{KIO}:x = restore-point-deleted restore-point-deleted-by-hand
deletecollection shop/restorepoints.apps.{KIO} = restore-point-deleted restore-point-deleted-by-hand
delete|deletecollection restorepointcontents.apps.{KIO} = restore-point-content-deleted
delete|deletecollection clusterrestorepoints.apps.{KIO} = cluster-restore-point-deleted
get|list shop/restorepoints.apps.{KIO} = restore-data-read
get|list restorepointcontents.apps.{KIO} = restore-data-read
get|list clusterrestorepoints.apps.{KIO} = restore-data-read
get shop/restorepoints/details.apps.{KIO}:x = restore-data-read
get restorepointcontents/details.apps.{KIO}:x = restore-data-read
get clusterrestorepoints/details.apps.{KIO}:x = restore-data-read
get|list|watch shop/applications.apps.{KIO} =
create kasten-io/kastendrreviews.dr.{KIO} = disaster-recovery-reviewed
create kasten-io/kastendrrestores.dr.{KIO} = disaster-recovery-started
get|list|delete kasten-io/kastendrreviews.dr.{KIO}:x =
create shop/filerecoverysessions.datamover.{KIO} = file-recovery-started
create|update|patch kasten-io/actionsets.cr.kanister.io = actionset-created
get|list|watch|delete kasten-io/actionsets.cr.kanister.io:x =
create|update|patch|delete kasten-io-mc/distributions.dist.{KIO}:x = multi-cluster-changed
create|update|patch|delete kasten-io-mc/bootstraps.dist.{KIO}:x = multi-cluster-changed
create|update|patch|delete kasten-io-mc/clusters.dist.{KIO}:x = multi-cluster-changed
deletecollection kasten-io-mc/clusters.dist.{KIO} = multi-cluster-changed
get|list|watch kasten-io-mc/clusters.dist.{KIO} =
delete|deletecollection volumesnapshotcontents.snapshot.storage.k8s.io = snapshot-data-deleted
get|create|patch volumesnapshotcontents.snapshot.storage.k8s.io:x =
get|create kasten-io/pods/exec:x = k10-pod-entered
get|create kasten-io/pods/attach:x = k10-pod-entered
get|create shop/pods/exec:x =
update|patch kasten-io/pods/ephemeralcontainers:x = k10-pod-debugged
get kasten-io/pods/ephemeralcontainers:x =
get|create kasten-io/pods/portforward:x = k10-pod-connected
get|create|update|patch|delete kasten-io/pods/proxy:x = k10-pod-connected
get|create|update|patch|delete kasten-io/services/proxy:x = k10-pod-connected
get|create shop/services/proxy:x =
create kasten-io/pods = k10-foreign-pod-created
create kasten-io/jobs.batch = k10-foreign-pod-created
create kasten-io/cronjobs.batch = k10-foreign-pod-created
create kasten-io/daemonsets.apps = k10-foreign-pod-created
create kasten-io/replicasets.apps = k10-foreign-pod-created
create kasten-io/deployments.apps:x = k10-foreign-workload-created
create kasten-io/deployments.apps:catalog-svc = k10-foreign-workload-created
create kasten-io/statefulsets.apps:x = k10-foreign-workload-created
create kasten-io/replicationcontrollers:x = k10-foreign-workload-created
create shop/statefulsets.apps:x =
update kasten-io/deployments.apps:catalog-svc = k10-workload-unseen
update kasten-io/statefulsets/scale.apps:x = k10-workload-unseen
patch kasten-io/deployments.apps:catalog-svc =
update|patch kasten-io/deployments/status.apps:catalog-svc =
update|patch shop/deployments.apps:x =
update|patch clusterrolebindings.rbac.authorization.k8s.io:kasten-io-k10-k10-admin = k10-rights-half-seen
update|patch clusterrolebindings.rbac.authorization.k8s.io:other =
get|list|watch|update|patch|delete kasten-io/pods:x =
create shop/pods =
get|list|watch kasten-io/pods/log:x =
delete kasten-io/networkpolicies.networking.k8s.io:x = k10-network-guard-removed
deletecollection kasten-io/networkpolicies.networking.k8s.io = k10-network-guard-removed
create|update|patch kasten-io/networkpolicies.networking.k8s.io:x =
delete shop/networkpolicies.networking.k8s.io:x =
delete|deletecollection kasten-io/events = k10-events-deleted
delete|deletecollection kasten-io/events.events.k8s.io = k10-events-deleted
delete|deletecollection shop/events =
create|patch kasten-io/events:x =
update|patch|delete|deletecollection kasten-io/k10s.apik10.kasten.io = k10-release-changed
get|list|create kasten-io/k10s.apik10.kasten.io =
create kasten-io/serviceaccounts/token:k10-k10 = k10-token-minted
create kasten-io/serviceaccounts/token:vbr-admin =
create shop/serviceaccounts/token:k10-k10 =
get|list|create|update|patch kasten-io/serviceaccounts:k10-k10 =
delete kasten-io/serviceaccounts:k10-k10 = k10-account-deleted
deletecollection kasten-io/serviceaccounts = k10-account-deleted
delete kasten-io/serviceaccounts:other =
delete|deletecollection shop/serviceaccounts:k10-k10 =
delete clusterrolebindings.rbac.authorization.k8s.io:kasten-io-k10-k10-cluster-admin = k10-rights-taken
delete clusterroles.rbac.authorization.k8s.io:k10-basic = k10-rights-taken
delete clusterrolebindings.rbac.authorization.k8s.io:other =
create|delete kasten-io/rolebindings.rbac.authorization.k8s.io:x =
delete shop/volumesnapshots.snapshot.storage.k8s.io:k10-csi-snap-x = k10-snapshot-deleted
deletecollection shop/volumesnapshots.snapshot.storage.k8s.io = k10-snapshot-deleted
get|create|patch|delete shop/volumesnapshots.snapshot.storage.k8s.io:x =
create kasten-io/volumesnapshots.snapshot.storage.k8s.io:x = k10-volume-copied
delete kasten-io/persistentvolumeclaims:x = k10-claim-deleted
get|create|update|patch kasten-io/persistentvolumeclaims:x =
delete shop/persistentvolumeclaims:x =
delete kasten-io/services:catalog-svc = k10-service-deleted
deletecollection kasten-io/services = k10-service-deleted
get|create|update|patch kasten-io/services:catalog-svc =
delete kasten-io/services:x =
create|update|patch kasten-io/endpointslices.discovery.k8s.io:x = k10-endpoints-planted
create|update|patch kasten-io/endpoints:x = k10-endpoints-planted
get|list|watch|delete kasten-io/endpointslices.discovery.k8s.io:x =
create|update|patch shop/endpointslices.discovery.k8s.io:x =
get|create|delete nodes/proxy:worker-1 =
create|update|patch validatingwebhookconfigurations.admissionregistration.k8s.io:x =
update|patch customresourcedefinitions.apiextensions.k8s.io:policies.config.{KIO} =
create selfsubjectrulesreviews.authorization.k8s.io = rights-explored
create selfsubjectaccessreviews.authorization.k8s.io =
update|patch kasten-io/policies.config.{KIO}:daily = k10-change-unseen
update|patch kasten-io/policypresets.config.{KIO}:gold = k10-change-unseen
update|patch kasten-io/profiles.config.{KIO}:offsite = k10-change-unseen
update|patch kasten-io/auditconfigs.config.{KIO}:x = k10-change-unseen
update|patch kasten-io/transformsets.config.{KIO}:x = k10-change-unseen
update|patch kasten-io/blueprintbindings.config.{KIO}:x = k10-change-unseen
update|patch kasten-io/blueprints.cr.kanister.io:x = k10-change-unseen
update|patch kasten-io/policies/status.config.{KIO}:daily =
get|list|watch|create kasten-io/policies.config.{KIO}:daily =
delete|deletecollection kasten-io/policies.config.{KIO}:daily = policy-deleted
delete|deletecollection kasten-io/policypresets.config.{KIO}:gold = preset-deleted
delete|deletecollection kasten-io/profiles.config.{KIO}:offsite = profile-deleted
create kasten-io/profiles.config.{KIO}:mine = profile-created
delete|deletecollection kasten-io/auditconfigs.config.{KIO}:x = audit-shipping-removed
delete|deletecollection kasten-io/blueprintbindings.config.{KIO}:x = blueprint-binding-deleted
delete|deletecollection kasten-io/blueprints.cr.kanister.io:x = blueprint-deleted
delete kasten-io/configmaps:k10-config = k10-settings-deleted
delete shop/configmaps:k10-config =
update|patch restorepointcontents.apps.{KIO}:x = restore-data-written-unseen
update|patch clusterrestorepoints.apps.{KIO}:x = restore-data-written-unseen
update|patch kasten-io/storagerepositories.repositories.{KIO}:x = restore-data-written-unseen
update|patch kasten-io/cronjobs.batch:x =
delete kasten-io/policies.config.{KIO}:k10-disaster-recovery-policy = disaster-recovery-off
delete kasten-io/deployments.apps:catalog-svc = k10-workload-deleted
delete kasten-io/persistentvolumeclaims:catalog-pv-claim = k10-volume-deleted
deletecollection kasten-io/persistentvolumeclaims = k10-volume-deleted
deletecollection shop/persistentvolumeclaims =
delete kasten-io/configmaps:k10-dr-remove-to-get-ownership = disaster-recovery-ownership-released
update|patch kasten-io/configmaps:k10-config =
deletecollection kasten-io/configmaps = disaster-recovery-ownership-released k10-settings-deleted
deletecollection shop/configmaps =
create kasten-io/configmaps:mc-join-config = k10-joined-a-primary
delete apiservices.apiregistration.k8s.io:v1alpha1.apps.{KIO} = k10-api-service-deleted
delete apiservices.apiregistration.k8s.io:v1beta1.metrics.k8s.io =
deletecollection apiservices.apiregistration.k8s.io = k10-api-service-deleted
delete customresourcedefinitions.apiextensions.k8s.io:policies.config.{KIO} = k10-crd-deleted
deletecollection customresourcedefinitions.apiextensions.k8s.io = k10-crd-deleted
list customresourcedefinitions.apiextensions.k8s.io =
delete validatingadmissionpolicies.admissionregistration.k8s.io:kasten.policy.permissions = admission-guard-removed
deletecollection validatingadmissionpolicies.admissionregistration.k8s.io = admission-guard-removed
deletecollection mutatingwebhookconfigurations.admissionregistration.k8s.io = admission-guard-removed
delete namespaces:kasten-io = k10-namespace-deleted
delete namespaces:shop =
delete|deletecollection k10-auditwatch/auditwatches.k10auditwatch.io = watch-silenced
update|patch k10-auditwatch/auditwatches.k10auditwatch.io:k10 =
delete|deletecollection k10-auditwatch/k10securityfindings.k10auditwatch.io = findings-deleted
patch k10-auditwatch/k10securityfindings.k10auditwatch.io:x =
update|patch k10-auditwatch/k10securityfindings/status.k10auditwatch.io:x = findings-rewritten
delete|deletecollection k10-auditwatch/deployments.apps = monitor-stopped
delete|deletecollection k10-auditwatch-agent/daemonsets.apps = monitor-stopped
delete k10-auditwatch/serviceaccounts:k10-auditwatch = monitor-stopped
delete k10-auditwatch/serviceaccounts:default =
delete k10-auditwatch/persistentvolumeclaims:k10-auditwatch = monitor-stopped
deletecollection k10-auditwatch/persistentvolumeclaims = monitor-stopped
update|patch k10-auditwatch/deployments/scale.apps:k10-auditwatch = monitor-scaled-to-zero
update|patch k10-auditwatch/deployments.apps:k10-auditwatch = monitor-code-changed
update|patch k10-auditwatch-agent/daemonsets.apps:k10-auditwatch-agent = monitor-code-changed
get|list|watch|create k10-auditwatch/deployments.apps:k10-auditwatch =
update|patch k10-auditwatch/deployments/status.apps:k10-auditwatch =
get|list|watch|create|update|patch|delete|deletecollection k10-auditwatch/pods =
create k10-auditwatch/pods/eviction:x =
get k10-auditwatch/pods/log:x =
delete namespaces:k10-auditwatch = monitor-namespace-deleted
delete namespaces:k10-auditwatch-agent = monitor-namespace-deleted
get|create k10-auditwatch/pods/exec:x = monitor-entered
get|create k10-auditwatch-agent/pods/attach:x = monitor-entered
get|create k10-auditwatch/pods/portforward:x = monitor-entered
update|patch k10-auditwatch/pods/ephemeralcontainers:x = monitor-entered
get k10-auditwatch/pods/ephemeralcontainers:x =
get|create|update|patch|delete k10-auditwatch/pods/proxy:x = monitor-entered
get|create|update|patch|delete k10-auditwatch/services/proxy:x = monitor-entered
create k10-auditwatch/serviceaccounts/token:k10-auditwatch = monitor-token-minted
create k10-auditwatch-agent/serviceaccounts/token:k10-auditwatch-agent = monitor-token-minted
get|list|watch k10-auditwatch/secrets:audit-senders = monitor-secret-read
list|watch k10-auditwatch/secrets = monitor-secret-read
get k10-auditwatch/secrets:sh.helm.release.v1.k10-auditwatch.v1 =
create|update|patch|delete k10-auditwatch/secrets:audit-senders = monitor-settings-changed
deletecollection k10-auditwatch/secrets = monitor-settings-changed
create|update k10-auditwatch/secrets:sh.helm.release.v1.k10-auditwatch.v2 =
create|update|patch|delete k10-auditwatch/configmaps:people = monitor-settings-changed
update|patch k10-auditwatch/configmaps:k10-auditwatch = monitor-settings-changed
deletecollection k10-auditwatch-agent/configmaps = monitor-settings-changed
get|list|watch k10-auditwatch/configmaps:people =
delete clusterrolebindings.rbac.authorization.k8s.io:k10-auditwatch = monitor-rights-taken
delete kasten-io/rolebindings.rbac.authorization.k8s.io:k10-auditwatch-k10-stream = monitor-rights-taken
deletecollection k10-auditwatch/rolebindings.rbac.authorization.k8s.io = monitor-rights-taken
delete clusterroles.rbac.authorization.k8s.io:k10-auditwatch-reader = monitor-rights-taken
delete clusterroles.rbac.authorization.k8s.io:k10-auditwatch-triage =
deletecollection clusterroles.rbac.authorization.k8s.io = k10-rights-taken
update|patch clusterrolebindings.rbac.authorization.k8s.io:k10-auditwatch = k10-rights-half-seen
get|create|patch|delete k10-auditwatch/services:k10-auditwatch =
get|list|watch|create|delete shop/deployments.apps:x =
list|get clusterrolebindings.rbac.authorization.k8s.io =
"""
"""`verbs [namespace/]resource[/subresource][.group][:name] = rules`."""

REFUSED: Final = f"""
get|list passkeys.vault.{KIO} = k10-request-denied
list shop/restorepoints.apps.{KIO} = k10-request-denied
patch kasten-io/blueprints.cr.kanister.io:x = k10-request-denied
delete passkeys.vault.{KIO}:x = k10-request-denied k10-destruction-refused
delete|deletecollection shop/restorepoints.apps.{KIO} = k10-request-denied k10-destruction-refused
delete|deletecollection restorepointcontents.apps.{KIO} = k10-request-denied k10-destruction-refused
delete|deletecollection clusterrestorepoints.apps.{KIO} = k10-request-denied k10-destruction-refused
delete|deletecollection kasten-io/policies.config.{KIO} = k10-request-denied k10-destruction-refused
delete|deletecollection kasten-io/policypresets.config.{KIO} = k10-request-denied k10-destruction-refused
delete|deletecollection kasten-io/profiles.config.{KIO} = k10-request-denied k10-destruction-refused
delete|deletecollection kasten-io/auditconfigs.config.{KIO} = k10-request-denied k10-destruction-refused
delete kasten-io/runactions.actions.{KIO}:x = k10-request-denied
get|list|delete kasten-io/secrets:x = k10-namespace-request-denied
get|create kasten-io/pods/exec:x = k10-namespace-request-denied
get|create kasten-io/pods/attach:x = k10-namespace-request-denied
get|create kasten-io/pods/portforward:x = k10-namespace-request-denied
patch kasten-io/pods/ephemeralcontainers:x = k10-namespace-request-denied
get kasten-io/pods/proxy:x = k10-namespace-request-denied
get kasten-io/services/proxy:x = k10-namespace-request-denied
create kasten-io/serviceaccounts/token:k10-k10 = k10-namespace-request-denied
get|list kasten-io/configmaps:x =
get shop/secrets:x =
get|list|patch k10-auditwatch/secrets:audit-senders =
get|create k10-auditwatch/pods/exec:x =
create k10-auditwatch/serviceaccounts/token:k10-auditwatch =
delete|patch k10-auditwatch/deployments.apps:k10-auditwatch =
patch k10-auditwatch/configmaps:people =
create kasten-io/pods =
list secrets =
"""

BY_ITSELF: Final = frozenset(
    {
        "restore-point-deleted",
        "restore-point-content-deleted",
        "cluster-restore-point-deleted",
    }
)
"""What retention does: counted, or one quiet finding."""
WHOEVER: Final = frozenset(
    {
        *BY_ITSELF,
        "policy-deleted",
        "preset-deleted",
        "profile-deleted",
        "disaster-recovery-off",
        "disaster-recovery-started",
        "disaster-recovery-ownership-released",
        "file-recovery-started",
        "k10-workload-deleted",
        "k10-volume-deleted",
        "k10-settings-deleted",
        "admission-guard-removed",
        "k10-joined-a-primary",
        "k10-api-service-deleted",
        "k10-crd-deleted",
        "k10-namespace-deleted",
        "audit-shipping-removed",
        "blueprint-deleted",
        "blueprint-binding-deleted",
        "k10-rights-taken",
        "monitor-namespace-deleted",
    }
)
"""What is told of an effect, whoever it was."""
OF_PEOPLE: Final = frozenset(
    {
        "watch-silenced",
        "findings-deleted",
        "findings-rewritten",
        "monitor-rights-taken",
        "monitor-stopped",
        "monitor-scaled-to-zero",
        "monitor-code-changed",
        "monitor-entered",
        "monitor-token-minted",
        "monitor-secret-read",
        "monitor-settings-changed",
    }
)
"""What K10 has no business with: it is as suspect there as anybody."""


def _rows(table: str) -> Iterator[tuple[str, str, frozenset[str]]]:
    for line in table.strip().splitlines():
        request, _, rules = line.partition("=")
        verbs, target = request.split()
        for verb in verbs.split("|"):
            yield verb, target, frozenset(rules.split())


def _event(verb: str, target: str, **fields: Any) -> dict[str, Any]:
    place, _, name = target.partition(":")
    kind, _, group = place.partition(".")
    namespace, _, resource = kind.partition("/") if kind.split("/")[0] in _NAMESPACES else ("", "", kind)
    resource, _, subresource = resource.partition("/")
    reference = {"resource": resource, "subresource": subresource, "namespace": namespace, "apiGroup": group}
    is_open = verb == "watch" or subresource in {"exec", "attach", "portforward", "proxy"}
    return {
        "verb": verb,
        "stage": "ResponseStarted" if is_open else "ResponseComplete",
        "user": EVE,
        "sourceIPs": ["10.1.2.3"],
        "objectRef": {key: value for key, value in {**reference, "name": name}.items() if value},
        **fields,
    }


_NAMESPACES: Final = ("kasten-io", "kasten-io-mc", "shop", "k10-auditwatch", "k10-auditwatch-agent")


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    (rule_set,) = rules_of(Asked(), k10=InstalledK10(), now=0.0).rule_sets
    return rule_set


def _told(rules: RuleSet, *events: Mapping[str, Any], evidence: str = "Audited") -> frozenset[str]:
    shown = [json.dumps(event) for event in events]
    test = RuleTest.model_validate({"name": "t", "events": shown, "evidence": evidence, "expect": "Match"})
    detector = Detector()
    detector.install(rules, in_force_from={})
    rows = enumerate(shown_rows(rules, test), start=1)
    signals = [signal for sequence, row in rows for signal in detector.observe(sequence, row)]
    return frozenset(signal.rule for signal in signals if signal.emits_finding or _only_counts(rules, signal.rule))


def _only_counts(rules: RuleSet, name: str) -> bool:
    """Whether a rule never makes findings; a signal without one of any other rule was excepted."""
    return not rules.rules[name].emits_finding


def _ids(rows: Sequence[tuple[str, str, frozenset[str]]]) -> list[str]:
    return [f"{verb} {target}" for verb, target, _ in rows]


DONE = list(_rows(DEEDS))
NOT_DONE = list(_rows(REFUSED))


@pytest.mark.parametrize(("verb", "target", "expected"), DONE, ids=_ids(DONE))
def test_what_a_person_does_is_told_by_its_rules_and_by_no_others(
    rules: RuleSet, verb: str, target: str, expected: frozenset[str]
) -> None:
    assert _told(rules, _event(verb, target)) == expected


@pytest.mark.parametrize(("verb", "target", "expected"), NOT_DONE, ids=_ids(NOT_DONE))
def test_what_a_person_is_refused_is_told_as_that(
    rules: RuleSet, verb: str, target: str, expected: frozenset[str]
) -> None:
    forbidden = {"responseStatus": {"code": 403}, "annotations": {"authorization.k8s.io/decision": "allow"}}
    assert _told(rules, _event(verb, target, **forbidden)) == expected


@pytest.mark.parametrize(("verb", "target", "expected"), DONE, ids=_ids(DONE))
def test_k10_and_kubernetes_do_the_same_in_silence(
    rules: RuleSet, verb: str, target: str, expected: frozenset[str]
) -> None:
    k10 = _told(rules, _event(verb, target, user=K10, userAgent="executor-server/v0.0.0"))
    assert k10 == expected & (WHOEVER | OF_PEOPLE)
    for name in ("system:kube-controller-manager", "system:serviceaccount:kube-system:generic-garbage-collector"):
        assert _told(rules, _event(verb, target, user={"username": name})) == expected & WHOEVER


@pytest.mark.parametrize(("verb", "target", "expected"), NOT_DONE, ids=_ids(NOT_DONE))
def test_what_k10_kubernetes_and_dashboards_are_refused_is_no_search(
    rules: RuleSet, verb: str, target: str, expected: frozenset[str]
) -> None:
    asked = _event(verb, target, responseStatus={"code": 403})
    for user in (K10, {"username": "system:kube-controller-manager"}):
        assert _told(rules, {**asked, "user": user}) == frozenset()
    by_dashboard = {**asked, "user": K10, "impersonatedUser": {"username": "jane"}}
    assert _told(rules, by_dashboard) == expected & {"k10-destruction-refused"}


@pytest.mark.parametrize(("verb", "target", "expected"), DONE, ids=_ids(DONE))
def test_in_the_name_of_others_it_is_told_like_ones_own(
    rules: RuleSet, verb: str, target: str, expected: frozenset[str]
) -> None:
    """Whoever impersonates a part of Kubernetes, or holds K10's token, is told on as themselves."""
    is_of_k10 = target.partition(":")[0].endswith((KIO, "cr.kanister.io"))
    controller = _event(verb, target, impersonatedUser={"username": "system:kube-controller-manager"})
    assert _told(rules, controller) == expected | ({"impersonation-at-k10"} if is_of_k10 else set())
    stolen = _event(verb, target, user={"username": K10["username"], "extra": {ID: ["JTI=2"]}})
    people = {"secrets-listed-everywhere"}
    assert _told(rules, stolen) == (expected - people) | {"k10-token-outside-k10"}


@pytest.mark.parametrize(
    "target",
    [
        "kasten-io/secrets:k10-dr-secret",
        "kasten-io/secrets:k10-s3-secret",
        "kasten-io/secrets",
        "kasten-io/serviceaccounts/token:k10-k10",
        "kasten-io/pods",
    ],
)
def test_a_node_does_what_its_pods_need_and_its_name_helps_nobody_else(rules: RuleSet, target: str) -> None:
    node = {"username": "system:node:worker-1", "groups": ["system:nodes"]}
    for verb in ("get", "list", "watch", "create", "update", "delete"):
        told = _told(rules, _event(verb, target))
        assert _told(rules, _event(verb, target, user=node)) == frozenset()
        assert _told(rules, _event(verb, target, impersonatedUser=node)) == told


@pytest.mark.parametrize("target", ["get restorepointcontents", "list restorepoints", "get clusterrestorepoints"])
def test_what_we_read_and_what_we_are_refused_by_our_canary_is_no_finding(rules: RuleSet, target: str) -> None:
    ours = {"username": "system:serviceaccount:k10-auditwatch:k10-auditwatch", "extra": {ID: ["JTI=3"], POD: ["77"]}}
    verb, _, resource = target.partition(" ")
    asked = _event(verb, f"{resource}.apps.{KIO}", user=ours)
    assert _told(rules, asked) == _told(rules, {**asked, "responseStatus": {"code": 403}}) == frozenset()
    canary = _event("delete", f"kasten-io/policies.config.{KIO}:k10-auditwatch-canary", user=ours)
    assert _told(rules, {**canary, "responseStatus": {"code": 403}}) == frozenset()
    assert _told(rules, {**canary, "user": EVE, "responseStatus": {"code": 403}}) != frozenset()


AGGREGATED: Final = tuple(f".{family}.{KIO}" for family in ("actions", "apps", "dr", "vault"))
OF_THE_LOG_ALONE: Final = frozenset({"export-token-read", "restore-data-read", "restore-data-written-unseen"})
SHOWN_BY_K10 = [row for row in DONE if row[1].partition(":")[0].endswith(AGGREGATED)]


@pytest.mark.parametrize(("verb", "target", "expected"), SHOWN_BY_K10, ids=_ids(SHOWN_BY_K10))
def test_k10s_own_record_is_enough_for_what_is_done_to_it(
    rules: RuleSet, verb: str, target: str, expected: frozenset[str]
) -> None:
    assert _told(rules, _event(verb, target), evidence="K10Stream") == expected - OF_THE_LOG_ALONE
    by_k10 = _event(verb, target, user={"username": K10["username"]})
    assert _told(rules, by_k10, evidence="K10Stream") == expected & WHOEVER
