"""The rules about what stands around K10: silent for who is named as working on it, and at home wherever K10 is."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
from auditwatch.events.derived import CREDENTIAL_ID, POD_UID
from auditwatch.k10.identity import K10Instance
from auditwatch.k10.view import InstalledK10

NAMES: Final = (
    "k10-foreign-workload-created",
    "k10-reached-through-a-node",
    "k10-account-deleted",
    "k10-rights-taken",
    "k10-namespace-granted",
    "k10-snapshot-unprotected",
    "k10-snapshot-deleted",
    "k10-claim-deleted",
    "k10-volume-copied",
    "k10-service-rerouted",
    "k10-service-deleted",
    "k10-endpoints-planted",
    "k10-network-opened",
    "k10-network-guard-changed",
    "admission-hook-on-k10",
    "k10-definition-crippled",
)
ELSEWHERE: Final = K10Instance(namespace="backup-k10", service_account="backup-k10-k10", api_domain="kio.backup.k10")
MALLORY: Final = "mallory@example.com"


def _pack() -> LoadedPack:
    pack = find_pack(built_in_packs()[0], "k10-baseline", "1")
    assert pack is not None
    return pack


PACK: Final = _pack()
RULES: Final[Mapping[str, Rule]] = {rule.name: rule for _, rule in PACK.rules}


def _compiled(instance: K10Instance | None = None, *lists: NamedList) -> RuleSet:
    use = PackUse("spec.packs[0]", PackReference(name=PACK.name, version=PACK.version), PACK)
    source = RuleSource(watch="k10-auditwatch/k10", packs=[use], lists=lists)
    rule_set, problems = compile_watch(source, k10=InstalledK10(instance or K10Instance()), now=0)
    assert problems == ()
    return rule_set


def _deed(name: str) -> dict[str, Any]:
    """The first single request in the rule's own tests that it is about."""
    found = next(test.event for test in RULES[name].tests if test.event and test.expect == "Match")
    deed: dict[str, Any] = json.loads(found)
    assert deed["user"]["username"] == MALLORY
    return deed


def _is_told(rules: RuleSet, name: str, event: Mapping[str, Any]) -> bool:
    test = RuleTest.model_validate({"name": "t", "event": json.dumps(event), "expect": "Match"})
    detector = Detector()
    detector.install(rules, in_force_from={})
    rows = enumerate(shown_rows(rules, test), start=1)
    signals = [signal for sequence, row in rows for signal in detector.observe(sequence, row)]
    return any(signal.rule == name and signal.emits_finding for signal in signals)


@pytest.fixture(scope="module", params=["k10-operators", "gitops"])
def knowing(request: pytest.FixtureRequest) -> tuple[str, RuleSet]:
    """The pack in force where one of the lists names who acts."""
    return request.param, _compiled(None, NamedList(name=request.param, values=(MALLORY,)))


@pytest.fixture(scope="module")
def knowing_nobody() -> RuleSet:
    """The pack as it ships."""
    return _compiled()


@pytest.mark.parametrize("name", NAMES)
def test_who_is_named_is_excepted_and_who_takes_their_name_on_is_not(name: str, knowing: tuple[str, RuleSet]) -> None:
    named, rules = knowing
    deed = _deed(name)
    has_list = any(clause.list_name == named for each in RULES[name].exceptions for clause in each.where)
    assert _is_told(rules, name, deed) is not has_list
    pretended = {**deed, "user": {"username": "eve"}, "impersonatedUser": {"username": MALLORY}}
    assert _is_told(rules, name, pretended)


WHOEVER: Final = {"k10-rights-taken", "k10-namespace-granted"}
"""What is told of an effect, whoever it was."""


@pytest.mark.parametrize("name", NAMES)
def test_k10_and_kubernetes_do_the_same_in_silence(name: str, knowing_nobody: RuleSet) -> None:
    deed = _deed(name)
    k10 = {"username": K10Instance().account, "extra": {CREDENTIAL_ID: ["JTI=1"], POD_UID: ["5f0c"]}}
    assert _is_told(knowing_nobody, name, {**deed, "user": k10}) is (name in WHOEVER)
    stolen = {**k10, "extra": {CREDENTIAL_ID: ["JTI=2"]}}
    assert _is_told(knowing_nobody, name, {**deed, "user": stolen})
    told = WHOEVER | {"admission-hook-on-k10"}
    for part in ("system:kube-controller-manager", "system:serviceaccount:kube-system:generic-garbage-collector"):
        assert _is_told(knowing_nobody, name, {**deed, "user": {"username": part}}) is (name in told)
        assert _is_told(knowing_nobody, name, {**deed, "impersonatedUser": {"username": part}})


def test_only_what_nobody_deploys_from_git_has_no_exception_for_it() -> None:
    without = {name for name in NAMES if "gitops" not in {each.name for each in RULES[name].exceptions}}
    assert without == {"k10-reached-through-a-node", "k10-volume-copied"}


@pytest.mark.parametrize("name", NAMES)
def test_a_k10_that_is_installed_elsewhere_is_guarded_there(name: str) -> None:
    text = json.dumps(_deed(name)).replace("k10-k10", "backup-k10-k10").replace("kasten-io", "backup-k10")
    assert _is_told(_compiled(ELSEWHERE), name, json.loads(text.replace("kio.kasten.io", "kio.backup.k10")))


def test_an_account_group_of_the_namespace_it_is_installed_in_is_its_neighbour() -> None:
    binding = {"roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}, "metadata": {"name": "all"}}
    deed = {
        "verb": "create",
        "user": {"username": "eve"},
        "objectRef": {"resource": "clusterrolebindings", "name": "all", "apiGroup": "rbac.authorization.k8s.io"},
        "responseStatus": {"code": 201},
    }
    for place, rules in (("backup-k10", _compiled(ELSEWHERE)), ("kasten-io", _compiled())):
        subjects = [{"kind": "Group", "name": f"system:serviceaccounts:{place}"}]
        asked = {**deed, "requestObject": {**binding, "subjects": subjects}}
        assert _is_told(rules, "k10-neighbour-made-admin", asked)
    assert not _is_told(
        _compiled(),
        "k10-neighbour-made-admin",
        {
            **deed,
            "requestObject": {**binding, "subjects": [{"kind": "Group", "name": "system:serviceaccounts:backup-k10"}]},
        },
    )
