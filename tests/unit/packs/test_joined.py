"""The baseline pack on what the joiner makes of requests and watched state: who it was and what it did, told once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from auditwatch.detection.compiled import RuleSet
from auditwatch.detection.detector import Detector
from auditwatch.detection.signal import Signal
from auditwatch.events.activity import LogRow
from auditwatch.findings.folding import is_superseded
from auditwatch.findings.ledger import Ledger
from auditwatch.findings.state import FindingState
from auditwatch.k10.view import InstalledK10
from auditwatch.scan.rules import Asked, rules_of
from tests.unit.detection.joiner.making import APPS, CONTROLLER, Desk, change, event, heard, with_audit

POINTS: dict[str, Any] = {"group": APPS, "resource": "restorepoints", "namespace": "shop"}
CONTENTS: dict[str, Any] = {"group": APPS, "resource": "restorepointcontents", "namespace": ""}
CATALOG: dict[str, Any] = {"group": "apps", "resource": "deployments"}
SCALE = {"apiGroup": "apps", "resource": "deployments", "namespace": "kasten-io", "name": "catalog-svc"}
NAMESPACE = {"resource": "namespaces", "namespace": "shop", "name": "shop"}
LABELS = {"k10.kasten.io/appName": "shop", "k10.kasten.io/policyName": "daily"}


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    (rule_set,) = rules_of(Asked(), k10=InstalledK10(), now=0.0).rule_sets
    return rule_set


def _said(rules: RuleSet, rows: Sequence[LogRow]) -> dict[str, list[Signal]]:
    """What makes findings, by rule."""
    detector = Detector()
    detector.install(rules, in_force_from={})
    found: dict[str, list[Signal]] = {}
    for sequence, row in enumerate(rows, start=1):
        for signal in detector.observe(sequence, row):
            if signal.emits_finding:
                found.setdefault(signal.rule, []).append(signal)
    return found


def _content(number: int) -> dict[str, Any]:
    return {"metadata": {"name": f"shop-{number}", "labels": LABELS}, "spec": {}}


def test_a_pause_of_which_the_log_has_no_body_is_told_by_state_with_who_it_was(rules: RuleSet) -> None:
    desk = with_audit()
    desk.take(event(), change(), at=0.3)
    said = _said(rules, desk.settle(60.0))
    assert set(said) == {"policy-paused"}
    assert [signal.title for signal in said["policy-paused"]] == ["Policy kasten-io/daily was paused by eve"]


def test_a_write_that_changed_nothing_is_told_as_one_that_was_not_seen(rules: RuleSet) -> None:
    desk = with_audit()
    desk.take(event(), at=0.3)
    assert set(_said(rules, desk.settle(60.0))) == {"k10-change-unseen"}


def test_a_write_from_before_there_was_the_audit_log_is_not_told_as_one_that_was_not_seen(rules: RuleSet) -> None:
    desk = Desk()
    desk.tell(heard(at=3600.0), at=3600.0)
    desk.take(event(), event(at=3600.5, name="hourly"), at=3601.0)
    said = _said(rules, desk.settle(3700.0))
    assert [signal.title.partition(";")[0] for signal in said["k10-change-unseen"]] == [
        "eve wrote K10's policies kasten-io/hourly"
    ]


def test_scaling_by_the_subresource_is_told_once_with_who_it_was(rules: RuleSet) -> None:
    desk = with_audit()
    specs = [{"metadata": {"name": "catalog-svc"}, "spec": {"replicas": replicas}} for replicas in (1, 0)]
    desk.take(
        event("patch", "catalog-svc", objectRef={**SCALE, "subresource": "scale"}, **CATALOG),
        change("update", "catalog-svc", old=specs[0], new=specs[1], **CATALOG),
        at=0.3,
    )
    said = _said(rules, desk.settle(60.0))
    assert [signal.title for signal in said.pop("k10-scaled-to-zero")] == [
        "K10's catalog-svc was scaled to zero by eve"
    ]
    assert said == {}


def test_who_deletes_a_namespace_has_deleted_its_restore_points_and_is_named_once(rules: RuleSet) -> None:
    desk = with_audit()
    desk.tell(event("delete", "shop", group="", resource="namespaces", namespace="", objectRef=NAMESPACE), at=0.3)
    rows = desk.settle(2.5)
    clearing = event("deletecollection", "", at=5.0, user=CONTROLLER, **POINTS)
    gone = [change("delete", f"rp-{number}", at=5.2, since=-10.0, **POINTS) for number in range(5)]
    desk.take(clearing, *gone, at=5.3)
    said = _said(rules, [*rows, *desk.settle(60.0)])
    (many,) = said.pop("restore-points-deleted-many")
    assert said == {}
    assert (many.title, many.count) == ("Many restore points were deleted in namespace shop by eve", 5)


def test_all_contents_deleted_with_one_request_are_told_with_who_asked(rules: RuleSet) -> None:
    desk = with_audit()
    gone = [
        change("delete", f"shop-{number}", at=0.1, since=-10.0, old=_content(number), **CONTENTS) for number in range(5)
    ]
    desk.take(event("deletecollection", "", **CONTENTS), *gone, at=0.3)
    said = _said(rules, desk.settle(60.0))
    assert {rule: {signal.severity for signal in signals} for rule, signals in said.items()} == {
        "restore-point-content-deleted": {"Critical"},
        "restore-point-contents-deleted-many": {"Critical"},
    }
    assert said["restore-point-contents-deleted-many"][0].title.endswith(" by eve: shop")


def test_without_an_audit_log_nobody_is_named_and_nobody_is_accused(rules: RuleSet) -> None:
    desk = with_audit()
    gone = change("delete", "shop-1", old=_content(1), **CONTENTS)
    desk.take(gone, at=0.3)
    said = _said(rules, desk.settle(60.0))
    assert {rule: [signal.title for signal in signals] for rule, signals in said.items()} == {
        "restore-point-content-deleted": ["Restore point content shop-1 was deleted"]
    }
    assert said["restore-point-content-deleted"][0].severity == "Low"


def _told(rules: RuleSet, rows: Sequence[LogRow]) -> dict[str, FindingState]:
    """The findings that stand by themselves, by rule."""
    detector, ledger = Detector(), Ledger(journal_id="journal", cluster="prod", clock=lambda: 0.0)
    detector.install(rules, in_force_from={})
    for sequence, row in enumerate(rows, start=1):
        ledger.apply(detector.observe(sequence, row))
    return {state.rule: state for state in ledger.states() if not is_superseded(state)}


def _point(number: int) -> dict[str, Any]:
    return {"metadata": {"name": f"rp-{number}", "labels": LABELS}, "spec": {}}


def test_contents_deleted_one_by_one_and_their_points_with_them_are_one_finding(rules: RuleSet) -> None:
    desk = with_audit()
    labels = {**LABELS, "k10.kasten.io/appNamespace": "shop"}
    for number in range(5):
        old = {"metadata": {"name": f"shop-{number}", "labels": labels}, "spec": {}}
        gone = change("delete", f"shop-{number}", at=number + 0.1, since=-10.0, old=old, **CONTENTS)
        point = change("delete", f"rp-{number}", at=number + 0.2, since=-10.0, old=_point(number), **POINTS)
        desk.take(event("delete", f"shop-{number}", at=float(number), **CONTENTS), gone, point, at=number + 0.3)
    told = _told(rules, desk.settle(60.0))
    assert set(told) == {"restore-point-contents-deleted-many"}
    (many,) = told.values()
    assert (many.severity, many.target_count) == ("Critical", 6)  # five contents, and the point that made them many
    assert [actor.id for actor in many.actors if actor.id] == ["eve"]


def test_contents_of_another_application_stay_another_finding(rules: RuleSet) -> None:
    desk = with_audit()
    for number in range(5):
        labels = {**LABELS, "k10.kasten.io/appName": "bank" if number == 4 else "shop"}
        old = {"metadata": {"name": f"shop-{number}", "labels": labels}, "spec": {}}
        gone = change("delete", f"shop-{number}", at=number + 0.1, since=-10.0, old=old, **CONTENTS)
        desk.take(gone, at=number + 0.3)
    assert set(_told(rules, desk.settle(60.0))) == {"restore-point-content-deleted"}


@pytest.mark.parametrize(
    ("code", "told"), [(201, {"profile-created"}), (200, {"profile-moved", "profile-credential-swapped"})]
)
def test_a_profile_that_is_made_by_applying_it_was_neither_moved_nor_given_other_credentials(
    rules: RuleSet, code: int, told: set[str]
) -> None:
    kind: dict[str, Any] = {"name": "offsite", "resource": "profiles"}
    location = {"objectStore": {"name": "bucket"}, "credential": {"secret": {"name": "key"}}}
    profile = {"metadata": {"name": "offsite", "namespace": "kasten-io"}, "spec": {"locationSpec": location}}
    former = {"metadata": profile["metadata"], "spec": {"locationSpec": {}}}
    seen = change("create", new=profile, **kind) if code == 201 else change(old=former, new=profile, **kind)
    desk = with_audit()
    desk.take(event("patch", code=code, **kind), seen, at=0.3)
    assert set(_said(rules, desk.settle(60.0))) == told


CRDS: dict[str, Any] = {
    "group": "apiextensions.k8s.io",
    "resource": "customresourcedefinitions",
    "namespace": "",
}
CLAIMS: dict[str, Any] = {"group": "", "resource": "persistentvolumeclaims"}


def _listed(*names: str) -> dict[str, Any]:
    items = [{"metadata": {"name": name}} for name in names]
    return {"level": "RequestResponse", "responseObject": {"kind": "List", "metadata": {}, "items": items}}


@pytest.mark.parametrize("body", [{}, _listed("policies.config.kio.kasten.io", "profiles.config.kio.kasten.io")])
def test_definitions_deleted_with_one_request_are_one_finding_whether_or_not_they_are_seen_to_go(
    rules: RuleSet, body: dict[str, Any]
) -> None:
    gone = [
        change("delete", f"{kind}.config.kio.kasten.io", at=0.1, since=-10.0, **CRDS)
        for kind in ("policies", "profiles")
    ]
    for changes in ([], gone):
        desk = with_audit()
        desk.take(event("deletecollection", "", **CRDS, **body), *changes, at=0.3)
        told = _told(rules, desk.settle(60.0))
        assert set(told) == {"k10-crd-deleted"}
        (state,) = told.values()
        assert [actor.id for actor in state.actors] == ["eve"]


def test_what_is_left_of_one_request_for_many_is_not_what_was_told_apart(rules: RuleSet) -> None:
    body = _listed("catalog-pv-claim", "restore-data-x7k2p")
    gone = change("delete", "catalog-pv-claim", at=0.1, since=-10.0, **CLAIMS)
    desk = with_audit()
    desk.take(event("deletecollection", "", **CLAIMS, **body), gone, at=0.3)
    said = _said(rules, desk.settle(60.0))
    assert [signal.title for signal in said.pop("k10-volume-deleted")] == [
        "K10's volume catalog-pv-claim was deleted by eve"
    ]
    assert said == {}


def test_a_claim_that_is_seen_to_go_late_is_told_once(rules: RuleSet) -> None:
    desk = with_audit()
    desk.take(event("deletecollection", "", **CLAIMS), at=0.3)
    rows = desk.settle(10.0)
    desk.take(change("delete", "catalog-pv-claim", at=10.5, since=-10.0, **CLAIMS), at=10.6)
    told = _told(rules, [*rows, *desk.settle(80.0)])
    assert set(told) == {"k10-volume-deleted"}
    assert [actor.id for actor in told["k10-volume-deleted"].actors] == ["eve"]


@pytest.mark.parametrize("body", [{}, _listed()])
def test_what_kubernetes_asks_for_when_a_namespace_goes_accuses_nobody(rules: RuleSet, body: dict[str, Any]) -> None:
    for kind in (CLAIMS, {"group": "", "resource": "configmaps"}):
        desk = with_audit()
        desk.take(event("deletecollection", "", user=CONTROLLER, **kind, **body), at=0.3)
        assert _said(rules, desk.settle(60.0)) == {}
