"""The rules about attacks on this monitor: quiet while it is installed and kept, silent for nobody who attacks it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from auditwatch.api.auditwatch import PackReference
from auditwatch.api.pack import NamedList
from auditwatch.api.rules import Rule
from auditwatch.api.ruletests import RuleTest
from auditwatch.detection.compile import PackUse, RuleSource, compile_watch
from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.detector import Detector
from auditwatch.detection.packs import LoadedPack, built_in_packs, find_pack
from auditwatch.detection.showing import shown_rows
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.view import InstalledK10

MALLORY: Final = "mallory@example.com"
OPERATOR: Final = "system:serviceaccount:k10-auditwatch:k10-auditwatch"
HOME: Final = "k10-auditwatch"
AGENTS: Final = "k10-auditwatch-agent"
SECRETS: Final = f"/api/v1/namespaces/{HOME}/secrets"

EXCEPTED: Final[Mapping[str, frozenset[str]]] = {
    "monitor-stopped": frozenset({"gitops"}),
    "monitor-scaled-to-zero": frozenset({"gitops"}),
    "monitor-namespace-deleted": frozenset(),
    "monitor-code-changed": frozenset({"gitops"}),
    "monitor-entered": frozenset({"k10-operators"}),
    "monitor-token-minted": frozenset(),
    "monitor-account-impersonated": frozenset(),
    "monitor-secret-read": frozenset({"gitops", "k10-operators", "secret-readers"}),
    "monitor-settings-changed": frozenset(),
    "monitor-rights-taken": frozenset({"gitops"}),
}
"""Who is on these lists is not told of. The first deed of monitor-settings-changed writes a shared list."""


def _pack() -> LoadedPack:
    pack = find_pack(built_in_packs()[0], "k10-baseline", "1")
    assert pack is not None
    return pack


PACK: Final = _pack()
RULES: Final[Mapping[str, Rule]] = {rule.name: rule for _, rule in PACK.rules if rule.name.startswith("monitor-")}


def _compiled(*lists: NamedList) -> RuleSet:
    use = PackUse("spec.packs[0]", PackReference(name=PACK.name, version=PACK.version), PACK)
    source = RuleSource(watch="k10-auditwatch/k10", packs=[use], lists=lists)
    rule_set, problems = compile_watch(source, k10=InstalledK10(K10Instance()), now=0)
    assert problems == ()
    return rule_set


def _deed(name: str) -> dict[str, Any]:
    """The first single request in the rule's own tests that it is about."""
    deed: dict[str, Any] = json.loads(next(each.event for each in RULES[name].tests if each.event))
    assert deed["user"]["username"] == MALLORY
    return deed


def _told(rules: RuleSet, *events: Mapping[str, Any]) -> dict[str, str]:
    """Severity by rule, of what makes findings."""
    shown = [json.dumps(event) for event in events]
    test = RuleTest.model_validate({"name": "t", "events": shown, "expect": "Match"})
    detector = Detector()
    detector.install(rules, in_force_from={})
    rows = enumerate(shown_rows(rules, test), start=1)
    signals = [signal for sequence, row in rows for signal in detector.observe(sequence, row)]
    return {signal.rule: signal.severity for signal in signals if signal.emits_finding}


def _event(verb: str, target: str, namespace: str = HOME, by: str = "ana@example.com", **more: Any) -> dict[str, Any]:
    """Of ``resource[.group][/subresource][:name]``."""
    kind, _, name = target.partition(":")
    kind, _, subresource = kind.partition("/")
    resource, _, group = kind.partition(".")
    reference = {"resource": resource, "apiGroup": group, "subresource": subresource, "name": name}
    found = {key: value for key, value in {**reference, "namespace": namespace}.items() if value}
    return {"verb": verb, "user": {"username": by}, "sourceIPs": ["10.1.2.3"], "objectRef": found, **more}


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    """The pack as it ships."""
    return _compiled()


def test_the_rules_are_these() -> None:
    assert set(RULES) == set(EXCEPTED)


@pytest.mark.parametrize("named", ["gitops", "k10-operators", "secret-readers"])
def test_who_is_named_is_excepted_by_some_rules_and_who_takes_their_name_on_by_none(named: str) -> None:
    knowing = _compiled(NamedList(name=named, values=(MALLORY,)))
    for name, lists in EXCEPTED.items():
        deed = _deed(name)
        assert (name in _told(knowing, deed)) is (named not in lists), name
        pretended = {"impersonatedUser": {"username": MALLORY}, **deed, "user": {"username": "eve"}}
        assert name in _told(knowing, pretended), name


def test_the_installers_configuration_comes_from_git_and_shared_lists_are_told_all_the_same() -> None:
    trusting = _compiled(NamedList(name="gitops", values=("flux",)))
    assert _told(trusting, _event("patch", f"configmaps:{HOME}", by="flux")) == {}
    assert _told(trusting, _event("patch", "configmaps:people", by="flux")) == {"monitor-settings-changed": "Medium"}


@pytest.mark.parametrize("name", [name for name in EXCEPTED if name != "monitor-account-impersonated"])
def test_a_monitor_that_is_installed_elsewhere_is_guarded_there_once_it_is_said_where(
    rules: RuleSet, name: str
) -> None:
    text = json.dumps(_deed(name)).replace('"namespace": "k10-auditwatch', '"namespace": "watchtower')
    asked = json.loads(text.replace('"namespaces", "name": "k10-auditwatch', '"namespaces", "name": "watchtower'))
    if asked["objectRef"]["resource"] == "namespaces":
        asked["objectRef"]["name"] = "watchtower"
    is_named = asked["objectRef"]["resource"] == "clusterrolebindings"
    assert (name in _told(rules, asked)) is is_named
    elsewhere = _compiled(NamedList(name="auditwatch-namespaces", values=("watchtower", "watchtower-agent")))
    assert name in _told(elsewhere, asked)


def test_an_installation_that_is_called_otherwise_has_its_own_names(rules: RuleSet) -> None:
    deployed = {"spec": {"template": {"spec": {"serviceAccountName": "tower"}}}}
    asked = _event("patch", "deployments.apps:tower", requestObject=deployed)
    named = _compiled(NamedList(name="auditwatch-objects", values=("tower",)))
    assert _told(rules, asked) == {"monitor-code-changed": "High"}
    assert _told(named, asked) == {"monitor-code-changed": "Low"}
    written = _event("patch", "configmaps:tower")
    assert [_told(each, written) for each in (rules, named)] == [
        {"monitor-settings-changed": "Medium"},
        {"monitor-settings-changed": "Low"},
    ]


def test_an_image_of_another_name_may_be_the_monitors(rules: RuleSet) -> None:
    containers = [{"name": "auditwatch", "image": "registry.example.com/mirror/watch:1"}]
    asked = _event(
        "patch",
        f"deployments.apps:{HOME}",
        requestObject={"spec": {"template": {"spec": {"containers": containers}}}},
    )
    mirrored = _compiled(NamedList(name="auditwatch-images", values=("registry.example.com/mirror/watch:*",)))
    assert _told(rules, asked) == {"monitor-code-changed": "High"}
    assert _told(mirrored, asked) == {"monitor-code-changed": "Low"}


def _container(**more: Any) -> dict[str, Any]:
    return {"containers": [{"name": "auditwatch", **more}]}


def _put(spec: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A pod's specification that somebody gives the operator."""
    return _event("patch", f"deployments.apps:{HOME}", requestObject={"spec": {"template": {"spec": spec}}}, **more)


@pytest.mark.parametrize(
    ("spec", "severity"),
    [
        (_container(lifecycle={"postStart": {"exec": {"command": ["sh"]}}}), "High"),
        (_container(livenessProbe={"exec": {"command": ["sh"]}}), "High"),
        (_container(env=[{"name": "PATH", "value": "/opt"}]), "High"),
        (_container(env=[{"name": "BASH_ENV", "value": "/opt/x"}]), "High"),
        (_container(env=[{"name": "PYTHONPATH", "value": "/opt"}]), "High"),
        ({"hostPID": True}, "High"),
        ({"hostIPC": True}, "High"),
        ({"hostNetwork": True}, "High"),
        ({"shareProcessNamespace": True}, "High"),
        (_container(securityContext={"privileged": True}), "High"),
        ({"hostPID": False}, "Low"),
        (_container(env=[{"name": "https_proxy", "value": "http://proxy"}]), "Medium"),
        ({"affinity": {"nodeAffinity": {"x": "y"}}}, "Medium"),
        ({"nodeName": "worker-9"}, "Medium"),
        ({"schedulerName": "nobody"}, "Medium"),
        ({"runtimeClassName": "nothing"}, "Medium"),
        ({"tolerations": [{"key": "a", "operator": "Exists"}]}, "Medium"),
        ({"volumes": [{"name": "journal", "emptyDir": {}}]}, "Medium"),
        (_container(volumeMounts=[{"name": "tmp", "mountPath": "/etc/auditwatch"}]), "Medium"),
        (_container(env=[{"name": "A", "value": "b"}]), "Low"),
        (_container(resources={"limits": {"memory": "2Gi"}}), "Low"),
    ],
    ids=repr,
)
def test_what_it_is_given_to_run_is_told_by_what_it_does(
    rules: RuleSet, spec: Mapping[str, Any], severity: str
) -> None:
    assert _told(rules, _put(spec)) == {"monitor-code-changed": severity}


OWN: Final = {"name": "auditwatch", "image": "k10-auditwatch:0.1.0"}


@pytest.mark.parametrize(
    "before",
    [
        [{**OWN, "command": ["sleep"]}],
        [{**OWN, "lifecycle": {"preStop": {"sleep": {"seconds": 1}}}}],
        [OWN, {"name": "x", "image": "x"}],
    ],
)
def test_what_is_taken_away_from_it_again_is_quiet(rules: RuleSet, before: Sequence[Mapping[str, Any]]) -> None:
    versions = [{"spec": {"template": {"spec": {"containers": each}}}} for each in (before, [OWN])]
    known = _event("update", f"deployments.apps:{HOME}", by=f"{CONTROLLERS}:deployment-controller")
    asked = _event("update", f"deployments.apps:{HOME}", responseObject=versions[1])
    assert _told(rules, {**known, "responseObject": versions[0]}, asked) == {"monitor-code-changed": "Low"}


NODE: Final = "system:node:worker-1"
CONTROLLERS: Final = "system:serviceaccount:kube-system"
UPGRADE: Final = {
    "spec": {"template": {"spec": {"containers": [{"name": "auditwatch", "image": "k10-auditwatch:0.2.0"}]}}}
}
RESTART: Final = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}}
ORDINARY: Final[Mapping[str, tuple[Sequence[Mapping[str, Any]], dict[str, str]]]] = {
    "helm install": (
        [
            _event("list", "secrets", requestURI=f"{SECRETS}?labelSelector=name%3Dk10-auditwatch%2Cowner%3Dhelm"),
            _event("create", "secrets:sh.helm.release.v1.k10-auditwatch.v1", responseStatus={"code": 201}),
            _event("create", f"serviceaccounts:{HOME}", responseStatus={"code": 201}),
            _event("create", f"configmaps:{HOME}", responseStatus={"code": 201}),
            _event("create", f"persistentvolumeclaims:{HOME}", responseStatus={"code": 201}),
            _event("create", "clusterroles.rbac.authorization.k8s.io:k10-auditwatch-reader", ""),
            _event("create", "clusterrolebindings.rbac.authorization.k8s.io:k10-auditwatch-reader", ""),
            _event("create", f"namespaces:{AGENTS}", AGENTS),
            _event("create", f"daemonsets.apps:{AGENTS}", AGENTS, responseStatus={"code": 201}),
            _event("create", f"deployments.apps:{HOME}", responseStatus={"code": 201}),
            _event("patch", "secrets:sh.helm.release.v1.k10-auditwatch.v1"),
        ],
        {"monitor-settings-changed": "Low"},
    ),
    "helm upgrade": (
        [
            _event("get", "secrets:sh.helm.release.v1.k10-auditwatch.v1"),
            _event("create", "secrets:sh.helm.release.v1.k10-auditwatch.v2", responseStatus={"code": 201}),
            _event("patch", f"configmaps:{HOME}"),
            _event("patch", "clusterroles.rbac.authorization.k8s.io:k10-auditwatch-reader", ""),
            _event("patch", f"deployments.apps:{HOME}", requestObject=UPGRADE),
            _event("patch", f"daemonsets.apps:{AGENTS}", AGENTS),
            _event("update", "secrets:sh.helm.release.v1.k10-auditwatch.v2"),
        ],
        {"monitor-settings-changed": "Low", "monitor-code-changed": "Low", "k10-rights-half-seen": "Low"},
    ),
    "helm test": (
        [
            _event("create", "pods:k10-auditwatch-test", responseStatus={"code": 201}),
            _event("get", "pods:k10-auditwatch-test"),
            _event("get", "pods/log:k10-auditwatch-test"),
            _event("delete", "pods:k10-auditwatch-test"),
        ],
        {},
    ),
    "rollout restart": ([_event("patch", f"deployments.apps:{HOME}", requestObject=RESTART)], {}),
    "a restart of which the log has no content": (
        [_event("patch", f"deployments.apps:{HOME}")],
        {"monitor-code-changed": "Low"},
    ),
    "people look at it": (
        [
            _event("list", each)
            for each in ("pods", "configmaps", "deployments.apps", "events", "auditwatches.k10auditwatch.io")
        ],
        {},
    ),
    "a node runs it": (
        [
            _event("get", "secrets:audit-senders", by=NODE),
            _event("get", f"configmaps:{HOME}", by=NODE),
            _event("create", f"serviceaccounts/token:{HOME}", by=NODE),
            _event("patch", "pods/status:k10-auditwatch-7c9", by=NODE),
            _event("delete", "pods:k10-auditwatch-7c9", by=NODE),
        ],
        {},
    ),
    "controllers run it": (
        [
            _event("update", f"deployments.apps:{HOME}", by=f"{CONTROLLERS}:deployment-controller"),
            _event("create", "replicasets.apps:k10-auditwatch-7c", by=f"{CONTROLLERS}:deployment-controller"),
            _event("update", f"daemonsets.apps/status:{AGENTS}", AGENTS, by=f"{CONTROLLERS}:daemon-set-controller"),
            _event("create", "pods", by=f"{CONTROLLERS}:replicaset-controller"),
            _event("create", "pods/eviction:k10-auditwatch-7c9"),
            _event("create", "configmaps:kube-root-ca.crt", by=f"{CONTROLLERS}:root-ca-cert-publisher"),
            _event("patch", f"persistentvolumeclaims:{HOME}", by=f"{CONTROLLERS}:pvc-protection-controller"),
        ],
        {},
    ),
    "it works": (
        [
            _event("list", "configmaps", by=OPERATOR),
            _event("create", "configmaps:k10-auditwatch-webhook-ca", AGENTS, by=OPERATOR),
            _event("update", "configmaps:k10-auditwatch-webhook-ca", by=OPERATOR),
            _event("update", f"leases.coordination.k8s.io:{HOME}", by=OPERATOR),
            _event("create", "tokenreviews.authentication.k8s.io", "", by=OPERATOR),
        ],
        {},
    ),
    "its namespace goes": (
        [
            _event("deletecollection", each, by=f"{CONTROLLERS}:namespace-controller")
            for each in (
                "configmaps",
                "secrets",
                "serviceaccounts",
                "persistentvolumeclaims",
                "deployments.apps",
                "rolebindings.rbac.authorization.k8s.io",
            )
        ],
        {},
    ),
}
"""What keeps it, request by request, and what may be told of it."""


@pytest.mark.parametrize(("requests", "told"), ORDINARY.values(), ids=ORDINARY)
def test_an_ordinary_day_of_the_monitor_is_quiet(
    rules: RuleSet, requests: Sequence[Mapping[str, Any]], told: dict[str, str]
) -> None:
    assert _told(rules, *requests) == told


def test_the_operators_account_is_no_cloak_for_what_the_operator_has_no_right_to(rules: RuleSet) -> None:
    """Whoever holds its token and more rights than it has is told of."""
    assert _told(rules, _event("delete", f"deployments.apps:{HOME}", by=OPERATOR)) == {"monitor-stopped": "High"}
    assert _told(rules, _event("get", "pods/exec:k10-auditwatch-7c9", by=OPERATOR)) == {"monitor-entered": "High"}
    assert _told(rules, _event("list", "secrets", by=OPERATOR)) == {"monitor-secret-read": "Medium"}
