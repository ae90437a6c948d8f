"""What is left of an object that is kept as facts: small, and still an object to rules."""

import copy
from typing import Any

import msgspec
import pytest

from auditwatch.k10.facts import facts
from auditwatch.k10.kinds import WATCHED_KINDS, Keep

JSONObject = dict[str, Any]

CONTENT: JSONObject = {
    "apiVersion": "apps.kio.kasten.io/v1alpha1",
    "kind": "RestorePointContent",
    "metadata": {
        "name": "shop-scheduled-00001",
        "uid": "7a1f6c0e-4c5f-4f0e-9d3b-0d3f3a1b2c4d",
        "resourceVersion": "4711",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [{"manager": "executor-server"}],
        "labels": {
            "k10.kasten.io/policyName": "daily",
            "k10.kasten.io/policyNamespace": "kasten-io",
            "k10.kasten.io/appName": "shop",
            "example.org/other": "x",
        },
    },
    "spec": {"expiresAt": "2027-01-01T00:00:00Z", "other": {"much": "more"}},
    "status": {"state": "Bound", "actionTime": "2026-01-01T00:00:00Z"},
}


def test_a_restore_point_content_keeps_who_it_is_whose_it_is_and_when_it_ends() -> None:
    assert facts("apps.kio.kasten.io", "restorepointcontents", CONTENT) == {
        "metadata": {
            "name": "shop-scheduled-00001",
            "uid": "7a1f6c0e-4c5f-4f0e-9d3b-0d3f3a1b2c4d",
            "labels": {
                "k10.kasten.io/policyName": "daily",
                "k10.kasten.io/policyNamespace": "kasten-io",
                "k10.kasten.io/appName": "shop",
            },
        },
        "spec": {"expiresAt": "2027-01-01T00:00:00Z"},
    }


def test_a_typical_one_takes_three_hundred_bytes_at_most() -> None:
    assert len(msgspec.json.encode(facts("apps.kio.kasten.io", "restorepointcontents", CONTENT))) <= 300


def test_another_api_domain_makes_no_difference() -> None:
    documented = facts("apps.kio.kasten.io", "restorepointcontents", CONTENT)
    assert facts("apps.kio.backup.k10", "restorepointcontents", CONTENT) == documented


def test_the_object_itself_is_not_touched() -> None:
    before = copy.deepcopy(CONTENT)
    facts("apps.kio.kasten.io", "restorepointcontents", CONTENT)
    assert before == CONTENT


def test_status_is_no_fact() -> None:
    moved = {**CONTENT, "status": {"state": "Unbound"}}
    assert facts("apps.kio.kasten.io", "restorepointcontents", moved) == facts(
        "apps.kio.kasten.io", "restorepointcontents", CONTENT
    )


def test_a_restore_point_keeps_the_name_of_its_content() -> None:
    point = {"metadata": {"name": "p", "namespace": "shop"}, "spec": {"restorePointContentRef": {"name": "c", "x": 1}}}
    assert facts("apps.kio.kasten.io", "restorepoints", point)["spec"] == {"restorePointContentRef": {"name": "c"}}


def test_an_action_keeps_what_it_is_about() -> None:
    spec = {"subject": {"kind": "RestorePoint", "name": "p", "namespace": "shop", "x": 1}, "targetNamespace": "mine"}
    action = {"metadata": {"name": "r"}, "spec": {**spec, "transforms": [{"much": "more"}]}}
    assert facts("actions.kio.kasten.io", "restoreactions", action)["spec"] == {
        "subject": {"kind": "RestorePoint", "name": "p", "namespace": "shop"},
        "targetNamespace": "mine",
    }


def test_a_definition_keeps_which_kind_it_defines() -> None:
    definition = {
        "metadata": {"name": "policies.config.kio.kasten.io"},
        "spec": {
            "group": "config.kio.kasten.io",
            "scope": "Namespaced",
            "names": {"kind": "Policy", "plural": "policies"},
            "versions": [{"schema": {}}],
        },
    }
    assert facts("apiextensions.k8s.io", "customresourcedefinitions", definition)["spec"] == {
        "group": "config.kio.kasten.io",
        "scope": "Namespaced",
        "names": {"kind": "Policy", "plural": "policies"},
    }


def test_a_pod_keeps_images_account_and_node() -> None:
    spec = {"serviceAccountName": "k10-k10", "nodeName": "n1", "containers": [{"name": "a", "image": "i", "env": [1]}]}
    assert facts("", "pods", {"metadata": {"name": "p"}, "spec": spec})["spec"] == {
        "serviceAccountName": "k10-k10",
        "nodeName": "n1",
        "containers": [{"name": "a", "image": "i"}],
    }


def test_an_object_without_a_spec_has_metadata_only() -> None:
    assert facts("apps.kio.kasten.io", "clusterrestorepoints", {"metadata": {"name": "c"}}) == {
        "metadata": {"name": "c"}
    }


def test_references_of_an_odd_shape_are_left_out() -> None:
    odd = {"metadata": {"name": "p"}, "spec": {"restorePointContentRef": "c"}}
    assert facts("apps.kio.kasten.io", "restorepoints", odd) == {"metadata": {"name": "p"}}


@pytest.mark.parametrize("kind", WATCHED_KINDS, ids=lambda kind: kind.key)
def test_a_kind_is_reduced_exactly_if_the_table_says_so(kind: Any) -> None:
    obj = {"metadata": {"name": "x"}, "status": {"state": "y"}}
    reduced = facts(kind.group, kind.resource, obj) is not obj
    assert reduced is (kind.keep is Keep.FACTS)
